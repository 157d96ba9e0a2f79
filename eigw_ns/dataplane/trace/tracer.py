"""Where a packet goes: a virtual one walks through the compiled state, its answer walks back, every hop says why.

The walk goes by what `compile` made of the cloud, so it says what the lab does; `verify` sends the packet and shows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv6Address
from itertools import pairwise

from eigw_ns.cloud.filtering import ECHO_REQUEST, ICMPV6, TCP, UDP, Packet
from eigw_ns.cloud.model import Cloud, Instance, InternetHost
from eigw_ns.dataplane.ranges import Range
from eigw_ns.dataplane.trace.model import Protocol, Reason, Trace
from eigw_ns.dataplane.trace.scene import Scene
from eigw_ns.dataplane.trace.step import Flow, Step
from eigw_ns.dataplane.trace.walk import walk
from eigw_ns.errors import UsageError

EPHEMERAL: Range = (32768, 60999)
"""The source ports that Linux chooses from (net.ipv4.ip_local_port_range)."""

_NUMBERS = {"tcp": TCP, "udp": UDP, "icmpv6": ICMPV6}
_PORT_UNREACHABLE = (1, 4)  # ICMPv6 type and code, RFC 4443


class Tracer:
    """Traces of one cloud, which is compiled once."""

    def __init__(self, cloud: Cloud) -> None:
        self._scene = Scene(cloud)

    def trace(
        self,
        source_id: str,
        destination: str | IPv6Address,
        protocol: Protocol,
        port: int | None,
        *,
        listening: bool = True,
        source_port: int | None = None,
    ) -> Trace:
        """What happens when the source (an instance or internet host) tries to talk to the destination.

        `destination` is an id, or an address that nobody has. `listening` says whether something answers on the
        destination's port; an ICMPv6 echo is answered in any case. Without a source port, and where the outcome depends
        on it, this is the worse outcome, with the range of ports that have it. Raises UsageError where an id is
        neither an instance nor an internet host of the cloud.
        """
        if source_port is not None and protocol != "icmpv6":
            return self._trace(source_id, destination, protocol, port, listening, (source_port, source_port))
        found = self.by_source_port(source_id, destination, protocol, port, listening=listening)
        return next((trace for trace in found if trace.outcome == "blocked"), found[0])

    def by_source_port(
        self,
        source_id: str,
        destination: str | IPv6Address,
        protocol: Protocol,
        port: int | None,
        *,
        listening: bool = True,
    ) -> tuple[Trace, ...]:
        """As `trace`, once for each range of ephemeral source ports that has an outcome of its own.

        Network ACLs are stateless: where one allows only some of the ports that answers go to, luck decides.
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

    def _port_ranges(self, source_id: str, destination: str | IPv6Address, protocol: Protocol) -> Iterator[Range]:
        """The ephemeral ports, cut wherever an ACL that the answer crosses says something else."""
        first, last = EPHEMERAL
        nodes = (self._scene.node(source_id), self._scene.node(str(destination)))
        cuts = {cut for node in nodes if isinstance(node, Instance) for cut in self._scene.port_cuts(node)}
        inside = {cut for cut in cuts if first < cut <= last} if protocol != "icmpv6" else set()
        yield from ((low, following - 1) for low, following in pairwise(sorted({first, *inside, last + 1})))

    def _trace(
        self,
        source_id: str,
        destination: str | IPv6Address,
        protocol: Protocol,
        port: int | None,
        listening: bool,
        ports: Range,
    ) -> Trace:
        source = self._end(source_id)
        there = destination if isinstance(destination, IPv6Address) else self._end(destination).ipv6_address
        opening = _opening(source.ipv6_address, there, protocol, port, ports[0])
        flow = Flow()
        forward = tuple(walk(Step(self._scene, opening, "forward", flow), source))
        if not forward[-1].passed:
            return Trace("blocked", False, forward[-1].reason, forward, ports)
        refused = not listening and protocol != "icmpv6"
        error = refused and protocol == "udp"
        answer = _unreachable(opening) if error else opening.answer()
        receiver = self._scene.node_at(there)
        assert receiver is not None
        hops = (*forward, *walk(Step(self._scene, answer, "return", flow, error), receiver))
        if not hops[-1].passed:
            return Trace("blocked", True, hops[-1].reason, hops, ports)
        if refused:
            return Trace("refused", True, Reason.NO_LISTENER, hops, ports)
        return Trace("allowed", True, Reason.REACHABLE, hops, ports)

    def _end(self, node_id: str) -> Instance | InternetHost:
        node = self._scene.node(node_id)
        if node is None:
            raise UsageError(
                f"{node_id} is neither an instance nor an internet host",
                hint="packets are sent by instances and internet hosts; `eigw-ns describe` lists them",
            )
        return node


def trace(
    cloud: Cloud,
    source_id: str,
    destination_id: str,
    protocol: Protocol,
    port: int | None,
    *,
    listening: bool = True,
) -> Trace:
    """One trace of a cloud; see `Tracer.trace`, which is for many."""
    return Tracer(cloud).trace(source_id, destination_id, protocol, port, listening=listening)


def _opening(
    source: IPv6Address, destination: IPv6Address, protocol: Protocol, port: int | None, source_port: int
) -> Packet:
    """The first packet of a flow."""
    if protocol == "icmpv6":
        return Packet(ICMPV6, source, destination, icmp_type=ECHO_REQUEST, icmp_code=0)
    return Packet(_NUMBERS[protocol], source, destination, source_port, port or 0)


def _unreachable(packet: Packet) -> Packet:
    """The ICMPv6 error by which a closed UDP port answers."""
    icmp_type, icmp_code = _PORT_UNREACHABLE
    return Packet(ICMPV6, packet.destination, packet.source, icmp_type=icmp_type, icmp_code=icmp_code)
