"""Packet traces without a kernel: messages, handles, the table's text, stations, the comparison, and the output."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.nodes import find
from eigw_ns.dataplane.trace.comparison import Arrivals, PacketStep, Passage, Row, compare
from eigw_ns.dataplane.trace.explanation import Explanation, Question, explain
from eigw_ns.dataplane.trace.model import Direction
from eigw_ns.dataplane.trace.stations import Station, stations
from eigw_ns.kernel.netlink.socket import attribute, nested, text
from eigw_ns.kernel.netlink.trace_message import TraceMessage, parse_trace
from eigw_ns.kernel.nft.fingerprint import TRACE_TABLE, Table
from eigw_ns.kernel.nft.listing import handles
from eigw_ns.kernel.nft.trace_table import Selection, commands
from eigw_ns.kernel.reading import foreign
from eigw_ns.lab.trace.listening import Report, passages
from eigw_ns.lab.trace.session import PacketTrace
from eigw_ns.lab.verify.checks import Check
from eigw_ns.render import trace as render
from eigw_ns.render.table import draw
from eigw_ns.topology import load
from tests.topologies.any_destination import TEXT
from tests.topologies.replicated import tree

NAME = TRACE_TABLE.encode() + b"\0"
HEADER = b"\x01\0\0\0"


def big(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("!i", value))


def message(*parts: bytes) -> bytes:
    return HEADER + b"".join((text(1, "eigw_ns"), text(2, "begin"), big(6, 7), *parts))


def test_a_rule_with_a_jump() -> None:
    payload = message(attribute(3, (59).to_bytes(8)), big(4, 3), nested(5, big(1, -4), text(2, "counted")))
    assert parse_trace(payload) == TraceMessage(1, "eigw_ns", "begin", "rule", 59, "goto", "counted", 7)


def test_a_policy_and_the_end_of_a_chain() -> None:
    assert parse_trace(message(big(4, 1), big(16, 0))) == TraceMessage(
        1, "eigw_ns", "begin", "policy", None, "drop", None, 7
    )
    ended = parse_trace(message(big(4, 3), nested(5, big(1, -1))))
    assert ended is not None
    assert (ended.handle, ended.verdict) == (None, "continue")


@given(st.binary(max_size=64))
def test_no_message_of_any_bytes_raises(payload: bytes) -> None:
    parse_trace(payload)
    parse_trace(HEADER + payload)
    parse_trace(message(payload))


def test_handles_are_those_of_rules() -> None:
    listing = (
        "table inet t { # handle 1\n\tset s { # handle 2\n\t\ttype ipv6_addr\n\t}\n\n\tchain c { # handle 3\n"
        "\t\ttype filter hook prerouting priority 0; policy accept;\n"
        '\t\ttcp dport 1 comment "a\n\t\tdrop # handle 9" accept # handle 4\n\t\tdrop # handle 5\n\t}\n}\n'
    )
    assert handles(listing) == {4: 'tcp dport 1 comment "a\\n\\t\\tdrop # handle 9" accept', 5: "drop"}


TCP = """table inet eigw_ns_trace {
flags owner;
chain there {
type filter hook prerouting priority -600; policy accept;
ip6 saddr 2001:db8::1 ip6 daddr 2001:db8::2 tcp sport 40000 tcp dport 443 tcp flags syn / syn,ack meta nftrace set 1
}
chain back {
type filter hook prerouting priority -600; policy accept;
ip6 saddr 2001:db8::2 ip6 daddr 2001:db8::1 tcp sport 443 tcp dport 40000 tcp flags & (syn | rst) != 0x0 meta nftrace \
set 1
ip6 saddr 2001:db8::2 ip6 daddr 2001:db8::1 icmpv6 type < echo-request \
@th,128,128 0x20010db8000000000000000000000001 @th,256,128 0x20010db8000000000000000000000002 \
@th,384,16 40000 @th,400,16 443 meta nftrace set 1
}
}
"""


def test_the_table_marks_one_flow_and_its_answers_and_never_all() -> None:
    assert commands("inet", Selection("2001:db8::1", "2001:db8::2", "tcp", 443, 40000)) == TCP
    echo = commands("bridge", Selection("2001:db8::1", "2001:db8::2", "icmpv6", None, 9))
    rules = [line for line in echo.splitlines() if "nftrace" in line]
    assert rules == [
        "ip6 saddr 2001:db8::1 ip6 daddr 2001:db8::2 icmpv6 type echo-request icmpv6 id 9 meta nftrace set 1",
        "ip6 saddr 2001:db8::2 ip6 daddr 2001:db8::1 icmpv6 type echo-reply icmpv6 id 9 meta nftrace set 1",
    ]


@pytest.mark.parametrize(("flags", "traces"), [(0, False), (1, False), (2, True), (3, True), (4, False), (6, False)])
def test_only_a_table_that_dies_with_its_owner_is_a_trace(flags: int, traces: bool) -> None:
    table = Table(1, NAME, 5, flags)
    assert table.traces is traces
    assert (foreign.table(table, "x") is None) is traces
    assert not Table(1, b"other\0", 5, flags).traces


def cloud_of(content: str) -> Cloud:
    return load(content.encode(), file="x.yaml", default_lab="x").cloud


LAB = cloud_of(tree(2))
PLACES = cloud_of(TEXT)


def way(cloud: Cloud, source: str, destination: str) -> tuple[Station, ...]:
    return stations(cloud, find(cloud, source).id, find(cloud, destination).id)


@pytest.mark.parametrize(
    ("ends", "names"),
    [
        (("web", "caller"), ["internet/web", "internet", "internet/caller"]),
        (("www", "picky"), ["main/www", "main/public-a", "main/picky"]),
        (("app", "www"), ["main/app", "main/private-a", "main (fabric)", "main/public-a", "main/www"]),
        (
            ("app", "web"),
            ["main/app", "main/private-a", "main (fabric)", "main/edge", "main/outbound", "internet", "internet/web"],
        ),
        (
            ("app", "else"),
            ["main/app", "main/private-a", "main (fabric)", "main/edge", "main/outbound", "internet",
             "other/far-edge", "other (fabric)", "other/far", "other/else"],
        ),
    ],
)  # fmt: skip
def test_the_stations_of_a_way(ends: tuple[str, str], names: list[str]) -> None:
    assert [each.name for each in way(PLACES, *ends)] == names


def test_replicas_share_their_gateways_id_and_rank() -> None:
    replicas = [each for each in way(LAB, "app", "web") if "outbound" in each.name]
    assert [each.name for each in replicas] == ["main/outbound#1", "main/outbound#2"]
    assert len({(each.id, each.rank) for each in replicas}) == 1
    assert len({each.namespace for each in replicas}) == 2


ACCEPT = PacketStep("inet", "begun", 69, 'counter name "allowed_new" accept', "accept", None, 9)
POLICY = PacketStep("inet", "raw", None, "policy", "accept", None, 1)
DROP = PacketStep("inet", "refuse", 128, "drop", "drop", None, 12)


def explained(source: str, destination: str) -> Explanation:
    return explain(LAB, Question(source, destination, "tcp", 443))


def passage(name: str, *steps: PacketStep, direction: Direction = "forward") -> Passage:
    station = next(each for each in way(LAB, "app", "web") if each.name == name)
    return Passage(station, direction, steps)


def rows(ends: tuple[str, str], seen: list[Passage], arrivals: Arrivals) -> dict[tuple[str, str], Row]:
    found = compare(LAB, explained(*ends).trace, way(LAB, *ends), [_moved(each, ends) for each in seen], arrivals)
    return {(row.direction, row.station.name): row for row in found}


def _moved(each: Passage, ends: tuple[str, str]) -> Passage:
    return Passage(next(one for one in way(LAB, *ends) if one.name == each.station.name), each.direction, each.steps)


GONE_OUT = [
    passage("main/a", POLICY, ACCEPT),
    passage("main (fabric)"),
    passage("main/outbound#2", ACCEPT),
    passage("internet"),
]
"""A packet that left through the second replica."""
COME_BACK = [passage(each.station.name, *each.steps, direction="return") for each in reversed(GONE_OUT)]


def test_a_flow_that_passes_agrees_and_shows_one_replica() -> None:
    found = rows(("app", "web"), GONE_OUT + COME_BACK, Arrivals(True, True))
    assert all(row.agrees for row in found.values())
    assert ("forward", "main/outbound#1") not in found
    assert next(row.station.name for row in found.values() if row.direction == "return") == "internet/web"


def test_a_drop_that_the_model_does_not_know_disagrees_there_and_behind() -> None:
    found = rows(("app", "web"), [*GONE_OUT[:2], passage("main/outbound#1", DROP)], Arrivals(False, False))
    wrong = [row.station.name for row in found.values() if not row.agrees and row.direction == "forward"]
    assert wrong == ["main/outbound#1", "internet", "internet/web"]
    assert found["forward", "main/outbound#1"].fate == "dropped"


def test_a_packet_that_no_station_reports_disagrees_everywhere() -> None:
    assert not any(row.agrees for row in rows(("app", "web"), [], Arrivals(False, False)).values())


@pytest.mark.parametrize(
    ("steps", "beyond", "agrees"), [((DROP,), [], True), ((ACCEPT,), [], False), ((ACCEPT,), ["main/a"], False)]
)
def test_a_refused_packet_must_die_by_a_rule_of_the_gateway(
    steps: tuple[PacketStep, ...], beyond: list[str], agrees: bool
) -> None:
    seen = [passage("internet"), passage("main/outbound#1", *steps), *(passage(name, ACCEPT) for name in beyond)]
    found = rows(("web", "app"), seen, Arrivals(False, False))
    assert found["forward", "main/outbound#1"].agrees is agrees
    assert [name for _, name in found if name in beyond] == beyond
    assert not any(found["forward", name].agrees for name in beyond)


PLACE = way(LAB, "app", "web")[1]


def report(chain: str, handle: int | None, packet: int, table: str = "eigw_ns", kind: Any = "rule") -> Report:
    verdict = "accept" if handle != 1 else "continue"
    return Report(PLACE, TraceMessage(1, table, chain, kind, handle, verdict, None, packet), 5)


def test_a_packet_begins_where_our_rule_reports_although_its_number_comes_again() -> None:
    reports = [
        report("raw", 8, 42),  # of somebody else's packet
        report("there", 1, 42, TRACE_TABLE),
        report("there", None, 42, TRACE_TABLE, "policy"),
        report("raw", 8, 42),
        report("raw", None, 42),  # no rule matched
        report("raw", None, 42, kind="policy"),
        report("back", 1, 42, TRACE_TABLE),
        report("prerouting", 9, 42),
        report("there", 1, 42, TRACE_TABLE),  # sent again
        report("raw", 8, 42),
        report("raw", 8, 43),
    ]
    found = passages(reports, {PLACE: {(1, "eigw_ns", 8): "drop"}}, foreign.FAMILIES)
    assert [(each.direction, [step.rule for step in each.steps]) for each in found] == [
        ("forward", ["drop", "policy"]),
        ("return", ["a rule of the table eigw_ns"]),
    ]


def traced(seen: list[Passage], arrivals: Arrivals, *, lost: bool = False) -> PacketTrace:
    explanation = explained("app", "web")
    outcome: Any = "allowed" if arrivals.answered else "blocked"
    check = Check("app", "web", "tcp", 443, "allowed", outcome, "allowed", "REACHABLE", outcome == "allowed")
    found = compare(LAB, explanation.trace, way(LAB, "app", "web"), seen, arrivals)
    return PacketTrace(explanation, 40000, check, found, lost)


@pytest.mark.parametrize("width", [80, 100])
def test_the_tables_fit_a_terminal_with_model_and_packet_side_by_side(width: int) -> None:
    drawn = draw(render.tables(traced(GONE_OUT + COME_BACK, Arrivals(True, True))), width=width, colour=False)
    assert max(map(len, drawn.splitlines())) <= width
    assert "✓  main/outbound#2  passes  accepted in begun: counter name" in drawn


def test_the_verdict_names_the_place_and_says_that_steps_were_lost() -> None:
    said = render.verdict(traced([*GONE_OUT[:2], passage("main/outbound#1", DROP)], Arrivals(False, False), lost=True))
    assert "Disagreement at main/outbound#1: the model says that" in said
    assert "dropped in refuse: drop (handle 128)" in said
    assert said.endswith("some steps were lost. Run the trace again.")


def test_the_document_is_json_with_the_members_of_a_step() -> None:
    document = json.loads(json.dumps(render.document(traced(GONE_OUT, Arrivals(True, True)))))
    assert document["steps"][1] == {
        "hop": 2, "node": "main/a", "family": "inet", "chain": "begun", "handle": 69,
        "rule": 'counter name "allowed_new" accept', "verdict": "accept", "to": None, "packet": 1, "t_us": 9,
    }  # fmt: skip
    assert document["agrees"] is False, "the answer was not seen"
