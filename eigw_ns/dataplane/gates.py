"""Which gateway each destination leaves by, as disjoint ranges: what routes by longest prefix mean, flattened.

nftables has no longest-prefix match in a set of ranges, and the connection table needs to know which flows may stay:
both get ranges that do not overlap.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network
from itertools import pairwise

from eigw_ns.cloud.model import Cloud, Subnet
from eigw_ns.cloud.routing import effective_route_table, target_gateway

_LAST = 2**128 - 1


@dataclass(frozen=True, slots=True)
class Exit:
    """Where a subnet's packets to `destination` leave the VPC; `gateway_id` is None where they are swallowed."""

    destination: IPv6Network
    gateway_id: str | None


def exits(cloud: Cloud, subnet: Subnet) -> tuple[Exit, ...]:
    """The routes of the subnet's table with their live gateways."""
    table = effective_route_table(cloud, subnet)
    found = []
    for route in table.routes:
        gateway = target_gateway(cloud, table, route)
        found.append(Exit(route.destination, gateway.id if gateway else None))
    return tuple(found)


def ranges(table: Iterable[Exit], gateway_id: str) -> tuple[tuple[IPv6Address, IPv6Address], ...]:
    """The destinations that leave by this gateway, as (first, last), ascending and as few as can be."""
    ordered = sorted(table, key=lambda exit_: exit_.destination.prefixlen, reverse=True)
    edges = sorted(
        {int(exit_.destination.network_address) for exit_ in ordered}
        | {int(exit_.destination.broadcast_address) + 1 for exit_ in ordered}
    )
    found: list[tuple[int, int]] = []
    for first, following in pairwise([*edges, _LAST + 1]):
        if first > _LAST:
            continue
        winner = next((exit_ for exit_ in ordered if IPv6Address(first) in exit_.destination), None)
        if winner is None or winner.gateway_id != gateway_id:
            continue
        if found and found[-1][1] + 1 == first:
            found[-1] = (found[-1][0], following - 1)
        else:
            found.append((first, following - 1))
    return tuple((IPv6Address(first), IPv6Address(last)) for first, last in found)
