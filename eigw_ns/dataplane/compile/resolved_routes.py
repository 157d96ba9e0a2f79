"""Resolved routes: which gateway packets to each destination leave by, as disjoint ranges.

nftables has no longest-prefix match in a set of ranges, and the connection table needs to know which flows may stay.
Both get ranges that do not overlap.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from ipaddress import IPv6Network
from itertools import pairwise

from eigw_ns.cloud.model import Cloud, RouteTable
from eigw_ns.cloud.routing import target_gateway
from eigw_ns.dataplane.compile.ranges import Range, address_range, merged
from eigw_ns.frozen import frozen

LOCAL = "local"
"""The target of the route to the VPC's own block, as AWS calls it."""


@frozen
class ResolvedRoute:
    """A resolved route: packets of a subnet to `destination` leave by this gateway, or are dropped if it is None."""

    destination: IPv6Network
    gateway_id: str | None


def resolved_routes(cloud: Cloud, table: RouteTable) -> tuple[ResolvedRoute, ...]:
    """Return the routes of the table with their existing gateways, without the local route."""
    found = []
    for route in table.routes:
        gateway = target_gateway(cloud, table, route)
        found.append(ResolvedRoute(route.destination, gateway.id if gateway else None))
    return tuple(found)


def ranges(table: Iterable[ResolvedRoute], gateway_ids: Collection[str]) -> list[Range]:
    """Return the destinations that leave by one of these gateways, ascending, in as few ranges as possible."""
    spans = [(address_range(route.destination), route) for route in table]
    edges = sorted({first for (first, _), _ in spans} | {last + 1 for (_, last), _ in spans})
    found = []
    for first, following in pairwise(edges):
        matching = [route for (low, high), route in spans if low <= first <= high]
        winner = max(matching, key=lambda route: route.destination.prefixlen, default=None)
        if winner is not None and winner.gateway_id in gateway_ids:
            found.append((first, following - 1))
    return merged(found)
