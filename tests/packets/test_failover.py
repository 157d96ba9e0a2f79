"""Failover with the agent as users run it: for each way in which a replica dies, no flow is lost and nothing gets in.

The bounds are wide, for busy machines. `scripts/bench ha` measures, and holds the narrow ones.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from eigw_ns.cli.program import run
from eigw_ns.kernel.namespaces import netns
from eigw_ns.lab.agent import background
from scripts.benchmarks.failures import FAILURES, delete_namespace, drop_silently
from scripts.benchmarks.flows import Wanted
from scripts.benchmarks.ha import HaLab, Outcome, Watcher, failover, ha_lab, outcomes, struck
from tests.support.command import process
from tests.support.labs import until
from tests.support.slowness import SLOWNESS
from tests.support.stored import folders

pytestmark = [pytest.mark.root, pytest.mark.alone]

WANTED = Wanted(resting=150, asking=10, datagrams=5)
VISIBLE, SILENT = 1.0 * SLOWNESS, 3.0 * SLOWNESS
"""Seconds within which a visible death, and a silent one, must be noticed."""


@pytest.fixture
def made(lab_name: str) -> Iterator[HaLab]:
    """Three replicas."""
    with ha_lab(lab_name, 3) as made:
        yield made


def _check(outcome: Outcome) -> None:
    assert outcome.lost == 0, outcome
    assert outcome.got_in == 0, outcome
    assert outcome.attacks > 0, outcome
    assert outcome.detected < (SILENT if outcome.failure == "silent drop" else VISIBLE), outcome


@pytest.mark.nightly  # `test_no_kind_of_death_under_attack_costs_a_flow` has each kind once, more quickly
def test_no_kind_of_death_costs_a_flow(made: HaLab) -> None:
    names = []
    for outcome in outcomes(made, WANTED):
        _check(outcome)
        names.append(outcome.failure)
    assert set(names) > {failure.name for failure in FAILURES}


@pytest.mark.parametrize("failure", [FAILURES[0], FAILURES[-1]], ids=lambda failure: failure.name)
def test_one_of_two(lab_name: str, failure: object) -> None:
    wanted = next(each for each in FAILURES if each is failure)
    with ha_lab(lab_name, 2) as made, made.flows(WANTED) as flows:
        _check(failover(made, flows, wanted.name, struck(made, wanted)))


def test_without_an_agent_the_flows_of_a_dead_replica_are_lost(lab_name: str) -> None:
    """The control of what counts as lost. Other flows go on, and still nothing gets in."""
    with ha_lab(lab_name, 3) as made, made.flows(Wanted(60, 5, 5, 0, patience=3.0)) as flows:
        drop_silently(made.gateway.replicas[0])  # a deleted namespace forwards for some milliseconds
        assert 0 < flows.lost() < 60
        seen = flows.report()
        assert seen.got_in == 0
        assert seen.attacks > 0


def _once(made: HaLab, *arguments: str) -> int:
    """Run `agent --once` in a separate process, since it handles signals itself."""
    return process("agent", "--lab", made.lab, "--once", "-q", *arguments).code


def test_once_reports_dead_replicas_and_repairs(made: HaLab) -> None:
    assert _once(made) == 0
    drop_silently(made.gateway.replicas[0])
    assert _once(made) == 3
    _once(made, "--repair")
    assert _once(made) == 0
    assert run(["status", "--lab", made.lab]) == 0


def test_once_reports_the_reason_each_time(made: HaLab) -> None:
    """Each run reports the fault, for the mails of cron. The last replica is not healthy because it is the last."""

    def said() -> list[tuple[str, str, str]]:
        result = process("agent", "--lab", made.lab, "--once", "-o", "json")
        events = map(json.loads, result.out.splitlines())
        dead = sorted((each["replica"], each["event"], each["reason"]) for each in events if "dead" in each["event"])
        assert result.code == (3 if dead else 0)
        return dead

    assert said() == []
    delete_namespace(made.gateway.replicas[0])
    assert said() == [("main/outbound#1", "replica dead", "its namespace is gone")]
    again = [("main/outbound#1", "replica still dead", "its namespace is gone")]
    assert said() == again
    for replica in made.gateway.replicas[1:]:
        drop_silently(replica)
    silent = "no heartbeat comes through, though all looks well"
    assert said() == [*again, *((f"main/outbound#{n}", "replica still dead", silent) for n in (2, 3))]


def test_a_replica_that_the_agent_rebuilds_gets_flows_again_and_cuts_none(made: HaLab) -> None:
    with made.flows(WANTED) as flows, Watcher(made.lab, "--repair") as watcher:
        flows.report()
        for strike in (delete_namespace, drop_silently):
            strike(made.gateway.replicas[0])
            watcher.wait_for("replica dead")
            watcher.wait_for("repaired")
            until(lambda: made.kernel.group(made.gateway.groups[0]) == made.gateway.groups[0], "it has its share again")
            before = made.kernel.counters(made.gateway.replicas[0].namespace)["allowed_new"].packets
            assert flows.add(30) == 30
            assert made.kernel.counters(made.gateway.replicas[0].namespace)["allowed_new"].packets > before
            seen = flows.report()
            assert flows.lost() == 0
            assert seen.got_in == 0


def test_a_replica_that_recovers_is_put_back(made: HaLab) -> None:
    failure = next(each for each in FAILURES if each.name == "silent drop")
    with made.flows(WANTED) as flows, Watcher(made.lab) as watcher:
        failure.strike(made.gateway.replicas[1])
        watcher.wait_for("replica dead")
        failure.undo(made.gateway.replicas[1])
        watcher.wait_for("replica back")
        assert made.kernel.group(made.gateway.groups[1]) == made.gateway.groups[1]
        assert flows.lost() == 0


def test_a_second_agent_of_a_lab_is_refused(made: HaLab) -> None:
    with Watcher(made.lab):
        second = process("agent", "--lab", made.lab)
        assert second.code == 1
        assert "has an agent already" in second.err
        assert background.running(folders(), made.lab) is not None
    assert background.running(folders(), made.lab) is None


def test_destroy_stops_the_agent(lab_name: str) -> None:
    """This holds also if a replica's namespace was removed by hand."""
    with ha_lab(lab_name, 3) as made:
        run_folder = Path(os.environ["EIGW_NS_RUN_DIR"])
        background.start(folders(), lab_name, repair=False)
        netns.remove(made.gateway.replicas[2].namespace)
        assert run(["destroy", "--lab", lab_name]) == 0
        assert not run_folder.exists() or not list(run_folder.iterdir())
        assert not [name for name in netns.names() if name.startswith(f"eigw-{lab_name}-")]
        assert not _processes_of(lab_name)
        made.build()  # for `ha_lab`, which destroys it again


def _processes_of(lab: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if f"/{lab}/" in words or f"--lab {lab}" in words:
            found.append(words)
    return found


def test_the_agent_uses_little_of_a_processor(made: HaLab) -> None:
    with Watcher(made.lab) as watcher:
        before, begin = watcher.cpu(), time.monotonic()
        until(lambda: time.monotonic() - begin > 3.0, "three seconds of watching")
        share = (watcher.cpu() - before) / (time.monotonic() - begin)
    assert share < 0.03 * SLOWNESS, f"{share:.1%} of a processor"
