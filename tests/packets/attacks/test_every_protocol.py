"""Each of the 256 protocol numbers: what opens a flow, what answers it, and that nothing unsolicited enters (G1 to G3).

Conntrack tracks some protocols by addresses alone, though their header begins with two ports, such as DCCP in Linux
6.18. The gateway tracks those by a set of its own. Which protocols these are depends on the kernel. What passes does
not.
"""

from __future__ import annotations

import contextlib
import copy
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from scapy.layers.inet import TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6Unknown, IPv6, in6_chksum
from scapy.layers.sctp import SCTP, SCTPChunkInit, SCTPChunkInitAck
from scapy.packet import Packet, Raw

from eigw_ns.dataplane.state import Ruleset
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.nft.library import Nft
from tests.support.attack_bench import INSIDE, OUTSIDE, Bench, Outcome, Way, building, forwarded
from tests.support.crafted_flows import packet
from tests.support.extension_headers import (
    AUTHENTICATION,
    DCCP,
    DESTINATION,
    FRAGMENT,
    HOP_BY_HOP,
    MOBILITY,
    NO_NEXT,
    ROUTING,
    Header,
    behind,
    fragments,
)
from tests.support.labs import until
from tests.topologies.egress import APP, WEB
from tests.topologies.three_instances import TREE

pytestmark = pytest.mark.root

NUMBERS = range(256)
ICMP, UDP_NUMBER, GRE, ICMPV6, PGM, SCTP_NUMBER, UDP_LITE, HOMA = 1, 17, 47, 58, 113, 132, 136, 146
NO_UPPER_LAYER = {HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION, NO_NEXT}
"""Extension headers (RFC 8200, RFC 4302), and the number 59, which says that nothing follows."""

PORTS_ELSEWHERE = {20, 27, 28, 30, 40}
"""HMP, RDP, IRTP, NETBLT, IL: historic protocols whose ports conntrack and the gateway do not read."""

DO_NOT_OPEN = {*NO_UPPER_LAYER, ICMP, *PORTS_ELSEWHERE}
"""ICMP belongs to IPv4: conntrack treats it as invalid in IPv6."""

DO_NOT_ANSWER = {*DO_NOT_OPEN, MOBILITY}
"""A mobility header from outside is refused (F2)."""

GENERIC = (DCCP, PGM, HOMA)
"""Protocols that begin with two ports, and that Linux 6.18 tracks by addresses alone."""

PORTED = {socket.IPPROTO_TCP, UDP_NUMBER, *GENERIC, SCTP_NUMBER, UDP_LITE}
TOLD_APART = PORTED | {ICMPV6}
"""Protocols whose flows between the same two hosts differ: in their ports, or in the id of an echo."""

NEAR, FAR = NO_NEXT << 8 | 4, NO_NEXT << 8 | 6
"""Ports of inside and outside.

As the first octets of an extension header, they say that nothing follows its 48 or 64 octets.
"""

STRANGER, NEIGHBOUR, ROUTER = "2001:db8:bad::2", "2600:1f16:aa0:5501::67", "2001:db8:77::1"


def _of(number: int, source: str, destination: str, sport: int, dport: int) -> bytes:
    """Return a packet that opens a flow of the protocol if it comes from inside, or answers one.

    The UDP-Lite checksum is one that conntrack accepts: see test_known_limit_udp_lite_counts_as_corrupt.
    """
    answers = source not in (INSIDE, NEIGHBOUR)
    upper: dict[int, Callable[[], Packet]] = {
        socket.IPPROTO_TCP: lambda: TCP(sport=sport, dport=dport, flags="SA" if answers else "S", ack=int(answers)),
        UDP_NUMBER: lambda: UDP(sport=sport, dport=dport),
        UDP_LITE: lambda: UDP(sport=sport, dport=dport),
        ICMPV6: lambda: ICMPv6EchoReply(id=dport) if answers else ICMPv6EchoRequest(id=sport),
        SCTP_NUMBER: lambda: (
            SCTP(sport=sport, dport=dport, tag=7 if answers else 0)
            / (SCTPChunkInitAck(init_tag=8) if answers else SCTPChunkInit(init_tag=7))
        ),
        DCCP: lambda: _dccp(source, destination, sport, dport, answers=answers),
    }
    made = packet(source, destination, upper.get(number, lambda: Raw(_ports(sport, dport) + bytes(124)))())
    return made[:6] + bytes([number]) + made[7:]


def _ports(sport: int, dport: int) -> bytes:
    return sport.to_bytes(2) + dport.to_bytes(2)


def _dccp(source: str, destination: str, sport: int, dport: int, *, answers: bool) -> Raw:
    """Return a request or a response (RFC 4340) with sequence number 1, which Linux checks if it tracks DCCP."""
    rest = bytes(7) + b"\x01test" if answers else b"test"
    offset, sequence = bytes([(16 + len(rest)) // 4, 0]), bytes([answers << 1 | 1]) + bytes(6) + b"\x01"
    whole = _ports(sport, dport) + offset + bytes(2) + sequence + rest
    total = in6_chksum(DCCP, IPv6(src=source, dst=destination), whole)
    return Raw(whole[:6] + total.to_bytes(2) + whole[8:])


def _opening(number: int, near: int = NEAR, far: int = FAR) -> bytes:
    return _of(number, INSIDE, OUTSIDE, near, far)


def _answer(number: int, near: int = NEAR, far: int = FAR) -> bytes:
    return _of(number, OUTSIDE, INSIDE, far, near)


def _send(bench: Bench, way: Way, packets: list[bytes]) -> Outcome:
    """Send packets and listen. Assert that a rule dropped and counted each packet that did not come out.

    Two kinds of packets meet no rule: a fragment that waits in reassembly, and hop-by-hop options with too much
    padding, which Linux drops.
    """
    before = bench.counters()
    bench.outer.heard(), bench.inner.heard()
    (bench.outer if way == "in" else bench.inner).send(packets)
    outcome = bench.listen(way)
    dropped = sum(now - before[name] for name, now in bench.counters().items() if name not in bench.noise)
    unseen = sum(each[6] == HOP_BY_HOP or (each[6] == FRAGMENT and _of_peers(each)) for each in packets)
    assert dropped == len(packets) - len(outcome.through) - unseen
    assert outcome.answers == []
    return outcome


def _of_peers(packet: bytes) -> bool:
    return {packet[8:24], packet[24:40]} == {socket.inet_pton(socket.AF_INET6, each) for each in (INSIDE, OUTSIDE)}


def test_what_each_of_the_256_protocol_numbers_opens_and_what_answers_it(bench: Bench) -> None:
    """Packets of all numbers are sent at once: unsolicited ones, openings, wrong answers, right answers."""
    openings, answers = [_opening(number) for number in NUMBERS], [_answer(number) for number in NUMBERS]
    assert _send(bench, "in", answers).through == []  # unasked
    outcome = _send(bench, "out", openings)
    assert outcome.through == [forwarded(each) for each in openings if each[6] not in DO_NOT_OPEN]
    of_others = [_of(number, STRANGER, INSIDE, FAR, NEAR) for number in NUMBERS]
    to_others = [_of(number, OUTSIDE, NEIGHBOUR, FAR, NEAR) for number in NUMBERS]
    assert _send(bench, "in", [*of_others, *to_others]).through == []
    other_ports = [_answer(n, *ports) for n in TOLD_APART for ports in ((NEAR + 1, FAR), (NEAR, FAR + 1), (FAR, NEAR))]
    asked = [_answer(ICMPV6, NEAR, FAR + 1)]  # an echo has one id instead of two ports
    assert _send(bench, "in", other_ports).through == [forwarded(each) for each in asked]
    outcome = _send(bench, "in", answers)
    assert outcome.through == [forwarded(each) for each in answers if each[6] not in DO_NOT_ANSWER]


@pytest.mark.parametrize("number", GENERIC)
def test_flows_between_the_same_hosts_are_separated_by_ports(bench: Bench, number: int) -> None:
    near = bench.port()
    one, other = (near, 5001), (near + 10_000, 5002)
    for flow in (one, other):
        assert bench.attack("in", [_answer(number, *flow)], {"drop_inbound": 1}).through == []
        assert bench.attack("out", [_opening(number, *flow)], {}).through == [forwarded(_opening(number, *flow))]
    crossed = [_answer(number, one[0], other[1]), _answer(number, other[0], one[1])]
    assert bench.attack("in", crossed, {"drop_inbound": 2}).through == []
    right = [_answer(number, *one), _answer(number, *other)]
    assert bench.attack("in", right, {}).through == [forwarded(each) for each in right]


def _error(quoted: bytes) -> bytes:
    return packet(ROUTER, INSIDE, ICMPv6Unknown(type=2, code=0, msgbody=(1280).to_bytes(4) + quoted) / Raw())


@pytest.mark.parametrize("number", GENERIC)
def test_an_error_comes_in_if_it_quotes_the_ports_of_a_flow(bench: Bench, number: int) -> None:
    """This holds behind destination options too. If the quoted packet has an extension header, nft finds no ports."""
    near = bench.port()
    bench.attack("out", [_opening(number, near)], {})
    wrong = [_error(_opening(number, near + 10_000)), _error(_opening(number, near, FAR + 1))]
    wrong += [behind(each, Header(DESTINATION)) for each in wrong]
    wrong += [_error(_opening(number, near)[:42]), _error(behind(_opening(number, near), Header(DESTINATION)))]
    outcome = _send(bench, "in", wrong)
    assert outcome.through == []
    right = [_error(_opening(number, near)), _error(_opening(number, near)[:44])]
    right += [behind(each, Header(DESTINATION)) for each in right]
    assert bench.attack("in", right, {}).through == [forwarded(each) for each in right]


@pytest.mark.parametrize("number", GENERIC)
def test_a_header_before_the_ports_hides_nothing(bench: Bench, number: int) -> None:
    """Ports are read behind destination options. Behind an authentication header nft reads none: refused."""
    near, options, authentication = bench.port(), Header(DESTINATION), Header(AUTHENTICATION, bytes(22))
    opening, answer, wrong = _opening(number, near), _answer(number, near), _answer(number, near, FAR + 1)
    refused = {"drop_extension_header": 1}
    assert bench.attack("out", [behind(opening, authentication)], refused).through == []
    hidden = behind(opening, options)
    assert bench.attack("out", [hidden], {}).through == [forwarded(hidden)]
    assert bench.attack("in", [behind(wrong, options)], {"drop_inbound": 1}).through == []
    for headers in ((authentication,), (authentication, options), (options, authentication)):
        for each in (answer, wrong):
            assert bench.attack("in", [behind(each, *headers)], refused).through == []
    right = [answer, behind(answer, options)]
    assert bench.attack("in", right, {}).through == [forwarded(each) for each in right]


@pytest.mark.parametrize("number", sorted(PORTS_ELSEWHERE))
def test_protocols_with_ports_elsewhere_open_nothing_behind_a_header(bench: Bench, number: int) -> None:
    headers = (Header(DESTINATION), Header(AUTHENTICATION, bytes(22)))
    hidden = [behind(_opening(number), header) for header in headers]
    assert bench.attack("out", hidden, {"drop_not_opening": 2}).through == []


@pytest.mark.parametrize("number", sorted(PORTED))
def test_either_conntrack_follows_the_ports_or_the_set_does(bench: Bench, number: int) -> None:
    """Which one depends on the kernel. If conntrack tracks the ports, the flow has no element in the set."""
    near = bench.port()
    assert len(bench.attack("out", [_opening(number, near)], {}).through) == 1
    with netns.inside(bench.gateway):
        listed = Nft().listing("inet", stateless=False)
    in_set = f"{INSIDE} . {near} . {OUTSIDE} . {FAR}" in listed
    assert in_set is not bench.knows(near)
    if number in (socket.IPPROTO_TCP, UDP_NUMBER):
        assert not in_set


def _gre(source: str, destination: str, header: bytes) -> bytes:
    made = packet(source, destination, Raw(header + bytes(8)))
    return made[:6] + bytes([GRE]) + made[7:]


def test_gre_is_two_addresses_and_pptp_gets_no_answer(bench: Bench) -> None:
    """A key names a flow within a tunnel (RFC 2890). The tunnel itself is identified by two addresses.

    Conntrack reads the call id of PPTP (RFC 2637). Without its helper, which we do not use, it expects no answer.
    """
    keyed, other_key = b"\x20\0\x08\0\0\0\0\x01", b"\x20\0\x08\0\0\0\0\x02"
    call, other_call = (b"\x20\x01\x88\x0b\0\0" + number for number in (b"\0\x01", b"\0\x02"))
    peer = "2001:db8:bad::47"
    unasked = [_gre(peer, INSIDE, header) for header in (keyed, other_key, call, other_call)]
    assert bench.attack("in", unasked, {"drop_inbound": 4}).through == []
    opening = _gre(INSIDE, peer, call)
    assert bench.attack("out", [opening], {}).through == [forwarded(opening)]
    assert bench.attack("in", unasked, {"drop_inbound": 4}).through == []
    opening = _gre(INSIDE, peer, keyed)
    assert bench.attack("out", [opening], {}).through == [forwarded(opening)]
    assert bench.attack("in", unasked, {"drop_inbound": 2}).through == [*map(forwarded, unasked[:2])]


@pytest.mark.parametrize("number", GENERIC)
def test_fragments_are_separated_by_ports_too(bench: Bench, number: int) -> None:
    near = bench.port()
    bench.attack("out", [_opening(number, near)], {})
    right, wrong = (each + bytes(2000) for each in (_answer(number, near), _answer(number, near, FAR + 1)))
    right, wrong = (each[:4] + (len(each) - 40).to_bytes(2) + each[6:] for each in (right, wrong))
    assert bench.attack("in", fragments(wrong, 2 * near, 1240), {"drop_inbound": 1}).through == []
    assert len(bench.attack("in", fragments(right, 2 * near + 1, 1240), {}).through) == 2


def test_a_packet_too_short_for_ports_opens_nothing(bench: Bench) -> None:
    """In Linux 6.18 conntrack itself would track it."""
    near = bench.port()
    short = [_opening(number, near)[:43] for number in (PGM, HOMA)]
    short = [each[:4] + (3).to_bytes(2) + each[6:] for each in short]
    assert bench.attack("out", short, {"drop_not_opening": 2}).through == []
    bench.attack("out", [_opening(PGM, near), _opening(HOMA, near)], {})
    answers = [packet(OUTSIDE, INSIDE, Raw(bytes(3))) for _ in short]
    answers = [each[:6] + bytes([number]) + each[7:] for each, number in zip(answers, (PGM, HOMA), strict=True)]
    assert bench.attack("in", answers, {"drop_inbound": 2}).through == []


@contextlib.contextmanager
def _sets(bench: Bench, name: str, *, size: int = 0, timeout: str = "") -> Iterator[None]:
    """Give a set of the gateway another size or timeout, and no elements, while the block runs."""
    held = bench.lab.kernel.observe(bench.lab.name).objects["ruleset", bench.gateway, "inet"]
    assert isinstance(held, Ruleset)
    sets = tuple(
        replace(item, size=size or item.size, timeout=timeout or item.timeout) if item.name == name else item
        for item in held.sets
    )
    changed = replace(held, sets=sets)
    bench.lab.kernel.update([(held, changed)])
    yield
    bench.lab.kernel.update([(changed, held)])


@pytest.mark.parametrize("name", ["tuples", "quoted_tuples"])
def test_a_full_set_refuses_new_flows(bench: Bench, name: str) -> None:
    room, near = 4, bench.port()
    openings = [_opening(DCCP, near, 6000 + number) for number in range(room + 2)]
    with _sets(bench, name, size=room):
        assert bench.attack("out", openings, {"drop_limit_gateway": 2}).through == [*map(forwarded, openings[:room])]
        again = openings[:room]  # a known flow continues
        assert bench.attack("out", again, {}).through == [*map(forwarded, again)]
        answers = [_answer(DCCP, near, 6000 + number) for number in range(room)]
        assert bench.attack("in", answers, {}).through == [*map(forwarded, answers)]


def test_only_packets_from_inside_keep_a_flow_alive(bench: Bench) -> None:
    """Answers do not: an attacker that knows the ports could keep it open for ever. Conntrack's entry stays."""
    near = bench.port()
    opening, answer = _opening(DCCP, near), _answer(DCCP, near)
    with _sets(bench, "tuples", timeout="1s"):
        assert bench.attack("out", [opening], {}).through == [forwarded(opening)]
        assert bench.attack("in", [answer], {}).through == [forwarded(answer)]
        until(lambda: not _send(bench, "in", [answer]).through, "the element times out")
        assert bench.attack("out", [opening], {}).through == [forwarded(opening)]
        assert bench.attack("in", [answer], {}).through == [forwarded(answer)]


def test_a_flow_ends_with_conntracks_entry(bench: Bench) -> None:
    """The entry ends if the route or the instance goes (R4). A flow of the address's next owner does not revive it."""
    near = bench.port()
    old, new = _answer(DCCP, near), _answer(DCCP, near + 10_000)
    bench.attack("out", [_opening(DCCP, near)], {})
    assert bench.attack("in", [old], {}).through == [forwarded(old)]
    bench.lab.kernel.flush_flows(bench.gateway, [(f"{APP}/128", WEB, WEB)])
    assert bench.attack("in", [old], {"drop_inbound": 1}).through == []
    bench.attack("out", [_opening(DCCP, near + 10_000)], {})
    assert bench.attack("in", [old], {"drop_inbound": 1}).through == []
    assert bench.attack("in", [new], {}).through == [forwarded(new)]


def test_one_source_cannot_take_all_of_the_set(lab_name: str) -> None:
    """A source gets room for half of its connections at once, and for others hardly faster than flows end.

    Another instance is not affected.
    """
    tree = copy.deepcopy(TREE)
    limits = {"connection_tracking": {"max_connections_per_source": 40}}
    tree["vpcs"]["main"]["egress_only_internet_gateways"]["outbound"] = limits
    with building(lab_name, tree) as bench:
        flood = [_of(DCCP, INSIDE, OUTSIDE, 7000 + number, FAR) for number in range(30)]
        assert bench.attack("out", flood, {"drop_limit_source": 10}).through == [*map(forwarded, flood[:20])]
        other = _of(DCCP, NEIGHBOUR, OUTSIDE, NEAR, FAR)
        assert bench.attack("out", [other], {}).through == [forwarded(other)]
