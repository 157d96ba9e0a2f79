"""Which packets may begin a flow, and which answers belong to it (G1, G2, G4, G7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from scapy.layers.inet import TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, IPv6, in6_chksum
from scapy.layers.sctp import SCTP, SCTPChunkInit, SCTPChunkInitAck
from scapy.packet import Packet, Raw

from eigw_ns.kernel.namespaces import netns, sysctl
from tests.support.attack_bench import INSIDE, OUTSIDE, Bench, Case, forwarded
from tests.support.crafted_flows import DNS, HTTPS, Datagrams, Tcp, packet
from tests.support.extension_headers import DCCP, conntrack_knows_dccp
from tests.topologies.egress import APP

pytestmark = pytest.mark.root

FIN, SYN, RST, ACK = 1, 2, 4, 16
EVERY_FLAG_BYTE = range(256)
UDP_NUMBER, UDP_LITE = 17, 136
STRANGER = "2001:db8:bad::2"


def _opens(flags: int) -> bool:
    """Return whether a segment opens a connection: SYN is set, and no flag of an existing connection (RFC 9293)."""
    return flags & (FIN | SYN | RST | ACK) == SYN


def test_no_tcp_flags_open_a_flow_from_outside(bench: Bench) -> None:
    known = bench.connections()
    segments = [Tcp.new(bench).back(flags) for flags in EVERY_FLAG_BYTE]
    outcome = bench.attack("in", segments, {"drop_inbound": 16, "drop_invalid": 240})
    assert (outcome.through, outcome.answers) == ([], [])
    assert bench.connections() <= known  # no flow is new, though old ones may have ended


def test_tcp_flags_that_open_a_flow_from_inside(bench: Bench) -> None:
    """SYN alone, or with any of PSH, URG, ECE, CWR: 16 of 256. They leave unchanged but for the hop limit."""
    segments = {flags: Tcp.new(bench).out(flags) for flags in EVERY_FLAG_BYTE}
    outcome = bench.attack("out", list(segments.values()), {"drop_invalid": 240})
    assert outcome.through == [forwarded(segment) for flags, segment in segments.items() if _opens(flags)]
    assert outcome.answers == []


def test_no_mid_stream_pick_up_even_if_conntrack_would(bench: Bench) -> None:
    """The rules are loaded before the sysctls, and the owner may change sysctls. The rules do not rely on them."""
    key = "net.netfilter.nf_conntrack_tcp_loose"
    segments = [Tcp.new(bench).out(flags) for flags in ("A", "PA")]
    with netns.inside(bench.gateway):
        assert sysctl.read(key) == "0"
        sysctl.write(key, "1")
    try:
        outcome = bench.attack("out", segments, {"drop_not_opening": 2})
    finally:
        with netns.inside(bench.gateway):
            sysctl.write(key, "0")
    assert (outcome.through, outcome.answers) == ([], [])


@dataclass(frozen=True)
class Protocol:
    """How a flow of a protocol begins and is answered, and the counter of unsolicited answers."""

    name: str
    first: Callable[[int], Packet]
    answer: Callable[[int], Packet]
    unasked: str = "drop_inbound"
    number: int | None = None

    def __str__(self) -> str:
        return self.name

    def packet(self, source: str, destination: str, upper: Packet) -> bytes:
        """Return the packet. Its next header is that of the upper layer, or the protocol's number."""
        made = packet(source, destination, upper)
        return made if self.number is None else made[:6] + bytes([self.number]) + made[7:]


def _without_ports(name: str, number: int) -> Protocol:
    """Return a protocol of which conntrack reads no ports, so that a flow is two addresses."""
    return Protocol(name, lambda _: Raw(bytes(64)), lambda _: Raw(bytes(64)), number=number)


def _dccp(kind: int, sport: int, dport: int, rest: bytes) -> Raw:
    """Return a header as RFC 4340 defines it, with sequence number 1, which Linux checks if it tracks DCCP."""
    ports, sequence = sport.to_bytes(2) + dport.to_bytes(2), bytes([kind << 1 | 1]) + bytes(6) + b"\x01"
    offset = bytes([(16 + len(rest)) // 4, 0])  # in words of 32 bits
    total = in6_chksum(DCCP, IPv6(src=INSIDE, dst=OUTSIDE), ports + offset + bytes(2) + sequence + rest)
    return Raw(ports + offset + total.to_bytes(2) + sequence + rest)


PROTOCOLS = (
    Protocol(
        "TCP",
        lambda n: TCP(sport=n, dport=HTTPS, flags="S"),
        lambda n: TCP(sport=HTTPS, dport=n, flags="SA", ack=1),
        "drop_invalid",
    ),
    Protocol("UDP", lambda n: UDP(sport=n, dport=DNS), lambda n: UDP(sport=DNS, dport=n)),
    Protocol("ICMPv6 echo", lambda n: ICMPv6EchoRequest(id=n), lambda n: ICMPv6EchoReply(id=n), "drop_invalid"),
    Protocol(
        "SCTP",
        lambda n: SCTP(sport=n, dport=9) / SCTPChunkInit(init_tag=n),
        lambda n: SCTP(sport=9, dport=n, tag=n) / SCTPChunkInitAck(init_tag=n),
        "drop_invalid",
    ),
    Protocol(
        "DCCP",
        lambda n: _dccp(0, n, HTTPS, b"test"),
        lambda n: _dccp(1, HTTPS, n, bytes(7) + b"\x01test"),
        number=DCCP,
    ),
    _without_ports("IPv6 in IPv6", 41),
    _without_ports("GRE", 47),
    _without_ports("ESP", 50),
    _without_ports("L2TP", 115),
)


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=str)
def test_a_flow_of_any_unicast_protocol_opens_and_is_answered(bench: Bench, protocol: Protocol) -> None:
    port = bench.port()
    first = protocol.packet(INSIDE, OUTSIDE, protocol.first(port))
    answer = protocol.packet(OUTSIDE, INSIDE, protocol.answer(port))
    unasked = "drop_invalid" if protocol.number == DCCP and conntrack_knows_dccp() else protocol.unasked
    assert bench.attack("in", [answer], {unasked: 1}).through == []
    assert bench.attack("out", [first], {}).through == [forwarded(first)]
    assert bench.attack("in", [answer], {}).through == [forwarded(answer)]


def test_known_limit_udp_lite_counts_as_corrupt(bench: Bench) -> None:
    """Conntrack of Linux 6.18 checks UDP-Lite with UDP's number in the pseudo header, so it rejects right checksums.

    RFC 3828 wants 136 there. The second datagram is wrong in exactly this way and passes, which shows the cause.
    """
    as_udp = packet(INSIDE, OUTSIDE, UDP(sport=bench.port(), dport=DNS))
    total = (
        int.from_bytes(as_udp[46:48]) + UDP_NUMBER - UDP_LITE
    )  # the one's complement of a sum that is greater by the difference
    right = as_udp[:46] + (total % 0xFFFF).to_bytes(2)
    lite, wrong = (made[:6] + bytes([UDP_LITE]) + made[7:] for made in (right, as_udp))
    assert bench.attack("out", [lite], {"drop_invalid": 1}).through == []
    assert bench.attack("out", [wrong], {}).through == [forwarded(wrong)]


@pytest.mark.parametrize(
    ("source", "destination", "sport", "shift", "passes"),
    [
        (OUTSIDE, INSIDE, DNS, 0, True),
        (OUTSIDE, INSIDE, DNS + 1, 0, False),
        (OUTSIDE, INSIDE, DNS, 1000, False),
        (STRANGER, INSIDE, DNS, 0, False),
        (OUTSIDE, APP, DNS, 0, False),
    ],
    ids=["the peer", "its other port", "another port inside", "another host", "another instance"],
)
def test_an_answer_passes_by_its_whole_tuple(
    bench: Bench, source: str, destination: str, sport: int, shift: int, passes: bool
) -> None:
    """This is stricter than endpoint-independent filtering (RFC 6092 REC-11), as AWS's security groups are."""
    flow = Datagrams.opened(bench)
    datagram = packet(source, destination, UDP(sport=sport, dport=flow.port + shift))
    outcome = bench.attack("in", [datagram], {} if passes else {"drop_inbound": 1})
    assert outcome.through == ([forwarded(datagram)] if passes else [])


NOT_OPENING = (
    Case("answers to packets that came by another path", "out", lambda b: [Tcp.new(b).out("SA")], "drop_invalid"),
    Case(
        "resets of a flow that does not exist",
        "out",
        lambda b: [Tcp.new(b).out(f) for f in ("R", "RA")],
        "drop_invalid",
    ),
    Case(
        "an echo reply without a request",
        "out",
        lambda b: [packet(INSIDE, OUTSIDE, ICMPv6EchoReply(id=b.port()))],
        "drop_invalid",
    ),
    Case(
        "an SCTP packet of no association",
        "out",
        lambda b: [packet(INSIDE, OUTSIDE, SCTP(sport=b.port(), dport=9, tag=7) / SCTPChunkInitAck())],
        "drop_invalid",
    ),
)


@pytest.mark.parametrize("case", NOT_OPENING, ids=str)
def test_a_packet_that_opens_no_flow_does_not_leave(bench: Bench, case: Case) -> None:
    bench.run(case)


def test_the_answer_to_a_refused_syn_does_not_leave(bench: Bench) -> None:
    """An instance that received a SYN by another path, or invented one, cannot answer it through this gateway."""
    flow = Tcp.new(bench)
    assert bench.attack("in", [flow.back("S")], {"drop_inbound": 1}).through == []
    assert bench.attack("out", [flow.out("SA")], {"drop_invalid": 1}).through == []


def test_a_source_that_no_subnet_routes_here_does_not_leave(bench: Bench) -> None:
    """S1's second line: the instance's port drops the packet first, unless the port was changed by hand."""
    sources = ("2600:1f16:aa0:55ff::1", "2001:db8:bad::9", "fd00::1")
    datagrams = [packet(source, OUTSIDE, UDP(sport=bench.port(), dport=DNS)) for source in sources]
    assert bench.attack("out", datagrams, {"drop_not_routed": 3}).through == []
