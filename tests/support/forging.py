"""An attacker on the internet that knows all of a flow but its sequence numbers, and a sniffer at the instance.

A separate process sends forged packets of every kind without end, as from the flows' own peer, and counts the ones that
reach the instance. Each packet has a mark that names its kind: without it, a copy of the peer's packet could not be
told from the original. Forged packets for a UDP flow have another port or another address. UDP has no sequence numbers,
so every gateway treats a datagram with the right tuple as the peer's.

Sequence numbers are random, but never close to the flow's own. One reset in 66,000 hits a part of the window in which
conntrack accepts it, and no gateway prevents that (CONFORMANCE, G5). A test that met it would fail by chance.
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import random
import select
import socket
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection

from eigw_ns.dataplane.state import Flow
from eigw_ns.kernel.namespaces import netns
from tests.support.labs import Lab, until
from tests.topologies.replicated import EVIL

MARK = b"F0RGED"
_FIN, _SYN, _RST, _PSH, _ACK, _URG = 1, 2, 4, 8, 16, 32
_FRAGMENT, _DESTINATION_OPTIONS, _ICMPV6 = 44, 60, 58
_PADDING = b"\1\4\0\0\0\0"  # PadN
_EPHEMERAL = range(32_768, 61_000)
_AT_ONCE = 48  # packets sent before the process reads again
_PAUSE = 0.002  # seconds
_QUIET = 0.1  # seconds without a forged packet that end the attack
_SO_RCVBUFFORCE, _SOL_PACKET, _STATISTICS = 33, 263, 6  # asm-generic/socket.h, linux/if_packet.h
_ROOM = 64 << 20
_SEQUENCE, _REACH = 1 << 32, 1 << 22  # octets

Packets = list[bytes]
Numbers = Mapping[tuple[int, int], int]
"""A sequence number that the peer of each connection has used, by the peer's port and the instance's."""


# ---- packets ---------------------------------------------------------------------------------------------------------


def _packet(source: bytes, destination: bytes, following: int, payload: bytes) -> bytes:
    return struct.pack("!IHBB", 6 << 28, len(payload), following, 64) + source + destination + payload


def _sum(source: bytes, destination: bytes, protocol: int, data: bytes) -> int:
    whole = source + destination + struct.pack("!II", len(data), protocol) + data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(whole) // 2}H", whole))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@dataclass(frozen=True)
class _Target:
    """A flow from the point of view of its peer, and the source of random numbers."""

    peer: bytes
    instance: bytes
    peer_port: int
    port: int
    random: random.Random
    own: int | None = None  # a sequence number that the peer has used, if it is known

    def number(self) -> int:
        """Return a random sequence number that is far from the flow's own."""
        while True:
            found = self.random.getrandbits(32)
            if self.own is None or _REACH < (found - self.own) % _SEQUENCE < _SEQUENCE - _REACH:
                return found

    def segment(self, kind: str, flags: int, *, port: int = 0, peer_port: int = 0) -> bytes:
        """Return a TCP segment with random numbers, without its IPv6 header."""
        numbers = self.number(), self.random.getrandbits(32)
        ports = peer_port or self.peer_port, port or self.port
        made = struct.pack("!HHIIBBHHH", *ports, *numbers, 5 << 4, flags, 64_240, 0, 0) + _marked(kind)
        checksum = _sum(self.peer, self.instance, socket.IPPROTO_TCP, made)
        return made[:16] + checksum.to_bytes(2) + made[18:]

    def tcp(self, kind: str, flags: int) -> Packets:
        return [self.packet(socket.IPPROTO_TCP, self.segment(kind, flags))]

    def packet(self, following: int, payload: bytes) -> bytes:
        return _packet(self.peer, self.instance, following, payload)

    def pieces(self, following: int, payload: bytes, *cuts: int) -> Packets:
        """Return the payload in fragments, or in one atomic fragment if there are no cuts."""
        number, edges = self.random.getrandbits(32), (0, *cuts, len(payload))
        heads = (
            struct.pack("!BBHI", following, 0, first | (last != len(payload)), number)
            for first, last in itertools.pairwise(edges)
        )
        parts = (payload[first:last] for first, last in itertools.pairwise(edges))
        return [self.packet(_FRAGMENT, head + part) for head, part in zip(heads, parts, strict=True)]

    def error(self, kind: str, number: int, code: int, word: int, *, peer_port: int = 0) -> Packets:
        """Return an ICMPv6 error that quotes a segment that the instance may have sent, with a random number."""
        head = struct.pack("!HHII", self.port, peer_port or self.peer_port, self.random.getrandbits(32), 0)
        quoted = _packet(self.instance, self.peer, socket.IPPROTO_TCP, head + struct.pack("!BBHHH", 80, 16, 1, 0, 0))
        made = struct.pack("!BBHI", number, code, 0, word) + quoted + _marked(kind)
        checksum = _sum(self.peer, self.instance, _ICMPV6, made)
        return [self.packet(_ICMPV6, made[:2] + checksum.to_bytes(2) + made[4:])]

    def datagram(self, kind: str, source: bytes, port: int, peer_port: int) -> Packets:
        made = struct.pack("!HHHH", peer_port, port, 8 + len(_marked(kind)), 0) + _marked(kind)
        checksum = _sum(source, self.instance, socket.IPPROTO_UDP, made) or 0xFFFF
        return [_packet(source, self.instance, socket.IPPROTO_UDP, made[:6] + checksum.to_bytes(2) + made[8:])]


def _marked(kind: str) -> bytes:
    return b"????" + MARK + bytes([_NAMES.index(kind)]) + b"!" * 5  # a cut after 24 octets does not divide the mark


def _behind_options(target: _Target, kind: str) -> bytes:
    return bytes([socket.IPPROTO_TCP, 0]) + _PADDING + target.segment(kind, _RST)


_FLAGS = {
    "SYN": _SYN,
    "SYN-ACK": _SYN | _ACK,
    "ACK": _ACK,
    "data": _PSH | _ACK,
    "FIN": _FIN | _ACK,
    "bare FIN": _FIN,
    "RST": _RST,
    "RST-ACK": _RST | _ACK,
    "no flags": 0,
    "all flags": _FIN | _SYN | _RST | _PSH | _ACK | _URG,
}
_ERRORS = {
    "packet too big": (2, 0, 1280),
    "port unreachable": (1, 4, 0),
    "time exceeded": (3, 0, 0),
    "parameter problem": (4, 1, 6),
}
_Maker = Callable[[_Target, str], Packets]


def _of_flags(flags: int) -> _Maker:
    return lambda target, kind: target.tcp(kind, flags)


def _of_error(number: int, code: int, word: int) -> _Maker:
    return lambda target, kind: target.error(kind, number, code, word)


def _other_port(port: int) -> int:
    return port % 65_535 + 1


_SEGMENTS: dict[str, _Maker] = {
    **{kind: _of_flags(flags) for kind, flags in _FLAGS.items()},
    **{kind: _of_error(*values) for kind, values in _ERRORS.items()},
    "RST behind options": lambda target, kind: [target.packet(_DESTINATION_OPTIONS, _behind_options(target, kind))],
    "error about no flow": lambda target, kind: target.error(kind, 2, 0, 1280, peer_port=_other_port(target.peer_port)),
    "RST from another port": lambda target, kind: [
        target.packet(socket.IPPROTO_TCP, target.segment(kind, _RST, peer_port=_other_port(target.peer_port)))
    ],
}
_IN_FRAGMENTS: dict[str, _Maker] = {
    "RST in two fragments": lambda target, kind: target.pieces(socket.IPPROTO_TCP, target.segment(kind, _RST), 24),
    "FIN in two fragments": lambda target, kind: target.pieces(
        socket.IPPROTO_TCP, target.segment(kind, _FIN | _ACK), 24
    ),
    "RST in an atomic fragment": lambda target, kind: target.pieces(socket.IPPROTO_TCP, target.segment(kind, _RST)),
    "RST behind options in an atomic fragment": lambda target, kind: target.pieces(
        _DESTINATION_OPTIONS, _behind_options(target, kind)
    ),
}
_DATAGRAMS: dict[str, _Maker] = {
    "datagram from another port": lambda target, kind: target.datagram(
        kind, target.peer, target.port, _other_port(target.peer_port)
    ),
    "datagram from another address": lambda target, kind: target.datagram(
        kind, socket.inet_pton(socket.AF_INET6, EVIL), target.port, target.peer_port
    ),
}
_BLIND = ("blind RST", "blind RST in an atomic fragment")
_NAMES = (*_SEGMENTS, *_IN_FRAGMENTS, *_DATAGRAMS, *_BLIND)

KINDS = frozenset(_NAMES)
"""All kinds of forged packets. The blind ones go to each ephemeral port of the instance in turn."""

PASSES_WHOLE = frozenset({"SYN-ACK", *_ERRORS})
PASSES_IF_OLD = frozenset({"ACK", "data", "FIN"})
PASSES_CONNTRACK = PASSES_WHOLE | PASSES_IF_OLD
"""The kinds that conntrack lets pass in a live flow (known limits of CONFORMANCE, G5 and I1).

They are a SYN-ACK with any numbers, an error that quotes the flow's ports, and a segment whose two numbers are below
the window, like a retransmission: a quarter of all numbers. The instance's own TCP checks the numbers too, and accepts
none of these.
"""

PASSES_IN_FRAGMENTS = frozenset({"FIN in two fragments"})
"""The kinds of old segments in fragments that pass a gateway of one replica. Several replicas refuse TCP in fragments.
"""


def _forged(
    flows: Sequence[Flow], numbers: random.Random, own: Numbers, *, fragments: bool
) -> Iterator[tuple[str, bytes]]:
    """Yield packets of each kind for random flows, without end."""
    segments = _SEGMENTS | (_IN_FRAGMENTS if fragments else {})
    while True:
        flow = numbers.choice(flows)
        target = _target(flow, numbers, own)
        makers = list((_DATAGRAMS if flow.protocol == socket.IPPROTO_UDP else segments).items())
        numbers.shuffle(makers)
        for kind, make in makers:
            yield from ((kind, packet) for packet in make(target, kind))


def _target(flow: Flow, numbers: random.Random, own: Numbers) -> _Target:
    assert flow.ports is not None
    here, there = (socket.inet_pton(socket.AF_INET6, address) for address in (flow.source, flow.destination))
    near, far = flow.ports
    return _Target(there, here, far, near, numbers, own.get((far, near)))


def _sweep(flow: Flow, numbers: random.Random, own: Numbers) -> Iterator[tuple[str, bytes]]:
    """Yield resets to each ephemeral port from the port of the flow's peer."""
    assert flow.ports is not None
    whole, atomic = _BLIND
    for port in itertools.cycle(_EPHEMERAL):
        target = replace(_target(flow, numbers, own), own=own.get((flow.ports[1], port)))
        yield whole, target.packet(socket.IPPROTO_TCP, target.segment(whole, _RST, port=port))
        (piece,) = target.pieces(socket.IPPROTO_TCP, target.segment(atomic, _RST, port=port))
        yield atomic, piece


# ---- the process -----------------------------------------------------------------------------------------------------


@dataclass
class Attack:
    """The result of an attack. It is complete when the attack has ended.

    `sent` counts the forged packets that left, `arrived` the forged packets that the instance received, by kind.
    `heard` is the number of all packets that the instance received.
    """

    sent: Counter[str] = field(default_factory=Counter)
    arrived: Counter[str] = field(default_factory=Counter)
    heard: int = 0

    def beyond(self, known: frozenset[str] = PASSES_CONNTRACK) -> dict[str, int]:
        """Return the number of forged packets that arrived although conntrack should refuse them, by kind."""
        return {kind: number for kind, number in self.arrived.items() if kind not in known}

    def share(self, kind: str) -> float:
        """Return the share of the packets of a kind that arrived."""
        return self.arrived[kind] / max(1, self.sent[kind])


@contextlib.contextmanager
def forging(
    lab: Lab, flows: Sequence[Flow], own: Numbers, node: str = "app", *, fragments: bool = True
) -> Iterator[Attack]:
    """Attack the flows of an instance while the block runs. The lab needs the host `evil` with the address `EVIL`.

    Assert at the end that the sniffer lost no packet and heard the flows' own packets.
    """
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    attack = Attack()
    with _sniffer(lab.namespace(node)) as sniffer, _raw_socket(lab.namespace("evil")) as sender:
        arguments = sender, sniffer, tuple(flows), own, fragments, theirs
        worker = context.Process(target=_attack, args=arguments, daemon=True)
        worker.start()
        theirs.close()
        try:
            assert ours.recv() == "begun"
            yield attack
            ours.send("end")
            attack.sent, attack.arrived, attack.heard = ours.recv()
        finally:
            worker.terminate()
            worker.join()
    assert attack.sent.total() > 100, "nothing was sent, so nothing is proven"
    assert attack.heard - attack.arrived.total() > 0, "the sniffer did not hear the flows' own packets"


@contextlib.contextmanager
def handshakes(lab: Lab, node: str = "app") -> Iterator[Callable[[], Numbers]]:
    """Hear the handshakes of connections that the instance opens. Yield a function that returns the peers' numbers."""
    with _sniffer(lab.namespace(node)) as sniffer:
        known: dict[tuple[int, int], int] = {}

        def numbers() -> Numbers:
            with contextlib.suppress(BlockingIOError):
                while True:
                    packet = sniffer.recv(2048)
                    if packet[6] == socket.IPPROTO_TCP and packet[53] & 0x3F == _SYN | _ACK:
                        ports = int.from_bytes(packet[40:42]), int.from_bytes(packet[42:44])
                        known[ports] = int.from_bytes(packet[44:48])
            return known

        yield numbers


@contextlib.contextmanager
def _sniffer(namespace: str) -> Iterator[socket.socket]:
    with netns.inside(namespace):
        sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    with sniffer:
        try:
            sniffer.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _ROOM)
        except PermissionError:  # rootless: the host's net.core.rmem_max is the limit
            sniffer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)
        sniffer.bind(("eth0", 0x86DD))
        sniffer.setblocking(False)
        yield sniffer


@contextlib.contextmanager
def _raw_socket(namespace: str) -> Iterator[socket.socket]:
    with netns.inside(namespace):
        sender = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    with sender:
        yield sender


def _attack(
    sender: socket.socket,
    sniffer: socket.socket,
    flows: Sequence[Flow],
    own: Numbers,
    fragments: bool,
    pipe: Connection,
) -> None:
    numbers = random.Random()
    endless = _forged(flows, numbers, own, fragments=fragments)
    segments = [flow for flow in flows if flow.protocol == socket.IPPROTO_TCP]
    blind = _sweep(segments[0], numbers, own) if segments and fragments else iter(())
    sent, arrivals = Counter[str](), _Arrivals(sniffer)
    pipe.send("begun")
    while not pipe.poll():
        for kind, packet in (*itertools.islice(endless, _AT_ONCE), *itertools.islice(blind, _AT_ONCE // 4)):
            with contextlib.suppress(OSError):  # at this instant there is no route, or the queue is full
                sender.sendto(packet, (socket.inet_ntop(socket.AF_INET6, packet[24:40]), 0))
                sent[kind] += 1
        arrivals.drain()
        select.select([sniffer], [], [], _PAUSE)
    while arrivals.drain():
        select.select([], [], [], _QUIET)
    pipe.send((sent, arrivals.arrived, arrivals.heard))


class _Arrivals:
    def __init__(self, sniffer: socket.socket) -> None:
        self._socket = sniffer
        self.heard = 0
        self.arrived: Counter[str] = Counter()

    def drain(self) -> int:
        """Read the packets that have come, and return the number of forged ones among them."""
        before = self.arrived.total()
        with contextlib.suppress(BlockingIOError):
            while True:
                packet, address = self._socket.recvfrom(2048)
                if address[2] != socket.PACKET_OUTGOING:
                    self.heard += 1
                    if (at := packet.find(MARK)) >= 0:
                        self.arrived[_NAMES[packet[at + len(MARK)]]] += 1
        _, lost = struct.unpack("=II", self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 8))
        assert not lost, f"{lost} packets were lost because the buffer was full, so silence proves nothing"
        return self.arrived.total() - before


REFUSED = ("drop_invalid", "drop_inbound", "drop_icmpv6_error")
"""Counters of a gateway that rise under such an attack on TCP."""


def await_refusals(namespaces: Sequence[str], lab: Lab, counters: Sequence[str] = REFUSED) -> None:
    """Wait until each counter has risen in one of these namespaces, so that the attack has met each refusal."""

    def counted() -> dict[str, int]:
        found = [lab.kernel.counters(name) for name in namespaces]
        return {name: sum(each[name].packets for each in found) for name in counters}

    before = counted()
    until(lambda: all(now > before[name] for name, now in counted().items()), f"all of {', '.join(counters)}")
