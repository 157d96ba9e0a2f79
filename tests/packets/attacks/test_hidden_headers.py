"""Headers between the IPv6 header and the upper layer, and the counters of their drops (F1–F3; RFC 8200, RFC 5722)."""

from __future__ import annotations

import pytest
from scapy.layers.inet import UDP

from tests.support.attack_bench import INSIDE, OUTSIDE, Bench, Way
from tests.support.crafted_flows import DNS, Datagrams, Tcp, packet
from tests.support.extension_headers import (
    AUTHENTICATION,
    DESTINATION,
    HOP_BY_HOP,
    Header,
    behind,
    fragment,
    fragments,
    option,
    piece,
    routing,
)
from tests.support.labs import until

pytestmark = pytest.mark.root

TIMEOUT = "net.netfilter.nf_conntrack_frag6_timeout"
STRANGER = "2001:db8:bad::9"
HERE, THERE = "2600:1f16:aa0:5501::88", "2001:db8:bad::8"
FLOOD = 6_000
LONG = bytes(range(256)) * 8  # octets, for two fragments or more


OPTIONS = Header(DESTINATION)
REFUSED: dict[str, tuple[Header, ...]] = {
    "routing type 4, none left": (routing(4, 0),),
    "routing behind options": (OPTIONS, routing(0, 0)),
    "routing behind a fragment header": (fragment(1), routing(0, 0)),
    "routing behind two fragment headers": (fragment(2), fragment(3), routing(0, 0)),
    "routing behind authentication": (Header(AUTHENTICATION, bytes(22)), routing(4, 0)),
    "a fragment of a fragment": (fragment(4), fragment(5)),
}
FROM_OUTSIDE: dict[str, tuple[Header, ...]] = {
    "hop-by-hop": (Header(HOP_BY_HOP),),
    "hop-by-hop, 64 octets": (Header(HOP_BY_HOP, b"\x1e\x3c" + bytes(60)),),
    "hop-by-hop, router alert": (Header(HOP_BY_HOP, b"\x05\x02\0\0\x01\0"),),
    "hop-by-hop behind options": (OPTIONS, Header(HOP_BY_HOP)),
}


@pytest.mark.parametrize("way", ["in", "out"])
@pytest.mark.parametrize("headers", REFUSED.values(), ids=REFUSED.keys())
def test_headers_that_no_flow_may_have(bench: Bench, headers: tuple[Header, ...], way: Way) -> None:
    """The packets are on a live flow, in its window, with a correct checksum: conntrack alone would accept them."""
    flow = Tcp.opened(bench)
    segment = flow.back("PA", b"hidden") if way == "in" else flow.out("PA", b"hidden")
    outcome = bench.attack(way, [behind(segment, *headers)], {"drop_extension_header": 1})
    assert (outcome.through, outcome.answers) == ([], [])
    flow.check()


@pytest.mark.parametrize("headers", FROM_OUTSIDE.values(), ids=FROM_OUTSIDE.keys())
def test_headers_that_may_not_come_in(bench: Bench, headers: tuple[Header, ...]) -> None:
    flow = Tcp.opened(bench)
    outcome = bench.attack("in", [behind(flow.back("PA", b"hidden"), *headers)], {"drop_extension_header": 1})
    assert (outcome.through, outcome.answers) == ([], [])
    flow.check()


@pytest.mark.parametrize("headers", REFUSED.values(), ids=REFUSED.keys())
def test_no_flow_begins_behind_such_a_header(bench: Bench, headers: tuple[Header, ...]) -> None:
    outcome = bench.attack("out", [behind(Tcp.new(bench).out("S"), *headers)], {"drop_extension_header": 1})
    assert (outcome.through, outcome.answers) == ([], [])


@pytest.mark.parametrize("way", ["in", "out"])
@pytest.mark.parametrize("kind", [0x9E, 0xDE, 0xC2], ids=["tell", "tell unless multicast", "jumbo payload"])
def test_a_hop_by_hop_option_that_wants_an_answer_finds_no_route_for_it(bench: Bench, kind: int, way: Way) -> None:
    """Linux reads the options before any rule and tries to answer, with and without a flow: Ip6OutNoRoutes rises."""
    live = Tcp.opened(bench)
    for flow in (live, Tcp.new(bench)):
        refused, nowhere = (bench.kernel_counter(name) for name in ("Ip6InHdrErrors", "Ip6OutNoRoutes"))
        segment = flow.back("A") if way == "in" else flow.out("A")
        outcome = bench.attack(way, [behind(segment, Header(HOP_BY_HOP, option(kind)))], {})
        assert (outcome.through, outcome.answers) == ([], [])
        assert bench.kernel_counter("Ip6InHdrErrors") == refused + 1
        assert bench.kernel_counter("Ip6OutNoRoutes") == nowhere + 1
    live.check()


@pytest.mark.parametrize(
    ("first", "second"),
    [((0, 800), (792, 1400)), ((0, 800), (0, 1400)), ((8, 1400), (0, 1400)), ((8, 1400), (0, 16))],
    ids=["by eight octets", "from the start", "all of it and more", "the start of it"],
)
def test_fragments_that_overlap_in_any_way_are_all_dropped(
    bench: Bench, first: tuple[int, int], second: tuple[int, int]
) -> None:
    """RFC 5722. Linux drops them before any rule, so no counter of ours can rise."""
    whole, number = Datagrams.opened(bench).back(LONG), bench.port()
    pieces = [piece(whole, number, *span, more=True) for span in (first, second)]
    pieces.append(piece(whole, number, max(first[1], second[1]), len(whole) - 40, more=False))
    outcome = bench.attack("in", pieces, {})
    assert (outcome.through, outcome.answers) == ([], [])


def test_known_limit_a_fragment_within_another_is_left_out(bench: Bench) -> None:
    """RFC 5722 drops the whole packet here too. Linux ignores the later fragment and keeps what it had.

    The gateway reassembles the packet and fragments it again, so that no receiver can read it in two ways.
    """
    whole, number = Datagrams.opened(bench).back(LONG), bench.port()
    other = whole[:40] + bytes(len(whole) - 40)
    pieces = [piece(whole, number, 0, 1240, more=True), piece(other, number, 600, 1240, more=True)]
    outcome = bench.attack("in", [*pieces, piece(whole, number, 1240, len(whole) - 40, more=False)], {})
    parts = {int.from_bytes(each[42:44]) & 0xFFF8: each[48:] for each in outcome.through}
    assert b"".join(parts[offset] for offset in sorted(parts)) == whole[40:]


def test_an_incomplete_packet_is_not_answered(bench: Bench) -> None:
    """RFC 8200 wants a time-exceeded about the first fragment after 60 s. It has no route: G3 comes first."""
    with bench.sysctl(TIMEOUT, "1"):
        nowhere = bench.kernel_counter("Ip6OutNoRoutes")
        first = fragments(Datagrams(bench.port()).back(LONG), bench.port(), 1240)[0]
        assert bench.attack("in", [first], {}).answers == []
        until(lambda: bench.kernel_counter("Ip6OutNoRoutes") == nowhere + 1, "Linux tries to answer")
        outcome = bench.listen("in")
    assert (outcome.through, outcome.answers) == ([], [])


def _lone(source: str, count: int) -> list[bytes]:
    """Return this number of first fragments from the source. No other fragments follow them."""
    datagram = packet(source, INSIDE, UDP(sport=DNS, dport=9), bytes(1_400))
    return [piece(datagram, number, 0, 1240, more=True) for number in range(count)]


def test_fragments_from_strangers_never_wait_for_others(bench: Bench) -> None:
    """A stranger is a source to which the instance has begun no flow. Each fragment of it is refused at once."""
    flow = Datagrams.opened(bench)
    outcome = bench.attack("in", _lone(STRANGER, FLOOD), {"drop_fragment": FLOOD})
    assert (outcome.through, outcome.answers) == ([], [])
    assert len(bench.attack("in", fragments(flow.back(LONG), FLOOD, 1240), {}).through) == 2  # the control
    made = Datagrams(bench.port(), INSIDE, STRANGER)
    assert len(bench.attack("out", [made.out()], {}).through) == 1
    assert len(bench.attack("in", fragments(made.back(LONG), FLOOD, 1240), {}).through) == 2  # it is not a stranger now


def test_fragments_from_sources_at_random_find_no_room(bench: Bench) -> None:
    """A hash tells strangers from peers: one in 4,096 may pass for each peer of the instance, which has a few here."""
    flow, before = Datagrams.opened(bench), bench.counters()["drop_fragment"]
    forged = [_lone(f"2001:db8:{number:x}::1", 1)[0] for number in range(FLOOD)]
    bench.inner.heard(), bench.outer.heard()
    bench.outer.send(forged)
    until(lambda: bench.counters()["drop_fragment"] - before > FLOOD * 0.98, "nearly all counted")
    outcome = bench.listen("in")
    assert (outcome.through, outcome.answers) == ([], [])
    assert len(bench.attack("in", fragments(flow.back(LONG), FLOOD, 1240), {}).through) == 2


def test_a_fragment_flood_by_a_peer_leaves_room_for_other_instances(bench: Bench) -> None:
    """A peer may send 1,000 fragments at once and 2,000 a second to one instance.

    Another instance has room all the time. The same instance has room again as soon as Linux gives them up, after a
    second. No fragment is answered.
    """
    other = Datagrams(bench.port(), HERE, THERE)
    flow = Datagrams.opened(bench)
    assert len(bench.attack("out", [other.out()], {}).through) == 1
    before = bench.counters()["drop_fragment"]
    bench.inner.heard(), bench.outer.heard()
    bench.outer.send(_lone(OUTSIDE, FLOOD))
    until(lambda: bench.counters()["drop_fragment"] - before > FLOOD // 4, "the rest is counted")
    outcome = bench.listen("in")
    assert (outcome.through, outcome.answers) == ([], [])
    assert len(bench.attack("in", fragments(other.back(LONG), 1, 1240), {}).through) == 2
    again = fragments(flow.back(LONG), FLOOD, 1240)
    bench.outer.send(again)
    until(lambda: bool(bench.attack("in", again, {}).through), "there is room again")
    assert bench.counters()["drop_fragment"] - before < FLOOD
