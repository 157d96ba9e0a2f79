"""Flows made by hand: the test is both ends, so each segment is exactly as the test wants, and no kernel answers it."""

from __future__ import annotations

from dataclasses import dataclass

from scapy.layers.inet import TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Packet, Raw

from tests.support.attack_bench import INSIDE, OUTSIDE, Bench, Way

WINDOW = 8192
"""The window in octets that both ends of a connection advertise. They use no window scaling."""

HTTPS, DNS = 443, 53
_SEQUENCE = 1 << 32


@dataclass
class Tcp:
    """A connection that the inside opens. `mine` and `theirs` are the next sequence numbers of the two ends."""

    bench: Bench
    port: int
    source: str = INSIDE
    peer: str = OUTSIDE
    mine: int = 1_000_000
    theirs: int = 5_000_000

    @classmethod
    def new(cls, bench: Bench) -> Tcp:
        """Return a connection of which no segment has been sent, on ports that no other connection has had."""
        return cls(bench, bench.port())

    @classmethod
    def opened(cls, bench: Bench) -> Tcp:
        """Return a connection after the three-way handshake, each segment of which was heard on the other side."""
        flow = cls.new(bench)
        flow.send_out("S")
        flow.send_in("SA")
        flow.send_out("A")
        return flow

    def out(self, flags: str | int, payload: bytes = b"", *, seq: int = 0) -> bytes:
        """Return a segment from inside, `seq` octets off the next sequence number."""
        seq, ack = (self.mine + seq) % _SEQUENCE, self.theirs
        header = TCP(sport=self.port, dport=HTTPS, flags=flags, seq=seq, ack=ack, window=WINDOW)
        return packet(self.source, self.peer, header, payload)

    def back(self, flags: str | int, payload: bytes = b"", *, seq: int = 0) -> bytes:
        """Return a segment from outside, `seq` octets off the next sequence number."""
        seq, ack = (self.theirs + seq) % _SEQUENCE, self.mine
        header = TCP(sport=HTTPS, dport=self.port, flags=flags, seq=seq, ack=ack, window=WINDOW)
        return packet(self.peer, self.source, header, payload)

    def send_out(self, flags: str, payload: bytes = b"") -> None:
        """Send the next segment from inside, and assert that it passes."""
        self._send("out", self.out(flags, payload))
        self.mine += len(payload) + ("S" in flags) + ("F" in flags)

    def send_in(self, flags: str, payload: bytes = b"") -> None:
        """Send the next segment from outside, and assert that it passes."""
        self._send("in", self.back(flags, payload))
        self.theirs += len(payload) + ("S" in flags) + ("F" in flags)

    def check(self, state: str = "ESTABLISHED") -> None:
        """Assert that the gateway has the flow in this state, and that the flow carries data both ways."""
        assert self.bench.tcp_state(self.port) == state
        self.send_in("PA", b"from outside")
        self.send_out("PA", b"from inside")
        self.send_in("A")

    def _send(self, way: Way, segment: bytes) -> None:
        assert len(self.bench.attack(way, [segment], {}).through) == 1, f"the segment did not go {way}"


@dataclass(frozen=True)
class Datagrams:
    """A UDP flow, or datagrams that look like one."""

    port: int
    source: str = INSIDE
    peer: str = OUTSIDE

    @classmethod
    def opened(cls, bench: Bench) -> Datagrams:
        """Return a flow that the inside has begun."""
        flow = cls(bench.port())
        assert len(bench.attack("out", [flow.out()], {}).through) == 1
        return flow

    def out(self, payload: bytes = b"question") -> bytes:
        """Return a datagram from inside."""
        return packet(self.source, self.peer, UDP(sport=self.port, dport=DNS), payload)

    def back(self, payload: bytes = b"answer") -> bytes:
        """Return a datagram from outside."""
        return packet(self.peer, self.source, UDP(sport=DNS, dport=self.port), payload)


def packet(source: str, destination: str, upper: Packet, payload: bytes = b"") -> bytes:
    """Return an IPv6 packet with correct lengths and checksums."""
    return bytes(IPv6(src=source, dst=destination) / upper / Raw(payload))
