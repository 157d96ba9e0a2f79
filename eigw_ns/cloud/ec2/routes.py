"""CreateRoute, ReplaceRoute, DeleteRoute.

Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRoute.html
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network

from eigw_ns.cloud import ids
from eigw_ns.cloud.addressing import NEVER_ROUTED
from eigw_ns.cloud.aws_words import lacking_id
from eigw_ns.cloud.ec2.blocks import ipv4_block, ipv6_block, within
from eigw_ns.cloud.ec2.checks import invalid, one_of
from eigw_ns.cloud.ec2.resources import EGRESS_ONLY_INTERNET_GATEWAY, INSTANCE, PREFIX_LIST, ROUTE_TABLE
from eigw_ns.cloud.ec2.schema import Reply, Request
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.list_references import destinations, routes_counted
from eigw_ns.cloud.model import AnyRoute, Block, Cloud, Gateway, Ipv4Route, Route, RouteTable
from eigw_ns.cloud.prefix_lists import PrefixListRoute
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError, Remedy, RemedyCode

_IPV6, _IPV4, _LIST = "DestinationIpv6CidrBlock", "DestinationCidrBlock", "DestinationPrefixListId"
_EGRESS_ONLY = "EgressOnlyInternetGatewayId"
_GATEWAYS = (_EGRESS_ONLY, "GatewayId")
_MACHINES = ("InstanceId", "NetworkInterfaceId", "VpcEndpointId")
"""Targets to which AWS routes a part of a VPC's block."""

_MACHINE_KINDS = (ids.INSTANCE, "eni", "vpce")
"""The prefixes of their ids."""

_NAT = "NatGatewayId"
_PREFIXES = {
    _NAT: ids.NAT_GATEWAY,
    "NetworkInterfaceId": "eni",
    "TransitGatewayId": "tgw",
    "VpcEndpointId": "vpce",
    "VpcPeeringConnectionId": "pcx",
}
"""The prefix of the id in each parameter that names a target of another kind."""

_TARGETS = (*_GATEWAYS, "InstanceId", *_PREFIXES)


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
    changed = _with(cloud, table, None, route)
    check_quota(cloud, changed, table.id, settings)
    return Reply(changed, {"Return": True})


def check_quota(before: Cloud, after: Cloud, table_id: str, settings: Settings) -> None:
    """Raise RouteLimitExceeded if the table gets too many routes of an IP version. A list counts by its maximum."""
    for version in (4, 6):
        old, new = (routes_counted(cloud, cloud.route_tables[table_id], version) for cloud in (before, after))
        if new > max(old, settings.quotas.routes_per_route_table):
            message = f"The maximum number of routes for route table '{table_id}' has been reached."
            raise CloudError("RouteLimitExceeded", message)


def replace_route(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Replace the target of a route, which can be in state blackhole."""
    table, route = _asked(cloud, request)
    existing = _find(table, route.destination)
    if existing is None:
        message = f"There is no route defined for '{route.destination}' in the route table. Use CreateRoute instead."
        raise invalid(message)
    if existing == route:
        return Reply(cloud, {})
    return Reply(_with(cloud, table, existing, route), {})


def delete(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Delete the route with exactly the given destination. A local route cannot be deleted."""
    table = ROUTE_TABLE.find(cloud, request["RouteTableId"])
    name = one_of(request, _IPV6, _IPV4, _LIST)
    destination = _named(request, name)
    if destination in cloud.vpcs[table.vpc_id].blocks:
        raise invalid(f"cannot remove local route {destination} in route table {table.id}")
    existing = _find(table, destination)
    if existing is None:
        kind = "destination-prefix-list-id" if name == _LIST else "destination-cidr-block"
        message = f"no route with {kind} {destination} in route table {table.id}"
        raise CloudError("InvalidRoute.NotFound", message)
    return Reply(_with(cloud, table, existing, None), {})


def _asked(cloud: Cloud, request: Request) -> tuple[RouteTable, AnyRoute]:
    """Return the table and the route that the request gives. Raises CloudError if AWS would refuse the route."""
    table = ROUTE_TABLE.find(cloud, request["RouteTableId"])
    target = one_of(request, *_TARGETS)
    name = one_of(request, _IPV6, _IPV4, _LIST)
    destination = _named(request, name)
    if isinstance(destination, str):
        PREFIX_LIST.find(cloud, destination)
    asked = _route(destination, request[target])
    check_destinations(cloud, table, asked, target)
    return table, _route(destination, _target(cloud, table, target, request[target]))


def _route(destination: Block | str, target_id: str) -> AnyRoute:
    if isinstance(destination, str):
        return PrefixListRoute(destination, target_id)
    if isinstance(destination, IPv4Network):
        return Ipv4Route(destination, target_id)
    return Route(destination, target_id)


def _named(request: Request, name: str) -> Block | str:
    """Return the destination in the parameter `name`: a block, or the id of a prefix list."""
    text = request[name]
    if name == _LIST:
        PREFIX_LIST.check_form(text)
        return str(text)
    return ipv6_block(text, name) if name == _IPV6 else ipv4_block(text, name)


def check_destinations(cloud: Cloud, table: RouteTable, route: AnyRoute, target: str = "") -> None:
    """Raise InvalidParameterValue if AWS would refuse a block to which the route leads.

    `target` is the parameter that gives the target; by default, what its id says.
    """
    machine = target in _MACHINES if target else ids.kind_of(route.target_id) in _MACHINE_KINDS
    if isinstance(route, PrefixListRoute) and cloud.prefix_lists[route.prefix_list_id].ip_version == 4:
        _check_family(route, target)
    for destination in destinations(cloud, route):
        if isinstance(destination, IPv4Network):
            _check_family(route, target)
        _check_block(cloud, table, destination, machine=machine)


def _check_family(route: AnyRoute, target: str) -> None:
    if target == _EGRESS_ONLY:
        reason = "an egress-only internet gateway is IPv6-only"
        raise invalid(
            f"The destination CIDR block {route.destination} cannot be routed to {shorten(route.target_id)}: {reason}"
        )


def _check_block(cloud: Cloud, table: RouteTable, destination: Block, *, machine: bool) -> None:
    for block in cloud.vpcs[table.vpc_id].blocks:
        if destination == block or (not machine and within(destination, block)):
            raise invalid(
                f"The destination CIDR block {destination} is equal to or more specific than one of this VPC's CIDR"
                " blocks. This route can target only an interface or an instance."
            )
    for space, words in NEVER_ROUTED.items():
        if within(destination, space):
            raise invalid(f"The destination CIDR block {destination} is in {words}, which is never routed")


def _target(cloud: Cloud, table: RouteTable, parameter: str, target_id: str) -> str:
    """Return the id of the target, after AWS's checks. A kind that a lab does not have is only checked by its form."""
    if parameter in _GATEWAYS:
        return _gateway(cloud, table, parameter, target_id).id if not _is_recorded(target_id) else target_id
    if parameter == "InstanceId":
        return INSTANCE.find(cloud, target_id).id
    prefix = _PREFIXES[parameter]
    if ids.kind_of(target_id) != prefix:
        raise CloudError("InvalidParameterValue", f'Invalid id: "{shorten(target_id)}" (expecting "{prefix}-...")')
    return _nat_gateway(cloud, table, target_id) if parameter == _NAT else target_id


def _nat_gateway(cloud: Cloud, table: RouteTable, target_id: str) -> str:
    """Return the id of a NAT gateway of the table's VPC. AWS has another code for it here than in its own actions."""
    gateway = cloud.nat_gateways.get(target_id)
    if gateway is None:
        message = f"The natGateway ID '{shorten(target_id)}' does not exist"
        raise CloudError("InvalidNatGatewayID.NotFound", message)
    if gateway.vpc_id != table.vpc_id:
        raise _other_network(table, gateway.id)
    return gateway.id


def _other_network(table: RouteTable, gateway_id: str) -> CloudError:
    return invalid(f"route table {table.id} and network gateway {gateway_id} belong to different networks")


def _is_recorded(target_id: str) -> bool:
    """Return whether GatewayId can name a target of this kind, which a lab does not have."""
    return ids.kind_of(target_id) in ("vgw", "vpce")


def _gateway(cloud: Cloud, table: RouteTable, parameter: str, gateway_id: str) -> Gateway:
    gateway = _find_gateway(cloud, parameter, gateway_id)
    if gateway.vpc_id != table.vpc_id:
        raise _other_network(table, gateway.id)
    return gateway


def _find_gateway(cloud: Cloud, parameter: str, gateway_id: str) -> Gateway:
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


def _find(table: RouteTable, destination: Block | str) -> AnyRoute | None:
    return next((route for route in table.all_routes if route.destination == destination), None)


def _with(cloud: Cloud, table: RouteTable, gone: AnyRoute | None, new: AnyRoute | None) -> Cloud:
    """Return the cloud in which the table has the route `new`, in place of `gone` if there is one."""
    changed = (new if route == gone else route for route in (*table.all_routes, None if gone else new))
    wanted = [route for route in changed if route is not None]
    ipv6 = sorted((each for each in wanted if isinstance(each, Route)), key=lambda route: route.destination)
    ipv4 = sorted((each for each in wanted if isinstance(each, Ipv4Route)), key=lambda route: route.destination)
    lists = tuple(each for each in wanted if isinstance(each, PrefixListRoute))
    return ROUTE_TABLE.put(cloud, replace(table, routes=tuple(ipv6), ipv4_routes=tuple(ipv4), prefix_list_routes=lists))
