"""Where a packet goes: a virtual one walks through the cloud, its answer walks back, and every hop says what decided.

The walk reads the cloud alone, so it says what must happen; `verify` sends the packet and says what does. Each hop is
decided by one small function. A stateless rule joins as one more hop each way, a stateful one looks at `Packet.opens`.

Reason codes are those of AWS's Reachability Analyzer where it has one
(https://docs.aws.amazon.com/vpc/latest/reachability/explanation-codes.html), ours otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv6Address
from typing import Literal

from eigw_ns.cloud.model import (
    Cloud,
    EgressOnlyInternetGateway,
    Gateway,
    Instance,
    InternetHost,
    Subnet,
)
from eigw_ns.cloud.nodes import INTERNET, internet_id
from eigw_ns.cloud.routing import effective_route_table, longest_match, target_gateway
from eigw_ns.errors import UsageError

Outcome = Literal["allowed", "blocked", "refused"]
Protocol = Literal["tcp", "udp", "icmpv6"]
Direction = Literal["forward", "return"]
Node = Instance | InternetHost


class Reason(StrEnum):
    """Why a hop let a packet pass or dropped it, and why a trace ended as it did."""

    # AWS's
    NO_ROUTE_TO_DESTINATION = "NO_ROUTE_TO_DESTINATION"
    BAD_STATE_ROUTE = "BAD_STATE_ROUTE"  # the route that wins is a blackhole
    # ours
    EGRESS_ONLY_GATEWAY_REFUSES_INBOUND = "EGRESS_ONLY_GATEWAY_REFUSES_INBOUND"
    NO_FLOW = "NO_FLOW"  # an answer to something the gateway has not seen
    NO_LISTENER = "NO_LISTENER"
    REACHABLE = "REACHABLE"
    LOCAL = "LOCAL"
    ROUTED = "ROUTED"
    OPENS_FLOW = "OPENS_FLOW"
    ANSWERS_FLOW = "ANSWERS_FLOW"
    FORWARDED = "FORWARDED"
    ARRIVED = "ARRIVED"


@dataclass(frozen=True, slots=True)
class Packet:
    """A virtual packet. `flow`: the egress-only gateways (ids) that the packet it answers crossed; None if it opens."""

    source: Node
    destination: Node
    protocol: Protocol
    port: int | None
    flow: frozenset[str] | None = None

    @property
    def opens(self) -> bool:
        """Whether it is the first packet of a flow; otherwise it is the answer to one."""
        return self.flow is None


@dataclass(frozen=True, slots=True)
class Hop:
    """A component that the packet met, and what it decided. `text` names the route or rule in words."""

    direction: Direction
    id: str
    name: str
    passed: bool
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Trace:
    """How a try to talk ends. `delivered`: the first packet reaches the destination, whatever becomes of the answer.

    `reason` is that of the hop which dropped the packet or its answer, else `REACHABLE` or `NO_LISTENER`.
    """

    outcome: Outcome
    delivered: bool
    reason: str
    hops: tuple[Hop, ...]


def trace(
    cloud: Cloud,
    source_id: str,
    destination_id: str,
    protocol: Protocol,
    port: int | None,
    *,
    listening: bool = True,
) -> Trace:
    """What happens when the source (an instance or internet host) tries to talk to the destination.

    `listening` says whether something answers on the destination's port; an ICMPv6 echo is answered in any case.
    Raises UsageError where an id is neither an instance nor an internet host of the cloud.
    """
    opening = Packet(_node(cloud, source_id), _node(cloud, destination_id), protocol, port)
    forward = tuple(_walk(cloud, opening))
    if not forward[-1].passed:
        return Trace("blocked", False, forward[-1].reason, forward)
    crossed = (hop.id for hop in forward if hop.id in cloud.egress_only_internet_gateways)
    back = tuple(_walk(cloud, Packet(opening.destination, opening.source, protocol, port, frozenset(crossed))))
    hops = (*forward, *back)
    if not back[-1].passed:
        return Trace("blocked", True, back[-1].reason, hops)
    if listening or protocol == "icmpv6":
        return Trace("allowed", True, Reason.REACHABLE, hops)
    return Trace("refused", True, Reason.NO_LISTENER, hops)


def _node(cloud: Cloud, node_id: str) -> Node:
    node: Node | None = cloud.instances.get(node_id) or cloud.hosts.get(node_id)
    if node is None:
        raise UsageError(
            f"{node_id} is neither an instance nor an internet host",
            hint="packets are sent by instances and internet hosts; `eigw-ns describe` lists them",
        )
    return node


def _walk(cloud: Cloud, packet: Packet) -> Iterator[Hop]:
    """The hops of one packet, up to its arrival or to the first that drops it."""
    for hop in _path(cloud, packet):
        yield hop
        if not hop.passed:
            return


def _path(cloud: Cloud, packet: Packet) -> Iterator[Hop]:
    """The hops in order. Whoever asks stops at a drop, so what stands behind one takes the passing for granted."""
    source, destination = packet.source, packet.destination
    if isinstance(source, Instance):
        subnet = cloud.subnets[source.subnet_id]
        route = _look_up(cloud, subnet, destination.ipv6_address)
        yield _leave_subnet(cloud, packet, subnet, route)
        if route.gateway is not None:
            yield _cross_gateway(packet, route.gateway, inwards=False)
        elif isinstance(destination, Instance):
            if destination.subnet_id != subnet.id:
                yield _enter_subnet(packet, cloud.subnets[destination.subnet_id])
            yield _arrive(packet)
            return
    if isinstance(destination, Instance):
        subnet = cloud.subnets[destination.subnet_id]
        route = _look_up(cloud, subnet, source.ipv6_address)
        yield _cross_internet(cloud, packet, subnet, route)
        if route.gateway is not None:
            yield _cross_gateway(packet, route.gateway, inwards=True)
        yield _enter_subnet(packet, subnet)
    else:
        text = f"delivers to {destination.ipv6_address}"
        yield _hop(packet, internet_id(cloud.lab), INTERNET, Reason.ROUTED, text)
    yield _arrive(packet)


@dataclass(frozen=True, slots=True)
class _Route:
    """What a subnet's route table says of an address: the gateway, where one is to be used, and why."""

    reason: Reason
    text: str
    gateway: Gateway | None = None


def _look_up(cloud: Cloud, subnet: Subnet, address: IPv6Address) -> _Route:
    """Longest prefix first; the VPC's `local` route is more specific than any other that a table may hold."""
    vpc = cloud.vpcs[subnet.vpc_id]
    if address in vpc.ipv6_cidr_block:
        return _Route(Reason.LOCAL, f"{vpc.ipv6_cidr_block} → local")
    table = effective_route_table(cloud, subnet)
    route = longest_match(table, address)
    if route is None:
        return _Route(Reason.NO_ROUTE_TO_DESTINATION, f"route table {table.name} has no route for {address}")
    text = f"route table {table.name}: {route.destination} → "
    gateway = target_gateway(cloud, table, route)
    if gateway is None:
        return _Route(Reason.BAD_STATE_ROUTE, f"{text}blackhole ({route.target_id})")
    return _Route(Reason.ROUTED, f"{text}{gateway.name}", gateway)


def _leave_subnet(cloud: Cloud, packet: Packet, subnet: Subnet, route: _Route) -> Hop:
    """The implicit router of the source's subnet: its route table decides."""
    if route.reason != Reason.LOCAL:
        passed = route.gateway is not None
        return _hop(packet, subnet.id, subnet.name, route.reason, route.text, passed=passed)
    there = packet.destination
    if isinstance(there, Instance) and cloud.subnets[there.subnet_id].vpc_id == subnet.vpc_id:
        return _hop(packet, subnet.id, subnet.name, Reason.LOCAL, route.text)
    text = f"{route.text}, where {there.name} is not"
    return _hop(packet, subnet.id, subnet.name, Reason.NO_ROUTE_TO_DESTINATION, text, passed=False)


def _cross_internet(cloud: Cloud, packet: Packet, subnet: Subnet, route: _Route) -> Hop:
    """The internet mirrors the route tables: it hands a packet to the gateway that the subnet would answer through."""
    text = f"way back of subnet {subnet.name}, {route.text}"
    if route.gateway is not None:
        return _hop(packet, internet_id(cloud.lab), INTERNET, Reason.ROUTED, text)
    reason = Reason.NO_ROUTE_TO_DESTINATION if route.reason == Reason.LOCAL else route.reason
    return _hop(packet, internet_id(cloud.lab), INTERNET, reason, text, passed=False)


def _cross_gateway(packet: Packet, gateway: Gateway, *, inwards: bool) -> Hop:
    """An internet gateway passes both ways; an egress-only one what begins inside, and the answers to that."""
    if not isinstance(gateway, EgressOnlyInternetGateway):
        return _hop(packet, gateway.id, gateway.name, Reason.FORWARDED, "internet gateway, both ways")
    if packet.flow is not None:
        known = gateway.id in packet.flow
        reason = Reason.ANSWERS_FLOW if known else Reason.NO_FLOW
        return _hop(packet, gateway.id, gateway.name, reason, "egress-only, answer to a flow", passed=known)
    if inwards:
        reason, text = Reason.EGRESS_ONLY_GATEWAY_REFUSES_INBOUND, "egress-only, begun outside"
        return _hop(packet, gateway.id, gateway.name, reason, text, passed=False)
    return _hop(packet, gateway.id, gateway.name, Reason.OPENS_FLOW, "egress-only, begun inside")


def _enter_subnet(packet: Packet, subnet: Subnet) -> Hop:
    """The implicit router of the destination's subnet."""
    return _hop(packet, subnet.id, subnet.name, Reason.LOCAL, f"{subnet.ipv6_cidr_block} is here")


def _arrive(packet: Packet) -> Hop:
    """The destination itself, which takes what is addressed to it."""
    node = packet.destination
    return _hop(packet, node.id, node.name, Reason.ARRIVED, f"has {node.ipv6_address}")


def _hop(packet: Packet, hop_id: str, name: str, reason: Reason, text: str, *, passed: bool = True) -> Hop:
    return Hop("forward" if packet.opens else "return", hop_id, name, passed, reason, text)
