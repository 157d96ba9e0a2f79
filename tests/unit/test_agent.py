"""The agent on the fake kernel: its clock moves only while the agent waits, so minutes take milliseconds.

What packets notice of it: tests/packets/test_failover.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from eigw_ns.dataplane.replication import spread
from eigw_ns.dataplane.replication.watched_gateways import Replica, gateways
from eigw_ns.dataplane.state import Link
from eigw_ns.errors import NoSuchLabError
from eigw_ns.kernel.fake.fake_kernel import FakeKernel
from eigw_ns.lab.agent import background, events
from eigw_ns.lab.agent.events import Event
from eigw_ns.lab.agent.loop import Agent, Settings
from eigw_ns.lab.lifecycle import operations
from eigw_ns.topology import Topology, load
from tests.support.stored import folders, lock, storage
from tests.topologies.replicated import tree

LAB = "fakelab"
VISIBLE, SILENT, HEALTHY = 0.2, 1.0, 1.5
"""Seconds in which a visible fault, a silent one and a recovery must be noticed."""

BEGIN = 1.0
"""When things go wrong, on the fake clock."""


class Watched:
    """A lab of replicas on a fake kernel, and what an agent reports of it: (time, event)."""

    def __init__(self, replicas: int) -> None:
        self.machine = FakeKernel()
        self.topology: Topology = load(tree(replicas).encode(), file="test.yaml", default_lab=LAB)
        operations.apply(self.machine, storage(), self.topology)
        (self.gateway,) = gateways(self.topology.cloud)
        self.seen: list[tuple[float, Event]] = []

    def agent(self, until: float = 0.0, *, repair: bool = False) -> Agent:
        """Return an agent that stops at the time `until`."""

        def note(event: Event) -> None:
            self.seen.append((self.machine.now(), event))

        return Agent(self.machine, storage(), LAB, Settings(repair), note, stopped=lambda: self.machine.now() >= until)

    def run(self, until: float, *, repair: bool = False) -> None:
        """Watch until then. Check that the agent leaves nothing open."""
        self.agent(until, repair=repair).run()
        assert not self.machine.descriptors

    def events(self) -> list[Event]:
        return [event for _, event in self.seen]

    def when(self, kind: type[Event]) -> float:
        """Return the time of the only event of this kind."""
        (moment,) = (moment for moment, event in self.seen if isinstance(event, kind))
        return moment

    def carrying(self) -> set[str]:
        """Return the namespaces of the replicas that have flows on both sides."""
        groups = [self.machine.group(group) for group in self.gateway.groups]
        macs = {mac for group in groups if group is not None for mac in spread.members(group.shares)}
        return {each.namespace for each in self.gateway.replicas if {each.inner.mac, each.outer.mac} <= macs}


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STATE", "RUN"):
        monkeypatch.setenv(f"EIGW_NS_{name}_DIR", str(tmp_path / name))


@pytest.fixture
def three() -> Watched:
    return Watched(3)


def vanish(watched: Watched, replica: Replica) -> None:
    watched.machine.remove_namespace(replica.namespace)


def lose_rules(watched: Watched, replica: Replica) -> None:
    del watched.machine.namespaces[replica.namespace].objects["ruleset", replica.namespace, "inet"]


def stop_forwarding(watched: Watched, replica: Replica) -> None:
    del watched.machine.namespaces[replica.namespace].objects["forwarding", replica.namespace]


def set_link_down(watched: Watched, replica: Replica) -> None:
    objects = watched.machine.namespaces[replica.inner.namespace].objects
    key = ("link", replica.inner.namespace, replica.inner.link)
    link = objects[key]
    assert isinstance(link, Link)
    objects[key] = replace(link, up=False)


def fall_silent(watched: Watched, replica: Replica) -> None:
    watched.machine.silent.add(replica.namespace)


FAULTS: list[tuple[Callable[[Watched, Replica], None], float]] = [
    (vanish, VISIBLE),
    (lose_rules, VISIBLE),
    (stop_forwarding, VISIBLE),
    (set_link_down, VISIBLE),
    (fall_silent, SILENT),
]


def test_nothing_happens_to_a_lab_that_is_well(three: Watched) -> None:
    before = three.machine.writes
    three.run(60)
    assert three.events() == [events.Watching(LAB, 3)]
    assert three.machine.writes == before
    assert len(three.carrying()) == 3


@pytest.mark.parametrize(("fault", "seconds"), FAULTS)
def test_a_dead_replica_loses_its_flows_in_time(
    three: Watched, fault: Callable[[Watched, Replica], None], seconds: float
) -> None:
    victim, *others = three.gateway.replicas
    three.machine.at(BEGIN, lambda: fault(three, victim))
    three.run(5)
    (dead,) = (event for event in three.events() if isinstance(event, events.ReplicaDead))
    assert dead.replica == victim.label
    assert 0 < three.when(events.ReplicaDead) - BEGIN <= seconds
    assert three.carrying() == {each.namespace for each in others}


def test_successors_are_told_the_flows_of_the_dead_replica(three: Watched) -> None:
    subnet = three.gateway.lesson.subnets[0]
    flows = [("2600:1f16:aa0:5501::10", f"2001:db8:80::{number:x}") for number in range(1, 100)]
    three.machine.namespaces[subnet].flows += flows
    victim, *others = three.gateway.replicas
    three.machine.at(BEGIN, lambda: vanish(three, victim))
    three.run(3)
    told = [set(three.machine.namespaces[each.namespace].taught) for each in others]
    assert all(told)
    assert not told[0] & told[1]
    assert set.union(*told) < set(flows)


def test_a_replica_that_recovers_gets_its_share_back(three: Watched) -> None:
    victim = three.gateway.replicas[0]
    three.machine.at(BEGIN, lambda: fall_silent(three, victim))
    three.machine.at(5, three.machine.silent.clear)
    three.run(10)
    assert [type(event) for event in three.events()] == [events.Watching, events.ReplicaDead, events.ReplicaBack]
    assert 5 < three.when(events.ReplicaBack) < 5 + HEALTHY
    assert len(three.carrying()) == 3


def test_it_waits_for_the_lock_of_the_lab_before_it_puts_a_replica_back(three: Watched) -> None:
    victim = three.gateway.replicas[0]
    three.machine.at(BEGIN, lambda: fall_silent(three, victim))
    three.machine.at(5, three.machine.silent.clear)
    with lock().hold(LAB, "a test"):
        three.run(10)
    assert [type(event) for event in three.events()] == [events.Watching, events.ReplicaDead]
    three.run(20)  # the control
    assert three.events()[-1] == events.ReplicaBack(victim.label)


def test_it_repairs_a_replica_that_vanished(three: Watched) -> None:
    victim = three.gateway.replicas[0]
    three.machine.at(BEGIN, lambda: vanish(three, victim))
    three.run(20, repair=True)
    kinds = [type(event) for event in three.events()]
    assert kinds == [events.Watching, events.ReplicaDead, events.Repaired]  # the repair puts it back itself
    assert not operations.status(three.machine, storage(), LAB)
    assert len(three.carrying()) == 3


def test_the_last_replica_is_never_taken_out() -> None:
    two = Watched(2)
    for replica in two.gateway.replicas:
        two.machine.at(BEGIN, partial(fall_silent, two, replica))
    two.run(10)
    assert two.events() == [events.Watching(LAB, 2)]  # all are silent: the fault may be the agent's own
    assert len(two.carrying()) == 2


def test_it_follows_a_change_of_the_number_of_replicas(three: Watched) -> None:
    five = load(tree(5).encode(), file="test.yaml", default_lab=LAB)
    (gateway,) = gateways(five.cloud)
    three.machine.at(BEGIN, lambda: operations.apply(three.machine, storage(), five))
    three.machine.at(5, lambda: vanish(three, gateway.replicas[4]))
    three.run(10)
    assert three.events()[1:] == [events.ReplicaDead(gateway.replicas[4].label, "its namespace is gone")]


def test_it_ends_with_the_lab(three: Watched) -> None:
    three.machine.at(BEGIN, lambda: operations.destroy(three.machine, storage(), LAB))
    three.run(60)
    assert isinstance(three.events()[-1], events.LabGone)
    assert three.machine.now() < BEGIN + 1
    with pytest.raises(NoSuchLabError):
        three.run(60)


def test_once_tells_and_repairs(three: Watched) -> None:
    assert three.agent().once()
    assert three.events() == []
    victim = three.gateway.replicas[1]
    lose_rules(three, victim)
    assert not three.agent().once()
    assert not three.agent().once()
    kinds = [type(event) for event in three.events()]
    assert kinds == [events.ReplicaDead, events.ReplicaStillDead]
    assert three.agent(0, repair=True).once()
    assert isinstance(three.events()[-1], events.Repaired)
    assert not three.machine.descriptors


def test_there_may_be_nothing_to_watch(three: Watched) -> None:
    for name in list(three.machine.namespaces):
        three.machine.remove_namespace(name)
    assert not three.agent().once()
    told, *_ = three.events()
    assert isinstance(told, events.NothingToWatch)
    assert "nothing of the lab is in the kernel" in told.reason


def test_the_agent_shows_that_the_lab_is_needed(three: Watched) -> None:
    with background.alone(three.machine, folders(), LAB):
        assert three.machine.needed_labs() == {LAB}
    assert not three.machine.needed_labs()
