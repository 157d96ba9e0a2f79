"""CreateRoute, ReplaceRoute, DeleteRoute.

Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRoute.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv6Network

from eigw_ns.cloud import ids
from eigw_ns.cloud.addressing import NEVER_ROUTED
from eigw_ns.cloud.aws_words import lacking_id
from eigw_ns.cloud.ec2.blocks import ipv4_block, ipv6_block
from eigw_ns.cloud.ec2.checks import invalid, one_of
from eigw_ns.cloud.ec2.resources import EGRESS_ONLY_INTERNET_GATEWAY, ROUTE_TABLE
from eigw_ns.cloud.ec2.schema import Reply, Request
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.model import Cloud, Gateway, Route, RouteTable
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError, Remedy, RemedyCode

_IPV6, _IPV4 = "DestinationIpv6CidrBlock", "DestinationCidrBlock"
_EGRESS_ONLY = "EgressOnlyInternetGatewayId"


def create(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Add a route to a route table.

    A request for a route that exists succeeds. A second target for the same destination is an error.
    """
    table, route = _asked(cloud, request)
    existing = _find(table, route.destination)
    if existing == route:
        return Reply(cloud, {"Return": True})
    if existing is not None:
        raise CloudError("RouteAlreadyExists", f"The route identified by {route.destination} already exists.")
    if len(table.routes) >= settings.quotas.routes_per_route_table:
        message = f"The maximum number of routes for route table '{table.id}' has been reached."
        raise CloudError("RouteLimitExceeded", message)
    return Reply(_with(cloud, table, (*table.routes, route)), {"Return": True})


def replace_route(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Replace the target of a route, which can be in state blackhole."""
    table, route = _asked(cloud, request)
    existing = _find(table, route.destination)
    if existing is None:
        message = f"There is no route defined for '{route.destination}' in the route table. Use CreateRoute instead."
        raise invalid(message)
    if existing == route:
        return Reply(cloud, {})
    return Reply(_with(cloud, table, (*_others(table, existing), route)), {})


def delete(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Delete the route with exactly the given destination. The local route cannot be deleted."""
    table = ROUTE_TABLE.find(cloud, request["RouteTableId"])
    name = one_of(request, _IPV6, _IPV4)
    text = request[name]
    destination = ipv6_block(text, name) if name == _IPV6 else ipv4_block(text, name)
    if destination == cloud.vpcs[table.vpc_id].ipv6_cidr_block:
        raise invalid(f"cannot remove local route {destination} in route table {table.id}")
    existing = _find(table, destination) if isinstance(destination, IPv6Network) else None
    if existing is None:
        message = f"no route with destination-cidr-block {destination} in route table {table.id}"
        raise CloudError("InvalidRoute.NotFound", message)
    return Reply(_with(cloud, table, _others(table, existing)), {})


def _asked(cloud: Cloud, request: Request) -> tuple[RouteTable, Route]:
    """Return the table and the route that the request gives. Raises CloudError if AWS would refuse the route."""
    table = ROUTE_TABLE.find(cloud, request["RouteTableId"])
    target = one_of(request, _EGRESS_ONLY, "GatewayId")
    destination = _destination(cloud, table, request, target)
    gateway = _gateway(cloud, target, request[target])
    if gateway.vpc_id != table.vpc_id:
        raise invalid(f"route table {table.id} and network gateway {gateway.id} belong to different networks")
    return table, Route(destination, gateway.id)


def _destination(cloud: Cloud, table: RouteTable, request: Request, target: str) -> IPv6Network:
    name = one_of(request, _IPV6, _IPV4)
    if name == _IPV4:
        block = ipv4_block(request[name], name)
        reason = "an egress-only internet gateway is IPv6-only" if target == _EGRESS_ONLY else "this VPC has no IPv4"
        raise invalid(f"The destination CIDR block {block} cannot be routed to {shorten(request[target])}: {reason}")
    destination = ipv6_block(request[name], name)
    local = cloud.vpcs[table.vpc_id].ipv6_cidr_block
    if destination.subnet_of(local):
        raise invalid(
            f"The destination CIDR block {destination} is equal to or more specific than one of this VPC's CIDR"
            " blocks. This route can target only an interface or an instance."
        )
    for space, words in NEVER_ROUTED.items():
        if destination.subnet_of(space):
            raise invalid(f"The destination CIDR block {destination} is in {words}, which is never routed")
    return destination


def _gateway(cloud: Cloud, parameter: str, gateway_id: str) -> Gateway:
    if parameter == _EGRESS_ONLY:
        return EGRESS_ONLY_INTERNET_GATEWAY.find(cloud, gateway_id)
    gateway = cloud.internet_gateways.get(gateway_id)
    if gateway is None:  # the id can also be that of a virtual private gateway, so AWS does not check its form
        remedy = Remedy(RemedyCode.GIVE_EGRESS_ONLY_GATEWAY, gateway_id) if _is_egress_only(gateway_id) else None
        message = f"The gateway ID '{shorten(gateway_id)}' does not exist"
        raise CloudError("InvalidGatewayID.NotFound", message, hint=lacking_id(gateway_id), remedy=remedy)
    return gateway


def _is_egress_only(gateway_id: str) -> bool:
    return ids.kind_of(gateway_id) == ids.EGRESS_ONLY_INTERNET_GATEWAY


def _find(table: RouteTable, destination: IPv6Network) -> Route | None:
    return next((route for route in table.routes if route.destination == destination), None)


def _others(table: RouteTable, route: Route) -> Iterable[Route]:
    return (other for other in table.routes if other != route)


def _with(cloud: Cloud, table: RouteTable, routes: Iterable[Route]) -> Cloud:
    ordered = tuple(sorted(routes, key=lambda route: route.destination))
    return ROUTE_TABLE.put(cloud, replace(table, routes=ordered))
