"""Heartbeats through one replica of a gateway: out of the fabric's port, in at the internet's, and the same way back.

    fabric port ──▶ replica ──▶ internet port      a UDP datagram with a source MAC that the replica's rules know
         ▲                            │            (BFD's echo, RFC 5880 section 6.4, looped back by ourselves)
         └───────── replica ◀─────────┘            the same datagram, with the addresses swapped

So a beat that comes back has met the replica's links, rules and routes, both ways. It is no flow: it counts against no
limit and needs no place in the connection table, so tenants who fill these hide no replica from the agent.

The frames are put on the ports by packet sockets, whatever the replicas' shares say; a port is a bridge's, so only a
socket for all protocols sees what comes in there (the bridge takes it next), and it sees nothing that goes out
(packet(7)). The kernel hands a socket its own beats alone: it compares the replica's MAC, both addresses, both ports
and the token, so a flood costs the agent no time and leaves room in the socket. The replica's rules let nobody else's
packet come that far (`dataplane.rulesets.gateway_rules`); the filter does not rely on it.
"""

from __future__ import annotations

import contextlib
import errno
import secrets
import socket
import struct
from collections.abc import Iterator
from ipaddress import IPv6Address

from eigw_ns.dataplane.state import Leg
from eigw_ns.errors import MissingError, kernel_error
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.traffic.sockets import attach_filter

_ALL_PROTOCOLS = 0x0003  # ETH_P_ALL, linux/if_ether.h
_IPV6, _UDP, _HOP_LIMIT = 0x86DD, 17, 64
_SOL_PACKET, _IGNORE_OUTGOING = 263, 23  # linux/if_packet.h
_TOKEN = struct.Struct("!8sI")
_SOURCE_MAC, _NEXT_HEADER, _ADDRESSES, _PAYLOAD = 6, 20, 22, 62  # offsets in the frame; ports follow the addresses
_FRAME = 128  # octets; more than one has
_BATCH = 16  # frames read at once; what is left makes the socket readable again


class Heartbeat:
    """Beats through one replica, numbered from 1, from `source` to `destination` with this UDP port at both ends.

    Raises MissingError if a port does not exist, HostError without CAP_NET_RAW. Close it after use.
    """

    def __init__(self, inner: Leg, outer: Leg, source: str, destination: str, port: int) -> None:
        near, far, ports = IPv6Address(source).packed, IPv6Address(destination).packed, struct.pack("!HH", port, port)
        self._token = secrets.token_bytes(8)
        self._out = _Template(inner, near + far, ports)
        self._back = _Template(outer, far + near, ports)
        self.sent = self.answered = self._returned = 0
        with contextlib.ExitStack() as stack:
            self._inner = stack.enter_context(_port(inner, far + near + ports, self._token))
            self._outer = stack.enter_context(_port(outer, near + far + ports, self._token))
            self._opened = stack.pop_all()

    def close(self) -> None:
        """Let go of the sockets."""
        self._opened.close()

    def descriptors(self) -> tuple[int, ...]:
        """See `Heartbeats.descriptors`."""
        return tuple(opened.fileno() for opened in self.sockets())

    def sockets(self) -> tuple[socket.socket, socket.socket]:
        """Return the descriptors that become readable when a beat has come through, one way or both."""
        return self._inner, self._outer

    def beat(self) -> None:
        """Send the next beat. Raises MissingError if a port is gone or down."""
        self.sent += 1
        with _gone():
            self._inner.send(self._out.frame(_TOKEN.pack(self._token, self.sent)))

    def hear(self) -> None:
        """Take in what has come: send each beat that came out back once, note what came back. Raises as `beat`.

        Reads a bounded number of frames, so that no sender can hold it up.
        """
        with _gone():
            for frame in _frames(self._outer):
                number = self._number(frame)
                if number > self._returned:
                    self._returned = number
                    self._outer.send(self._back.frame(frame[_PAYLOAD : _PAYLOAD + _TOKEN.size]))
            for frame in _frames(self._inner):
                self.answered = max(self.answered, self._number(frame))

    def _number(self, frame: bytes) -> int:
        """Return the number of our beat; 0 if it is not one of ours. Only this process knows the token."""
        if len(frame) < _PAYLOAD + _TOKEN.size:
            return 0
        token, number = _TOKEN.unpack_from(frame, _PAYLOAD)
        return int(number) if secrets.compare_digest(token, self._token) and number <= self.sent else 0


class _Template:
    """An Ethernet frame with all but its payload and checksum."""

    def __init__(self, leg: Leg, addresses: bytes, ports: bytes) -> None:
        length = 8 + _TOKEN.size
        macs = bytes.fromhex((leg.mac + leg.beats_from).replace(":", ""))
        self._head = macs + struct.pack("!HIHBB", _IPV6, 6 << 28, length, _UDP, _HOP_LIMIT) + addresses
        self._ports = ports + struct.pack("!H", length)
        self._sum = _sum(addresses + struct.pack("!II", length, _UDP) + self._ports)

    def frame(self, payload: bytes) -> bytes:
        total = self._sum + _sum(payload)
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        return self._head + self._ports + struct.pack("!H", ~total & 0xFFFF or 0xFFFF) + payload


def _sum(data: bytes) -> int:
    return sum(struct.unpack(f"!{len(data) // 2}H", data))


@contextlib.contextmanager
def _port(leg: Leg, ends: bytes, token: bytes) -> Iterator[socket.socket]:
    """Open a socket on the port that hears the beats with this token alone. `ends`: see `_beats`."""
    try:
        with netns.inside(leg.namespace):
            opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
        with opened:
            opened.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)
            attach_filter(opened, _beats(leg.mac, ends, token))
            opened.bind((leg.link, _ALL_PROTOCOLS))
            yield opened
    except OSError as error:
        raise kernel_error(f"listen to {leg.link} in {leg.namespace}", error.errno or 0) from error


def _beats(mac: str, ends: bytes, token: bytes) -> list[tuple[int, int, int, int]]:
    """Return the classic BPF program (code, jt, jf, k) that keeps the beats with this token that come from this MAC.

    `ends`: source and destination address, source and destination port, as they follow each other in a packet.
    """
    load_word, load_byte, equal, give = 0x20, 0x30, 0x15, 0x06
    from_replica = bytes.fromhex(mac.replace(":", "")) + struct.pack("!H", _IPV6)
    tests = [(load_byte, _NEXT_HEADER, _UDP)]
    for start, wanted in ((_SOURCE_MAC, from_replica), (_ADDRESSES, ends), (_PAYLOAD, token)):
        words = struct.unpack(f"!{len(wanted) // 4}I", wanted)
        tests += [(load_word, start + 4 * at, word) for at, word in enumerate(words)]
    program = []
    for code, offset, value in tests:
        program += [(code, 0, 0, offset), (equal, 1, 0, value), (give, 0, 0, 0)]
    return [*program, (give, 0, 0, _FRAME)]


def _frames(opened: socket.socket) -> Iterator[bytes]:
    for _ in range(_BATCH):
        try:
            yield opened.recv(_FRAME)
        except BlockingIOError:
            return


@contextlib.contextmanager
def _gone() -> Iterator[None]:
    """Translate errors of a port. One that is down or gone is missing. One whose queue is full loses this beat.

    Then the sockets stay: closing and opening them takes 30 ms, and a flood could hold the agent up so.
    """
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOBUFS:
            return
        if error.errno in (errno.ENETDOWN, errno.ENXIO, errno.ENODEV):
            raise MissingError("send a heartbeat", error.errno) from error
        raise kernel_error("send a heartbeat", error.errno or 0) from error
