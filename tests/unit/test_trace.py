"""Predicted outcomes of packets, as a truth table over hand-written clouds."""

from __future__ import annotations

from dataclasses import fields, replace
from ipaddress import IPv6Address, IPv6Network
from typing import Any

import pytest

from eigw_ns.cloud import ids
from eigw_ns.cloud.defaults import default_network_acl, default_security_group
from eigw_ns.cloud.model import (
    ALL_PROTOCOLS,
    Cloud,
    EgressOnlyInternetGateway,
    Instance,
    InternetGateway,
    InternetHost,
    Route,
    RouteTable,
    SecurityGroupRule,
    Subnet,
    Vpc,
)
from eigw_ns.cloud.nodes import find
from eigw_ns.dataplane.trace import Protocol, RouteUsed, Trace, Tracer, trace
from eigw_ns.errors import UsageError
from tests.topologies.blocks import of_subnet, of_vpc

DEFAULT = "::/0"
REFUSES = "EGRESS_ONLY_GATEWAY_REFUSES_INBOUND"


def make(kind: str, name: str) -> str:
    return ids.make_id(kind, "lab", name)


TARGETS = {
    **{f"eigw-{n}": make(ids.EGRESS_ONLY_INTERNET_GATEWAY, f"eigw-{n}") for n in (1, 2)},
    **{f"igw-{n}": make(ids.INTERNET_GATEWAY, f"igw-{n}") for n in (1, 2)},
}
GONE = {"gone-eigw": "eigw-0123456789abcdef0", "gone-igw": "igw-0123456789abcdef0"}


def routes(*pairs: tuple[str, str]) -> tuple[Route, ...]:
    targets = TARGETS | GONE
    return tuple(Route(IPv6Network(destination), targets[target]) for destination, target in sorted(pairs))


def vpc(number: int, tables: dict[str, tuple[Route, ...]]) -> Cloud:
    """Return VPC `v<number>` with both gateways (`eigw-<n>`, `igw-<n>`); a subnet and an open instance per table.

    Table `t` of VPC 1 is `1t`, its subnet `1t-net` and its instance `1t-app`; `main` is the main table, which its
    subnet uses without an association.
    """
    prefix, vpc_id = f"2001:db8:{number}:", make(ids.VPC, f"v{number}")
    here = Vpc(vpc_id, f"v{number}", of_vpc(vpc_id, IPv6Network(f"{prefix}:/56")))
    eigw, igw = f"eigw-{number}", f"igw-{number}"
    acl, group = default_network_acl("lab", here), default_security_group("lab", here)
    everything = SecurityGroupRule("sgr-0", False, ALL_PROTOCOLS, None, None, IPv6Network("::/0"))
    names = {name: f"{number}{name}" for name in tables}
    table_ids = {name: make(ids.ROUTE_TABLE, names[name]) for name in tables}
    subnets = [
        Subnet(
            make(ids.SUBNET, f"{names[name]}-net"), f"{names[name]}-net", vpc_id,
            of_subnet(name, IPv6Network(f"{prefix}{i}::/64")),
            None if name == "main" else table_ids[name],
        )
        for i, name in enumerate(tables, start=1)
    ]  # fmt: skip
    instances = [
        Instance(
            make(ids.INSTANCE, f"{names[name]}-app"), f"{names[name]}-app", subnet.id, subnet.ipv6_cidr_block[16],
            (group.id,),
        )
        for name, subnet in zip(tables, subnets, strict=True)
    ]  # fmt: skip
    return Cloud(
        "lab",
        vpcs={vpc_id: here},
        subnets={subnet.id: subnet for subnet in subnets},
        route_tables={
            table_ids[name]: RouteTable(table_ids[name], names[name], vpc_id, name == "main", rows)
            for name, rows in tables.items()
        },
        egress_only_internet_gateways={TARGETS[eigw]: EgressOnlyInternetGateway(TARGETS[eigw], eigw, vpc_id)},
        internet_gateways={TARGETS[igw]: InternetGateway(TARGETS[igw], igw, vpc_id)},
        network_acls={acl.id: acl},
        security_groups={group.id: replace(group, rules=(everything, *group.rules))},
        instances={instance.id: instance for instance in instances},
    )


def join(*clouds: Cloud) -> Cloud:
    """Return one cloud with the content of all, and two hosts: `web` and, in 3fff::/32, `far`."""
    parts: dict[str, dict[str, Any]] = {}
    for field in fields(Cloud):
        if field.name != "lab":
            parts[field.name] = {k: v for cloud in clouds for k, v in getattr(cloud, field.name).items()}
    for name, address in (("web", "2001:db8:f00::1"), ("far", "3fff::1")):
        host_id = make(ids.INTERNET_HOST, name)
        parts["hosts"][host_id] = InternetHost(host_id, name, IPv6Address(address))
    return Cloud("lab", **parts)


def run(
    cloud: Cloud, source: str, destination: str, protocol: Protocol, port: int | None, *, listening: bool = True
) -> Trace:
    """Return the trace between nodes, given by name."""
    ends = find(cloud, source).id, find(cloud, destination).id
    return trace(cloud, *ends, protocol, port, listening=listening)


CLOUD = join(
    vpc(
        1,
        {
            "main": routes((DEFAULT, "igw-1")),
            "private": routes((DEFAULT, "eigw-1")),
            "isolated": (),
            "dead": routes((DEFAULT, "gone-eigw")),
            # the host `web` by the internet gateway, all others by the egress-only one
            "split": routes((DEFAULT, "eigw-1"), ("2001:db8:f00::/48", "igw-1")),
            "split2": routes((DEFAULT, "igw-1"), ("2001:db8:f00::/48", "eigw-1")),
            # a blackhole drops what a shorter prefix would carry
            "hole": routes((DEFAULT, "igw-1"), ("2001:db8:f00::/48", "gone-igw")),
            "narrow": routes(("2001:db8:f00::/48", "eigw-1")),
            # the longest of three decides, in any order
            "nested": routes(("2001:db8:f00::/64", "igw-1"), (DEFAULT, "igw-1"), ("2001:db8:f00::/48", "eigw-1")),
            "foreign": routes((DEFAULT, "igw-2")),
        },
    ),
    vpc(2, {"main": routes((DEFAULT, "igw-2")), "private": routes((DEFAULT, "eigw-2"))}),
)

TRACER = Tracer(CLOUD)

TABLE = [
    # within the VPC
    ("1private-app", "1isolated-app", "allowed", True, "REACHABLE"),
    ("1dead-app", "1private-app", "allowed", True, "REACHABLE"),
    ("1private-app", "1private-app", "allowed", True, "REACHABLE"),
    # egress-only: out, and never in
    ("1private-app", "web", "allowed", True, "REACHABLE"),
    ("web", "1private-app", "blocked", False, REFUSES),
    # implicit association with the main table
    ("1main-app", "web", "allowed", True, "REACHABLE"),
    ("web", "1main-app", "allowed", True, "REACHABLE"),
    # no route, no way back
    ("1isolated-app", "web", "blocked", False, "NO_ROUTE_TO_DESTINATION"),
    ("web", "1isolated-app", "blocked", False, "NO_ROUTE_TO_DESTINATION"),
    # blackhole: gateway gone, or another VPC's
    ("1dead-app", "web", "blocked", False, "BAD_STATE_ROUTE"),
    ("web", "1dead-app", "blocked", False, "BAD_STATE_ROUTE"),
    ("1foreign-app", "web", "blocked", False, "BAD_STATE_ROUTE"),
    ("1hole-app", "web", "blocked", False, "BAD_STATE_ROUTE"),
    ("web", "1hole-app", "blocked", False, "BAD_STATE_ROUTE"),
    ("1hole-app", "far", "allowed", True, "REACHABLE"),
    ("far", "1hole-app", "allowed", True, "REACHABLE"),
    # split tables: packets enter by the way answers leave
    ("web", "1split-app", "allowed", True, "REACHABLE"),
    ("far", "1split-app", "blocked", False, REFUSES),
    ("1split-app", "far", "allowed", True, "REACHABLE"),
    ("web", "1split2-app", "blocked", False, REFUSES),
    ("1split2-app", "web", "allowed", True, "REACHABLE"),
    ("far", "1split2-app", "allowed", True, "REACHABLE"),
    ("web", "1nested-app", "allowed", True, "REACHABLE"),
    # a route to one prefix only
    ("1narrow-app", "web", "allowed", True, "REACHABLE"),
    ("1narrow-app", "far", "blocked", False, "NO_ROUTE_TO_DESTINATION"),
    ("far", "1narrow-app", "blocked", False, "NO_ROUTE_TO_DESTINATION"),
    # two VPCs meet over the internet
    ("1main-app", "2main-app", "allowed", True, "REACHABLE"),
    ("1private-app", "2main-app", "allowed", True, "REACHABLE"),
    ("1main-app", "2private-app", "blocked", False, REFUSES),
    ("1private-app", "2private-app", "blocked", False, REFUSES),
    ("1isolated-app", "2main-app", "blocked", False, "NO_ROUTE_TO_DESTINATION"),
    ("1main-app", "1split-app", "allowed", True, "REACHABLE"),
    ("2main-app", "1isolated-app", "blocked", False, "NO_ROUTE_TO_DESTINATION"),
    # two hosts on the internet
    ("web", "far", "allowed", True, "REACHABLE"),
]


@pytest.mark.parametrize("protocol", ["tcp", "udp", "icmpv6"])
@pytest.mark.parametrize(("source", "destination", "outcome", "delivered", "reason"), TABLE)
def test_truth_table(
    source: str, destination: str, outcome: str, delivered: bool, reason: str, protocol: Protocol
) -> None:
    ends = find(CLOUD, source).id, find(CLOUD, destination).id
    found = TRACER.trace(*ends, protocol, None if protocol == "icmpv6" else 443)
    assert (found.outcome, found.delivered, found.reason) == (outcome, delivered, reason)


@pytest.mark.parametrize(
    ("protocol", "outcome", "reason"),
    [("tcp", "refused", "NO_LISTENER"), ("udp", "refused", "NO_LISTENER"), ("icmpv6", "allowed", "REACHABLE")],
)
def test_nothing_listens(protocol: Protocol, outcome: str, reason: str) -> None:
    found = run(CLOUD, "1private-app", "web", protocol, 443, listening=False)
    assert (found.outcome, found.delivered, found.reason) == (outcome, True, reason)


def test_nothing_listens_behind_a_gateway_that_refuses() -> None:
    assert run(CLOUD, "web", "1private-app", "tcp", 443, listening=False).outcome == "blocked"


def hops(source: str, destination: str) -> list[tuple[str, str, bool, str]]:
    found = run(CLOUD, source, destination, "tcp", 443)
    return [(hop.direction, hop.name, hop.passed, hop.reason) for hop in found.hops]


def names(source: str, destination: str) -> list[str]:
    return [name for _, name, _, _ in hops(source, destination)]


def test_hops_out_and_back_through_the_egress_only_gateway() -> None:
    assert hops("1private-app", "web") == [
        ("forward", "1private-app", True, "SENT"),
        ("forward", "default", True, "ALLOWED_BY_RULE"),  # the group
        ("forward", "default", True, "ALLOWED_BY_RULE"),  # the network ACL
        ("forward", "1private", True, "ROUTED"),
        ("forward", "eigw-1", True, "OPENS_FLOW"),
        ("forward", "internet", True, "ROUTED"),
        ("forward", "web", True, "ARRIVED"),
        ("return", "web", True, "SENT"),
        ("return", "internet", True, "ROUTED"),
        ("return", "eigw-1", True, "ANSWERS_FLOW"),
        ("return", "default", True, "ALLOWED_BY_RULE"),  # the network ACL
        ("return", "default", True, "ANSWERS_FLOW"),  # the group
        ("return", "1private-app", True, "ARRIVED"),
    ]


def test_hops_end_at_the_component_that_drops_the_packet() -> None:
    assert hops("web", "1private-app") == [
        ("forward", "web", True, "SENT"),
        ("forward", "internet", True, "ROUTED"),
        ("forward", "eigw-1", False, REFUSES),
    ]
    assert hops("1dead-app", "web")[-1] == ("forward", "1dead", False, "BAD_STATE_ROUTE")
    assert hops("web", "1isolated-app")[-1] == ("forward", "internet", False, "NO_ROUTE_TO_DESTINATION")


def test_hops_between_subnets_meet_no_gateway() -> None:
    one_way = ["1private-app", "default", "default", "1private", "default", "default", "1main-app"]
    back = ["1main-app", "default", "default", "1main", "default", "default", "1private-app"]
    assert names("1private-app", "1main-app") == one_way + back


def test_hops_between_two_vpcs() -> None:
    assert [name for name in names("1private-app", "2main-app") if name != "default"] == [
        "1private-app", "1private", "eigw-1", "internet", "igw-2", "2main-app",
        "2main-app", "2main", "igw-2", "internet", "eigw-1", "1private-app",
    ]  # fmt: skip


def test_a_node_that_talks_to_itself_needs_no_network() -> None:
    assert names("1private-app", "1private-app") == ["1private-app"] * 4


def test_a_hop_names_the_route_that_decided() -> None:
    hop = run(CLOUD, "1hole-app", "web", "tcp", 443).hops[-1]
    assert hop.text == f"2001:db8:f00::/48 → blackhole ({GONE['gone-igw']})"
    assert isinstance(hop.rule, RouteUsed)
    assert (hop.rule.table.name, hop.rule.destination, hop.rule.target_id, hop.rule.state) == (
        "1hole", IPv6Network("2001:db8:f00::/48"), GONE["gone-igw"], "blackhole",
    )  # fmt: skip


def test_a_route_to_a_deleted_gateway_is_not_replaced_by_a_shorter_prefix() -> None:
    gateways = {key: value for key, value in CLOUD.internet_gateways.items() if key != TARGETS["igw-1"]}
    cloud = replace(CLOUD, internet_gateways=gateways)
    assert run(cloud, "1split-app", "web", "tcp", 443).reason == "BAD_STATE_ROUTE"
    assert run(cloud, "1split-app", "far", "tcp", 443).reason == "REACHABLE"


def test_a_detached_gateway_is_a_blackhole() -> None:
    gateways = {**CLOUD.internet_gateways, TARGETS["igw-1"]: InternetGateway(TARGETS["igw-1"], "igw-1", None)}
    cloud = replace(CLOUD, internet_gateways=gateways)
    assert run(cloud, "1main-app", "web", "tcp", 443).reason == "BAD_STATE_ROUTE"


def test_an_address_of_the_vpc_never_leaves_or_enters_it() -> None:
    host_id = make(ids.INTERNET_HOST, "inside")
    inside = InternetHost(host_id, "inside", IPv6Address("2001:db8:1:ff::1"))
    cloud = replace(CLOUD, hosts={**CLOUD.hosts, host_id: inside})
    out, into = run(cloud, "1main-app", "inside", "tcp", 443), run(cloud, "inside", "1main-app", "tcp", 443)
    assert (out.outcome, out.reason, out.hops[-1].name) == ("blocked", "NO_ROUTE_TO_DESTINATION", "v1")
    assert (into.outcome, into.reason) == ("blocked", "GATEWAY_REJECTS_SPOOFED_TRAFFIC")


@pytest.mark.parametrize(
    ("address", "last"),
    [
        ("2001:db8:1:1::99", "1main-net"),  # the sender's own subnet
        ("2001:db8:1:2::99", "1private-net"),  # another one
        ("2001:db8:1:ff::99", "v1"),  # space without a subnet
        ("2001:db8:99::1", "internet"),
    ],
)
def test_an_address_that_no_node_has(address: str, last: str) -> None:
    found = TRACER.trace(find(CLOUD, "1main-app").id, IPv6Address(address), "tcp", 443)
    assert (found.outcome, found.delivered, found.reason) == ("blocked", False, "NO_ROUTE_TO_DESTINATION")
    assert found.hops[-1].name == last


@pytest.mark.parametrize("pair", [("1main-app", "igw-1"), ("igw-1", "web")])
def test_only_instances_and_hosts_send_packets(pair: tuple[str, str]) -> None:
    with pytest.raises(UsageError, match="is not an instance or an internet host"):
        run(CLOUD, *pair, "tcp", 443)
