"""ICMPv6: errors about live flows and about none, every type and code, echo (I1, I5; RFC 4890 section 4.3)."""

from __future__ import annotations

import struct

import pytest
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6Unknown
from scapy.packet import Packet, Raw

from tests.support.attack_bench import INSIDE, OUTSIDE, Bench, Outcome, Way, forwarded
from tests.support.crafted_flows import Datagrams, Tcp, packet
from tests.support.extension_headers import HOP_BY_HOP, Header, behind, routing

pytestmark = pytest.mark.root

ROUTER = "2001:db8:77::1"  # a router on the path, which may send errors as the peer may
UNREACHABLE, TOO_BIG, TIME_EXCEEDED, PARAMETER_PROBLEM, ECHO_REQUEST = 1, 2, 3, 4, 128
WANTED = (
    *((UNREACHABLE, code) for code in range(9)),
    (TOO_BIG, 0),
    *((TIME_EXCEEDED, code) for code in range(2)),
    *((PARAMETER_PROBLEM, code) for code in range(4)),
)
"""The errors that RFC 4890 lets pass about a live flow, (type, code)."""

UNWANTED = (
    *((kind, 0) for kind in (0, *range(5, 128))),
    *((UNREACHABLE, code) for code in (9, 100, 255)),
    *((TIME_EXCEEDED, code) for code in (2, 255)),
)
MTU_1280 = (1280).to_bytes(4)


def _error(source: str, destination: str, kind: int, code: int, quoted: bytes) -> bytes:
    """Return an error of that type and code that quotes a packet. The MTU, if the error has one, is legal."""
    return packet(source, destination, _message(kind, code, MTU_1280 + quoted[:1000]))


def _message(kind: int, code: int, body: bytes) -> Packet:
    return ICMPv6Unknown(type=kind, code=code, msgbody=body) / Raw()


def _every_message(source: str, destination: str) -> list[bytes]:
    """Return one message of each type and code.

    Both are in one word of the checksum. So the checksum is updated: scapy would take 20 s to compute all of them.
    """
    first = packet(source, destination, _message(0, 0, bytes(60)))
    rest = first[44:]
    others = 0xFFFF - int.from_bytes(first[42:44])
    sums = (others + word for word in range(1 << 16))
    checksums = ((0xFFFF - (total & 0xFFFF) - (total >> 16)) & 0xFFFF for total in sums)
    return [first[:40] + struct.pack("!HH", word, checksum) + rest for word, checksum in enumerate(checksums)]


def _sent(bench: Bench, way: Way, messages: list[bytes]) -> tuple[Outcome, dict[str, int]]:
    """Send messages, and return what was heard and the counters that rose."""
    before = bench.counters()
    bench.outer.heard(), bench.inner.heard()
    (bench.outer if way == "in" else bench.inner).send(messages)
    outcome = bench.listen(way)
    risen = {name: now - before[name] for name, now in bench.counters().items() if now != before[name]}
    risen.pop("drop_link_local", 0)
    return outcome, risen


def test_no_unsolicited_type_and_code_comes_in(bench: Bench) -> None:
    """All 65,536 from outside: errors about no flow, queries, answers, discovery, unassigned types."""
    messages = _every_message(OUTSIDE, INSIDE)
    for kind, code in ((1, 4), (128, 0), (255, 255)):  # as scapy computes them
        assert messages[kind << 8 | code] == packet(OUTSIDE, INSIDE, _message(kind, code, bytes(60)))
    outcome, risen = _sent(bench, "in", messages)
    assert (outcome.through, outcome.answers) == ([], [])
    assert sum(risen.values()) == len(messages) == 1 << 16
    assert set(risen) == {"drop_icmpv6_error", "drop_inbound", "drop_invalid"}
    assert risen["drop_icmpv6_error"] == 128 * 256


def test_of_every_type_and_code_only_an_echo_request_leaves(bench: Bench) -> None:
    """Any code leaves, since the receiver ignores it (RFC 4443).

    Conntrack would also let a node information query (139) open a flow.
    """
    messages = _every_message(INSIDE, OUTSIDE)
    asked = messages[ECHO_REQUEST << 8 : (ECHO_REQUEST + 1) << 8]
    outcome, risen = _sent(bench, "out", messages)
    assert (outcome.through, outcome.answers) == ([forwarded(each) for each in asked], [])
    assert sum(risen.values()) == len(messages) - len(asked)
    assert set(risen) == {"drop_icmpv6_error", "drop_invalid", "drop_not_opening"}


@pytest.mark.parametrize("source", [ROUTER, OUTSIDE])
def test_wanted_errors_about_a_live_flow_come_in(bench: Bench, source: str) -> None:
    flow = Datagrams.opened(bench)
    errors = [_error(source, INSIDE, kind, code, flow.out()) for kind, code in WANTED]
    outcome = bench.attack("in", errors, {})
    assert outcome.through == [forwarded(error) for error in errors]
    assert outcome.answers == []


def test_wanted_errors_about_a_live_flow_go_out(bench: Bench) -> None:
    """An instance reports that an answer of its peer was too big or could not be delivered."""
    flow = Datagrams.opened(bench)
    bench.attack("in", [flow.back()], {})
    errors = [_error(INSIDE, OUTSIDE, kind, code, flow.back()) for kind, code in WANTED]
    assert bench.attack("out", errors, {}).through == [forwarded(error) for error in errors]


def test_other_errors_about_a_live_flow_stay_out(bench: Bench) -> None:
    flow = Tcp.opened(bench)
    errors = [_error(ROUTER, INSIDE, kind, code, flow.out("PA", b"x")) for kind, code in UNWANTED]
    outcome = bench.attack("in", errors, {"drop_icmpv6_error": len(errors)})
    assert (outcome.through, outcome.answers) == ([], [])
    flow.check()


def test_errors_about_no_flow_stay_out(bench: Bench) -> None:
    """Another port, another peer, another instance, a flow that does not exist, a quote that is too short."""
    flow = Datagrams.opened(bench)
    nobody = Datagrams(bench.port())
    quotes = [
        nobody.out(),
        Datagrams(flow.port, peer="2001:db8:bad::2").out(),
        Datagrams(flow.port, source="2600:1f16:aa0:5501::67").out(),
        flow.out()[:43],
        flow.out()[:20],
        b"",
    ]
    errors = [_error(ROUTER, INSIDE, UNREACHABLE, 4, quote) for quote in quotes]
    outcome = bench.attack("in", errors, {"drop_icmpv6_error": len(errors)})
    assert (outcome.through, outcome.answers) == ([], [])


@pytest.mark.parametrize(
    "source", ["2600:1f16:aa0:5501::1", "fd00::1", "::ffff:192.0.2.1", "100::1", "fe80::bad", "::"]
)
def test_an_error_from_a_source_that_is_never_valid_stays_out(bench: Bench, source: str) -> None:
    """S2 holds for errors too, which conntrack lets pass from any source."""
    errors = [_error(source, INSIDE, kind, code, Datagrams.opened(bench).out()) for kind, code in WANTED]
    outcome = bench.attack("in", errors, {"drop_source": len(errors)})
    assert (outcome.through, outcome.answers) == ([], [])


@pytest.mark.parametrize("header", [Header(HOP_BY_HOP), routing(0, 1), routing(4, 0)], ids=str)
def test_an_error_behind_a_header_that_may_not_come_in_stays_out(bench: Bench, header: Header) -> None:
    """F2 holds for errors about live flows too. Without the header, they pass."""
    flow = Datagrams.opened(bench)
    errors = [_error(ROUTER, INSIDE, kind, code, flow.out()) for kind, code in WANTED]
    outcome = bench.attack("in", [behind(error, header) for error in errors], {"drop_extension_header": len(errors)})
    assert (outcome.through, outcome.answers) == ([], [])
    assert bench.attack("in", errors, {}).through == [forwarded(error) for error in errors]


def test_an_error_with_a_source_outside_the_vpc_does_not_leave(bench: Bench) -> None:
    """RFC 6092 REC-4: outbound packets have a source of the VPC, errors too."""
    flow = Datagrams.opened(bench)
    bench.attack("in", [flow.back()], {})
    errors = [_error(source, OUTSIDE, UNREACHABLE, 4, flow.back()) for source in (ROUTER, "fd00::1")]
    assert bench.attack("out", errors, {"drop_source": 2}).through == []


def test_known_limit_an_error_may_quote_no_more_than_the_ports(bench: Bench) -> None:
    """RFC 4443 wants as much as fits. Conntrack needs only addresses and ports, and nft cannot check more."""
    flow = Datagrams.opened(bench)
    error = _error(ROUTER, INSIDE, UNREACHABLE, 4, flow.out()[:44])
    assert bench.attack("in", [error], {}).through == [forwarded(error)]


def test_errors_in_the_wrong_direction_do_not_pass(bench: Bench) -> None:
    """An answer came from outside, so no error about it can come from outside. The reverse holds for packets out."""
    flow = Datagrams.opened(bench)
    bench.attack("in", [flow.back()], {})
    inward = [_error(ROUTER, INSIDE, kind, 0, flow.back()) for kind in (1, 2, 3, 4)]
    assert bench.attack("in", inward, {"drop_icmpv6_error": 4}).through == []
    outward = [_error(INSIDE, OUTSIDE, kind, 0, flow.out()) for kind in (1, 2, 3, 4)]
    assert bench.attack("out", outward, {"drop_icmpv6_error": 4}).through == []


def test_an_error_about_another_instances_flow_stays_out(bench: Bench) -> None:
    flow = Datagrams.opened(bench)
    error = _error(ROUTER, "2600:1f16:aa0:5501::20", UNREACHABLE, 4, flow.out())
    assert bench.attack("in", [error], {"drop_icmpv6_error": 1}).through == []


def test_errors_about_no_flow_do_not_leave(bench: Bench) -> None:
    """G7: errors about packets of no flow."""
    errors = [_error(INSIDE, OUTSIDE, kind, 0, Datagrams(bench.port()).back()) for kind in (1, 2, 3, 4)]
    assert bench.attack("out", errors, {"drop_icmpv6_error": 4}).through == []


def test_a_forged_error_does_not_end_a_flow(bench: Bench) -> None:
    flow = Tcp.opened(bench)
    errors = [_error(ROUTER, INSIDE, UNREACHABLE, code, flow.out("PA", b"x")) for code in range(9)]
    assert len(bench.attack("in", errors, {}).through) == 9
    flow.check()


def test_only_the_echo_that_was_asked_for_is_answered(bench: Bench) -> None:
    """I5: the reply passes if its id and its source are those of the request."""
    asked, other = bench.port(), bench.port()
    request = packet(INSIDE, OUTSIDE, ICMPv6EchoRequest(id=asked, seq=1))
    reply = packet(OUTSIDE, INSIDE, ICMPv6EchoReply(id=asked, seq=1))
    assert bench.attack("out", [request], {}).through == [forwarded(request)]
    wrong = [packet(OUTSIDE, INSIDE, ICMPv6EchoReply(id=other)), packet(ROUTER, INSIDE, ICMPv6EchoReply(id=asked))]
    assert bench.attack("in", wrong, {"drop_invalid": 2}).through == []
    assert bench.attack("in", [reply], {}).through == [forwarded(reply)]
    again = packet(OUTSIDE, INSIDE, ICMPv6EchoRequest(id=other))
    assert bench.attack("in", [again], {"drop_inbound": 1}).through == []
