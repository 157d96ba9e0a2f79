"""What a plan does about replicas: who leaves goes first, who comes last, and flows are taught in between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from eigw_ns.cloud.ids import replica_id
from eigw_ns.dataplane import spread, sync
from eigw_ns.dataplane.compile import compile_cloud
from eigw_ns.dataplane.handover import Learn, Loosen, catching_up
from eigw_ns.dataplane.names import namespace_name
from eigw_ns.dataplane.plan import Plan, make_plan
from eigw_ns.dataplane.state import Daemon, Link, NetState, NextHopGroup
from eigw_ns.topology import from_data, load, to_data
from tests.small_cloud import EIGW, small_cloud


def _state(number: int, *, synced: bool = True) -> NetState:
    cloud = small_cloud()
    gateway = replace(cloud.egress_only_internet_gateways[EIGW], replicas=number)
    return compile_cloud(replace(cloud, egress_only_internet_gateways={EIGW: gateway}), synced=synced)


def _name(number: int) -> str:
    return namespace_name("small", replica_id(EIGW, number))


ONE, TWO, THREE = (_name(number) for number in (1, 2, 3))


def _without(state: NetState, *namespaces: str) -> NetState:
    """As the kernel is after these namespaces were removed: the far ends of their links go along."""
    return NetState.of(
        thing
        for thing in state
        if thing.namespace not in namespaces
        and not (isinstance(thing, Link) and thing.peer is not None and thing.peer[0] in namespaces)
    )


def _learnt(plan: Plan) -> list[Learn]:
    return [step.object for step in plan if isinstance(step.object, Learn)]


def _loosened(plan: Plan) -> list[str]:
    return [step.object.namespace for step in plan if isinstance(step.object, Loosen)]


def _groups(plan: Plan) -> Iterator[tuple[int, str]]:
    return ((at, step.verb) for at, step in enumerate(plan) if isinstance(step.object, NextHopGroup))


def test_two_join_the_first() -> None:
    plan = make_plan(_state(3), _state(1))
    assert _learnt(plan)[:2] == [Learn(TWO, (ONE,), anew=True), Learn(THREE, (ONE,), anew=True)]
    assert [verb for _, verb in _groups(plan)] == ["create", "create"]
    first = min(at for at, _ in _groups(plan))
    assert all(isinstance(step.object, NextHopGroup | Learn | Loosen) for step in plan[first:])
    assert _loosened(plan) == [ONE]
    assert _learnt(plan)[2:] == list(catching_up([ONE, TWO, THREE], [ONE]))


def test_all_but_the_first_leave_before_anything_else_is_done() -> None:
    plan = make_plan(_state(1), _state(3))
    assert _learnt(plan) == [Learn(ONE, (TWO, THREE), anew=False)]
    assert isinstance(plan[0].object, Learn)
    assert list(_groups(plan)) == [(1, "delete"), (2, "delete")]


def test_a_third_joins_two() -> None:
    plan = make_plan(_state(3), _state(2))
    assert Learn(THREE, (ONE, TWO), anew=True) in _learnt(plan)
    assert [verb for _, verb in _groups(plan)] == ["update", "update"]


@pytest.mark.parametrize("victim", [ONE, TWO, THREE])
def test_who_lost_its_namespace_leaves_at_once_and_comes_back_last(victim: str) -> None:
    desired = _state(3)
    plan = make_plan(desired, _without(desired, victim))
    others = tuple(sorted({ONE, TWO, THREE} - {victim}))
    at = [at for at, _ in _groups(plan)]
    assert at[:2] == [0, 1]
    assert all(isinstance(step.object, NextHopGroup | Learn | Loosen) for step in plan[at[2] :])
    assert Learn(victim, others, anew=True) in _learnt(plan)
    assert set(_loosened(plan)) == set(others)
    for step in plan[:2]:
        assert isinstance(step.object, NextHopGroup)
        assert len(spread.members(step.object.shares)) == 2


def test_a_link_that_is_rebuilt_means_leaving_and_coming_back() -> None:
    desired = _state(3)
    link = next(thing for thing in desired if isinstance(thing, Link) and thing.namespace == TWO and thing.name == "up")
    assert link.peer is not None
    gone = {link.key, ("link", *link.peer)}
    plan = make_plan(desired, NetState.of(thing for thing in desired if thing.key not in gone))
    assert [at for at, _ in _groups(plan)][:2] == [0, 1]
    assert Learn(TWO, (ONE, THREE), anew=True) in _learnt(plan)


def test_the_last_one_keeps_its_share_though_it_is_unwell() -> None:
    desired = _state(2)
    plan = make_plan(desired, _without(desired, ONE, TWO))
    assert list(_groups(plan)) == []
    assert _learnt(plan) == []


def test_a_daemon_alone_is_started_and_nothing_moves() -> None:
    desired = _state(3)
    plan = make_plan(desired, NetState.of(thing for thing in desired if thing.key != ("daemon", TWO)))
    assert [(step.verb, type(step.object)) for step in plan] == [("create", Daemon)]


def test_without_conntrackd_there_is_no_daemon_no_hub_and_nothing_to_catch_up() -> None:
    state = _state(3, synced=False)
    assert not [thing for thing in state if isinstance(thing, Daemon) or "-sync-" in thing.namespace]
    plan = make_plan(state, _state(1, synced=False))
    assert [each for each in _learnt(plan) if not each.anew] == []
    assert _loosened(plan) == [ONE]


def test_two_number_their_messages_and_more_do_not() -> None:
    two, three = sync.configuration(2, 65536), sync.configuration(3, 65536)
    assert "Mode FTFW" in two
    assert "Mode NOTRACK" in three
    for text in (two, three):
        assert "HashLimit 65536" in text
        assert "Interface sync" in text
        assert "TCPWindowTracking yes" in text


def test_replicas_of_a_file_are_written_back() -> None:
    gateways = b"egress_only_internet_gateways: {outbound: {replicas: 3}}"
    text = b"vpcs: {main: {ipv6_cidr_block: '2600:1f16:aa0:5500::/56', %b}}" % gateways
    topology = load(text, file="lab.yaml", default_lab="lab")
    (gateway,) = from_data(to_data(topology)).cloud.egress_only_internet_gateways.values()
    assert gateway.replicas == 3
