"""Trace packets: a virtual packet walks through the compiled state, its answer walks back, and every hop says why.

The walk uses what `compile` made of the cloud, so it predicts what the lab does. `verify` proves it with real packets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv6Address
from itertools import pairwise

from eigw_ns.cloud.filtering import ECHO_REQUEST, ICMPV6, TCP, UDP, Packet
from eigw_ns.cloud.model import Cloud, Instance, InternetHost
from eigw_ns.cloud.protocols import WITH_PORTS, number
from eigw_ns.dataplane.compile.ranges import Range
from eigw_ns.dataplane.trace.model import Reason, Trace
from eigw_ns.dataplane.trace.scene import ModelIndex
from eigw_ns.dataplane.trace.step import Flow, Step
from eigw_ns.dataplane.trace.walk import walk
from eigw_ns.errors import Remedy, RemedyCode, UsageError

EPHEMERAL: Range = (32768, 60999)
"""The source ports from which Linux chooses (net.ipv4.ip_local_port_range)."""

_PORT_UNREACHABLE, _UNKNOWN_PROTOCOL = (1, 4), (4, 1)  # ICMPv6 type and code, RFC 4443


class Tracer:
    """Traces packets of one cloud, which is compiled once."""

    def __init__(self, cloud: Cloud) -> None:
        self._index = ModelIndex(cloud)

    def trace(
        self,
        source_id: str,
        destination: str | IPv6Address,
        protocol: str,
        port: int | None,
        *,
        listening: bool = True,
        source_port: int | None = None,
    ) -> Trace:
        """Return what happens if the source (an instance or internet host) tries to communicate with the destination.

        `destination` is an id, or an address that no node has as its first. `protocol` is a name or a number
        (`cloud.protocols`). `listening` says whether a service listens at the destination; an ICMPv6 echo request is
        always answered. If no source port is given and the outcome depends on it, returns the worse outcome, with the
        range of ports that have it.

        Raises UsageError if an id is not that of an instance or internet host of the cloud.
        """
        if source_port is not None and number(protocol) in WITH_PORTS:
            return self._trace(source_id, destination, protocol, port, listening, (source_port, source_port))
        found = self.by_source_port(source_id, destination, protocol, port, listening=listening)
        return next((trace for trace in found if trace.outcome == "blocked"), found[0])

    def by_source_port(
        self,
        source_id: str,
        destination: str | IPv6Address,
        protocol: str,
        port: int | None,
        *,
        listening: bool = True,
    ) -> tuple[Trace, ...]:
        """Return a trace, as `trace` does, for each range of ephemeral source ports with a different outcome.

        Network ACLs are stateless. If one allows only some of the ports to which answers go, the outcome depends on the
        source port.
        """
        found: list[Trace] = []
        for ports in self._port_ranges(source_id, destination, protocol):
            trace = self._trace(source_id, destination, protocol, port, listening, ports)
            last = found[-1] if found else None
            if last is not None and (last.outcome, last.reason) == (trace.outcome, trace.reason):
                assert last.source_ports is not None
                found[-1] = replace(last, source_ports=(last.source_ports[0], ports[1]))
            else:
                found.append(trace)
        return tuple(found) if len(found) > 1 else (replace(found[0], source_ports=None),)

    def _port_ranges(self, source_id: str, destination: str | IPv6Address, protocol: str) -> Iterator[Range]:
        """Yield the ephemeral ports, cut at each port at which an ACL on the answer's way may decide differently."""
        first, last = EPHEMERAL
        nodes = (self._index.node(source_id), self._index.node(str(destination)))
        cuts = {cut for node in nodes if isinstance(node, Instance) for cut in self._index.port_cuts(node)}
        inside = {cut for cut in cuts if first < cut <= last} if number(protocol) in WITH_PORTS else set()
        yield from ((low, following - 1) for low, following in pairwise(sorted({first, *inside, last + 1})))

    def _trace(
        self,
        source_id: str,
        destination: str | IPv6Address,
        protocol: str,
        port: int | None,
        listening: bool,
        ports: Range,
    ) -> Trace:
        source = self._end(source_id)
        there = destination if isinstance(destination, IPv6Address) else _address(self._end(destination))
        opening = _opening(_address(source), there, number(protocol), port, ports[0])
        flow = Flow()
        forward = tuple(walk(Step(self._index, opening, "forward", flow), source.id))
        if not forward[-1].passed:
            return Trace("blocked", False, forward[-1].reason, forward, ports)
        receiver = forward[-1].id
        listens = listening and self._index.node(receiver) is not None  # a router has no services
        refused = not listens and opening.protocol != ICMPV6
        answer = _refusal(opening) if refused else opening.answer()
        error = refused and opening.protocol == UDP
        hops = (*forward, *walk(Step(self._index, answer, "return", flow, error), receiver))
        if not hops[-1].passed:
            return Trace("blocked", True, hops[-1].reason, hops, ports)
        if refused:
            return Trace("refused", True, Reason.NO_LISTENER, hops, ports)
        return Trace("allowed", True, Reason.REACHABLE, hops, ports)

    def _end(self, node_id: str) -> Instance | InternetHost:
        node = self._index.node(node_id)
        if node is None:
            raise UsageError(
                f"{node_id} is not an instance or an internet host",
                remedy=Remedy(RemedyCode.CHOOSE_MACHINE),
            )
        return node


def _address(node: Instance | InternetHost) -> IPv6Address:
    assert node.ipv6_address is not None  # `ModelIndex` has only nodes with an address
    return node.ipv6_address


def trace(
    cloud: Cloud,
    source_id: str,
    destination_id: str,
    protocol: str,
    port: int | None,
    *,
    listening: bool = True,
) -> Trace:
    """Return one trace of a cloud, as `Tracer.trace` does. For several traces, use one `Tracer`."""
    return Tracer(cloud).trace(source_id, destination_id, protocol, port, listening=listening)


def _opening(
    source: IPv6Address, destination: IPv6Address, protocol: int, port: int | None, source_port: int
) -> Packet:
    """Return the first packet of a flow. A filter reads only the ports of TCP and UDP."""
    if protocol == ICMPV6:
        return Packet(ICMPV6, source, destination, icmp_type=ECHO_REQUEST, icmp_code=0)
    if protocol not in WITH_PORTS:
        return Packet(protocol, source, destination)
    return Packet(protocol, source, destination, source_port, port or 0)


def _refusal(packet: Packet) -> Packet:
    """Return what a closed port answers: a reset (TCP), or an ICMPv6 error (UDP, and protocols that are not known)."""
    if packet.protocol == TCP:
        return packet.answer()
    icmp_type, icmp_code = _PORT_UNREACHABLE if packet.protocol == UDP else _UNKNOWN_PROTOCOL
    return Packet(ICMPV6, packet.destination, packet.source, icmp_type=icmp_type, icmp_code=icmp_code)
