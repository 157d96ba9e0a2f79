"""The predicted fate of a packet, as a truth table over clouds built by hand."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network

import pytest

from eigw_ns.cloud.model import (
    Cloud,
    EgressOnlyInternetGateway,
    Instance,
    InternetGateway,
    InternetHost,
    Route,
    RouteTable,
    Subnet,
    Vpc,
)
from eigw_ns.cloud.nodes import INTERNET
from eigw_ns.dataplane.trace import Protocol, trace
from eigw_ns.errors import UsageError

DEFAULT = "::/0"
REFUSES = "EGRESS_ONLY_GATEWAY_REFUSES_INBOUND"


def routes(*pairs: tuple[str, str]) -> tuple[Route, ...]:
    return tuple(Route(IPv6Network(destination), target) for destination, target in pairs)


def vpc(number: int, tables: dict[str, tuple[Route, ...]]) -> Cloud:
    """VPC `v<number>` with both gateways (`eigw-<n>`, `igw-<n>`), a subnet and an instance for each table.

    Table `t` of VPC 1 is `1t`, its subnet `1t-net` and its instance `1t-app`; `main` is the main table, which its
    subnet uses without an association.
    """
    prefix = f"2001:db8:{number}:"
    cloud = Cloud(
        "lab",
        vpcs={f"v{number}": Vpc(f"v{number}", f"v{number}", IPv6Network(f"{prefix}:/56"))},
        egress_only_internet_gateways={
            f"eigw-{number}": EgressOnlyInternetGateway(f"eigw-{number}", "out", f"v{number}")
        },
        internet_gateways={f"igw-{number}": InternetGateway(f"igw-{number}", "edge", f"v{number}")},
    )
    made = {f"{number}{name}": rows for name, rows in tables.items()}
    return replace(
        cloud,
        route_tables={t: RouteTable(t, t, f"v{number}", t.endswith("main"), rows) for t, rows in made.items()},
        subnets={
            f"{t}-net": Subnet(
                f"{t}-net", f"{t}-net", f"v{number}", IPv6Network(f"{prefix}{i}::/64"),
                None if t.endswith("main") else t,
            )
            for i, t in enumerate(made, start=1)
        },
        instances={
            f"{t}-app": Instance(f"{t}-app", f"{t}-app", f"{t}-net", IPv6Address(f"{prefix}{i}::10"))
            for i, t in enumerate(made, start=1)
        },
    )  # fmt: skip


def join(*clouds: Cloud) -> Cloud:
    """One cloud of all of them, with two hosts: `web` and, in 3fff::/32, `far`."""
    hosts = {
        "web": InternetHost("web", "web", IPv6Address("2001:db8:f00::1")),
        "far": InternetHost("far", "far", IPv6Address("3fff::1")),
    }
    names = ("vpcs", "subnets", "route_tables", "egress_only_internet_gateways", "internet_gateways", "instances")
    parts = {name: {k: v for c in clouds for k, v in getattr(c, name).items()} for name in names}
    return Cloud("lab", **parts, hosts=hosts)


CLOUD = join(
    vpc(
        1,
        {
            "main": routes((DEFAULT, "igw-1")),
            "private": routes((DEFAULT, "eigw-1")),
            "isolated": (),
            "dead": routes((DEFAULT, "eigw-0123456789abcdef0")),
            # the host `web` by the internet gateway, all others by the egress-only one
            "split": routes((DEFAULT, "eigw-1"), ("2001:db8:f00::/48", "igw-1")),
            "split2": routes((DEFAULT, "igw-1"), ("2001:db8:f00::/48", "eigw-1")),
            # a blackhole swallows what a shorter prefix would carry
            "hole": routes((DEFAULT, "igw-1"), ("2001:db8:f00::/48", "igw-0123456789abcdef0")),
            "narrow": routes(("2001:db8:f00::/48", "eigw-1")),
            # the longest of three decides, whatever their order
            "nested": routes(("2001:db8:f00::/64", "igw-1"), (DEFAULT, "igw-1"), ("2001:db8:f00::/48", "eigw-1")),
            "foreign": routes((DEFAULT, "igw-2")),
        },
    ),
    vpc(2, {"main": routes((DEFAULT, "igw-2")), "private": routes((DEFAULT, "eigw-2"))}),
)

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
    # split tables: the way in is the way out
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
    # the internet among itself
    ("web", "far", "allowed", True, "REACHABLE"),
]


@pytest.mark.parametrize("protocol", ["tcp", "udp", "icmpv6"])
@pytest.mark.parametrize(("source", "destination", "outcome", "delivered", "reason"), TABLE)
def test_truth_table(
    source: str, destination: str, outcome: str, delivered: bool, reason: str, protocol: Protocol
) -> None:
    found = trace(CLOUD, source, destination, protocol, None if protocol == "icmpv6" else 443)
    assert (found.outcome, found.delivered, found.reason) == (outcome, delivered, reason)


@pytest.mark.parametrize(
    ("protocol", "outcome", "reason"),
    [("tcp", "refused", "NO_LISTENER"), ("udp", "refused", "NO_LISTENER"), ("icmpv6", "allowed", "REACHABLE")],
)
def test_nothing_listens(protocol: Protocol, outcome: str, reason: str) -> None:
    found = trace(CLOUD, "1private-app", "web", protocol, 443, listening=False)
    assert (found.outcome, found.delivered, found.reason) == (outcome, True, reason)


def test_nothing_listens_behind_a_gateway_that_refuses() -> None:
    assert trace(CLOUD, "web", "1private-app", "tcp", 443, listening=False).outcome == "blocked"


def hops(source: str, destination: str) -> list[tuple[str, str, bool, str]]:
    found = trace(CLOUD, source, destination, "tcp", 443)
    return [(hop.direction, hop.name if hop.name == INTERNET else hop.id, hop.passed, hop.reason) for hop in found.hops]


def test_hops_out_and_back_through_the_egress_only_gateway() -> None:
    assert hops("1private-app", "web") == [
        ("forward", "1private-net", True, "ROUTED"),
        ("forward", "eigw-1", True, "OPENS_FLOW"),
        ("forward", "internet", True, "ROUTED"),
        ("forward", "web", True, "ARRIVED"),
        ("return", "internet", True, "ROUTED"),
        ("return", "eigw-1", True, "ANSWERS_FLOW"),
        ("return", "1private-net", True, "LOCAL"),
        ("return", "1private-app", True, "ARRIVED"),
    ]


def test_hops_end_where_the_packet_dies() -> None:
    assert hops("web", "1private-app") == [
        ("forward", "internet", True, "ROUTED"),
        ("forward", "eigw-1", False, REFUSES),
    ]
    assert hops("1dead-app", "web") == [("forward", "1dead-net", False, "BAD_STATE_ROUTE")]
    assert hops("web", "1isolated-app") == [("forward", "internet", False, "NO_ROUTE_TO_DESTINATION")]


def test_hops_between_subnets_meet_no_gateway() -> None:
    assert [hop[1] for hop in hops("1private-app", "1main-app")] == [
        "1private-net", "1main-net", "1main-app", "1main-net", "1private-net", "1private-app",
    ]  # fmt: skip


def test_hops_between_two_vpcs() -> None:
    assert [hop[1] for hop in hops("1private-app", "2main-app")] == [
        "1private-net", "eigw-1", "internet", "igw-2", "2main-net", "2main-app",
        "2main-net", "igw-2", "internet", "eigw-1", "1private-net", "1private-app",
    ]  # fmt: skip


def test_a_hop_names_the_route_that_decided() -> None:
    (hop,) = trace(CLOUD, "1hole-app", "web", "tcp", 443).hops
    assert hop.text == "route table 1hole: 2001:db8:f00::/48 → blackhole (igw-0123456789abcdef0)"


def test_a_deleted_gateway_does_not_fall_to_a_shorter_prefix() -> None:
    gateways = {key: value for key, value in CLOUD.internet_gateways.items() if key != "igw-1"}
    cloud = replace(CLOUD, internet_gateways=gateways)
    assert trace(cloud, "1split-app", "web", "tcp", 443).reason == "BAD_STATE_ROUTE"
    assert trace(cloud, "1split-app", "far", "tcp", 443).reason == "REACHABLE"


def test_a_detached_gateway_is_a_blackhole() -> None:
    gateways = {**CLOUD.internet_gateways, "igw-1": InternetGateway("igw-1", "edge", None)}
    assert trace(replace(CLOUD, internet_gateways=gateways), "1main-app", "web", "tcp", 443).reason == "BAD_STATE_ROUTE"


def test_an_address_in_the_block_of_the_vpc_never_leaves_it() -> None:
    inside = InternetHost("inside", "inside", IPv6Address("2001:db8:1:ff::1"))
    cloud = replace(CLOUD, hosts={**CLOUD.hosts, "inside": inside})
    for pair in (("1main-app", "inside"), ("inside", "1main-app")):
        found = trace(cloud, *pair, "tcp", 443)
        assert (found.outcome, found.reason) == ("blocked", "NO_ROUTE_TO_DESTINATION")


@pytest.mark.parametrize("pair", [("1main-app", "igw-1"), ("nobody", "web")])
def test_only_instances_and_hosts_send_packets(pair: tuple[str, str]) -> None:
    with pytest.raises(UsageError, match="neither an instance nor an internet host"):
        trace(CLOUD, *pair, "tcp", 443)
