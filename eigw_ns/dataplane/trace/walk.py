"""Walk one packet through the compiled state, from namespace to namespace, until it arrives or is dropped."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv6Address

from eigw_ns.cloud.model import Subnet
from eigw_ns.cloud.nodes import internet_id
from eigw_ns.dataplane.compile.names import BRIDGE, FABRIC_LINK, ROUTER_LINK_LOCAL, UPLINK
from eigw_ns.dataplane.trace import filters, routes
from eigw_ns.dataplane.trace.addresses import LOOPBACK
from eigw_ns.dataplane.trace.model import Hop, Reason
from eigw_ns.dataplane.trace.network import End
from eigw_ns.dataplane.trace.step import Step

_ROUTER = IPv6Address(ROUTER_LINK_LOCAL)


def walk(step: Step, sender_id: str) -> Iterator[Hop]:
    """Yield the hops, up to the packet's arrival or the first hop that drops it.

    The sender is an instance, an internet host or a router: a subnet or the internet.
    """
    yield step.sent_by(sender_id)
    index, packet = step.index, step.packet
    namespace = index.namespace(sender_id)
    for hop in _leave(step, namespace):
        yield hop
        if not hop.passed:
            return
    while not _has(step, namespace):
        route = index.network.look_up(namespace, packet.source, packet.destination)
        namespace, link = index.network.transmit(route, packet.destination)
        for hop in _enter(step, (namespace, link)):
            yield hop
            if not hop.passed:
                return
    yield step.arrives_at(index.network.ids[namespace])


def _has(step: Step, namespace: str) -> bool:
    """Return whether the packet's destination is an address of the namespace, or in a prefix of its instance."""
    there, network = step.packet.destination, step.index.network
    if there in LOOPBACK or network.has(namespace, there):
        return True
    instance = step.index.cloud.instances.get(network.ids[namespace])
    return instance is not None and instance.owns(there)


def _leave(step: Step, namespace: str) -> Iterator[Hop]:
    """Yield what the sender itself decides about a destination to which it does not send by its default route."""
    there, sender_id = step.packet.destination, step.index.network.ids[namespace]
    where = step.index.component(sender_id)
    if there.ipv4_mapped is not None:
        text = f"Linux sends IPv4 packets to {there.ipv4_mapped}, and {where[1]} has only IPv6"
        yield step.drops(where, Reason.NOT_IPV6, text, outwards=True)
    elif there.is_link_local and there != _ROUTER and not _has(step, namespace):
        text = f"no machine on the link of {where[1]} has {there}"
        yield step.drops(where, Reason.NOT_ON_LINK, text, outwards=True)
    elif sender_id == internet_id(step.index.cloud.lab):
        compiled = step.index.network.look_up(namespace, step.packet.source, there)
        yield routes.cross_internet(step, compiled, own=True)


def _enter(step: Step, place: End) -> Iterator[Hop]:
    """Yield the decisions in the namespace that the packet enters by this interface, including its route."""
    namespace, link = place
    index = step.index
    owner = index.network.ids[namespace]
    subnet, gateway = index.cloud.subnets.get(owner), index.gateway(owner)
    if subnet is not None:
        yield from _enter_subnet(step, subnet, place)
    elif gateway is not None:
        yield filters.cross_gateway(step, gateway, inwards=link == UPLINK)
    elif owner == internet_id(index.cloud.lab):
        if not _has(step, namespace):
            compiled = index.network.look_up(namespace, step.packet.source, step.packet.destination)
            yield routes.cross_internet(step, compiled)
    elif link == BRIDGE:
        vpc = index.cloud.vpcs[owner]
        yield step.drops((vpc.id, vpc.name), Reason.NO_ROUTE_TO_DESTINATION, f"no subnet has {step.packet.destination}")


def _enter_subnet(step: Step, subnet: Subnet, place: End) -> Iterator[Hop]:
    """Yield the decisions of a subnet's router. Packets from its own instances to itself pass no filter."""
    namespace, link = place
    there, where = step.packet.destination, (subnet.id, subnet.name)
    sender = step.index.instance_at(step.packet.source) if link != FABRIC_LINK else None
    if sender is not None and there.is_multicast:
        text = "its router does not forward multicast packets"
        yield step.drops(where, Reason.MULTICAST_NOT_FORWARDED, text, outwards=True)
    if sender is not None and (there.is_multicast or _has(step, namespace)):
        return
    yield from filters.cross_subnet(step, subnet, sender)
    if _has(step, namespace):
        text = f"{there} is its router, which answers only the instances of {subnet.name}"
        yield step.drops(where, Reason.ROUTER_ANSWERS_ITS_SUBNET_ONLY, text)
        return
    compiled = step.index.network.look_up(namespace, step.packet.source, there)
    if sender is not None:
        yield routes.leave_subnet(step, subnet, compiled)
    if compiled.blackhole:  # not reached if the route table has dropped the packet already
        yield routes.no_instance(step, subnet)
