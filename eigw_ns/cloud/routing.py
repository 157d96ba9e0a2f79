"""Route tables as AWS reads them: which table a subnet uses, what state a route is in, which route wins.

Route state is computed here and nowhere else. Source: AWS, "Configure route tables",
https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Route_Tables.html
"""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import Literal

from eigw_ns.cloud.model import Cloud, Gateway, Route, RouteTable, Subnet

RouteState = Literal["active", "blackhole"]


def main_route_table(cloud: Cloud, vpc_id: str) -> RouteTable:
    """The table that subnets without an association use. Every VPC of a valid cloud has exactly one."""
    return next(table for table in cloud.route_tables.values() if table.vpc_id == vpc_id and table.main)


def effective_route_table(cloud: Cloud, subnet: Subnet) -> RouteTable:
    """The table that decides for `subnet`: the associated one, else the main one."""
    if subnet.route_table_id is not None:
        return cloud.route_tables[subnet.route_table_id]
    return main_route_table(cloud, subnet.vpc_id)


def target_gateway(cloud: Cloud, table: RouteTable, route: Route) -> Gateway | None:
    """The live gateway that `route` leads to, or None where there is none: deleted, detached or of another VPC."""
    gateway: Gateway | None = cloud.egress_only_internet_gateways.get(
        route.target_id
    ) or cloud.internet_gateways.get(route.target_id)
    return gateway if gateway is not None and gateway.vpc_id == table.vpc_id else None


def route_state(cloud: Cloud, table: RouteTable, route: Route) -> RouteState:
    """`blackhole` where the target is not available, else `active`."""
    return "blackhole" if target_gateway(cloud, table, route) is None else "active"


def longest_match(table: RouteTable, destination: IPv6Address) -> Route | None:
    """The route of `table` that wins for `destination`; a blackhole route wins like any other. Not for local ones."""
    matching = [route for route in table.routes if destination in route.destination]
    return max(matching, key=lambda route: route.destination.prefixlen, default=None)
