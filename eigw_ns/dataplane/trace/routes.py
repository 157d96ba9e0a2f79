"""What the compiled routes mean in AWS's words: whose route table decided, by which route, in which state."""

from __future__ import annotations

from eigw_ns.cloud.model import BLACKHOLE, RouteTable, Subnet
from eigw_ns.cloud.model import Route as TableRoute
from eigw_ns.cloud.nodes import INTERNET, internet_id
from eigw_ns.cloud.routing import longest_match, route_state, target_gateway
from eigw_ns.dataplane.gates import LOCAL
from eigw_ns.dataplane.notation import block_text
from eigw_ns.dataplane.state import Route
from eigw_ns.dataplane.trace.model import Hop, Reason, RouteUsed
from eigw_ns.dataplane.trace.step import Component, Step


def leave_subnet(step: Step, subnet: Subnet, compiled: Route) -> Hop:
    """The route table of the subnet that the packet leaves; `compiled` is the route in the subnet's FIB."""
    table, there = step.scene.table(subnet), step.packet.destination
    where, block = (table.id, table.name), step.scene.vpc_block(subnet)
    if there in block:
        used, text = RouteUsed(table, block, LOCAL), f"{block} → local"
        return step.passes(where, Reason.LOCAL, text, used, outwards=True)
    route = next((route for route in table.routes if block_text(route.destination) == compiled.destination), None)
    if route is None:
        text = f"has no route for {there}"
        return step.drops(where, Reason.NO_ROUTE_TO_DESTINATION, text, RouteUsed(table), outwards=True)
    used, text = _used(step, table, route)
    if compiled.blackhole:
        return step.drops(where, Reason.BAD_STATE_ROUTE, text, used, outwards=True)
    return step.passes(where, Reason.ROUTED, text, used, outwards=True)


def cross_internet(step: Step, compiled: Route) -> Hop:
    """The internet delivers to its hosts; what is for a subnet goes to the gateway that the subnet answers through."""
    where = internet_id(step.scene.cloud.lab), INTERNET
    subnet = step.scene.subnet_at(step.packet.destination)
    if subnet is not None:
        return _mirror(step, where, subnet, compiled)
    if compiled.blackhole:
        return step.drops(where, Reason.NO_ROUTE_TO_DESTINATION, f"nobody there has {step.packet.destination}")
    return step.passes(where, Reason.ROUTED, f"delivers to {step.packet.destination}")


def _mirror(step: Step, where: Component, subnet: Subnet, compiled: Route) -> Hop:
    """The route of the subnet's own table for the packet's source: the way in is the way out."""
    table, source = step.scene.table(subnet), step.packet.source
    found = compiled.destination == block_text(subnet.ipv6_cidr_block)
    route = longest_match(table, source) if found else None
    if route is None:
        text = f"route table {table.name} has no route back to {source}"
        return step.drops(where, Reason.NO_ROUTE_TO_DESTINATION, text, RouteUsed(table))
    used, text = _used(step, table, route)
    text = f"the way back in route table {table.name} is {text}"
    if compiled.blackhole:
        return step.drops(where, Reason.BAD_STATE_ROUTE, text, used)
    return step.passes(where, Reason.ROUTED, text, used)


def _used(step: Step, table: RouteTable, route: TableRoute) -> tuple[RouteUsed, str]:
    """The route with its state, and in words."""
    cloud = step.scene.cloud
    used = RouteUsed(table, route.destination, route.target_id, route_state(cloud, table, route))
    gateway = target_gateway(cloud, table, route)
    gone = "" if route.target_id == BLACKHOLE else f" ({route.target_id})"
    return used, f"{route.destination} → {gateway.name if gateway else f'blackhole{gone}'}"
