"""Evaluation of route tables as AWS does it: the table of a subnet, the state of a route, the route that matches.

Only this module computes route state. Source: AWS, "Configure route tables",
https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Route_Tables.html
"""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import Literal

from eigw_ns.cloud import ids
from eigw_ns.cloud.model import AnyRoute, Cloud, Gateway, Route, RouteTable, Subnet

RouteState = Literal["active", "blackhole"]


ROUTE_TARGETS = (ids.NAT_GATEWAY, "eni", ids.INSTANCE, "pcx", "tgw", "vpce", "vgw")
"""Prefixes of ids, besides those of gateways, that a route can lead to. Such a route drops packets."""

_RECORDED = frozenset({"eni", "pcx", "tgw", "vpce", "vgw"})
"""Prefixes of the ids of targets that a lab does not have."""


def main_route_table(cloud: Cloud, vpc_id: str) -> RouteTable:
    """Return the route table that subnets without an explicit association use.

    Every VPC of a valid cloud has exactly one.
    """
    return next(table for table in cloud.route_tables.values() if table.vpc_id == vpc_id and table.main)


def effective_route_table(cloud: Cloud, subnet: Subnet) -> RouteTable:
    """Return the route table that `subnet` uses: the associated table, or else the main table of the VPC."""
    if subnet.route_table_id is not None:
        return cloud.route_tables[subnet.route_table_id]
    return main_route_table(cloud, subnet.vpc_id)


def target_gateway(cloud: Cloud, table: RouteTable, route: AnyRoute) -> Gateway | None:
    """Return the gateway that `route` leads to.

    Returns None if the gateway was deleted, is detached, or is attached to another VPC.
    """
    gateway: Gateway | None = cloud.egress_only_internet_gateways.get(route.target_id) or cloud.internet_gateways.get(
        route.target_id
    )
    return gateway if gateway is not None and gateway.vpc_id == table.vpc_id else None


def route_state(cloud: Cloud, table: RouteTable, route: AnyRoute) -> RouteState:
    """Return `blackhole` if the target of the route is not available, else `active`.

    A target that a lab does not have, such as a transit gateway, counts as available: it is recorded, and the lab drops
    the packets. It drops those to a NAT gateway too.
    """
    nat = cloud.nat_gateways.get(route.target_id)
    if nat is not None:
        return "active" if nat.vpc_id == table.vpc_id else "blackhole"
    if ids.kind_of(route.target_id) in _RECORDED or route.target_id in cloud.instances:
        return "active"
    return "blackhole" if target_gateway(cloud, table, route) is None else "active"


def longest_match(table: RouteTable, destination: IPv6Address) -> Route | None:
    """Return the route in `table` with the longest prefix that contains `destination`, or None.

    A blackhole route takes part like any other. Do not call this for addresses in the VPC: the `local` route is not in
    `table`.
    """
    matching = [route for route in table.routes if destination in route.destination]
    return max(matching, key=lambda route: route.destination.prefixlen, default=None)
