"""Explain compiled routes in AWS's terms: the route table that decided, the route, and its state."""

from __future__ import annotations

from ipaddress import IPv6Network

from eigw_ns.cloud.addressing import is_reserved
from eigw_ns.cloud.model import BLACKHOLE, UNKNOWN, RouteTable, Subnet
from eigw_ns.cloud.model import Route as TableRoute
from eigw_ns.cloud.nodes import INTERNET, internet_id
from eigw_ns.cloud.routing import longest_match, route_state, target_gateway
from eigw_ns.dataplane.compile.notation import block_text
from eigw_ns.dataplane.compile.resolved_routes import LOCAL
from eigw_ns.dataplane.state import Route
from eigw_ns.dataplane.trace import words
from eigw_ns.dataplane.trace.addresses import is_forwarded
from eigw_ns.dataplane.trace.model import Hop, Reason, RouteUsed
from eigw_ns.dataplane.trace.scene import Component
from eigw_ns.dataplane.trace.step import Step


def leave_subnet(step: Step, subnet: Subnet, compiled: Route) -> Hop:
    """Return the decision of the route table of the subnet that the packet leaves.

    `compiled` is the matching route in the subnet's FIB.
    """
    table, there = step.index.table(subnet), step.packet.destination
    where, block = (table.id, table.name), step.index.vpc_block(subnet, there)
    if block is not None:
        used, text = RouteUsed(table, block, LOCAL), f"{block} → local"
        return step.passes(where, Reason.LOCAL, text, used, outwards=True)
    route = next((route for route in table.routes if block_text(route.destination) == compiled.destination), None)
    if route is None:
        text = f"has no route for {there}"
        return step.drops(where, Reason.NO_ROUTE_TO_DESTINATION, text, RouteUsed(table), outwards=True)
    used, text = _used(step, table, route)
    if compiled.blackhole:
        return step.drops(where, _lost(route), text, used, outwards=True)
    return step.passes(where, Reason.ROUTED, text, used, outwards=True)


def cross_internet(step: Step, compiled: Route, *, own: bool = False) -> Hop:
    """Return the decision of the internet: deliver to a host, or send a packet for a subnet to that subnet's gateway.

    The subnet's gateway is the one through which the subnet would answer. `own` packets are the router's, such as
    answers to a ping.
    """
    where = internet_id(step.index.cloud.lab), INTERNET
    if not (own or is_forwarded(step.packet.source)):
        text = f"no router forwards packets from {step.packet.source}"
        return step.drops(where, Reason.SOURCE_NOT_GLOBAL, text)
    if step.packet.destination.is_multicast:
        return step.drops(where, Reason.MULTICAST_NOT_FORWARDED, "its router does not forward multicast packets")
    subnet = step.index.subnet_at(step.packet.destination)
    if subnet is not None:
        return _mirror(step, where, subnet, compiled)
    if compiled.blackhole:
        return step.drops(where, Reason.NO_ROUTE_TO_DESTINATION, f"no host has {step.packet.destination}")
    return step.passes(where, Reason.ROUTED, f"delivers to {step.packet.destination}")


def no_instance(step: Step, subnet: Subnet) -> Hop:
    """Return the decision of a subnet of which no instance has the packet's destination."""
    there, where = step.packet.destination, (subnet.id, subnet.name)
    if is_reserved(subnet.ipv6_cidr_block, there):
        return step.drops(where, Reason.RESERVED_ADDRESS, f"AWS reserves {there} in the subnet")
    return step.drops(where, Reason.NO_ROUTE_TO_DESTINATION, f"no instance has {there}")


def _mirror(step: Step, where: Component, subnet: Subnet, compiled: Route) -> Hop:
    """Return the decision by the subnet's own route to the packet's source: packets enter by the way answers leave."""
    table, source = step.index.table(subnet), step.packet.source
    if compiled.destination == block_text(IPv6Network(step.packet.destination)):  # a sender whose address is forged
        text = f"{step.packet.destination} is in subnet {subnet.name}, not on the internet"
        return step.drops(where, Reason.NO_ROUTE_TO_DESTINATION, text)
    found = compiled.destination == block_text(subnet.ipv6_cidr_block)
    route = longest_match(table, source) if found else None
    if route is None:
        text = f"route table {table.name} has no route back to {source}"
        return step.drops(where, Reason.NO_ROUTE_TO_DESTINATION, text, RouteUsed(table))
    used, text = _used(step, table, route)
    text = f"the way back in route table {table.name} is {text}"
    if compiled.blackhole:
        return step.drops(where, _lost(route), text, used)
    return step.passes(where, Reason.ROUTED, text, used)


def _lost(route: TableRoute) -> Reason:
    """Return why a route without a gateway drops packets."""
    return Reason.UNKNOWN_TARGET if route.target_id == UNKNOWN else Reason.BAD_STATE_ROUTE


def _used(step: Step, table: RouteTable, route: TableRoute) -> tuple[RouteUsed, str]:
    """Return the route with its state, and its description."""
    cloud = step.index.cloud
    state = route_state(cloud, table, route)
    used = RouteUsed(table, route.destination, route.target_id, state, route.prefix_list_id)
    gateway = target_gateway(cloud, table, route)
    listed = words.of_list(cloud, route.prefix_list_id)
    return used, f"{route.destination}{listed} → {gateway.name if gateway else _gone(route.target_id)}"


def _gone(target_id: str) -> str:
    """Return a target that is not a gateway in words."""
    if target_id == UNKNOWN:
        return "an unknown target"
    return BLACKHOLE if target_id == BLACKHOLE else f"{BLACKHOLE} ({target_id})"
