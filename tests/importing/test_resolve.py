"""From a design to a lab: names, what is refused and noted, probes, expectations, and files that load."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network

import pytest
from hypothesis import given, settings

from eigw_ns.cloud.model import Block
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.planning.plan import make_plan
from eigw_ns.errors import UsageError
from eigw_ns.importing.design import (
    Design,
    DesignAcl,
    DesignAclEntry,
    DesignAssociation,
    DesignGateway,
    DesignGroup,
    DesignGroupRule,
    DesignRoute,
    DesignRouteTable,
    DesignVpc,
    DesignWorkload,
    Ipv6Block,
    Key,
    Link,
    Outside,
    TargetKind,
)
from eigw_ns.importing.messages import Message, Place
from eigw_ns.importing.resolve.choices import Choices
from eigw_ns.importing.resolve.imported import Import, imported
from eigw_ns.importing.resolve.naming import LONGEST, Named, names
from eigw_ns.topology import dump, load
from tests.support.designs import FILE, VPC, design, designs, label, leaking, route, subnet

EVERYTHING = Choices()


def said(found: Import, level: str) -> list[str]:
    return [message.what for message in found.messages if message.level == level]


def one(destination: str, target: str) -> Import:
    """Return a design of one subnet whose table has one route."""
    return imported(design(subnet("S", 1), tables=[("S", "T")], routes=[route("T", destination, target)]), EVERYTHING)


def rows(found: Import) -> dict[str, str]:
    assert found.topology
    cloud = found.topology.cloud
    named = {each.id: each.name for each in cloud.internet_gateways.values()}
    named |= {each.id: each.name for each in cloud.nat_gateways.values()}
    named |= {each.id: each.name for each in cloud.egress_only_internet_gateways.values()}
    table = next(each for each in cloud.route_tables.values() if each.name == "t")
    return {str(each.destination): named.get(each.target_id, each.target_id) for each in table.all_routes}


# ---- names -----------------------------------------------------------------------------------------------------------


def named(*tags: tuple[str, str], kind: str = "subnet", prefixes: tuple[str, ...] = ()) -> list[str]:
    wanted = [Named(label(key, Name=tag), kind, zone="b") for key, tag in tags]
    return list(names(wanted, prefixes).values())


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("front", "front"),
        ("Net/Vpc/front", "front"),
        ("shop-main-front", "front"),
        ("main-front", "front"),
        ("main", "main"),
        ("Überall 7", "berall-7"),
        ("internet", "internet-subnet"),
        ("blackhole", "blackhole-subnet"),
        ("default", "default-subnet"),
        ("", "s1"),
        ("漢字", "s1"),
        ("W" * 80, "w" * LONGEST),
        ("igw-0123456789abcdef0", "igw-0123456789abcdef0-subnet"),
    ],
)
def test_a_name_is_the_last_step_of_the_tag(tag: str, name: str) -> None:
    assert named(("S1", tag), prefixes=("main", "shop-main", "shop")) == [name]


def test_equal_names_get_their_zone_then_their_address_then_a_number() -> None:
    zones = [Named(label(f"S{zone}", Name="front"), "subnet", zone) for zone in "ab"]
    assert list(names(zones, ()).values()) == ["front-a", "front-b"]
    assert named(("One", "front"), ("Two", "front")) == ["front-b-one", "front-b-two"]
    same = [Named(replace(label("K1", Name="front"), name="x"), "subnet"), Named(label("x", Name="front"), "subnet")]
    assert list(names(same, ()).values()) == ["front-x", "front-x-2"]
    assert all(len(each) <= LONGEST for each in named(("A" * 50, "f" * 50), ("B" * 50, "f" * 50)))


def test_groups_lose_the_prefix_of_ids() -> None:
    assert named(("G", "sg-web"), kind="security group") == ["web"]


def test_ids_decide_neither_names_nor_order() -> None:
    plain = leaking()
    other = _with_random_ids(plain)
    first, second = imported(plain, EVERYTHING), imported(other, EVERYTHING)
    assert first.topology and second.topology
    assert dump(first.topology) == dump(second.topology)


def _with_random_ids(plain: Design) -> Design:
    """Return the design with the keys of its subnets replaced."""

    def key(old: object) -> object:
        return Key(f"subnet-{hash(old) & 0xFFFF:08x}") if old in {each.label.key for each in plain.subnets} else old

    return replace(
        plain,
        subnets=tuple(replace(each, label=replace(each.label, key=key(each.label.key))) for each in plain.subnets),  # type: ignore[arg-type]
        gateways=tuple(replace(each, subnet=key(each.subnet)) for each in plain.gateways),  # type: ignore[arg-type]
        table_associations=tuple(replace(each, subnet=key(each.subnet)) for each in plain.table_associations),  # type: ignore[arg-type]
    )


# ---- what is refused, what is noted ----------------------------------------------------------------------------------

ELSEWHERE: tuple[TargetKind, ...] = (
    "transit-gateway",
    "peering",
    "endpoint",
    "carrier",
    "core-network",
    "local-gateway",
    "vpn",
    "instance",
    "network-interface",
    "unknown",
    "egress-only",
    "internet",
)


def led(kind: TargetKind, destination: IPv6Network | IPv4Network) -> Import:
    found = DesignRoute(Place("R", FILE, 7), Key("T"), destination, kind, Outside("x-1"))
    return imported(design(subnet("S", 1), tables=[("S", "T")], routes=[found]), EVERYTHING)


@pytest.mark.parametrize("kind", ELSEWHERE)
def test_a_route_of_the_internet_to_what_a_lab_lacks_is_refused_and_closed(kind: TargetKind) -> None:
    found = led(kind, IPv6Network("::/0"))
    (refused,) = (message for message in found.messages if message.level == "refuse")
    assert str(refused).startswith(f"refuse {FILE}:7 R: ::/0 leads to ")
    assert refused.remedy
    assert rows(found) == {"::/0": "unknown"}
    assert [each.unknown for each in found.subnets] == [True]
    assert found.topology and not found.topology.expectations


@pytest.mark.parametrize("kind", ["transit-gateway", "vpn"])
def test_the_same_for_private_space_is_a_note(kind: TargetKind) -> None:
    found = led(kind, IPv6Network("fd00:1::/32"))
    assert not found.refused
    assert said(found, "note")


def test_an_ipv4_route_is_a_fact_whatever_it_leads_to() -> None:
    found = led("transit-gateway", IPv4Network("0.0.0.0/0"))
    assert not found.refused
    assert rows(found)["0.0.0.0/0"].startswith("tgw-")


def test_nat64_is_a_note_and_never_the_default_route_of_the_gateway() -> None:
    found = one("64:ff9b::/96", "nat")
    assert not found.refused
    assert "NAT64" in said(found, "note")[0]
    assert rows(found) == {"64:ff9b::/96": "nat"}


def test_a_route_inside_the_block_of_the_vpc_is_refused() -> None:
    assert "replaces the local route" in said(one("2001:db8:60:4001::/64", "igw"), "refuse")[0]


def test_a_route_for_a_prefix_list_is_refused() -> None:
    listed = DesignRoute(Place("R"), Key("T"), Outside("pl-1"), "internet", Key("igw"))
    found = imported(design(subnet("S", 1), tables=[("S", "T")], routes=[listed]), EVERYTHING)
    assert "prefix list pl-1" in said(found, "refuse")[0]
    assert found.subnets[0].unknown


def test_a_gateway_of_another_vpc_is_a_blackhole() -> None:
    other = DesignVpc(label("w"), (IPv4Network("10.70.0.0/16"),), (Ipv6Block(IPv6Network("2001:db8:70::/56")),))
    plain = design(subnet("S", 1), tables=[("S", "T")], routes=[route("T", "::/0", "igw")])
    moved = tuple(replace(each, vpc=Key("w")) if each.kind == "internet" else each for each in plain.gateways)
    assert rows(imported(replace(plain, vpcs=(*plain.vpcs, other), gateways=moved), EVERYTHING)) == {
        "::/0": "blackhole"
    }


@pytest.mark.parametrize("vpc", [None, Outside("OtherVpc")])
@pytest.mark.parametrize("destination", ["::/0", "0.0.0.0/0"])
def test_a_route_to_a_gateway_that_nothing_attaches_is_refused(vpc: Link | None, destination: str) -> None:
    loose = (DesignGateway(label("igw"), "internet", vpc),)
    plain = design(subnet("S", 1), tables=[("S", "T")], routes=[route("T", destination, "igw")])
    found = imported(replace(plain, gateways=loose), EVERYTHING)
    assert "leads to an internet gateway that this source attaches to no VPC" in said(found, "refuse")[0]
    assert rows(found) == {destination: "unknown"}
    assert [each.unknown for each in found.subnets] == [True]


IPV4_FACTS: list[tuple[TargetKind, str, str]] = [
    ("transit-gateway", "tgw-0123456789abcdef0", "tgw-0123456789abcdef0"),
    ("vpn", "vgw-0123456789abcdef0", "vgw-0123456789abcdef0"),
    ("nat", "nat-0123456789abcdef0", "unknown"),
    ("internet", "igw-0123456789abcdef0", "unknown"),
    ("carrier", "cagw-0123456789abcdef0", "unknown"),
    ("unknown", "", "unknown"),
]


@pytest.mark.parametrize(("kind", "target", "row"), IPV4_FACTS)
def test_what_is_behind_an_ipv4_route_is_a_fact_or_unknown(kind: TargetKind, target: str, row: str) -> None:
    found = DesignRoute(Place("R", FILE, 7), Key("T"), IPv4Network("0.0.0.0/0"), kind, Outside(target))
    result = imported(design(subnet("S", 1), tables=[("S", "T")], routes=[found]), EVERYTHING)
    assert rows(result) == {"0.0.0.0/0": row}
    assert not result.refused
    assert any("what is behind it is not known" in what for what in said(result, "note")) is (row == "unknown")


def test_nat_gateways_have_an_elastic_ip_address_unless_they_are_private() -> None:
    gateways = (
        DesignGateway(label("n1", name="n"), "nat", subnet=Key("S")),
        DesignGateway(label("n2", name="n"), "nat", subnet=Key("S")),
        DesignGateway(label("n3", name="m"), "nat", subnet=Key("S"), private=True),
    )
    found = imported(replace(design(subnet("S", 1)), gateways=gateways), EVERYTHING).topology
    assert found
    assert {each.name: each.connectivity_type for each in found.cloud.nat_gateways.values()} == {
        "n": "public", "n-2": "public", "m": "private",
    }  # fmt: skip
    assert sorted(each.name for each in found.cloud.elastic_ips.values()) == ["v-n", "v-n-2"]


def test_a_subnet_may_be_larger_than_aws_default() -> None:
    wide = replace(subnet("S", 1), ipv6_blocks=(IPv6Network("2001:db8:60:4010::/60"),))
    found = imported(design(wide), EVERYTHING)
    assert not found.refused
    assert found.topology
    assert [each.ipv6_cidr_block.prefixlen for each in found.topology.cloud.subnets.values()] == [60]


OUTSIDE = Outside("ImportedTable")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"table_associations": (DesignAssociation(Place("A"), Key("S"), OUTSIDE),)}, "has a route table that this"),
        ({"table_associations": (DesignAssociation(Place("A"), Outside("s"), Key("T")),)}, "with a subnet that this"),
        ({"acl_associations": (DesignAssociation(Place("A"), Key("S"), OUTSIDE),)}, "has a network ACL that this"),
        ({"routes": (replace(route("T", "::/0", "igw"), table=OUTSIDE),)}, "is in a route table that this"),
        ({"subnets": (replace(subnet("S", 1), vpc=OUTSIDE),)}, "the subnet is in a VPC that this"),
        ({"route_tables": (DesignRouteTable(label("T"), OUTSIDE),)}, "the route table is in a VPC that this"),
    ],
)
def test_what_leads_out_of_the_source_is_refused(more: dict[str, object], words: str) -> None:
    plain = design(subnet("S", 1), tables=[("S", "T")], routes=[route("T", "::/0", "igw")])
    found = imported(replace(plain, **more), EVERYTHING)  # type: ignore[arg-type]
    assert any(words in what for what in said(found, "refuse"))
    assert "give all files of the design together" in str(found.messages)


def test_several_ipv6_blocks_of_a_subnet_are_refused_and_of_a_vpc_are_kept() -> None:
    twice = replace(subnet("S", 1), ipv6_blocks=(*subnet("S", 1).ipv6_blocks, *subnet("S", 2).ipv6_blocks))
    assert "2 IPv6 blocks" in said(imported(design(twice), EVERYTHING), "refuse")[0]
    blocks = tuple(Ipv6Block(IPv6Network(f"2001:db8:{each}:4000::/56")) for each in (60, 61))
    found = imported(
        design(subnet("S", 1), vpcs=(DesignVpc(label("v"), (IPv4Network("10.60.0.0/16"),), blocks),)), EVERYTHING
    )
    assert found.topology and not found.refused
    assert len(next(iter(found.topology.cloud.vpcs.values())).ipv6_cidr_blocks) == 2


def test_what_has_no_ipv6_is_noted_and_imported() -> None:
    bare = replace(subnet("S", 1), ipv6_blocks=())
    found = imported(design(bare, vpcs=(DesignVpc(label("v"), (IPv4Network("10.60.0.0/16"),)),)), EVERYTHING)
    assert said(found, "note") == [
        "nothing of this design is reachable over IPv6",
        "the VPC has no IPv6 block",
        "the subnet has no IPv6 block",
    ]
    assert not found.refused
    assert found.topology and not found.topology.cloud.instances and not found.topology.expectations


def test_what_has_no_block_at_all_is_left_out() -> None:
    found = imported(design(subnet("S", 1), vpcs=(DesignVpc(label("v")),)), EVERYTHING)
    assert found.topology and not found.topology.cloud.vpcs
    assert "no block that is known" in said(found, "note")[1]


def test_a_rule_of_the_file_that_a_design_breaks_is_refused_with_its_place() -> None:
    wide = (DesignVpc(label("v", line=3), (IPv4Network("10.0.0.0/8"),), leaking().vpcs[0].ipv6_blocks),)
    found = imported(design(vpcs=wide), EVERYTHING)
    assert found.topology is None
    (refused,) = (message for message in found.messages if message.level == "refuse")
    assert str(refused).startswith(f"refuse {FILE}:3 v: an IPv4 block must be /16 to /28")


# ---- filters ---------------------------------------------------------------------------------------------------------


def test_rules_of_groups_that_a_lab_cannot_have_are_left_out_with_a_note() -> None:
    group = DesignGroup(label("G"), VPC, "web")
    peers: tuple[Block | Link, ...] = (
        ip_network("::/0"),
        ip_network("0.0.0.0/0"),
        Key("G"),
        Outside("pl-1"),
        Outside("sg-9"),
    )
    rules = tuple(DesignGroupRule(Place(f"R{n}"), Key("G"), False, 6, 443, 443, peer) for n, peer in enumerate(peers))
    found = imported(design(subnet("S", 1), groups=(group,), group_rules=rules), EVERYTHING)
    assert [("prefix list" in what, "stricter" in what) for what in said(found, "note")] == [
        (True, True),
        (False, True),
    ]
    assert found.topology
    (made,) = (each for each in found.topology.cloud.security_groups.values() if each.name == "g")
    assert len(made.rules) == 3  # and no egress: AWS's own rule is the source's to state


@pytest.mark.parametrize(("text", "kept"), [("web servers", "web servers"), ("é", ""), ("x" * 256, ""), ("a\n", "")])
def test_a_description_that_a_lab_cannot_have_is_left_out(text: str, kept: str) -> None:
    found = imported(design(subnet("S", 1), groups=(DesignGroup(label("G"), VPC, text),)), Choices(probes="none"))
    assert found.topology
    assert {each.description for each in found.topology.cloud.security_groups.values() if each.name == "g"} == {kept}


def test_an_acl_decides_together_with_its_answers() -> None:
    acl = DesignAcl(label("A"), VPC)
    entries = (
        DesignAclEntry(Place("E"), Key("A"), 100, True, -1, "allow", IPv6Network("::/0")),
        DesignAclEntry(Place("E"), Key("A"), 100, False, 6, "allow", IPv6Network("::/0"), ports=(1024, 65535)),
        DesignAclEntry(Place("E"), Key("A"), 32767, False, -1, "deny", IPv6Network("::/0")),
    )
    plain = design(subnet("S", 1), tables=[("S", "T")], routes=[route("T", "::/0", "igw")])
    given = replace(plain, acls=(acl,), acl_entries=entries,
                    acl_associations=(DesignAssociation(Place("AA"), Key("S"), Key("A")),))  # fmt: skip
    found = imported(given, EVERYTHING).topology
    assert found
    assert [(each.protocol, each.port, each.result) for each in found.expectations] == [
        ("tcp", 443, "allowed"),
        ("tcp", 22, "blocked"),
    ]


# ---- probes, expectations, selection ---------------------------------------------------------------------------------


def test_expectations_follow_the_stated_intent_and_not_the_routes() -> None:
    found = imported(leaking(), EVERYTHING).topology
    assert found
    inwards = [(each.destination, each.result) for each in found.expectations if each.source == "visitor"]
    assert inwards == [("probe-inner", "blocked")] * 2 + [("probe-outer", "allowed")] * 2


@pytest.mark.parametrize(("target", "results"), [("igw", "aaaa"), ("eigw", "aabb"), ("blackhole", "bbbb")])
def test_without_a_stated_intent_they_follow_the_routes(target: str, results: str) -> None:
    found = one("::/0", target).topology
    assert found
    assert "".join(each.result[0] for each in found.expectations) == results


def test_probes_of_groups_are_added_for_each_combination() -> None:
    group = DesignGroup(label("G"), VPC, "web")
    work = tuple(DesignWorkload(label(f"W{n}"), "service", (Key("S"),), (Key("G"),)) for n in range(2))
    given = replace(design(subnet("S", 1)), groups=(group,), workloads=work)
    found = imported(given, Choices(probes="groups")).topology
    assert found
    assert sorted(each.name for each in found.cloud.instances.values()) == ["probe-s", "probe-s-w0"]
    none = imported(given, Choices(probes="none")).topology
    assert none and not none.cloud.instances and not none.expectations


def test_a_host_may_not_be_inside_a_vpc() -> None:
    inside = Choices(hosts=(("visitor", IPv6Address("2001:db8:60:4001::9")),))
    assert "visitor" in str(imported(leaking(), inside).messages)


def test_vpcs_are_chosen_by_name() -> None:
    other = DesignVpc(label("w", Name="second"), (IPv4Network("10.70.0.0/16"),))
    both = replace(leaking(), vpcs=(*leaking().vpcs, other))
    found = imported(both, Choices(vpcs=("second",))).topology
    assert found and [each.name for each in found.cloud.vpcs.values()] == ["second"]
    assert not found.cloud.subnets
    with pytest.raises(UsageError, match="no VPC third"):
        imported(both, Choices(vpcs=("third",)))


@pytest.mark.parametrize(
    ("more", "kept"),
    [
        ({"messages": (Message("refuse", Place("X"), "not known"),)}, True),
        ({"messages": (Message("refuse", Place("X"), "not known", touches=frozenset(("elsewhere",))),)}, True),
        ({"messages": (Message("refuse", Place("X"), "not known", touches=frozenset(("S",))),)}, True),
        ({"messages": (Message("refuse", Place("X"), "not known", touches=frozenset(("w",))),)}, False),
        ({"routes": (replace(route("T", "::/0", "igw"), table=Outside("T9")),)}, True),
        ({"table_associations": (DesignAssociation(Place("A"), Outside("S9"), Key("T")),)}, True),
        ({"table_associations": (DesignAssociation(Place("A"), Key("S"), Outside("T9")),)}, True),
    ],
)
def test_a_choice_of_vpcs_hides_no_refusal_that_may_be_about_them(more: dict[str, object], kept: bool) -> None:
    other = DesignVpc(label("w"), (IPv4Network("10.61.0.0/16"),))
    plain = design(subnet("S", 1), tables=[("S", "T")])
    both = replace(plain, **{"vpcs": (*plain.vpcs, other), **more})  # type: ignore[arg-type]
    assert imported(both, Choices(vpcs=("v",))).refused is kept


# ---- what is unknown -------------------------------------------------------------------------------------------------


def unknown_by(*touches: str) -> set[str]:
    """Return the subnets that are unknown if a source refuses something that touches these resources."""
    plain = design(
        subnet("S", 1), subnet("R", 2), subnet("Q", 3),
        tables=[("S", "T"), ("R", "U")],
        routes=[route("T", "::/0", "igw"), route("U", "::/0", "eigw")],
        acls=(DesignAcl(label("A"), VPC),),
        acl_associations=(DesignAssociation(Place("A"), Key("Q"), Key("A")),),
        messages=(Message("refuse", Place("X"), "not known", touches=frozenset(touches)),),
    )  # fmt: skip
    return {each.design.label.key.text for each in imported(plain, EVERYTHING).subnets if each.unknown}


@pytest.mark.parametrize(
    ("touches", "unknown"),
    [
        (("S",), {"S"}),
        (("T",), {"S"}),
        (("A",), {"Q"}),
        (("igw",), {"S"}),
        (("eigw",), {"R"}),
        (("v",), {"S", "R", "Q"}),
        (("S", "elsewhere"), {"S"}),
        (("elsewhere",), {"S", "R", "Q"}),
        ((), {"S", "R", "Q"}),
    ],
)
def test_a_refusal_makes_every_subnet_unknown_that_it_may_be_about(touches: tuple[str, ...], unknown: set[str]) -> None:
    assert unknown_by(*touches) == unknown


@pytest.mark.parametrize("field", ["table_associations", "acl_associations"])
def test_two_associations_of_one_subnet_are_refused(field: str) -> None:
    two = tuple(DesignAssociation(Place(to, FILE), Key("S"), Key(to)) for to in ("T", "U", "U"))
    acls = tuple(DesignAcl(label(to), VPC) for to in ("T", "U"))
    tables = tuple(DesignRouteTable(label(to), VPC) for to in ("T", "U"))
    made = {"acls": acls} if field == "acl_associations" else {"route_tables": tables}
    found = imported(replace(design(subnet("S", 1)), **made, **{field: two}), EVERYTHING)  # type: ignore[arg-type]
    assert {str(each.place) for each in found.messages if each.level == "refuse"} == {f"{FILE} U"}
    assert [each.unknown for each in found.subnets] == [True]


def test_nothing_that_import_adds_takes_the_name_of_a_resource() -> None:
    subnets = [subnet("a", 1), subnet("probe-a", 2), subnet("visitor", 3), subnet("probe-probe-a", 4)]
    group = DesignGroup(label("eigw-probe-open"), VPC, "mine")
    gateways = (DesignGateway(label("g", name="visitor"), "internet", VPC),)
    found = imported(design(*subnets, groups=(group,), gateways=gateways), EVERYTHING)
    assert found.topology, found.messages
    assert load(dump(found.topology).encode(), file="x.yaml", default_lab="x") == found.topology
    assert len(found.topology.cloud.instances) == len(subnets)
    assert "mine" in {each.description for each in found.topology.cloud.security_groups.values()}


def test_probes_of_equal_workloads_have_different_names() -> None:
    groups = tuple(DesignGroup(label(f"G{n}"), VPC) for n in range(3))
    workloads = (
        DesignWorkload(label("w1", name="b-c"), "instance", (Key("a"),), (Key("G0"),)),
        DesignWorkload(label("w2", name="c"), "instance", (Key("a-b"),), (Key("G1"),)),
        DesignWorkload(label("w3", name="c"), "instance", (Key("a-b"),), (Key("G2"),)),
    )
    plain = design(subnet("a", 1), subnet("a-b", 2), groups=groups, workloads=workloads)
    found = imported(plain, Choices(probes="groups")).topology
    assert found and len(found.cloud.instances) == 5


def test_a_subnet_with_private_ipv6_only_has_no_probe() -> None:
    private = replace(subnet("S", 1), ipv6_blocks=(IPv6Network("fd00:1:2:3::/64"),))
    found = imported(design(private), EVERYTHING)
    assert found.topology, found.messages
    assert not found.topology.cloud.instances


def test_the_folders_of_a_source_are_in_no_tag() -> None:
    inside = subnet("S", 1)
    moved = replace(inside, label=replace(inside.label, place=Place("S", "home/me/design.yaml", 1)))
    one, other = imported(design(inside), EVERYTHING).topology, imported(design(moved), EVERYTHING).topology
    assert one == other


# ---- any design ------------------------------------------------------------------------------------------------------


@given(designs())
@settings(max_examples=30)
def test_any_design_gives_a_file_that_loads_and_changes_nothing_a_second_time(found: Design) -> None:
    result = imported(found, EVERYTHING)
    assert result.topology is not None, result.messages
    text = dump(result.topology)
    again = load(text.encode(), file="x.yaml", default_lab="x")
    assert again == result.topology
    assert dump(again) == text
    assert make_plan(compile_cloud(again.cloud), compile_cloud(result.topology.cloud)) == ()
    assert {each.unknown for each in result.subnets} <= {True, False}
    assert result.refused or not any(each.unknown for each in result.subnets)


def test_messages_read_as_a_line() -> None:
    message = Message("note", Place("Six", "a.yaml", 3), "left out", "write it")
    assert str(message) == "note a.yaml:3 Six: left out; write it"
    assert str(Place("aws_vpc.this")) == "aws_vpc.this"
