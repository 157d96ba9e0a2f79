"""The class of a subnet by address family: who may begin connections, the internet, the subnet, or neither.

Only this module decides it, by routes alone: instances can get other security groups at any time. A route counts if it
decides about a part of the internet, which means that more specific routes do not cover that part.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from itertools import takewhile
from typing import Generic, Literal, TypeVar

from eigw_ns.cloud import ids
from eigw_ns.cloud.addressing import GLOBAL_UNICAST
from eigw_ns.cloud.list_references import destinations, expanded
from eigw_ns.cloud.model import (
    UNKNOWN,
    Cloud,
    EgressOnlyInternetGateway,
    InternetGateway,
    Ipv4Route,
    Route,
    RouteTable,
    Subnet,
)
from eigw_ns.cloud.routing import effective_route_table, target_gateway
from eigw_ns.frozen import frozen

FamilyClass = Literal["unknown", "public", "nat", "egress-only", "inspected", "none", "absent"]
"""What connects a subnet to the internet in one family.

`public`: an internet gateway, so both sides may begin. `nat` (IPv4) and `egress-only` (IPv6): only the subnet may.
`inspected`: an appliance, a firewall endpoint or another network decides. `none`: no gateway. `absent`: the subnet has
no block of the family. `unknown`: nobody can tell.

If several IPv6 routes decide, the first class in this order counts: a subnet is public if a part of the internet
reaches it. If several IPv4 routes decide, the widest counts, because IPv4 is what IPv6 is compared with. In both,
unknown ones come first.
"""

_ORDER: tuple[FamilyClass, ...] = ("unknown", "public", "nat", "egress-only", "inspected", "none")
_ELSEWHERE = frozenset({"eni", ids.INSTANCE, "pcx", "tgw", "vpce", "vgw"})
_INTERNET = IPv4Network("0.0.0.0/0")
_PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")))
"""RFC 1918 and RFC 6598: addresses that the internet does not use."""

R = TypeVar("R", Route, Ipv4Route)
N = TypeVar("N", IPv4Network, IPv6Network)


@frozen
class SubnetClass:
    """The class of a subnet in both families."""

    ipv4: FamilyClass
    ipv6: FamilyClass


@frozen
class DecidingRoute(Generic[R]):
    """A route that decides about a part of the internet, and the class that it alone would give."""

    route: R
    gives: FamilyClass


def subnet_class(cloud: Cloud, subnet: Subnet) -> SubnetClass:
    """Return the class of a subnet by its effective route table."""
    return _of(subnet, _table_class(cloud, effective_route_table(cloud, subnet)))


def subnet_classes(cloud: Cloud) -> dict[str, SubnetClass]:
    """Return the class of each subnet by its id. Each route table is evaluated once."""
    tables = {subnet.id: effective_route_table(cloud, subnet) for subnet in cloud.subnets.values()}
    known = {table.id: _table_class(cloud, table) for table in {each.id: each for each in tables.values()}.values()}
    return {subnet.id: _of(subnet, known[tables[subnet.id].id]) for subnet in cloud.subnets.values()}


def _table_class(cloud: Cloud, table: RouteTable) -> SubnetClass:
    return SubnetClass(_first(deciding_ipv4_routes(cloud, table)), _first(deciding_ipv6_routes(cloud, table)))


def _of(subnet: Subnet, by_routes: SubnetClass) -> SubnetClass:
    return SubnetClass(
        by_routes.ipv4 if subnet.cidr_block is not None else "absent",
        by_routes.ipv6 if subnet.ipv6_association is not None else "absent",
    )


def deciding_ipv6_routes(cloud: Cloud, table: RouteTable) -> tuple[DecidingRoute[Route], ...]:
    """Return the IPv6 routes that decide about a part of 2000::/3, the one that gives the class first."""
    if table.prefix_list_routes:
        table = expanded(cloud).route_tables[table.id]
    parts = {route: _part(route.destination, GLOBAL_UNICAST) for route in table.routes}
    deciding = _uncovered({route: part for route, part in parts.items() if part is not None})
    return tuple(sorted(_deciding(cloud, table, deciding), key=_rank))


def deciding_ipv4_routes(cloud: Cloud, table: RouteTable) -> tuple[DecidingRoute[Ipv4Route], ...]:
    """Return the IPv4 routes that decide about a part of the internet, the one that gives the class first."""
    outside = (each for each in _ipv4_routes(cloud, table) if not any(map(each.destination.subnet_of, _PRIVATE)))
    found = _deciding(cloud, table, _uncovered({route: route.destination for route in outside}))
    return tuple(
        sorted(found, key=lambda each: (each.gives != "unknown", each.route.destination.prefixlen, _rank(each)))
    )


def _ipv4_routes(cloud: Cloud, table: RouteTable) -> Iterable[Ipv4Route]:
    """Return the IPv4 routes, with one for each entry of prefix lists. Of equal blocks, the route to a block counts."""
    found = {route.destination: route for route in table.ipv4_routes}
    for route in table.prefix_list_routes:
        for block in destinations(cloud, route):
            if isinstance(block, IPv4Network):
                found.setdefault(block, Ipv4Route(block, route.target_id))
    return found.values()


def _first(deciding: tuple[DecidingRoute[R], ...]) -> FamilyClass:
    return deciding[0].gives if deciding else "none"


def _deciding(cloud: Cloud, table: RouteTable, routes: tuple[R, ...]) -> Iterable[DecidingRoute[R]]:
    return (DecidingRoute(route, _gives(cloud, table, route)) for route in routes)


def _width(deciding: DecidingRoute[Ipv4Route]) -> tuple[bool, int, int]:
    return deciding.gives != "unknown", deciding.route.destination.prefixlen, _rank(deciding)


def _rank(deciding: DecidingRoute[R]) -> int:
    return _ORDER.index(deciding.gives)


def _part(destination: IPv6Network, space: IPv6Network) -> IPv6Network | None:
    """Return the part of the destination that is in the space; None if they do not overlap."""
    if destination.subnet_of(space):
        return destination
    return space if space.subnet_of(destination) else None


def _uncovered(parts: dict[R, N]) -> tuple[R, ...]:
    """Return the routes of which routes with longer prefixes do not cover the whole part.

    Of two routes with the same part, the longer prefix wins: `2000::/3` before `::/0`.
    """
    ordered = sorted(parts.items(), key=lambda pair: (pair[1].network_address, pair[0].destination.prefixlen))
    return tuple(route for index, (route, part) in enumerate(ordered) if not _covered(part, ordered[index + 1 :]))


def _covered(part: N, following: Iterable[tuple[R, N]]) -> bool:
    """Return whether the parts that begin in `part` cover it. They follow it in the order of addresses."""
    inside = takewhile(part.supernet_of, (other for _, other in following))
    return part in collapse_addresses(inside)


def _gives(cloud: Cloud, table: RouteTable, route: Route | Ipv4Route) -> FamilyClass:
    if route.target_id == UNKNOWN:
        return "unknown"
    if route.target_id in cloud.nat_gateways:
        return "nat" if isinstance(route, Ipv4Route) else "none"
    if ids.kind_of(route.target_id) in _ELSEWHERE:
        return "inspected"
    match target_gateway(cloud, table, route):
        case InternetGateway():
            return "public"
        case EgressOnlyInternetGateway():
            return "egress-only"
        case None:
            return "none"
