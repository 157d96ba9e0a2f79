"""The gateway on a bench: an attacker at either side, ears on both, and a live flow that nothing may disturb.

        outer wire ──▶ up ┌─────────┐ fabric ◀── inner wire
     (the internet's port)│ gateway │(the fabric's port)
        outer wire ◀── up └─────────┘ fabric ──▶ inner wire

Attacks go in right beside the gateway, so that no other router stands in the way, and most are about two addresses
that nobody has, so that no kernel answers for them. A drop is proven thus: the counter that names its reason has risen
by exactly what was sent and no other one has, a legal datagram sent afterwards each way was heard by the same ears, and
nothing else was. Then the live flow still works, and has not sent one segment twice.
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
from tests.labs import Lab, Stream, connections, until
from tests.packets.attacks.wire import Wire

APP, MATE, DB = "2600:1f16:aa0:5501::10", "2600:1f16:aa0:5501::20", "2600:1f16:aa0:5502::10"
WEB = "2001:db8:80::1"
INSIDE, OUTSIDE = "2600:1f16:aa0:5501::66", "2001:db8:bad::1"
"""Addresses at either side that nobody has: whatever gets there is swallowed, so that only the gateway may answer."""

VPC_BLOCK = "2600:1f16:aa0:5500::/56"
_ALL = {"protocol": "all", "cidr": "::/0"}
TREE: dict[str, Any] = {
    "vpcs": {
        "main": {
            "ipv6_cidr_block": VPC_BLOCK,
            "egress_only_internet_gateways": {"outbound": {}},
            "route_tables": {"private": {"main": True, "routes": [{"destination": "::/0", "target": "outbound"}]}},
            "security_groups": {"open": {"ingress": [_ALL], "egress": [_ALL]}},
            "subnets": {
                "a": {"ipv6_cidr_block": "2600:1f16:aa0:5501::/64"},
                "b": {"ipv6_cidr_block": "2600:1f16:aa0:5502::/64"},
            },
            "instances": {
                "app": {"subnet": "a", "ipv6_address": APP, "security_groups": ["open"]},
                "mate": {"subnet": "a", "ipv6_address": MATE, "security_groups": ["open"]},
                "db": {"subnet": "b", "ipv6_address": DB, "security_groups": ["open"]},
            },
        }
    },
    "internet": {"hosts": {"web": {"ipv6_address": WEB}}},
}
"""A VPC whose every instance is open both ways: nothing but the gateway stands between it and the internet."""

_CHATTER = "drop_link_local"
_CHATTERS = (_CHATTER, "drop_source")  # a replica hears the internet's bridge too, which has no address at first
_LOOKS = 3  # at a connection table in which an entry does not show
_CANARY_PORT, _STREAM_PORT = 40_000, 4443

Way = Literal["in", "out"]
Packets = Sequence[bytes]


@dataclass(frozen=True)
class Case:
    """A batch of packets, where it comes from, and what must become of it.

    `counted` are the gateway's counters that rise, and by how much; a name alone stands for one a packet. `through`
    are the packets heard at the far side of the gateway, `answers` those at the side where the attacker is.
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
        """The counters that rise when so many packets are sent."""
        return {self.counted: sent} if isinstance(self.counted, str) else dict(self.counted)


@dataclass(frozen=True)
class Outcome:
    """What was heard: at the far side of the gateway, and back at the attacker's."""

    through: list[bytes]
    answers: list[bytes]


@dataclass
class Bench:
    """A lab and the two wires beside its gateway `outbound`, or beside one of its replicas."""

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
        """The gateway's namespace."""
        return self.lab.namespace(self.node)

    def port(self) -> int:
        """A port number that no flow has had yet."""
        return next(self._ports)

    def run(self, case: Case) -> Outcome:
        """Attack as the case says and hold the gateway to it."""
        packets = case.packets(self)
        outcome = self.attack(case.way, packets, case.expected(len(packets)))
        assert len(outcome.through) == case.through
        assert len(outcome.answers) == case.answers
        return outcome

    def attack(self, way: Way, packets: Packets, counted: Mapping[str, int]) -> Outcome:
        """Send the packets in or out and wait until the counters have risen so; what was heard at either side."""
        near = self.outer if way == "in" else self.inner
        before = self.counters()
        self.outer.heard(), self.inner.heard()
        near.send(packets)
        self._await(before, counted)
        return self.listen(way)

    def listen(self, way: Way) -> Outcome:
        """What has been heard of packets that were sent in or out already; `attack` would forget it first."""
        heard = self.until_canaries()
        self.check_live_flow()
        near, far = (self.outer, self.inner) if way == "in" else (self.inner, self.outer)
        return Outcome(heard[far], heard[near])

    def check_live_flow(self) -> None:
        """The positive control: a TCP connection through the gateway that was open all the while."""
        assert self.stream.works()
        assert self.stream.retransmissions() == 0

    def counters(self) -> dict[str, int]:
        """The gateway's counters of what it drops; what it lets pass is told by ears, not by counters."""
        found = self.lab.kernel.counters(self.gateway)
        return {name: count.packets for name, count in found.items() if name.startswith("drop_")}

    def kernel_counter(self, name: str) -> int:
        """One of the kernel's own counters of the gateway's namespace (/proc/net/snmp6)."""
        with netns.inside(self.gateway):
            lines = Path("/proc/thread-self/net/snmp6").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.split()[0] == name)

    def tcp_state(self, port: int) -> str | None:
        """In which state the gateway holds the TCP flow from this port to be; None where it knows no such flow."""
        return next((fields[5] for fields in self._flows(port) if fields[2] == "tcp"), None)

    def knows(self, port: int) -> bool:
        """Whether the gateway knows a flow from this port."""
        return bool(self._flows(port))

    def _flows(self, port: int) -> list[list[str]]:
        """Linux hands the table out by the page, from a place that moves where an entry goes: it may leave one out."""
        for _ in range(_LOOKS):
            with netns.inside(self.gateway):
                lines = Path("/proc/thread-self/net/nf_conntrack").read_text().splitlines()
            found = [line.split() for line in lines if f" sport={port} " in line]
            if found:
                return found
        return []

    @contextlib.contextmanager
    def sysctl(self, key: str, value: str) -> Iterator[None]:
        """A sysctl of the gateway has another value while the block runs."""
        with netns.inside(self.gateway):
            before = sysctl.read(key) or ""
            sysctl.write(key, value)
        yield
        with netns.inside(self.gateway):
            sysctl.write(key, before)

    def connections(self) -> int:
        """How many entries the gateway's connection table has."""
        return connections(self.gateway)

    def _await(self, before: Mapping[str, int], counted: Mapping[str, int]) -> None:
        """Wait until the counters of drops have risen by exactly that; link-local chatter may come in between."""

        def risen() -> dict[str, int]:
            found = {name: now - before[name] for name, now in self.counters().items()}
            found |= {name: min(found.get(name, 0), counted.get(name, 0)) for name in self.noise}
            return {name: rise for name, rise in found.items() if rise}

        with contextlib.suppress(AssertionError):
            until(lambda: risen() == counted, "the counters")
        assert risen() == counted

    def until_canaries(self) -> dict[Wire, list[bytes]]:
        """What was heard at each wire until a legal datagram has come out and its answer has come in."""
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
    """Whether it is the canary or a segment of the live flow (whose acknowledgements come when they please)."""
    ports = {int.from_bytes(packet[40:42]), int.from_bytes(packet[42:44])}
    return word in packet or ({packet[8:24], packet[24:40]} == _PAIR and _STREAM_PORT in ports)


@contextlib.contextmanager
def building(lab_name: str, tree: dict[str, Any] = TREE) -> Iterator[Bench]:
    """Build the lab and lay the wires.

    All on one processor, so that packets that were sent after others are also heard after them. The gateway's own
    ICMPv6 errors are not rationed: a second answer must not be missing for want of a token.
    """
    lab = Lab(lab_name)
    lab.apply(json.dumps(tree))
    with beside(lab, "outbound") as (bench,):
        yield bench


@contextlib.contextmanager
def beside(lab: Lab, *nodes: str) -> Iterator[tuple[Bench, ...]]:
    """Lay wires beside a gateway, or beside replicas of one: what goes in there meets this one and no other."""
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
    """The packet as a router passes it on: one hop less, and nothing else changed."""
    return with_hop_limit(packet, packet[7] - 1)


def with_hop_limit(packet: bytes, limit: int) -> bytes:
    """The same IPv6 packet with that hop limit, which no checksum covers."""
    return packet[:7] + bytes([limit]) + packet[8:]
