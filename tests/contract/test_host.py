"""`Host`, alike on Linux and in memory: names, processes, the clock, and the health of replicas."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from os import environ

import pytest

from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.compile.names import HEARTBEAT_DESTINATION, HEARTBEAT_PORT
from eigw_ns.dataplane.planning.plan import make_plan
from eigw_ns.dataplane.replication.watched_gateways import Gateway, Replica, gateways
from eigw_ns.dataplane.state import NOTHING, Forwarding, NetObject, Ruleset
from eigw_ns.errors import MissingError
from eigw_ns.kernel.protocol import Heartbeats, Machine
from eigw_ns.lab.lifecycle.execute import execute
from tests.support.labs import PATIENCE, SILENCE, topology
from tests.support.small_states import namespace
from tests.support.worlds import World
from tests.topologies.replicated import tree


def test_names_are_those_of_all_namespaces(world: World, lab_name: str) -> None:
    ours, foreign = namespace(lab_name, "one"), f"eigw-{lab_name}-subnet-0f"
    world.kernel.create([ours])
    world.make_foreign(foreign)
    world.leave_stale_name(f"eigw-{lab_name}-subnet-0e")
    found = [name for name in world.kernel.names() if lab_name in name]
    assert found == sorted([ours.namespace, foreign])


def test_processes_in_a_namespace(world: World, lab_name: str) -> None:
    kernel, place = world.kernel, namespace(lab_name, "one")
    kernel.create([place])
    assert kernel.processes_in([place.namespace]) == ()
    pids = [world.start(place.namespace), world.start(place.namespace)]
    found = kernel.processes_in([place.namespace, f"eigw-{lab_name}-nothing-0"])
    assert [(each.pid, each.command, each.namespace) for each in found] == [
        (pid, "cat", place.namespace) for pid in sorted(pids)
    ]
    kernel.delete([place])
    assert all(map(kernel.stays, found))  # also when the name of its namespace is gone
    world.end(found[0].pid)
    assert [kernel.stays(each) for each in found] == [False, True]


def test_no_program_runs_in_a_namespace_that_does_not_exist(kernel: Machine, lab_name: str) -> None:
    with pytest.raises(MissingError):
        kernel.exec_in(f"eigw-{lab_name}-nothing-0", ["true"], environ)


def test_the_clock_goes_on_while_we_wait(kernel: Machine) -> None:
    before = kernel.now()
    assert kernel.wait([], 0.01) == frozenset()
    assert 0.009 <= kernel.now() - before < PATIENCE


def test_a_lab_is_needed_while_a_process_shows_it(kernel: Machine, lab_name: str) -> None:
    with kernel.show_need(lab_name), kernel.show_need(lab_name):
        assert lab_name in kernel.needed_labs()
    assert lab_name not in kernel.needed_labs()


# ---- replicas --------------------------------------------------------------------------------------------------------


@pytest.fixture
def gateway(kernel: Machine, lab_name: str) -> Iterator[Gateway]:
    """A gateway of two replicas."""
    cloud = topology(tree(2), lab_name).cloud
    execute(kernel, make_plan(compile_cloud(cloud), NOTHING))
    (gateway,) = gateways(cloud)
    yield gateway
    execute(kernel, make_plan(NOTHING, kernel.outline(lab_name)))


def the(kind: type[NetObject], replica: Replica) -> NetObject:
    (found,) = (thing for thing in replica.holds if isinstance(thing, kind))
    return found


def fault(kernel: Machine, replica: Replica, *, changing: bool = False) -> str:
    return kernel.fault(replica.namespace, replica.holds, replica.ports, changing=changing)


def heartbeats(kernel: Machine, gateway: Gateway, replica: Replica) -> Heartbeats:
    ends = gateway.source, HEARTBEAT_DESTINATION, HEARTBEAT_PORT
    return kernel.heartbeats(replica.inner, replica.outer, *ends)


def answers(kernel: Machine, beats: Heartbeats, patience: float) -> bool:
    """Whether the next heartbeat comes back."""
    beats.beat()
    until = kernel.now() + patience
    while beats.answered < beats.sent and kernel.now() < until:
        kernel.wait(beats.descriptors(), until - kernel.now())
        beats.hear()
    return beats.answered == beats.sent


def remove(world: World, replica: Replica) -> str:
    world.remove_namespace(replica.namespace)
    return "its namespace is gone"


def lose_rules(world: World, replica: Replica) -> str:
    rules = the(Ruleset, replica)
    world.kernel.delete([rules])
    return f"no {rules}"


def stop_forwarding(world: World, replica: Replica) -> str:
    forwarding = the(Forwarding, replica)
    world.kernel.delete([forwarding])
    return f"no {forwarding}"


FAULTS: list[Callable[[World, Replica], str]] = [remove, lose_rules, stop_forwarding]


@pytest.mark.parametrize("break_it", FAULTS)
def test_a_fault_is_seen_and_stops_heartbeats(
    world: World, gateway: Gateway, break_it: Callable[[World, Replica], str]
) -> None:
    kernel, (broken, other) = world.kernel, gateway.replicas
    assert fault(kernel, broken) == ""
    with closing(heartbeats(kernel, gateway, broken)) as beats:
        assert answers(kernel, beats, PATIENCE)
        words = break_it(world, broken)
        assert fault(kernel, broken) == fault(kernel, broken, changing=True) == words
        if break_it is not remove:  # its links live on for a moment, and it with them
            assert not answers(kernel, beats, SILENCE)
    assert fault(kernel, other) == ""
    with closing(heartbeats(kernel, gateway, other)) as beats:
        assert answers(kernel, beats, PATIENCE)


def test_other_rules_are_a_fault_but_during_a_change(kernel: Machine, gateway: Gateway) -> None:
    replica = gateway.replicas[0]
    rules = the(Ruleset, replica)
    assert isinstance(rules, Ruleset)
    kernel.update([(rules, replace(rules, counters=(*rules.counters, "other")))])
    assert fault(kernel, replica) == f"another {rules}"
    assert fault(kernel, replica, changing=True) == ""


def test_a_port_that_is_gone_is_a_fault_and_takes_no_heartbeat(
    kernel: Machine, gateway: Gateway, lab_name: str
) -> None:
    replica = gateway.replicas[0]
    place, link = replica.ports[0]
    port = kernel.observe(lab_name).objects["link", place, link]
    with closing(heartbeats(kernel, gateway, replica)) as beats:
        assert answers(kernel, beats, PATIENCE)
        kernel.delete([port])
        with pytest.raises(MissingError):
            beats.beat()
    with pytest.raises(MissingError):
        heartbeats(kernel, gateway, replica)
    assert fault(kernel, replica) != ""
