"""Next headers, extension headers and fragments (G3, F1–F3; RFC 8200, 5095, 5722, 6946, 7112)."""

from __future__ import annotations

import pytest
from scapy.layers.inet import TCP, UDP

from eigw_ns.kernel.namespaces import netns, sysctl
from tests.support.attack_bench import INSIDE, OUTSIDE, Bench
from tests.support.crafted_flows import DNS, Datagrams, Tcp, packet
from tests.support.extension_headers import (
    DESTINATION,
    FRAGMENT,
    HOP_BY_HOP,
    MOBILITY,
    Header,
    behind,
    fragment,
    fragments,
    option,
    piece,
    routing,
)

pytestmark = pytest.mark.root

BIG = bytes(range(256)) * 4
UNKNOWN_OPTIONS = (
    0x1E,
    0x5E,
    0x9E,
    0xDE,
)  # skip, drop, drop and report, drop and report unless multicast (RFC 8200 4.2)


def _silent(bench: Bench, packets: list[bytes]) -> dict[str, int]:
    """Send from outside, assert that nothing passes or is answered, and return the counters that rose."""
    before = bench.counters()
    bench.outer.heard(), bench.inner.heard()
    bench.outer.send(packets)
    outcome = bench.listen("in")
    assert (outcome.through, outcome.answers) == ([], [])
    risen = {name: now - before[name] for name, now in bench.counters().items() if now != before[name]}
    risen.pop("drop_link_local", 0)
    return risen


def test_no_next_header_lets_a_packet_from_outside_in(bench: Bench) -> None:
    """All 256 numbers, followed by zeros, by what looks like TCP, and by what looks like UDP."""
    plain = packet(OUTSIDE, INSIDE, UDP(sport=bench.port(), dport=DNS), bytes(56))
    bodies = (bytes(64), bytes(TCP(sport=1, dport=2, flags="S")) + bytes(44), bytes(UDP(sport=1, dport=2)) + bytes(56))
    packets = [plain[:6] + bytes([number]) + plain[7:40] + body for number in range(256) for body in bodies]
    assert sum(_silent(bench, packets).values()) > len(packets) // 2  # the kernel itself drops an invalid header chain


@pytest.mark.parametrize("kind", [0, 2, 3, 4, 253])
@pytest.mark.parametrize("left", [0, 1, 5])
def test_routing_headers_are_dropped_on_a_live_flow_too(bench: Bench, kind: int, left: int) -> None:
    """F2: type 0 (RFC 5095), mobility, RPL, segment routing and experiments, in and out."""
    flow = Datagrams.opened(bench)
    routed = behind(flow.back(), routing(kind, left))
    assert _silent(bench, [routed, behind(Datagrams(bench.port()).back(), routing(kind, left))])
    outward = bench.attack("out", [behind(flow.out(), routing(kind, left))], {"drop_extension_header": 1})
    assert outward.through == []


@pytest.mark.parametrize("number", [HOP_BY_HOP, MOBILITY])
def test_hop_by_hop_and_mobility_from_outside_are_dropped_on_a_live_flow_too(bench: Bench, number: int) -> None:
    flow = Datagrams.opened(bench)
    _silent(bench, [behind(flow.back(), Header(number)), behind(Datagrams(bench.port()).back(), Header(number))])


@pytest.mark.parametrize("kind", UNKNOWN_OPTIONS)
def test_options_that_ask_for_an_answer_get_none(bench: Bench, kind: int) -> None:
    """The kernel reads hop-by-hop options before any rule and would send an error. It has no route for the error."""
    stray = Datagrams(bench.port()).back()
    _silent(bench, [behind(stray, Header(number, option(kind))) for number in (HOP_BY_HOP, DESTINATION)])


def test_destination_options_on_a_live_flow_pass(bench: Bench) -> None:
    """F3: the upper layer behind them is judged."""
    flow = Datagrams.opened(bench)
    legal = behind(flow.back(), Header(DESTINATION))
    assert len(bench.attack("in", [legal], {}).through) == 1
    stray = behind(Datagrams(bench.port()).back(), Header(DESTINATION))
    assert bench.attack("in", [stray], {"drop_inbound": 1}).through == []
    assert len(bench.attack("out", [behind(flow.out(), Header(DESTINATION))], {}).through) == 1


def test_a_fragment_header_hidden_behind_another_header_hides_nothing(bench: Bench) -> None:
    stray = Datagrams(bench.port()).back()
    _silent(bench, [behind(stray, Header(DESTINATION), fragment(1)), behind(stray, fragment(2), Header(DESTINATION))])


def test_fragments_of_a_live_flow_pass_whole(bench: Bench) -> None:
    """F1: conntrack reassembles them, and rules judge the whole. They leave in fragments of the same sizes."""
    flow = Datagrams.opened(bench)
    pieces = fragments(flow.back(BIG), 7, 512)
    heard = bench.attack("in", pieces, {}).through
    assert sum(len(each) for each in heard) >= len(BIG)
    assert len(heard) == 2
    assert len(bench.attack("out", fragments(flow.out(BIG), 8, 512), {}).through) == 2


def test_fragments_in_any_order_pass(bench: Bench) -> None:
    flow = Datagrams.opened(bench)
    assert len(bench.attack("in", fragments(flow.back(BIG), 9, 512, 768)[::-1], {}).through) == 3


def test_an_atomic_fragment_passes(bench: Bench) -> None:
    """RFC 6946: a packet in one fragment is a complete packet."""
    flow = Datagrams.opened(bench)
    assert len(bench.attack("in", [behind(flow.back(), fragment(11))], {}).through) == 1
    assert _silent(bench, [behind(Datagrams(bench.port()).back(), fragment(12))]) == {"drop_inbound": 1}


def test_fragments_of_what_the_internet_starts_do_not_pass(bench: Bench) -> None:
    stray = Datagrams(bench.port()).back(BIG)
    assert _silent(bench, fragments(stray, 13, 512)) == {"drop_inbound": 1}


def test_overlapping_fragments_are_dropped(bench: Bench) -> None:
    """RFC 5722: the whole packet is dropped, so that no fragment can replace another."""
    flow = Datagrams.opened(bench)
    whole = flow.back(BIG)
    last = len(whole) - 40
    pieces = [
        piece(whole, 17, 0, 512, more=True),
        piece(whole, 17, 256, 768, more=True),
        piece(whole, 17, 512, last, more=False),
    ]
    _silent(bench, pieces)
    assert len(bench.attack("in", [flow.back()], {}).through) == 1


def test_tiny_first_fragments_do_not_pass(bench: Bench) -> None:
    """RFC 7112: the first fragment has the whole header chain. A first fragment of 8 octets has no TCP flags."""
    flow = Tcp.opened(bench)
    segment = flow.back("PA", BIG)
    tiny = [piece(segment, 19, 0, 8, more=True)]
    _silent(bench, tiny)
    syn = Tcp.new(bench).back("S", BIG)
    _silent(bench, fragments(syn, 20, 8))
    flow.check()


def test_a_fragment_flood_costs_bounded_memory(bench: Bench) -> None:
    """The kernel keeps a bounded number of octets of incomplete packets, and live flows go on."""
    with netns.inside(bench.gateway):
        limit = int(sysctl.read("net.netfilter.nf_conntrack_frag6_high_thresh") or 0)
    assert 0 < limit <= 64 << 20
    stray = Datagrams(bench.port()).back(BIG)
    _silent(bench, [piece(stray, number, 0, 512, more=True) for number in range(20_000)])
    flow = Datagrams.opened(bench)
    assert len(bench.attack("in", [flow.back()], {}).through) == 1


def test_what_is_behind_a_fragment_of_the_middle_is_not_taken_for_a_header(bench: Bench) -> None:
    stray = packet(OUTSIDE, INSIDE, UDP(sport=DNS, dport=bench.port()), BIG)
    middle = [piece(stray, 23, 512, 1024, more=more) for more in (True, False)]
    _silent(bench, middle)
    assert middle[0][6] == FRAGMENT
