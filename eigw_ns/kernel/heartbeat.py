"""Heartbeats through one replica of a gateway: out of the fabric's port, in at the internet's, and the same way back.

    fabric port ──▶ replica ──▶ internet port      a UDP datagram that the replica's rules let begin a flow
         ▲                            │            (BFD's echo, RFC 5880 section 6.4, looped back by ourselves)
         └───────── replica ◀─────────┘            its answer

So a beat that comes back has met the replica's links, rules, routes and connection table, both ways. The frames are put
on the ports by packet sockets, whatever the replicas' shares say; a port is a bridge's, so only a socket for all
protocols sees what comes in there (the bridge takes it next), and it sees nothing that goes out (packet(7)).
"""

from __future__ import annotations

import contextlib
import errno
import secrets
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address

from eigw_ns.errors import MissingError, kernel_error
from eigw_ns.kernel import netns
from eigw_ns.kernel.sockets import attach_filter

PORT = 3785
"""BFD echo's (IANA)."""

_ALL_PROTOCOLS = 0x0003  # ETH_P_ALL, linux/if_ether.h
_IPV6, _UDP, _HOP_LIMIT = 0x86DD, 17, 64
_SOL_PACKET, _IGNORE_OUTGOING = 263, 23  # linux/if_packet.h
_TOKEN = struct.Struct("!8sI")
_ADDRESSES, _PAYLOAD = slice(22, 54), 62  # offsets in the frame
_FRAME = 128  # octets; more than one has


@dataclass(frozen=True, slots=True)
class Leg:
    """One side of a replica: the port that leads to it, its MAC there, and the MAC that it answers to."""

    namespace: str
    link: str
    mac: str
    router_mac: str


class Heartbeat:
    """Beats through one replica, numbered from 1.

    Raises MissingError where a port is not there, HostError without CAP_NET_RAW. Close it after use.
    """

    def __init__(self, inner: Leg, outer: Leg, source: str, destination: str) -> None:
        near, far = IPv6Address(source).packed, IPv6Address(destination).packed
        self._token = secrets.token_bytes(8)
        self._out = _Template(inner, near, far)
        self._back = _Template(outer, far, near)
        self.sent = self.answered = 0
        with contextlib.ExitStack() as stack:
            self._inner = stack.enter_context(_port(inner, near))
            self._outer = stack.enter_context(_port(outer, far))
            self._opened = stack.pop_all()

    def close(self) -> None:
        """Let go of the sockets."""
        self._opened.close()

    def sockets(self) -> tuple[socket.socket, socket.socket]:
        """What becomes readable when a beat has come through, one way or both."""
        return self._inner, self._outer

    def beat(self) -> None:
        """Send the next one. Raises MissingError where a port has gone or is down."""
        self.sent += 1
        with _gone():
            self._inner.send(self._out.frame(_TOKEN.pack(self._token, self.sent)))

    def hear(self) -> None:
        """Take in what has come: send back what came out, note what came back. Raises as `beat`."""
        with _gone():
            for frame in _frames(self._outer):
                if self._number(frame):
                    self._outer.send(self._back.frame(frame[_PAYLOAD : _PAYLOAD + _TOKEN.size]))
            for frame in _frames(self._inner):
                self.answered = max(self.answered, self._number(frame))

    def _number(self, frame: bytes) -> int:
        """Which of our beats it is; 0 for none: anybody may send to the address, but nobody knows our token."""
        if len(frame) < _PAYLOAD + _TOKEN.size:
            return 0
        token, number = _TOKEN.unpack_from(frame, _PAYLOAD)
        return int(number) if secrets.compare_digest(token, self._token) and number <= self.sent else 0


class _Template:
    """An Ethernet frame with all but its payload and checksum."""

    def __init__(self, leg: Leg, source: bytes, destination: bytes) -> None:
        length = 8 + _TOKEN.size
        macs = bytes.fromhex((leg.mac + leg.router_mac).replace(":", ""))
        self._head = macs + struct.pack("!HIHBB", _IPV6, 6 << 28, length, _UDP, _HOP_LIMIT) + source + destination
        self._ports = struct.pack("!HHH", PORT, PORT, length)
        self._sum = _sum(source + destination + struct.pack("!II", length, _UDP) + self._ports)

    def frame(self, payload: bytes) -> bytes:
        total = self._sum + _sum(payload)
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        return self._head + self._ports + struct.pack("!H", ~total & 0xFFFF or 0xFFFF) + payload


def _sum(data: bytes) -> int:
    return sum(struct.unpack(f"!{len(data) // 2}H", data))


@contextlib.contextmanager
def _port(leg: Leg, receiver: bytes) -> Iterator[socket.socket]:
    """A socket on the port that hears heartbeats for the address `receiver` alone."""
    try:
        with netns.inside(leg.namespace):
            opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
        with opened:
            opened.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)
            attach_filter(opened, _heartbeats(receiver))
            opened.bind((leg.link, _ALL_PROTOCOLS))
            yield opened
    except OSError as error:
        raise kernel_error(f"listen to {leg.link} in {leg.namespace}", error.errno or 0) from error


def _heartbeats(receiver: bytes) -> list[tuple[int, int, int, int]]:
    """The classic BPF program (code, jt, jf, k) that keeps UDP to the port of the address `receiver`."""
    load_half, load_byte, load_word, equal, give = 0x28, 0x30, 0x20, 0x15, 0x06
    tests = [(load_half, 12, _IPV6), (load_byte, 20, _UDP), (load_half, 56, PORT)]
    tests += [(load_word, 38 + 4 * at, word) for at, word in enumerate(struct.unpack("!4I", receiver))]
    program = []
    for code, offset, value in tests:
        program += [(code, 0, 0, offset), (equal, 1, 0, value), (give, 0, 0, 0)]
    return [*program, (give, 0, 0, _FRAME)]


def _frames(opened: socket.socket) -> Iterator[bytes]:
    while True:
        try:
            yield opened.recv(_FRAME)
        except BlockingIOError:
            return


@contextlib.contextmanager
def _gone() -> Iterator[None]:
    """A port that is down, or no more, is missing."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENETDOWN, errno.ENXIO, errno.ENODEV, errno.ENOBUFS):
            raise MissingError("send a heartbeat", error.errno) from error
        raise kernel_error("send a heartbeat", error.errno or 0) from error
