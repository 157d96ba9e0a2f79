"""A plan: only certain links are made, blocks are chosen and numbered, and everything else is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from eigw_ns.errors import EigwError
from eigw_ns.importing.design import Design
from eigw_ns.importing.options import Options
from eigw_ns.importing.sources.terraform import read_plan, read_test_state
from tests.support.terraform import plan, planned, recorded, routes, rules, said, text

VPC = planned("aws_vpc.this",
              {"ipv6_cidr_block": None, "default_route_table_id": None, "default_security_group_id": None},
              cidr_block="10.0.0.0/16", assign_generated_ipv6_cidr_block=True)  # fmt: skip
TABLE = planned("aws_route_table.t", {"vpc_id": ["aws_vpc.this.id", "aws_vpc.this"], "route": None})
IGW = planned("aws_internet_gateway.i", {"vpc_id": ["aws_vpc.this.id", "aws_vpc.this"]})


def read(*resources: dict[str, Any], **further: Any) -> Design:
    return read_plan(plan(*resources, **further), Options())


def associations(design: Design) -> list[tuple[str, str]]:
    return [(text(each.subnet), text(each.to)) for each in design.table_associations]


def refused(design: Design) -> list[str]:
    return [each.place.address for each in design.messages if each.level == "refuse"]


def test_the_plan_of_tf_1_is_the_design_of_its_mock() -> None:
    found = read_plan(recorded("tf-1/plan.json"), Options())
    mock = read_test_state(recorded("tf-1/mocked.jsonl"), Options())
    assert said(found, "refuse") == said(found, "note") == []
    assert "info aws_route.private6[1]: route_table_id is aws_route_table.private[1]: paired by [1]" in said(found)
    assert [str(each.ipv6_blocks[0]) for each in found.subnets] == [f"2001:db8:aa0:550{n}::/64" for n in range(4)]
    numbered = tuple(replace(each, ipv6_blocks=other.ipv6_blocks) for each, other in
                     zip(found.subnets, mock.subnets, strict=True))  # fmt: skip
    assert replace(found, subnets=numbered, messages=(), kind="") == replace(mock, messages=(), kind="")


def test_the_plan_of_tf_2_is_refused_with_three_addresses() -> None:
    found = read_plan(recorded("tf-2/plan.json"), Options())
    assert said(found, "refuse") == [
        f'refuse module.net.aws_route_table_association.tier["{name}"]: route_table_id cannot be resolved from the '
        "plan: local.tables, each.key; use --terraform with the folder, or import the state"
        for name in ("app", "db", "web")
    ]
    assert [sorted(each.touches)[1] for each in found.messages if each.level == "refuse"] == [
        f'module.net.aws_subnet.tier["{name}"]' for name in ("app", "db", "web")
    ]
    assert [text(each.vpc) for each in found.groups] == ["module.net.aws_vpc.this[0]"]  # through an output and a local
    assert [route[1:] for route in routes(found)] == [
        ("::/0", "egress-only", "module.net.aws_egress_only_internet_gateway.this"),
        ("::/0", "internet", "module.net.aws_internet_gateway.this"),
    ]


def tables(*indices: object) -> list[dict[str, Any]]:
    return [planned(f"aws_route_table.t[{json.dumps(each)}]", {"vpc_id": ["aws_vpc.this.id"]}) for each in indices]


def subnets(*indices: object) -> list[dict[str, Any]]:
    return [planned(f"aws_subnet.s[{json.dumps(each)}]", {"vpc_id": ["aws_vpc.this.id"]}) for each in indices]


def joined(index: object, *names: str) -> dict[str, Any]:
    """Return an association with a table that has these names."""
    subnet = ["aws_subnet.s", "count.index" if isinstance(index, int) else "each.key"]
    return planned(
        f"aws_route_table_association.a[{json.dumps(index)}]", {"route_table_id": list(names), "subnet_id": subnet}
    )


CERTAIN = [
    ([0, 1], [0, 1], ["aws_route_table.t", "count.index"], 1),
    (["a", "b"], ["a", "b", "c"], ["aws_route_table.t", "each.key"], "b"),
    ([0, 1], [0], ["aws_route_table.t", "count.index", "var.single"], 0),
    ([0, 1], [0, 1], ["aws_route_table.t[1].id", "aws_route_table.t[1]", "aws_route_table.t"], 1),
    ([0, 1], [0, 1], ["aws_route_table.t", "aws_route_table.gone", "count.index"], 1),
]


@pytest.mark.parametrize(("own", "others", "names", "index"), CERTAIN, ids=range(len(CERTAIN)))
def test_a_certain_link(own: list[Any], others: list[Any], names: list[str], index: object) -> None:
    design = read(VPC, *subnets(*own), *tables(*others), *(joined(each, *names) for each in own))
    assert refused(design) == []
    assert associations(design)[1] == (
        f"aws_subnet.s[{json.dumps(own[1])}]",
        f"aws_route_table.t[{json.dumps(index)}]",
    )


UNCERTAIN = [
    ([0, 1], [0, 1], ["aws_route_table.t", "count.index", "var.single"]),  # may be `var.single ? 0 : count.index`
    ([0, 1], [0, 1, 2], ["aws_route_table.t", "count.index"]),  # may be `count.index + 1`
    ([0, 1], [0, 1], ["aws_route_table.t"]),
    ([0, 1], [0, 1], ["local.tables", "count.index"]),
    ([0, 1], [0, 1], ["aws_route_table.t", "local.number"]),
    (["a", "b"], ["a", "b"], ["aws_route_table.t", "each.value"]),
    (["a", "b"], ["a", "c"], ["aws_route_table.t", "each.key"]),
    ([0, 1], [0, 1], ["aws_route_table.t[0].id", "aws_route_table.t[1].id"]),
    ([0, 1], [0, 1], ["data.aws_route_table.x.id", "data.aws_route_table.x"]),
    ([0, 1], [0], ["aws_route_table.t", "aws_vpc.this.id"]),
    ([0, 1], [0, 1], ["aws_route_table.t[7].id"]),
    ([0, 1], ["0", "1"], ["aws_route_table.t", "count.index"]),
    ([0, 1], [0], ["aws_route_table.t[0].owner_id"]),
    ([0, 1], [0], ["module.absent.table"]),
    ([0, 1], [0], []),
]


@pytest.mark.parametrize(("own", "others", "names"), UNCERTAIN, ids=range(len(UNCERTAIN)))
def test_an_uncertain_link_is_refused_and_touches_its_subnet(
    own: list[Any], others: list[Any], names: list[str]
) -> None:
    design = read(VPC, *subnets(*own), *tables(*others), *(joined(each, *names) for each in own))
    assert f"aws_route_table_association.a[{json.dumps(own[1])}]" in refused(design)
    (last,) = [
        each
        for each in design.messages
        if each.level == "refuse" and each.place.address.endswith(f"[{json.dumps(own[1])}]")
    ]
    assert f"aws_subnet.s[{json.dumps(own[1])}]" in last.touches
    assert "--terraform" in last.remedy
    assert not any(table.startswith("aws_route_table") for _, table in associations(design)[1:])


def test_variables_and_outputs_are_followed() -> None:
    net = {"planned": [VPC], "outputs": {"vpc": {"expression": {"references": ["aws_vpc.this.id", "aws_vpc.this"]}}}}
    table = planned("aws_route_table.t", {"vpc_id": ["var.vpc"]})
    tab = {"planned": [table], "expressions": {"vpc": {"references": ["module.net.vpc", "module.net"]}}}
    design = read(calls={"net": net, "tab": tab})
    assert said(design)[0] == (
        "info module.tab.aws_route_table.t: vpc_id is module.net.aws_vpc.this: through a variable or an output"
    )
    assert [text(each.vpc) for each in design.route_tables] == ["module.net.aws_vpc.this"]


def test_variables_and_outputs_in_a_circle_end() -> None:
    circle = {"planned": [planned("aws_route_table.t", {"vpc_id": ["var.vpc"]})],
              "expressions": {"vpc": {"references": ["module.a.out"]}},
              "outputs": {"out": {"expression": {"references": ["var.vpc"]}}}}  # fmt: skip
    assert refused(read(calls={"a": circle})) == ["module.a.aws_route_table.t"]


def test_a_default_route_table_by_an_attribute_of_its_vpc() -> None:
    adopted = planned("aws_default_route_table.d", {"default_route_table_id": ["aws_vpc.this.default_route_table_id"]})
    route = planned("aws_route.r", {"route_table_id": ["aws_vpc.this.main_route_table_id", "aws_vpc.this"],
                                    "gateway_id": ["aws_internet_gateway.i.id"]},
                    destination_ipv6_cidr_block="::/0")  # fmt: skip
    design = read(VPC, IGW, adopted, route)
    assert refused(design) == []
    assert routes(design) == [("aws_default_route_table.d", "::/0", "internet", "aws_internet_gateway.i")]
    assert [each.main for each in design.route_tables] == [True]


def inline(argument: str, names: list[str] | None) -> dict[str, Any]:
    """Return a table with one inline route whose target is unknown."""
    return planned("aws_route_table.t", {"vpc_id": ["aws_vpc.this.id"],
                                         "route": {"unknown": [{argument: True}], "names": names}},
                   route=[{"ipv6_cidr_block": "::/0"}])  # fmt: skip


OTHER_VPC = planned("aws_vpc.other", {"ipv6_cidr_block": None}, cidr_block="10.9.0.0/16")
OTHER_IGW = planned("aws_internet_gateway.o", {"vpc_id": ["aws_vpc.other.id"]})
VGW = planned("aws_vpn_gateway.v", {"vpc_id": ["aws_vpc.this.id"]})


def test_the_target_of_an_inline_route() -> None:
    merged = ["aws_internet_gateway.i.id", "aws_internet_gateway.i", "aws_nat_gateway.n.id", "aws_nat_gateway.n"]
    nat = planned("aws_nat_gateway.n", {"subnet_id": None})
    for names in (merged, None, ["local.gateway"]):
        design = read(VPC, IGW, OTHER_VPC, OTHER_IGW, nat, inline("gateway_id", names))
        assert routes(design) == [("aws_route_table.t", "::/0", "internet", "aws_internet_gateway.i")], names
        assert refused(design) == []
    for names in (["data.aws_internet_gateway.x.id"], ["each.value"]):
        assert refused(read(VPC, IGW, inline("gateway_id", names))) == ["aws_route_table.t"], names
    assert refused(read(VPC, IGW, VGW, inline("gateway_id", None))) == ["aws_route_table.t"]
    assert refused(read(VPC, inline("egress_only_gateway_id", None))) == ["aws_route_table.t"]


def test_targets_of_which_the_argument_says_the_kind() -> None:
    design = read(VPC, inline("transit_gateway_id", ["local.tgw"]))
    assert routes(design)[0][2:] == ("transit-gateway", "outside a resource that the source does not hold")
    assert refused(design) == []


def test_a_route_without_routes_in_the_plan_has_none() -> None:
    assert read(VPC, TABLE).routes == ()


def test_rules_with_unknown_peers_are_left_out_with_a_note() -> None:
    group = planned("aws_security_group.g",
                    {"vpc_id": ["aws_vpc.this.id"],
                     "ingress": {"unknown": [{}, {"ipv6_cidr_blocks": True}], "names": ["aws_vpc.this.id"]},
                     "egress": None},
                    ingress=[{"protocol": "tcp", "from_port": 1, "to_port": 2, "ipv6_cidr_blocks": ["::/0"]},
                             {"protocol": "tcp", "from_port": 3, "to_port": 4}])  # fmt: skip
    rule = planned(
        "aws_vpc_security_group_egress_rule.r",
        {"security_group_id": ["aws_security_group.g.id"], "cidr_ipv6": ["local.block"]},
        ip_protocol="-1",
    )
    peer = planned(
        "aws_vpc_security_group_egress_rule.s",
        {
            "security_group_id": ["aws_security_group.g.id"],
            "referenced_security_group_id": ["aws_vpc.this.default_security_group_id"],
        },
        ip_protocol="-1",
    )
    design = read(VPC, group, rule, peer)
    assert refused(design) == []
    assert len(said(design, "note")) == 2
    assert rules(design)[:2] == [
        ("aws_security_group.g", "out", -1, None, None, "aws_vpc.this.default_security_group_id"),
        ("aws_security_group.g", "in", 6, 1, 2, "::/0"),
    ]


def test_entries_and_associations_of_an_acl_that_are_unknown_are_refused() -> None:
    acl = planned("aws_network_acl.n", {"vpc_id": ["aws_vpc.this.id"], "subnet_ids": ["aws_subnet.s"],
                                        "ingress": {"unknown": [{"ipv6_cidr_block": True}], "names": ["local.x"]}},
                  ingress=[{"rule_no": 1, "action": "deny", "protocol": "-1"}])  # fmt: skip
    design = read(VPC, *subnets(0), acl)
    assert refused(design) == ["aws_network_acl.n", "aws_network_acl.n"]


def test_blocks_of_subnets_are_numbered_beside_known_ones() -> None:
    vpc = planned("aws_vpc.this", {}, id="vpc-0123456789abcdef0", ipv6_cidr_block="2001:db8:7::/56")
    old = planned("aws_subnet.a", {}, vpc_id="vpc-0123456789abcdef0", ipv6_cidr_block="2001:db8:7::/64")
    new = planned("aws_subnet.b", {"ipv6_cidr_block": ["local.x"]}, vpc_id="vpc-0123456789abcdef0")
    none = planned("aws_subnet.c", {"ipv6_cidr_block": None}, vpc_id="vpc-0123456789abcdef0")
    design = read(vpc, old, new, none)
    assert [[str(block) for block in each.ipv6_blocks] for each in design.subnets] == [
        ["2001:db8:7::/64"], ["2001:db8:7:1::/64"], [],
    ]  # fmt: skip
    assert not design.vpcs[0].ipv6_blocks[0].chosen
    assert said(design) == ["info aws_subnet.b: IPv6 block chosen: 2001:db8:7:1::/64"]


def test_the_block_of_an_association_numbers_the_subnets() -> None:
    vpc = planned("aws_vpc.this", {"ipv6_cidr_block": None}, cidr_block="10.0.0.0/16")
    more = planned("aws_vpc_ipv6_cidr_block_association.m", {"vpc_id": ["aws_vpc.this.id"], "ipv6_cidr_block": None})
    subnet = planned("aws_subnet.s", {"vpc_id": ["aws_vpc.this.id"], "ipv6_cidr_block": ["local.x"]})
    design = read(vpc, more, subnet)
    assert [str(each) for each in design.subnets[0].ipv6_blocks] == ["2001:db8:aa0:5500::/64"]
    assert refused(read(vpc, subnet)) == ["aws_subnet.s"]


def test_a_vpc_that_may_ask_for_a_block_is_refused() -> None:
    vpc = planned("aws_vpc.this", {"assign_generated_ipv6_cidr_block": ["local.dual_stack"], "ipv6_cidr_block": None})
    assert refused(read(vpc)) == ["aws_vpc.this"]


def test_the_association_of_a_gateway_is_left_out() -> None:
    edge = planned(
        "aws_route_table_association.e", {"gateway_id": ["local.x"], "route_table_id": ["aws_route_table.t"]}
    )
    design = read(VPC, TABLE, edge)
    assert design.table_associations == ()
    assert [each.place.address for each in design.messages if each.level == "note"] == ["aws_route_table_association.e"]
    assert refused(design) == []


def test_ignored_addresses_and_types_leave_the_plan() -> None:
    resources = (VPC, *subnets(0, 1), *tables(0, 1), *(joined(each, "local.x") for each in (0, 1)))
    for word in ("aws_route_table_association", "aws_route_table_association.a[1]"):
        design = read_plan(plan(*resources), Options(ignored=frozenset({word})))
        assert "aws_route_table_association.a[1]" not in refused(design)


BROKEN = [
    (b"{", "not JSON"),
    (b"{}", "not a plan"),
    (plan(VPC, errored=True), "failed"),
    (plan(VPC, complete=False), "not complete"),
    (plan(VPC, configuration=[1]), "configuration must be an object"),
    (plan(VPC, resource_changes=[{}]), "address must be a string"),
    (plan(VPC, prior_state={"values": {"root_module": 7}}), "root_module must be an object"),
    (plan(TABLE, configuration={"root_module": {"resources": [
        {"type": "aws_route_table", "name": "t", "expressions": {"vpc_id": {"references": 7}}}]}}), "list of strings"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "what"), BROKEN, ids=range(len(BROKEN)))
def test_a_broken_plan_is_an_error_with_a_place_and_a_remedy(data: bytes, what: str) -> None:
    with pytest.raises(EigwError) as caught:
        read_plan(data, Options())
    assert what in caught.value.message
    assert caught.value.hint
