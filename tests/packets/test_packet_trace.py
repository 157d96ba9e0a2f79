"""`eigw-ns trace` on real labs: nftables' own trace and the model agree hop by hop, and on the place of death."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from eigw_ns.dataplane.state import ForeignObject
from eigw_ns.dataplane.trace import Trace, Tracer
from eigw_ns.dataplane.trace.comparison import Row
from eigw_ns.dataplane.trace.explanation import Question, explain
from eigw_ns.lab.trace.session import PacketTrace, trace
from eigw_ns.topology import Protocol
from tests.support.hand_rules import extra_rule
from tests.support.labs import SILENCE, Lab
from tests.support.stored import lock
from tests.topologies import filters
from tests.topologies.egress import ALL
from tests.topologies.replicated import far_hosts, tree

pytestmark = pytest.mark.root

MATE, DB = "2600:1f16:aa0:5501::30", "2600:1f16:aa0:5502::10"


@pytest.fixture(autouse=True)
def run_folder(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EIGW_NS_RUN_DIR", str(tmp_path / "run"))


@pytest.fixture(scope="module")
def lab(module_lab_name: str) -> Lab:
    """A lab with three replicas, a subnet with a blackhole, and an instance whose group lets nothing out."""
    built = Lab(module_lab_name)
    built.apply(
        tree(
            3,
            module_lab_name,
            route_tables={
                "private": {"main": True, "routes": [{"destination": "::/0", "target": "outbound"}]},
                "legacy": {"routes": [{"destination": "::/0", "target": "blackhole"}]},
            },
            security_groups={"open": {"ingress": [ALL], "egress": [ALL]}, "mute": {"ingress": [ALL], "egress": []}},
            subnets={
                "a": {"ipv6_cidr_block": "2600:1f16:aa0:5501::/64"},
                "b": {"ipv6_cidr_block": "2600:1f16:aa0:5502::/64", "route_table": "legacy"},
            },
            instances={
                "app": {"subnet": "a", "ipv6_address": "2600:1f16:aa0:5501::10", "security_groups": ["open"]},
                "quiet": {"subnet": "a", "ipv6_address": MATE, "security_groups": ["mute"]},
                "db": {"subnet": "b", "ipv6_address": DB, "security_groups": ["open"]},
            },
        )
    )
    return built


def traced(
    lab: Lab, source: str, destination: str, protocol: Protocol = "tcp", timeout: float = SILENCE
) -> PacketTrace:
    assert lab.current is not None
    port = None if protocol == "icmpv6" else 443
    explanation = explain(lab.current.cloud, Question(source, destination, protocol, port))
    return trace(explanation, lock(), print, timeout=SILENCE)


def places(found: PacketTrace) -> list[tuple[str, str]]:
    return [(row.station.name, row.fate) for row in found.rows]


def last_rule(row: Row) -> str:
    assert row.passage is not None
    assert row.passage.deciding is not None
    return row.passage.deciding.rule


@pytest.mark.parametrize("protocol", ["tcp", "udp", "icmpv6"])
def test_an_allowed_flow_passes_each_hop_both_ways(lab: Lab, protocol: Protocol) -> None:
    found = traced(lab, "app", "web", protocol)
    assert found.agrees
    there = [name for name, fate in places(found) if fate == "passed"][: len(found.rows) // 2]
    gateway = next(row.station.name for row in found.rows if row.station.name.startswith("main/outbound#"))
    assert there == ["main/app", "main/a", "main (fabric)", gateway, "internet", "internet/web"]
    assert places(found) == [*((name, "passed") for name in there), *((name, "passed") for name in reversed(there))]
    rules = [last_rule(row) for row in found.rows if row.station.name == gateway]
    assert rules == [
        'counter name "allowed_new" meta mark set 0x00000001 accept',
        'counter name "allowed_established" meta mark set 0x00000001 accept',
    ]
    assert not found.lost


@pytest.mark.parametrize("protocol", ["tcp", "udp", "icmpv6"])
def test_a_packet_from_the_internet_dies_by_the_rule_of_the_gateway(lab: Lab, protocol: Protocol) -> None:
    found = traced(lab, "web", "app", protocol)
    assert found.agrees
    (end,) = (row for row in found.rows if row.fate == "dropped")
    assert end is found.rows[-1]
    assert end.station.name.startswith("main/outbound#")
    assert last_rule(end) == 'iifname "up" counter name "drop_inbound" drop'


def test_a_packet_that_its_group_refuses_dies_in_the_subnet(lab: Lab) -> None:
    found = traced(lab, "quiet", "db")
    assert found.agrees
    assert places(found) == [("main/quiet", "passed"), ("main/a", "dropped")]
    assert last_rule(found.rows[-1]) == 'counter name "drop_group_egress" drop'


def test_a_blackhole_ends_the_packet_after_the_rules(lab: Lab) -> None:
    found = traced(lab, "db", "web")
    assert found.agrees
    assert places(found) == [("main/db", "passed"), ("main/b", "ended")]
    assert last_rule(found.rows[-1]) == "accept"


def test_the_trace_shows_the_replica_of_each_flow(lab: Lab) -> None:
    for number, host in enumerate(far_hosts(lab.name), start=1):
        found = traced(lab, "app", host, "udp")
        assert found.agrees
        gateways = {row.station.name for row in found.rows if "outbound" in row.station.name}
        assert gateways == {f"main/outbound#{number}"}


def test_a_rule_that_somebody_added_is_a_disagreement_that_the_trace_names(lab: Lab) -> None:
    with extra_rule(lab.namespace("a"), "prerouting", 'tcp dport 443 drop comment "by hand"'):
        found = traced(lab, "app", "web")
    assert not found.agrees
    (wrong,) = (row for row in found.rows if row.fate == "dropped")
    assert not wrong.agrees
    assert wrong.station.name == "main/a"
    assert last_rule(wrong) == 'tcp dport 443 drop comment "by hand"'
    assert traced(lab, "app", "web").agrees


def test_nothing_is_left_and_nothing_is_drift(lab: Lab) -> None:
    traced(lab, "app", "web")
    assert not [each for each in lab.kernel.observe(lab.name) if isinstance(each, ForeignObject)]


Refusal = tuple[str, bool, str]


def refusals(found: Tracer, pairs: list[tuple[str, str]]) -> Iterator[tuple[str, str, Protocol, Trace]]:
    """Yield one packet for each reason, at each kind of place, of which the packet or its answer dies."""
    known: set[Refusal] = set()
    protocols: tuple[Protocol, ...] = ("tcp", "udp", "icmpv6")
    for source, destination in pairs:
        for protocol in protocols:
            predicted = found.trace(source, destination, protocol, None if protocol == "icmpv6" else 443)
            end = predicted.hops[-1]
            kind = (predicted.reason, end.outwards, end.direction + end.id.partition("-")[0])
            if predicted.outcome == "blocked" and kind not in known:
                known.add(kind)
                yield source, destination, protocol, predicted


def test_explain_and_trace_agree_on_the_place_of_death_of_each_refusal(lab_name: str) -> None:
    lab = Lab(lab_name)
    lab.apply(filters.TEXT.replace("lab: filters", f"lab: {lab_name}"))
    assert lab.current is not None
    cloud = lab.current.cloud
    ends = [*cloud.instances, *cloud.hosts]
    pairs = [(one, other) for one in ends for other in ends if one != other]
    wrong = [
        (source, destination, protocol, places(found))
        for source, destination, protocol, _ in refusals(Tracer(cloud), pairs)
        if not (found := traced(lab, source, destination, protocol)).agrees
    ]
    assert wrong == []
