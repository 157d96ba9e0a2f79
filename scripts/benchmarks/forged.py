"""An attacker on the internet that knows the addresses and ports of flows, but no sequence number of theirs.

It sends TCP segments of all kinds, with the host's address and random numbers, to all flows in turn. What reaches the
instance is counted. Two kinds are counted apart, which conntrack lets pass in a live flow (CONFORMANCE, known limits)
and which end nothing: a SYN-ACK, and a segment whose both numbers are older than the window.

It is not lucky: numbers near the right one are left out. A reset up to two windows beyond the right number, one in
33,000 with windows of 64 KiB, moves conntrack's window, so that the flow's own segments are invalid from then on.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import random
import select
import signal
import socket
import struct
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Literal

from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.traffic import sockets

if TYPE_CHECKING:
    from multiprocessing.sharedctypes import SynchronizedArray
    from multiprocessing.synchronize import Event

    from scripts.benchmarks.flows import Ends

Attack = Literal["segments", "fragments", "sweep", "none"]
"""What it sends: whole segments of all kinds; the same in fragments; resets for all ephemeral ports, since it does not
know the instance's; nothing."""

Target = tuple[int, int, int]
"""A flow: the instance's port, the host's port, and the sequence number that the instance expects."""

_SYN, _SYN_ACK, _ACK, _FIN_ACK, _RST, _RST_ACK = 0x02, 0x12, 0x10, 0x11, 0x04, 0x14
_KINDS = (_SYN, _SYN_ACK, _ACK, _FIN_ACK, _RST, _RST_ACK)
_KNOWN = {_SYN_ACK, _ACK, _FIN_ACK}
_EPHEMERAL = range(32768, 61000)  # net.ipv4.ip_local_port_range
_MARK = b"ATTACK!!"
_TCP, _FRAGMENT, _OPTIONS = 6, 44, 60
_NO_OPTIONS = b"\1\4\0\0\0\0"  # PadN of six octets (RFC 8200)
_NEAR = 1 << 20  # octets: several windows
_CUT = 24  # octets: the first of two fragments
_INTERVAL = 0.01  # seconds
_READ = 64  # octets of a packet
_FLAGS = 40 + 13
_RECEIVE_BYTES = 1 << 22
_PATIENCE = 120.0  # seconds


@dataclass(frozen=True, slots=True)
class Heard:
    """Numbers of packets: sent; SYNs, resets and fragments that the instance heard; the rest (known limits)."""

    sent: int
    got_in: int
    known: int

    def since(self, before: Heard) -> Heard:
        """Return what has happened since then."""
        return Heard(self.sent - before.sent, self.got_in - before.got_in, self.known - before.known)


class Forger:
    """The attacker, a process of its own. Use as a context manager: it sends while the block runs."""

    def __init__(self, ends: Ends, attack: Attack, targets: Sequence[Target], rate: int) -> None:
        context = multiprocessing.get_context("fork")
        self._counts, self._ready = context.Array("q", 3), context.Event()
        arguments = (ends, attack, targets, rate, self._counts, self._ready)
        self._process = context.Process(target=_forge, args=arguments, daemon=True)

    def __enter__(self) -> Forger:
        self._process.start()
        if not self._ready.wait(_PATIENCE):
            self._end()
            raise RuntimeError("the attacker does not begin")
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        self._process.terminate()
        self._process.join()

    def heard(self) -> Heard:
        """Return what has happened since it began."""
        return Heard(*self._counts[:])


def _forge(
    ends: Ends, attack: Attack, targets: Sequence[Target], rate: int, counts: SynchronizedArray[int], ready: Event
) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    packets = _packets(ends, attack, targets)
    ready.set()
    if not packets:
        return
    with _sender(ends) as sender, _sniffer(ends) as sniffer:
        at, due = 0, time.monotonic()
        while True:
            for _ in range(round(rate * _INTERVAL)):
                with contextlib.suppress(OSError):
                    sender.send(packets[at])
                    counts[0] += 1
                at = (at + 1) % len(packets)
            due = max(due + _INTERVAL, time.monotonic())
            _hear(sniffer, counts, due)


def _hear(sniffer: socket.socket, counts: SynchronizedArray[int], until: float) -> None:
    while select.select([sniffer], [], [], max(0.0, until - time.monotonic()))[0]:
        with contextlib.suppress(OSError):
            packet = sniffer.recv(_READ)
            counts[2 if packet[6] == _TCP and packet[_FLAGS] in _KNOWN else 1] += 1


@contextlib.contextmanager
def _sender(ends: Ends) -> Iterator[socket.socket]:
    with netns.inside(ends.host):
        made = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)  # it is given whole packets
    with made:
        made.connect((ends.instance_address, 0))
        yield made


@contextlib.contextmanager
def _sniffer(ends: Ends) -> Iterator[socket.socket]:
    with netns.inside(ends.instance):
        made = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        with made:
            made.setblocking(False)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
            sockets.attach_filter(made, _forged(ends.host_address))
            made.bind((ends.link, 0x86DD))
            yield made


def _forged(source: str) -> list[tuple[int, int, int, int]]:
    """Return the BPF program that keeps our packets: those with the mark, and all in fragments or with options."""
    load, byte, equal, end = 0x20, 0x30, 0x15, 0x06
    program: list[tuple[int, int, int, int]] = []
    for offset, word in zip((8, 12, 16, 20), struct.unpack("!4I", _packed(source)), strict=True):
        program += [(load, 0, 0, offset), (equal, 1, 0, word), (end, 0, 0, 0)]
    program += [(byte, 0, 0, 6), (equal, 0, 1, _FRAGMENT), (end, 0, 0, _READ)]
    program += [(equal, 0, 1, _OPTIONS), (end, 0, 0, _READ), (equal, 1, 0, _TCP), (end, 0, 0, 0)]
    for offset, word in zip((60, 64), struct.unpack("!2I", _MARK), strict=True):
        program += [(load, 0, 0, offset), (equal, 1, 0, word), (end, 0, 0, 0)]
    return [*program, (end, 0, 0, _READ)]


# ---- packets ---------------------------------------------------------------------------------------------------------


def _packets(ends: Ends, attack: Attack, targets: Sequence[Target]) -> list[bytes]:
    """Return the packets of one round, in random order, pieces of one datagram side by side."""
    found = list(_datagrams(ends, attack, targets))
    random.shuffle(found)
    return [packet for pieces in found for packet in pieces]


def _datagrams(ends: Ends, attack: Attack, targets: Sequence[Target]) -> Iterator[list[bytes]]:
    if attack == "sweep":
        expected = {target[:2]: target for target in targets}
        for near, far in product(_EPHEMERAL, {far for _, far, _ in targets}):
            segment = _segment(ends, expected.get((near, far), (near, far, 0)), _RST)
            yield [_packet(ends, _TCP, segment)]
            yield [_packet(ends, _FRAGMENT, _piece(_TCP, 0, segment, random.getrandbits(32)))]
    elif attack != "none":
        for each in targets:
            for flags in _KINDS:
                segment = _segment(ends, each, flags)
                if attack == "segments":
                    yield [_packet(ends, _TCP, segment)]
                else:
                    yield from (list(pieces) for pieces in _in_fragments(ends, segment))


def _in_fragments(ends: Ends, segment: bytes) -> Iterator[Iterable[bytes]]:
    """Yield the segment as one atomic fragment, as two fragments, and behind destination options in one."""
    one, two, three = (random.getrandbits(32) for _ in range(3))
    yield [_packet(ends, _FRAGMENT, _piece(_TCP, 0, segment, one))]
    pieces = _piece(_TCP, 1, segment[:_CUT], two), _piece(_TCP, _CUT, segment[_CUT:], two)
    yield [_packet(ends, _FRAGMENT, piece) for piece in pieces]
    behind = bytes((_TCP, 0)) + _NO_OPTIONS + segment
    yield [_packet(ends, _FRAGMENT, _piece(_OPTIONS, 0, behind, three))]


def _piece(header: int, offset: int, data: bytes, number: int) -> bytes:
    """Return a fragment header (RFC 8200) and its data. The lowest bit of `offset` says that more follows."""
    return struct.pack("!BxHI", header, offset, number) + data


def _packet(ends: Ends, header: int, data: bytes) -> bytes:
    return struct.pack("!IHBB", 6 << 28, len(data), header, 64) + _addresses(ends) + data


def _segment(ends: Ends, target: Target, flags: int) -> bytes:
    near, far, expected = target
    numbers = (expected + random.randint(_NEAR, (1 << 32) - _NEAR)) % (1 << 32), random.getrandbits(32)
    head = struct.pack("!HHIIBBHHH", far, near, *numbers, 5 << 4, flags, 64240, 0, 0)
    pseudo = _addresses(ends) + struct.pack("!II", len(head) + len(_MARK), _TCP)
    return head[:16] + struct.pack("!H", _checksum(pseudo + head + _MARK)) + head[18:] + _MARK


def _checksum(data: bytes) -> int:
    """Return the internet checksum (RFC 1071) of an even number of octets."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@cache
def _addresses(ends: Ends) -> bytes:
    return _packed(ends.host_address) + _packed(ends.instance_address)


def _packed(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6, address)
