"""Walk one packet through the compiled state, from namespace to namespace, until it arrives or is dropped."""

from __future__ import annotations

from collections.abc import Iterator

from eigw_ns.cloud.model import Instance, InternetHost
from eigw_ns.cloud.nodes import internet_id
from eigw_ns.dataplane.compile.names import BRIDGE, FABRIC_LINK, UPLINK
from eigw_ns.dataplane.trace import filters, routes
from eigw_ns.dataplane.trace.model import Hop, Reason
from eigw_ns.dataplane.trace.network import End
from eigw_ns.dataplane.trace.step import Step


def walk(step: Step, sender: Instance | InternetHost) -> Iterator[Hop]:
    """Yield the hops, up to the packet's arrival or the first hop that drops it."""
    yield step.sent_by(sender)
    network, packet = step.index.network, step.packet
    namespace = step.index.namespace(sender.id)
    while not network.has(namespace, packet.destination):
        route = network.look_up(namespace, packet.source, packet.destination)
        namespace, link = network.transmit(route, packet.destination)
        for hop in _enter(step, (namespace, link)):
            yield hop
            if not hop.passed:
                return
    receiver = step.index.node_at(packet.destination)
    assert receiver is not None
    yield step.arrives_at(receiver)


def _enter(step: Step, place: End) -> Iterator[Hop]:
    """Yield the decisions in the namespace that the packet enters by this interface, including its route."""
    namespace, link = place
    index = step.index
    owner = index.network.ids[namespace]
    subnet, gateway = index.cloud.subnets.get(owner), index.gateway(owner)
    if subnet is not None:
        sender = index.instance_at(step.packet.source) if link != FABRIC_LINK else None
        yield from filters.cross_subnet(step, subnet, sender)
        compiled = index.network.look_up(namespace, step.packet.source, step.packet.destination)
        if sender is not None:
            yield routes.leave_subnet(step, subnet, compiled)
        if compiled.blackhole:  # not reached if the route table has dropped the packet already
            text = f"no instance has {step.packet.destination}"
            yield step.drops((subnet.id, subnet.name), Reason.NO_ROUTE_TO_DESTINATION, text)
    elif gateway is not None:
        yield filters.cross_gateway(step, gateway, inwards=link == UPLINK)
    elif owner == internet_id(index.cloud.lab):
        yield routes.cross_internet(step, index.network.look_up(namespace, step.packet.source, step.packet.destination))
    elif link == BRIDGE:
        vpc = index.cloud.vpcs[owner]
        yield step.drops((vpc.id, vpc.name), Reason.NO_ROUTE_TO_DESTINATION, f"no subnet has {step.packet.destination}")
