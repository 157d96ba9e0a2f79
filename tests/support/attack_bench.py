"""A gateway, a wire on each side of it, and a live flow through it that no attack may disturb.

        outer wire ──▶ up ┌─────────┐ fabric ◀── inner wire
     (the internet's port)│ gateway │(the fabric's port)
        outer wire ◀── up └─────────┘ fabric ──▶ inner wire

A test sends attacks right beside the gateway, so that no other router is between them. Most are between two addresses
that no machine has, so that no kernel answers for them. A drop is proven as follows. The counter of its reason has
risen by exactly the number of packets, and no other counter has. A legal datagram sent afterwards each way was heard
on the same wires, and nothing else was. Then the live flow still works, and has sent no segment twice.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6

from eigw_ns.cloud.nodes import find
from eigw_ns.dataplane.compile import names
from eigw_ns.kernel.namespaces import netns, sysctl
from tests.support.labs import Lab, Stream, connections, until
from tests.support.raw_wire import Wire
from tests.topologies.egress import APP, WEB
from tests.topologies.three_instances import TREE

INSIDE, OUTSIDE = "2600:1f16:aa0:5501::66", "2001:db8:bad::1"
"""Addresses on each side that no machine has. Packets to them are swallowed, so that only the gateway can answer."""

_CHATTER = "drop_link_local"
_CHATTERS = (
    _CHATTER,
    "drop_source",
)  # a replica also receives from the internet's bridge, which has no address at first
_LOOKS = 3  # reads of the connection table until an entry is believed missing
_CANARY_PORT, _STREAM_PORT = 40_000, 4443

Way = Literal["in", "out"]
Packets = Sequence[bytes]


@dataclass(frozen=True)
class Case:
    """A batch of packets, the side that it comes from, and what must become of it.

    `counted` are the gateway's counters that rise, each with its increase. A name alone means one for each packet.
    `through` is the number of packets heard on the far side of the gateway, `answers` the number heard on the
    attacker's side.
    """

    name: str
    way: Way
    packets: Callable[[Bench], Packets]
    counted: str | Mapping[str, int]
    through: int = 0
    answers: int = 0

    def __str__(self) -> str:
        return f"{self.way}: {self.name}"

    def expected(self, sent: int) -> dict[str, int]:
        """Return the counters that rise, with their increases, if this number of packets is sent."""
        return {self.counted: sent} if isinstance(self.counted, str) else dict(self.counted)


@dataclass(frozen=True)
class Outcome:
    """The packets heard on the far side of the gateway, and on the attacker's side."""

    through: list[bytes]
    answers: list[bytes]


@dataclass
class Bench:
    """A lab, and the two wires beside its gateway `outbound` or beside one of its replicas."""

    lab: Lab
    outer: Wire
    inner: Wire
    stream: Stream
    node: str = "outbound"
    noise: tuple[str, ...] = (_CHATTER,)
    _ports: Iterator[int] = field(default_factory=lambda: itertools.count(20_000))
    _canaries: Iterator[int] = field(default_factory=itertools.count)

    @property
    def gateway(self) -> str:
        """Return the gateway's namespace."""
        return self.lab.namespace(self.node)

    def port(self) -> int:
        """Return a port number that no flow has had yet."""
        return next(self._ports)

    def run(self, case: Case) -> Outcome:
        """Send the packets of a case, and assert that the gateway does what the case says."""
        packets = case.packets(self)
        outcome = self.attack(case.way, packets, case.expected(len(packets)))
        assert len(outcome.through) == case.through
        assert len(outcome.answers) == case.answers
        return outcome

    def attack(self, way: Way, packets: Packets, counted: Mapping[str, int]) -> Outcome:
        """Send packets in or out, wait until the counters have risen as given, and return what was heard."""
        near = self.outer if way == "in" else self.inner
        before = self.counters()
        self.outer.heard(), self.inner.heard()
        near.send(packets)
        self._await(before, counted)
        return self.listen(way)

    def listen(self, way: Way) -> Outcome:
        """Return what was heard of packets that were sent already. `attack` would discard it first."""
        heard = self.until_canaries()
        self.check_live_flow()
        near, far = (self.outer, self.inner) if way == "in" else (self.inner, self.outer)
        return Outcome(heard[far], heard[near])

    def check_live_flow(self) -> None:
        """Assert the positive control: a TCP connection through the gateway works and has lost no segment."""
        assert self.stream.works()
        assert self.stream.retransmissions() == 0

    def counters(self) -> dict[str, int]:
        """Return the gateway's counters of dropped packets. What it forwards is heard on the wires."""
        found = self.lab.kernel.counters(self.gateway)
        return {name: count.packets for name, count in found.items() if name.startswith("drop_")}

    def kernel_counter(self, name: str) -> int:
        """Return one of the kernel's own counters of the gateway's namespace (/proc/net/snmp6)."""
        with netns.inside(self.gateway):
            lines = Path("/proc/thread-self/net/snmp6").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.split()[0] == name)

    def tcp_state(self, port: int) -> str | None:
        """Return the state of the TCP flow from this port in the gateway's conntrack, or None if it has no entry."""
        return next((fields[5] for fields in self._flows(port) if fields[2] == "tcp"), None)

    def knows(self, port: int) -> bool:
        """Return whether the gateway's conntrack has a flow from this port."""
        return bool(self._flows(port))

    def _flows(self, port: int) -> list[list[str]]:
        """Return the entries from this port.

        Linux lists the table by pages and may leave out an entry if entries move meanwhile. So read several times.
        """
        for _ in range(_LOOKS):
            with netns.inside(self.gateway):
                lines = Path("/proc/thread-self/net/nf_conntrack").read_text().splitlines()
            found = [line.split() for line in lines if f" sport={port} " in line]
            if found:
                return found
        return []

    @contextlib.contextmanager
    def sysctl(self, key: str, value: str) -> Iterator[None]:
        """Set a sysctl of the gateway while the block runs."""
        with netns.inside(self.gateway):
            before = sysctl.read(key) or ""
            sysctl.write(key, value)
        yield
        with netns.inside(self.gateway):
            sysctl.write(key, before)

    def connections(self) -> int:
        """Return the number of entries in the gateway's connection table."""
        return connections(self.gateway)

    def _await(self, before: Mapping[str, int], counted: Mapping[str, int]) -> None:
        """Wait until the drop counters have risen by exactly these numbers, apart from link-local chatter."""

        def risen() -> dict[str, int]:
            found = {name: now - before[name] for name, now in self.counters().items()}
            found |= {name: min(found.get(name, 0), counted.get(name, 0)) for name in self.noise}
            return {name: rise for name, rise in found.items() if rise}

        with contextlib.suppress(AssertionError):
            until(lambda: risen() == counted, "the counters")
        assert risen() == counted

    def until_canaries(self) -> dict[Wire, list[bytes]]:
        """Return what each wire heard until a legal datagram has come out and its answer has come in."""
        word = b"canary %d" % next(self._canaries)
        out = IPv6(src=INSIDE, dst=OUTSIDE) / UDP(sport=_CANARY_PORT, dport=_CANARY_PORT) / word
        back = IPv6(src=OUTSIDE, dst=INSIDE) / UDP(sport=_CANARY_PORT, dport=_CANARY_PORT) / word
        heard: dict[Wire, list[bytes]] = {self.outer: [], self.inner: []}
        for near, far, packet in ((self.inner, self.outer, out), (self.outer, self.inner, back)):
            near.send([bytes(packet)])

            def came(far: Wire = far) -> bool:
                heard[far] += far.heard()
                return any(word in packet for packet in heard[far])

            until(came, "the canary")
        heard[self.outer] += self.outer.heard()
        return {wire: [each for each in found if not _is_control(each, word)] for wire, found in heard.items()}


_PAIR = {socket.inet_pton(socket.AF_INET6, APP), socket.inet_pton(socket.AF_INET6, WEB)}


def _is_control(packet: bytes, word: bytes) -> bool:
    """Return whether a packet is the canary or a segment of the live flow, which may come at any time."""
    ports = {int.from_bytes(packet[40:42]), int.from_bytes(packet[42:44])}
    return word in packet or ({packet[8:24], packet[24:40]} == _PAIR and _STREAM_PORT in ports)


@contextlib.contextmanager
def building(lab_name: str, tree: dict[str, Any] = TREE) -> Iterator[Bench]:
    """Build the lab and the wires.

    All work runs on one processor, so packets that are sent later are also heard later. The rate limit of the gateway's
    own ICMPv6 errors is off, so that no answer can be missing because of it.
    """
    lab = Lab(lab_name)
    lab.apply(json.dumps(tree))
    with beside(lab, "outbound") as (bench,):
        yield bench


@contextlib.contextmanager
def beside(lab: Lab, *nodes: str) -> Iterator[tuple[Bench, ...]]:
    """Create wires beside a gateway, or beside replicas of one.

    Packets on a wire meet only the gateway or replica beside it.
    """
    processors = os.sched_getaffinity(0)
    with contextlib.ExitStack() as stack:
        os.sched_setaffinity(0, {min(processors)})
        stack.callback(os.sched_setaffinity, 0, processors)
        stream = stack.enter_context(lab.stream("app", "web", WEB, _STREAM_PORT))
        benches = []
        for node in nodes:
            with netns.inside(lab.namespace(node)):
                sysctl.write("net.ipv6.icmp.ratelimit", "0")
            noise = _CHATTERS if "#" in node else (_CHATTER,)
            bench = Bench(lab, _wire(lab, node, "up"), _wire(lab, node, "fabric"), stream, node, noise)
            stack.callback(bench.outer.close)
            stack.callback(bench.inner.close)
            bench.attack("out", [], {})  # opens the canary's flow
            benches.append(bench)
        yield tuple(benches)


def _wire(lab: Lab, node: str, link: str) -> Wire:
    assert lab.current is not None
    gateway = find(lab.current.cloud, node).id
    namespace = lab.namespace("internet") if link == "up" else lab.fabric("main")
    return Wire(namespace, names.port_name(gateway), names.mac(lab.name, gateway, link))


def forwarded(packet: bytes) -> bytes:
    """Return the packet as a router forwards it: one hop less, and nothing else changed."""
    return with_hop_limit(packet, packet[7] - 1)


def with_hop_limit(packet: bytes, limit: int) -> bytes:
    """Return the same IPv6 packet with that hop limit, which no checksum covers."""
    return packet[:7] + bytes([limit]) + packet[8:]
