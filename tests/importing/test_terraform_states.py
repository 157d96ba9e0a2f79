"""States of Terraform, recorded and made, become designs: blocks, links, defaults of a VPC, and what is left out."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from ipaddress import IPv6Network
from typing import Any

import pytest

from eigw_ns.errors import EigwError
from eigw_ns.importing.design import Design
from eigw_ns.importing.options import Options
from eigw_ns.importing.sources.terraform import read_state, read_test_state
from tests.support.terraform import (
    MOCK,
    mocked,
    recorded,
    resource,
    routes,
    rules,
    said,
    shown,
    state,
    text,
)

VPC = resource("aws_vpc.this", cidr_block="10.0.0.0/16", default_route_table_id="rtb-0d", main_route_table_id="rtb-0m",
               default_network_acl_id="acl-0d", default_security_group_id="sg-0d")  # fmt: skip
ASKING = resource("aws_vpc.this", assign_generated_ipv6_cidr_block=True, ipv6_cidr_block=MOCK)


def without_blocks(design: Design) -> Design:
    """Return the design without what a mock cannot know: IPv6 blocks, and zones that AWS chose."""
    return replace(
        design,
        kind="",
        messages=(),
        vpcs=tuple(replace(each, ipv6_blocks=()) for each in design.vpcs),
        subnets=tuple(replace(each, ipv6_blocks=(), zone=None) for each in design.subnets),
    )


@pytest.mark.parametrize("name", ["tf-1", "tf-2"])
def test_a_state_and_its_mock_are_the_same_design(name: str) -> None:
    real = read_state(recorded(f"{name}/state.json"), Options())
    mock = read_test_state(recorded(f"{name}/mocked.jsonl"), Options())
    assert without_blocks(real) == without_blocks(mock)
    offsets = [
        [int(each.ipv6_blocks[0].network_address) - int(design.vpcs[0].ipv6_blocks[0].block.network_address)
         for each in design.subnets]
        for design in (real, mock)
    ]  # fmt: skip
    assert offsets[0] == offsets[1]


def test_invented_ids_reach_nothing() -> None:
    line = recorded("tf-1/mocked.jsonl").decode()
    invented = sorted(set(re.findall(r'_?id": "([a-z0-9]{8})"', line)))
    assert len(invented) > 40
    for number, word in enumerate(reversed(invented)):
        line = line.replace(f'"{word}"', f'"q{number:06}z"')
    first = read_test_state(recorded("tf-1/mocked.jsonl"), Options())
    assert repr(read_test_state(line.encode(), Options())) == repr(first)


def test_the_design_of_tf_1() -> None:
    design = read_test_state(recorded("tf-1/mocked.jsonl"), Options())
    assert said(design) == ["info aws_vpc.this: IPv6 block chosen: 2001:db8:aa0:5500::/56"]
    assert [(each.label.name, str(each.ipv6_blocks[0]), each.zone) for each in design.subnets] == [
        ("private-0", "2001:db8:aa0:5510::/64", "a"),
        ("private-1", "2001:db8:aa0:5511::/64", "b"),
        ("public-0", "2001:db8:aa0:5500::/64", "a"),
        ("public-1", "2001:db8:aa0:5501::/64", "b"),
    ]
    assert ("aws_route_table.private[1]", "::/0", "egress-only", "aws_egress_only_internet_gateway.this") in routes(
        design
    )
    assert ("aws_route_table.public", "::/0", "internet", "aws_internet_gateway.this") in routes(design)
    assert rules(design) == [
        ("aws_security_group.web", "in", 6, 443, 443, "0.0.0.0/0"),
        ("aws_security_group.web", "in", 6, 443, 443, "::/0"),
        ("aws_security_group.web", "out", -1, None, None, "0.0.0.0/0"),
    ]


def test_the_stored_form_is_the_same_design() -> None:
    tree = json.loads(recorded("tf-2/state.json"))
    modules = [tree["values"]["root_module"], *tree["values"]["root_module"]["child_modules"]]
    stored: dict[tuple[str, str, str], dict[str, Any]] = {}
    for module in modules:
        for each in module["resources"]:
            key = (module.get("address", ""), each["type"], each["name"])
            entry = stored.setdefault(key, {"mode": "managed", "type": key[1], "name": key[2], "instances": []})
            if key[0]:
                entry["module"] = key[0]
            index = {"index_key": each["index"]} if "index" in each else {}
            entry["instances"].append(
                {**index, "attributes": each["values"], "dependencies": each.get("depends_on", [])}
            )
    old = {"deposed": "abcd", "attributes": {"id": "gone"}}
    next(iter(stored.values()))["instances"].append(old)
    data = json.dumps({"version": 4, "terraform_version": "1.11.4", "resources": list(stored.values())}).encode()
    assert read_state(data, Options()) == read_state(recorded("tf-2/state.json"), Options())


def test_a_mocked_block_counts_only_if_the_vpc_asks() -> None:
    quiet = resource("aws_vpc.quiet", ipv6_cidr_block=MOCK)
    for asks in (
        {"assign_generated_ipv6_cidr_block": True},
        {"ipv6_ipam_pool_id": "pool"},
        {"ipv6_netmask_length": 56},
    ):
        design = mocked(quiet, resource("aws_vpc.this", ipv6_cidr_block=MOCK, **asks))
        assert [[str(each.block) for each in vpc.ipv6_blocks] for vpc in design.vpcs] == [[], [MOCK]], asks


def test_each_vpc_of_a_mocked_state_moves_to_its_own_block() -> None:
    vpcs = [
        resource(f"aws_vpc.{name}", assign_generated_ipv6_cidr_block=True, ipv6_cidr_block=MOCK) for name in ("a", "b")
    ]
    subnets = [
        resource(f"aws_subnet.{name}", vpc_id=f"aws_vpc.{name}", ipv6_cidr_block="2001:db8:aa0:5507::/64")
        for name in ("a", "b")
    ]
    design = mocked(*vpcs, *subnets)
    assert [str(each.ipv6_blocks[0].block) for each in design.vpcs] == [MOCK, "2001:db8:aa0:5600::/56"]
    assert [str(each.ipv6_blocks[0]) for each in design.subnets] == ["2001:db8:aa0:5507::/64", "2001:db8:aa0:5607::/64"]


def test_the_user_chooses_the_block_of_a_vpc() -> None:
    for name in ("this", "aws_vpc.this"):
        options = Options(blocks={name: IPv6Network("2001:db8:1:4200::/56")})
        subnet = resource("aws_subnet.a", vpc_id="aws_vpc.this", ipv6_cidr_block="2001:db8:aa0:55ff::/64")
        design = mocked(ASKING, subnet, options=options)
        assert [str(each) for each in design.subnets[0].ipv6_blocks] == ["2001:db8:1:42ff::/64"]


def test_a_chosen_block_that_is_too_small_is_refused() -> None:
    options = Options(blocks={"this": IPv6Network("2001:db8:1:4200::/60")})
    subnet = resource("aws_subnet.a", vpc_id="aws_vpc.this", ipv6_cidr_block="2001:db8:aa0:55ff::/64")
    design = mocked(ASKING, subnet, options=options)
    assert design.subnets[0].ipv6_blocks == ()
    assert [each.touches for each in design.messages if each.level == "refuse"] == [frozenset({"aws_subnet.a"})]


def test_a_subnet_of_a_vpc_that_asks_for_no_block_is_refused() -> None:
    subnet = resource("aws_subnet.a", vpc_id="aws_vpc.this", ipv6_cidr_block="2001:db8:aa0:5501::/64")
    design = mocked(resource("aws_vpc.this", ipv6_cidr_block=MOCK), subnet)
    assert len(said(design, "refuse")) == 1
    assert design.subnets[0].ipv6_blocks == ()


def test_a_rule_about_a_mocked_block_moves_with_the_vpc_that_it_depends_on() -> None:
    vpcs = [
        resource(f"aws_vpc.{name}", assign_generated_ipv6_cidr_block=True, ipv6_cidr_block=MOCK) for name in ("a", "b")
    ]
    rule = {"security_group_id": "aws_security_group.g", "ip_protocol": "-1", "cidr_ipv6": MOCK}
    group = resource("aws_security_group.g", vpc_id="aws_vpc.b")
    kind = "aws_vpc_security_group_ingress_rule"
    design = mocked(*vpcs, group, resource(f"{kind}.r", ["aws_security_group.g", "aws_vpc.b"], **rule))
    assert [text(each.peer) for each in design.group_rules] == ["2001:db8:aa0:5600::/56"]
    unclear = mocked(*vpcs, group, resource(f"{kind}.r", ["aws_vpc.a", "aws_vpc.b"], **rule))
    assert unclear.group_rules == ()
    assert len(said(unclear, "refuse")) == 1


def test_an_associated_block_of_a_mocked_state() -> None:
    association = resource(
        "aws_vpc_ipv6_cidr_block_association.more", vpc_id="aws_vpc.this", ipv6_cidr_block="2001:db8:aa0:5600::/56"
    )
    subnet = resource("aws_subnet.a", vpc_id="aws_vpc.this", ipv6_cidr_block="2001:db8:aa0:5603::/64")
    design = mocked(resource("aws_vpc.this", ipv6_cidr_block=MOCK), association, subnet)
    assert [(str(each.block), each.chosen) for each in design.vpcs[0].ipv6_blocks] == [(MOCK, True)]
    assert [str(each) for each in design.subnets[0].ipv6_blocks] == ["2001:db8:aa0:5503::/64"]


def test_a_data_source_that_looks_up_a_vpc_of_the_configuration() -> None:
    foreign = "2001:db8:aa0:ff00::/56"
    data = [resource(f"aws_vpc.{name}", id=found, ipv6_cidr_block=foreign)
            | {"mode": "data", "address": f"data.aws_vpc.{name}"}
            for name, found in (("own", "aws_vpc.this"), ("other", "inv3nted"))]  # fmt: skip
    subnet = resource("aws_subnet.a", vpc_id="aws_vpc.this", ipv6_cidr_block="2001:db8:aa0:ff03::/64")
    kind = "aws_vpc_security_group_ingress_rule"
    rule = {"security_group_id": "aws_security_group.g", "ip_protocol": "-1", "cidr_ipv6": foreign}
    sure = mocked(ASKING, *data, subnet, resource(f"{kind}.r", ["data.aws_vpc.own"], **rule))
    assert [str(each) for each in sure.subnets[0].ipv6_blocks] == ["2001:db8:aa0:5503::/64"]
    assert [text(each.peer) for each in sure.group_rules] == [MOCK]
    assert said(sure, "refuse") == []
    assert [each.place.address for each in sure.messages if each.level == "note"] == ["data.aws_vpc.other"]
    for names in (["data.aws_vpc.other"], ["data.aws_vpc.own", "data.aws_vpc.other"], []):
        assert len(said(mocked(ASKING, *data, resource(f"{kind}.r", names, **rule)), "refuse")) == 1, names


def test_further_blocks_of_a_vpc() -> None:
    design = state(
        VPC | {"values": {**VPC["values"], "ipv6_cidr_block": "2001:db8:1::/56"}},
        resource("aws_vpc_ipv6_cidr_block_association.a", vpc_id="aws_vpc.this", ipv6_cidr_block="2001:db8:1::/56"),
        resource("aws_vpc_ipv6_cidr_block_association.b", vpc_id="aws_vpc.this", ipv6_cidr_block="2001:db8:2::/56"),
        resource("aws_vpc_ipv4_cidr_block_association.c", vpc_id="aws_vpc.this", cidr_block="10.1.0.0/16"),
    )
    assert [str(each.block) for each in design.vpcs[0].ipv6_blocks] == ["2001:db8:1::/56", "2001:db8:2::/56"]
    assert [str(each) for each in design.vpcs[0].ipv4_blocks] == ["10.0.0.0/16", "10.1.0.0/16"]


IGW = resource("aws_internet_gateway.i", vpc_id="aws_vpc.this")


def test_the_main_route_table_that_no_resource_manages() -> None:
    for text_of_main in ("rtb-0d", "rtb-0m"):
        route = resource(
            "aws_route.six", route_table_id=text_of_main, destination_ipv6_cidr_block="::/0", gateway_id=IGW["address"]
        )
        design = state(VPC, IGW, route)
        assert [(each.label.name, text(each.vpc), each.main) for each in design.route_tables] == [
            ("main", "aws_vpc.this", True)
        ]
        assert design.routes[0].table == design.route_tables[0].label.key
    assert state(VPC, IGW).route_tables == ()


def test_an_adopted_main_route_table() -> None:
    adopted = resource("aws_default_route_table.d", default_route_table_id="rtb-0d", vpc_id="invented")
    for main in ({}, {"id": "rtb-0d"}):
        design = mocked(VPC, adopted | {"values": {**adopted["values"], **main}})
        assert [(text(each.label.key), text(each.vpc), each.main) for each in design.route_tables] == [
            ("aws_default_route_table.d", "aws_vpc.this", True)
        ]


def test_a_table_that_the_design_made_the_main_one() -> None:
    mine = resource("aws_route_table.mine", vpc_id="aws_vpc.this")
    chosen = resource(
        "aws_main_route_table_association.m", vpc_id="aws_vpc.this", route_table_id="aws_route_table.mine"
    )
    adopted = resource("aws_default_route_table.d", default_route_table_id="rtb-0d")
    design = state(VPC, mine, chosen, adopted)
    assert {text(each.label.key): each.main for each in design.route_tables} == {
        "aws_route_table.mine": True,
        "aws_default_route_table.d": False,
    }
    elsewhere = state(VPC | {"values": {**VPC["values"], "main_route_table_id": "aws_route_table.mine"}}, mine)
    assert [each.main for each in elsewhere.route_tables] == [True]
    foreign = state(VPC, resource("aws_main_route_table_association.m", vpc_id="aws_vpc.this", route_table_id="rtb-0f"))
    assert [each.touches for each in foreign.messages] == [
        frozenset({"aws_main_route_table_association.m", "aws_vpc.this"})
    ]


TARGETS = [
    ("gateway_id", "igw-0123456789abcdef0", "internet"),
    ("gateway_id", "vgw-0123456789abcdef0", "vpn"),
    ("gateway_id", "vpce-0123456789abcdef0", "endpoint"),
    ("gateway_id", "local", "local"),
    ("gateway_id", "something", "unknown"),
    ("egress_only_gateway_id", "eigw-0123456789abcdef0", "egress-only"),
    ("nat_gateway_id", "nat-0123456789abcdef0", "nat"),
    ("transit_gateway_id", "tgw-0123456789abcdef0", "transit-gateway"),
    ("vpc_endpoint_id", "vpce-0123456789abcdef0", "endpoint"),
    ("vpc_peering_connection_id", "pcx-0123456789abcdef0", "peering"),
    ("carrier_gateway_id", "cagw-0123456789abcdef0", "carrier"),
    ("core_network_arn", "arn:aws:networkmanager::1:core-network/core-network-1", "core-network"),
    ("local_gateway_id", "lgw-0123456789abcdef0", "local-gateway"),
    ("network_interface_id", "eni-0123456789abcdef0", "network-interface"),
    ("instance_id", "i-0123456789abcdef0", "instance"),
]


@pytest.mark.parametrize(("name", "value", "kind"), TARGETS)
def test_the_target_of_a_route(name: str, value: str, kind: str) -> None:
    table = resource("aws_route_table.t", vpc_id="aws_vpc.this", route=[{"ipv6_cidr_block": "::/0", name: value}])
    separate = resource("aws_route.r", route_table_id="aws_route_table.t", destination_ipv6_cidr_block="2000::/3")
    separate["values"][name] = value
    found = state(VPC, table, separate).routes
    outside = value if value != "something" else "a resource that the source does not hold"
    assert [(each.kind, text(each.target)) for each in found] == [(kind, f"outside {outside}")] * 2


def test_an_invented_interface_is_not_the_target() -> None:
    route = resource("aws_route.r", route_table_id="aws_route_table.t", destination_ipv6_cidr_block="::/0",
                     egress_only_gateway_id="aws_egress_only_internet_gateway.e", network_interface_id="l9j4bitc",
                     instance_id="jjkxhq8i")  # fmt: skip
    gateway = resource("aws_egress_only_internet_gateway.e", vpc_id="aws_vpc.this")
    assert routes(mocked(gateway, route))[0][2:] == ("egress-only", "aws_egress_only_internet_gateway.e")


def test_a_refreshed_state_lists_routes_rules_and_entries_twice() -> None:
    inline: dict[str, Any] = {"protocol": "tcp", "from_port": 1, "to_port": 2, "ipv6_cidr_blocks": ["::/0"]}
    entry = {"rule_no": 5, "action": "deny", "protocol": "6", "from_port": 1, "to_port": 2, "ipv6_cidr_block": "::/0"}
    design = state(
        VPC,
        IGW,
        resource("aws_route_table.t", route=[{"ipv6_cidr_block": "::/0", "gateway_id": IGW["address"]}]),
        resource("aws_route.r", route_table_id="aws_route_table.t", destination_ipv6_cidr_block="::/0",
                 gateway_id=IGW["address"]),
        resource("aws_security_group.g", ingress=[inline]),
        resource("aws_security_group_rule.r", type="ingress", security_group_id="aws_security_group.g", **inline),
        resource("aws_network_acl.a", ingress=[entry], subnet_ids=["aws_subnet.s"]),
        resource("aws_network_acl_rule.r", network_acl_id="aws_network_acl.a", rule_number=5, rule_action="deny",
                 protocol="tcp", from_port=1, to_port=2, ipv6_cidr_block="::/0"),
        resource("aws_network_acl_association.x", network_acl_id="aws_network_acl.a", subnet_id="aws_subnet.s"),
        resource("aws_subnet.s", vpc_id="aws_vpc.this"),
    )  # fmt: skip
    assert [str(each.place) for each in design.routes] == ["aws_route.r"]
    assert [str(each.place) for each in design.group_rules] == ["aws_security_group_rule.r"]
    assert [str(each.place) for each in design.acl_entries] == ["aws_network_acl_rule.r"]
    assert [str(each.place) for each in design.acl_associations] == ["aws_network_acl_association.x"]
    assert said(design) == []


def test_two_routes_that_differ_are_refused() -> None:
    design = state(
        resource("aws_route_table.t", route=[{"ipv6_cidr_block": "::/0", "gateway_id": "igw-0123456789abcdef0"}]),
        resource("aws_route.r", route_table_id="aws_route_table.t", destination_ipv6_cidr_block="::/0",
                 egress_only_gateway_id="eigw-0123456789abcdef0"),
    )  # fmt: skip
    assert [each.touches for each in design.messages] == [frozenset({"aws_route_table.t"})]


def test_a_default_acl_that_no_resource_manages() -> None:
    rule = resource("aws_network_acl_rule.r", network_acl_id="acl-0d", rule_number=5, rule_action="deny", egress=False,
                    protocol="-1", ipv6_cidr_block="::/0")  # fmt: skip
    design = state(VPC, rule)
    assert [(text(each.vpc), each.default) for each in design.acls] == [("aws_vpc.this", True)]
    assert [(each.rule_number, each.egress, each.action) for each in design.acl_entries] == [
        (5, False, "deny"), (100, False, "allow"), (101, False, "allow"), (100, True, "allow"), (101, True, "allow"),
    ]  # fmt: skip


def test_an_adopted_default_acl_has_only_its_own_entries() -> None:
    adopted = resource("aws_default_network_acl.d", default_network_acl_id="acl-0d", vpc_id="invented")
    design = mocked(VPC, adopted)
    assert [(text(each.vpc), each.default) for each in design.acls] == [("aws_vpc.this", True)]
    assert design.acl_entries == ()


def test_entries_of_icmp_and_other_protocols() -> None:
    entries: list[dict[str, Any]] = [
        {"rule_no": 1, "protocol": "icmpv6", "icmp_type": -1, "icmp_code": -1},
        {"rule_no": 2, "protocol": "58", "icmp_type": 128},
        {"rule_no": 3, "protocol": "gre", "from_port": 0, "to_port": 0},
        {"rule_no": 4, "protocol": "udp", "from_port": 53, "to_port": 54},
        {"rule_no": "5", "protocol": "nonsense"},
    ]
    usual: dict[str, Any] = {"action": "Allow", "ipv6_cidr_block": "::/0", "cidr_block": ""}
    design = state(resource("aws_network_acl.a", egress=[each | usual for each in entries]))
    assert [(each.rule_number, each.protocol, each.ports, each.icmp) for each in design.acl_entries] == [
        (1, 58, None, (-1, -1)), (2, 58, None, (128, 0)), (3, 47, None, None), (4, 17, (53, 54), None),
    ]  # fmt: skip
    assert [message.touches for message in design.messages] == [frozenset({"aws_network_acl.a"})]


def test_the_default_group_and_peers_of_rules() -> None:
    usual: dict[str, Any] = {"protocol": "-1", "from_port": 0, "to_port": 0}
    design = state(
        VPC,
        resource("aws_security_group.g", id="sg-0g", vpc_id="aws_vpc.this", name="web-20260101", name_prefix="web-"),
        resource("aws_security_group_rule.a", type="egress", security_group_id="sg-0g", self=True, **usual),
        resource("aws_security_group_rule.b", type="egress", security_group_id="sg-0g", **usual,
                 source_security_group_id="sg-0d"),
        resource("aws_vpc_security_group_ingress_rule.c", security_group_id="sg-0g", ip_protocol="icmpv6",
                 referenced_security_group_id="123456789012/sg-0123456789abcdef0"),
        resource("aws_vpc_security_group_ingress_rule.d", security_group_id="sg-0g", ip_protocol="tcp", from_port=1,
                 to_port=2, prefix_list_id="pl-0123456789abcdef0"),
        resource("aws_vpc_security_group_ingress_rule.e", security_group_id="sg-0g", ip_protocol="6", from_port=1,
                 to_port=2, prefix_list_id="aws_ec2_managed_prefix_list.l"),
        resource("aws_ec2_managed_prefix_list.l", entry=[{"cidr": "2001:db8::/32"}]),
        resource("aws_ec2_managed_prefix_list_entry.m", prefix_list_id="aws_ec2_managed_prefix_list.l",
                 cidr="10.0.0.0/8"),
    )  # fmt: skip
    default = "aws_vpc.this.default_security_group_id"
    assert [(each.label.name, text(each.label.key), each.default) for each in design.groups] == [
        ("web", "aws_security_group.g", False),
        ("default", default, True),
    ]
    own = "aws_security_group.g"
    assert rules(design) == [
        (own, "out", -1, None, None, own),
        (own, "out", -1, None, None, default),
        (own, "in", 58, -1, -1, "outside sg-0123456789abcdef0"),
        (own, "in", 6, 1, 2, "outside pl-0123456789abcdef0"),
        (own, "in", 6, 1, 2, "2001:db8::/32"),
        (own, "in", 6, 1, 2, "10.0.0.0/8"),
        (default, "in", -1, None, None, default),
        (default, "out", -1, None, None, "0.0.0.0/0"),
        (default, "out", -1, None, None, "::/0"),
    ]


def test_a_mock_invents_no_peer_of_a_rule_with_blocks() -> None:
    rule = resource("aws_security_group_rule.r", type="ingress", security_group_id="aws_security_group.g",
                    protocol="tcp", from_port=22, to_port=22, ipv6_cidr_blocks=["::/0"],
                    source_security_group_id="x7f3k2p1")  # fmt: skip
    assert [text(each.peer) for each in mocked(resource("aws_security_group.g"), rule).group_rules] == ["::/0"]


def test_an_internet_gateway_is_attached_by_a_resource_of_its_own() -> None:
    attachment = resource("aws_internet_gateway_attachment.a", internet_gateway_id="aws_internet_gateway.i",
                          vpc_id="aws_vpc.this")  # fmt: skip
    loose = resource("aws_internet_gateway.i", vpc_id="inv3nted")
    assert [text(each.vpc) for each in mocked(VPC, loose, attachment).gateways] == ["aws_vpc.this"]
    assert [each.vpc for each in mocked(VPC, loose).gateways] == [None]


def test_workloads() -> None:
    design = mocked(
        ASKING,
        resource("aws_subnet.s", vpc_id="aws_vpc.this"),
        resource("aws_security_group.g", vpc_id="aws_vpc.this"),
        resource("aws_instance.i", subnet_id="aws_subnet.s", vpc_security_group_ids=["aws_security_group.g"],
                 ipv6_addresses=["2001:db8:aa0:5501::10"]),
        resource("aws_lb.l", subnets=["aws_subnet.s"], subnet_mapping=[{"subnet_id": "aws_subnet.s"}]),
        resource("aws_ecs_service.e", network_configuration=[
            {"subnets": ["aws_subnet.s"], "security_groups": ["aws_security_group.g", "inv3nted"]}]),
        resource("aws_lambda_function.f", vpc_config=[{"subnet_ids": [], "security_group_ids": []}]),
        resource("aws_launch_template.t", vpc_security_group_ids=["aws_security_group.g"]),
        resource("aws_autoscaling_group.a", vpc_zone_identifier=["aws_subnet.s"],
                 launch_template=[{"id": "aws_launch_template.t"}]),
        resource("aws_db_subnet_group.d", name="db", subnet_ids=["aws_subnet.s"]),
        resource("aws_db_instance.p", db_subnet_group_name="db", vpc_security_group_ids=["aws_security_group.g"]),
        resource("aws_network_interface.n", subnet_id="aws_subnet.s"),
        resource("aws_network_interface_sg_attachment.x", network_interface_id="aws_network_interface.n",
                 security_group_id="aws_security_group.g"),
    )  # fmt: skip
    both = (["aws_subnet.s"], ["aws_security_group.g"])
    assert {text(each.label.key): (list(map(text, each.subnets)), list(map(text, each.groups)))
            for each in design.workloads} == {
        "aws_instance.i": both, "aws_lb.l": (["aws_subnet.s"], []), "aws_ecs_service.e": both,
        "aws_launch_template.t": ([], ["aws_security_group.g"]), "aws_autoscaling_group.a": both,
        "aws_db_instance.p": both, "aws_network_interface.n": both,
    }  # fmt: skip
    assert [str(each) for each in design.workloads[0].addresses] == ["2001:db8:aa0:5501::10"]


def test_what_is_left_out_and_what_is_refused() -> None:
    design = state(
        VPC,
        resource("aws_flow_log.f"),
        resource("aws_route_table_association.edge", gateway_id="igw-0123456789abcdef0", route_table_id="x"),
        resource("aws_vpc_block_public_access_options.b"),
        resource("aws_s3_bucket.outside"),
    )
    assert [(each.level, each.place.address) for each in design.messages] == [
        ("note", "aws_route_table_association.edge"),
        ("note", "aws_flow_log.f"),
        ("refuse", "aws_vpc_block_public_access_options.b"),
    ]
    assert "aws_vpc.this" in design.messages[2].touches
    ignored = Options(ignored=frozenset({"aws_vpc_block_public_access_options", "aws_flow_log.f"}))
    assert (
        said(read_state(shown(resource("aws_flow_log.f"), resource("aws_vpc_block_public_access_options.b")), ignored))
        == []
    )


def test_a_default_vpc_with_ipv6_has_a_route_table_that_nobody_shows() -> None:
    vpc = resource("aws_default_vpc.d", ipv6_cidr_block="2001:db8:1::/56", default_route_table_id="rtb-0d")
    assert len(said(state(vpc), "refuse")) == 1
    assert said(state(vpc, resource("aws_default_route_table.t", default_route_table_id="rtb-0d")), "refuse") == []
    assert len(said(state(resource("aws_default_vpc.d")), "note")) == 1


def test_a_count_that_hangs_on_a_data_source_is_a_note() -> None:
    zones = resource("aws_availability_zones.z") | {"mode": "data", "address": "data.aws_availability_zones.z"}
    assert said(mocked(zones), "note") == [
        "note data.aws_availability_zones.z: terraform asked no account: the mock answered; "
        "import the state, or a directory of describe answers"
    ]
    assert said(state(zones)) == []


def test_a_data_source_names_what_the_design_lacks() -> None:
    data = resource("aws_vpc.main", id="inv3nted") | {"mode": "data", "address": "data.aws_vpc.main"}
    design = mocked(data, resource("aws_subnet.s", vpc_id="inv3nted"), resource("aws_subnet.t", vpc_id="4nother0"))
    assert [text(each.vpc) for each in design.subnets] == [
        "outside data.aws_vpc.main",
        "outside a resource that the source does not hold",
    ]


def test_two_resources_with_one_id_are_refused() -> None:
    twins = [resource(f"aws_subnet.{name}", id="subnet-1", vpc_id="aws_vpc.this") for name in ("a", "b")]
    assert [each.touches for each in state(VPC, *twins).messages] == [frozenset({"aws_subnet.a", "aws_subnet.b"})]


BROKEN = [
    (b"", "this state is not JSON: line 1, column 1"),
    (b'{"format_version": "1.0", "val', "not JSON"),
    (b"\xff\xfe", "not UTF-8"),
    (b"[" * 100_000, "nested too deeply"),
    (b'{"format_version": ' + b"9" * 5000 + b"}", "too long"),
    (b"[]", "must be an object, not a list"),
    (b"{}", "not a state"),
    (b'{"version": 3, "modules": []}', "not a state"),
    (b'{"format_version": "9.0"}', "format_version"),
    (b'{"format_version": "1.0", "values": []}', ""),
    (b'{"format_version": "1.0", "values": {"root_module": {"resources": {}}}}', "resources must be a list"),
    (b'{"format_version": "1.0", "values": {"root_module": {"child_modules": [1]}}}', "child_modules[0]"),
    (b'{"version": 4, "resources": [{"type": "aws_vpc", "name": 7}]}', "name must be a string"),
    (shown(VPC, VPC), "aws_vpc.this is in the file twice"),
    (shown(resource("aws_subnet.s", ipv6_cidr_block="10.0.0.0/8")), "aws_subnet.s: ipv6_cidr_block"),
    (shown(resource("aws_subnet.s", cidr_block=["10.0.0.0/8"])), "must be a string, not a list"),
    (shown(resource("aws_vpc.v", cidr_block="10.0.0.0/99")), "must be a CIDR block"),
    (shown(resource("aws_vpc.v", tags=[1])), "tags must be a map"),
    (shown(resource("aws_vpc.v", tags={"a": 1})), "a must be a string"),
    (shown(resource("aws_security_group.g", ingress=[{"protocol": "tcp", "from_port": 1.5}])), "ingress[0]: from_port"),
    (shown(resource("aws_security_group.g", ingress="all")), "ingress must be a list"),
    (shown(resource("aws_security_group.g", egress=[{"protocol": "tcp", "self": 7, "to_port": "x"}])), "to_port"),
]


@pytest.mark.parametrize(("data", "what"), BROKEN, ids=range(len(BROKEN)))
def test_a_broken_state_is_an_error_with_a_place_and_a_remedy(data: bytes, what: str) -> None:
    if not what:
        assert read_state(data, Options()).vpcs == ()
        return
    with pytest.raises(EigwError) as caught:
        read_state(data, Options())
    assert what in caught.value.message
    assert caught.value.hint
