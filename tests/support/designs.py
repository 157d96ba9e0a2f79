"""Designs for tests, made by a builder: one VPC with an internet gateway, an egress-only gateway and a NAT gateway."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_network

from hypothesis import strategies as st

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
    DesignSubnet,
    DesignVpc,
    Ipv6Block,
    Key,
    Label,
    Link,
    Outside,
    TargetKind,
)
from eigw_ns.importing.messages import Place

FILE = "design.yaml"
VPC, IGW, EIGW, NAT = Key("v"), Key("igw"), Key("eigw"), Key("nat")
TARGETS: dict[str, tuple[TargetKind, Link | None]] = {
    "igw": ("internet", IGW),
    "eigw": ("egress-only", EIGW),
    "nat": ("nat", NAT),
    "tgw": ("transit-gateway", Outside("tgw-0123456789abcdef0")),
    "blackhole": ("unknown", None),
}


def label(key: str, *, name: str = "", line: int = 1, **tags: str) -> Label:
    """Return the label of a resource whose logical id is its key, unless `name` is given."""
    return Label(Key(key), Place(name or key, FILE, line), name or key, tuple(sorted(tags.items())))


def subnet(key: str, number: int, **tags: str) -> DesignSubnet:
    """Return a dual-stack subnet of the VPC."""
    ipv6 = IPv6Network((int(IPv6Network("2001:db8:60:4000::/56")[0]) + (number << 64), 64))
    place = label(key)
    return DesignSubnet(
        replace(place, tags=tuple(sorted(tags.items()))), VPC, IPv4Network(f"10.60.{number}.0/24"), (ipv6,), zone="a"
    )


def route(table: str, destination: str, target: str, line: int = 1) -> DesignRoute:
    """Return a route whose target is a word of TARGETS."""
    place = Place(f"{table}-{destination}", FILE, line)
    return DesignRoute(place, Key(table), ip_network(destination), *TARGETS[target])


def design(
    *subnets: DesignSubnet, routes: Iterable[DesignRoute] = (), tables: Iterable[tuple[str, str]] = (), **more: object
) -> Design:
    """Return a design of one VPC with these subnets. `tables` are pairs of a subnet and its route table."""
    pairs = tuple(tables)
    names = dict.fromkeys([table for _, table in pairs] + [each.table.text for each in routes])
    nat = (DesignGateway(label("nat"), "nat", subnet=subnets[0].label.key),) if subnets else ()
    ipv6 = Ipv6Block(IPv6Network("2001:db8:60:4000::/56"))
    made = Design(
        "a design",
        "shop",
        vpcs=(DesignVpc(label("v"), (IPv4Network("10.60.0.0/16"),), (ipv6,)),),
        subnets=subnets,
        gateways=(
            DesignGateway(label("igw"), "internet", VPC),
            DesignGateway(label("eigw"), "egress-only", VPC),
            *nat,
        ),
        route_tables=tuple(DesignRouteTable(label(name), VPC) for name in names),
        routes=tuple(routes),
        table_associations=tuple(DesignAssociation(Place(one, FILE), Key(one), Key(to)) for one, to in pairs),
    )
    return replace(made, **more)  # type: ignore[arg-type]


def leaking() -> Design:
    """Return a design whose inner subnet is private by its tag and over IPv4, and public over IPv6."""
    return design(
        subnet("Inner", 1, Name="inner", Reach="Private"),
        subnet("Outer", 2, Name="outer", Reach="Public"),
        tables=[("Inner", "T1"), ("Outer", "T2")],
        routes=[
            route("T1", "0.0.0.0/0", "nat", 13),
            route("T1", "::/0", "igw", 14),
            route("T2", "0.0.0.0/0", "igw", 15),
            route("T2", "::/0", "igw", 16),
        ],
    )


_DESTINATIONS = ("0.0.0.0/0", "::/0", "2001:db8:80::/48", "64:ff9b::/96", "fd00:1::/32", "10.0.0.0/8")


_NAMES = (
    *("front", "Net/Vpc/front", "internet", "sg-a", "W" * 60, "漢", "", "default", "unknown"),
    *("visitor", "probe-front", "eigw-probe-open", "igw-0123456789abcdef0", "subnet-0123456789abcdef0"),
)


@st.composite
def designs(draw: st.DrawFn) -> Design:
    """Draw a design of one VPC: up to four subnets, tables, routes, ACLs and groups, with names that may be equal."""
    names = st.sampled_from(_NAMES)
    count = draw(st.integers(0, 4))
    subnets = tuple(subnet(f"S{number}", number, Name=draw(names)) for number in range(count))
    tables = [f"T{number}" for number in range(draw(st.integers(1, 3)))]
    pairs = [(each.label.key.text, draw(st.sampled_from(tables))) for each in subnets if draw(st.booleans())]
    chosen = draw(st.lists(st.tuples(st.sampled_from(tables), st.sampled_from(_DESTINATIONS)), unique=True, max_size=6))
    routes = []
    for table, destination in chosen:
        words = [word for word in TARGETS if ":" in destination or word != "eigw"]
        routes.append(route(table, destination, draw(st.sampled_from(words))))
    made = design(*subnets, routes=routes, tables=pairs)
    return _filtered(draw, made, names)


def _filtered(draw: st.DrawFn, made: Design, names: st.SearchStrategy[str]) -> Design:
    """Return the design with groups and a network ACL."""
    numbers = range(draw(st.integers(0, 2)))
    groups = tuple(DesignGroup(label(f"G{n}", Name=draw(names)), VPC, "a group") for n in numbers)
    peers = st.sampled_from([ip_network("::/0"), ip_network("0.0.0.0/0"), Outside("pl-1"), Outside("sg-1"), Key("G0")])
    rules = tuple(
        DesignGroupRule(Place(f"R{n}", FILE), each.label.key, draw(st.booleans()), 6, 443, 443, draw(peers))
        for each in groups
        for n in range(draw(st.integers(0, 3)))
    )
    acl = DesignAcl(label("A", Name=draw(names)), VPC)
    entries = tuple(
        DesignAclEntry(Place("E", FILE), acl.label.key, 100, egress, -1, "allow", ip_network("::/0"))
        for egress in (True, False)
        if draw(st.booleans())
    )
    owners = tuple(each for each in made.subnets if draw(st.booleans()))
    associated = tuple(DesignAssociation(Place("AA", FILE), each.label.key, acl.label.key) for each in owners)
    return replace(
        made, groups=groups, group_rules=rules, acls=(acl,), acl_entries=entries, acl_associations=associated
    )
