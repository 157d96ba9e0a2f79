"""What packets leave behind: the values of counters and the entries of the connection table."""

from __future__ import annotations

from eigw_ns.dataplane.state import NftChain, NftSet, Ruleset
from eigw_ns.kernel.protocol import Count, Kernel
from tests.support.counted_datagrams import Talk
from tests.support.small_states import Wire, bridge_rules, rules
from tests.support.worlds import World

NOTHING = Count(0, 0)


def test_counters_start_at_nothing(kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    kernel.create(wire.alone)
    assert kernel.counters(wire.here) == {}
    kernel.create([rules(wire.here), bridge_rules(wire.here)])
    assert kernel.counters(wire.here) == {"dropped": NOTHING, "seen": NOTHING, "flooded": NOTHING}
    kernel.delete([rules(wire.here)])
    assert kernel.counters(wire.here) == {"flooded": NOTHING}


def test_counters_keep_their_numbers_when_the_rules_change(world: World, kernel: Kernel, lab_name: str) -> None:
    talk = Talk(lab_name)
    kernel.create(talk.objects)
    talk.all_sources_send(world)
    before = kernel.counters(talk.wire.there)
    assert before["seen"].packets == len(talk.sources)
    assert before["seen"].bytes == len(talk.sources) * (40 + 8 + 1)  # IPv6 header, UDP header, one byte
    assert before["dropped"] == NOTHING

    changed = rules(
        talk.wire.there,
        counters=("added", "seen"),
        sets=(NftSet("hosts", "ipv6_addr"),),
        chains=(NftChain("input", "type filter hook input priority raw; policy accept;", ('counter name "seen"',)),),
    )
    kernel.update([(talk.rules, changed)])
    after = kernel.counters(talk.wire.there)
    assert after.keys() == {"added", "seen"}
    assert after["added"] == NOTHING
    assert after["seen"].packets >= before["seen"].packets


def test_a_ruleset_made_again_counts_from_nothing(world: World, kernel: Kernel, lab_name: str) -> None:
    talk = Talk(lab_name)
    kernel.create(talk.objects)
    talk.all_sources_send(world)
    kernel.delete([talk.rules])
    assert kernel.counters(talk.wire.there) == {}
    kernel.create([talk.rules])
    assert kernel.counters(talk.wire.there)["seen"] == NOTHING


def test_flows_that_keep_does_not_cover_are_forgotten(world: World, kernel: Kernel, lab_name: str) -> None:
    talk = Talk(lab_name)
    kernel.create(talk.objects)
    talk.all_sources_send(world)
    assert kernel.flush_flows(talk.wire.there, []) == len(talk.sources)
    assert kernel.flush_flows(talk.wire.there, []) == 0


def test_flows_that_keep_covers_stay(world: World, kernel: Kernel, lab_name: str) -> None:
    """A flow is kept if its source is in the prefix and its destination is in the range, both ends included."""
    talk = Talk(lab_name)
    kernel.create(talk.objects)
    talk.all_sources_send(world)
    keep = [
        ("2001:db8:1::2/128", "::", "2001:db8:1::9"),  # the range ends before the destination
        ("2001:db8:1::2/127", talk.destination, talk.destination),  # ::2 and ::3
        (
            "2001:db8:1::4/128",
            "2001:db8:1::b",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ),  # the range begins behind the destination
    ]
    assert kernel.flush_flows(talk.wire.there, keep) == 2
    assert kernel.flush_flows(talk.wire.there, keep) == 0
    assert kernel.flush_flows(talk.wire.there, []) == 2


def test_flows_with_an_end_that_is_gone_are_forgotten(world: World, kernel: Kernel, lab_name: str) -> None:
    """Either end counts. Flows that `keep` does not cover go too; None covers all."""
    talk = Talk(lab_name)
    kernel.create(talk.objects)
    talk.all_sources_send(world)
    assert kernel.flush_flows(talk.wire.there, None, ["2001:db8:1::1", "2001:db8:1::77"]) == 1
    keep = [("2001:db8:1::2/127", talk.destination, talk.destination)]
    assert kernel.flush_flows(talk.wire.there, keep, ["2001:db8:1::2"]) == 2  # ::2, and ::4, which is not kept
    assert kernel.flush_flows(talk.wire.there, None) == 0
    assert kernel.flush_flows(talk.wire.there, None, [talk.destination]) == 1


def test_flows_with_an_end_in_a_prefix_that_is_gone_are_forgotten(world: World, kernel: Kernel, lab_name: str) -> None:
    talk = Talk(lab_name)
    kernel.create(talk.objects)
    talk.all_sources_send(world)
    assert kernel.flush_flows(talk.wire.there, None, ["2001:db8:1:0:1::/80", "2001:db8:2::/48"]) == 0
    assert kernel.flush_flows(talk.wire.there, None, ["2001:db8:1::2/127", "2001:db8:1::4"]) == 3  # ::2, ::3 and ::4
    assert (
        kernel.flush_flows(talk.wire.there, None, ["2001:db8:1::/80"]) == 1
    )  # ::1 sends, the destination is there too


def test_flows_belong_to_one_namespace(world: World, kernel: Kernel, lab_name: str) -> None:
    talk = Talk(lab_name)
    kernel.create([*talk.objects, Ruleset(talk.wire.here, "inet")])
    talk.all_sources_send(world)
    assert kernel.flush_flows(talk.wire.here, []) == 0
    assert kernel.flush_flows(talk.wire.there, []) == len(talk.sources)


def test_forgetting_counts_as_writing_only_if_a_flow_is_forgotten(world: World, kernel: Kernel, lab_name: str) -> None:
    talk = Talk(lab_name)
    kernel.create(talk.objects)
    talk.all_sources_send(world)
    writes = kernel.writes
    kernel.flush_flows(talk.wire.there, [])
    assert kernel.writes > writes
    writes = kernel.writes
    kernel.flush_flows(talk.wire.there, [])
    assert kernel.writes == writes


def test_what_a_namespace_has_counted_is_read_at_once(kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    kernel.create(wire.alone)
    kernel.create([rules(wire.here)])
    found = kernel.traffic([wire.here, "eigw-gone-i-0123456789abcdef0"])
    assert list(found) == [wire.here]
    assert found[wire.here].counters == kernel.counters(wire.here)
    assert "lo" in found[wire.here].links
    assert found[wire.here].flows == 0
