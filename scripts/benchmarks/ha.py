"""Failover: what each way for a replica to die costs the flows through a gateway, while attackers forge their segments.

A lab with one instance behind a gateway of several replicas, thousands of open flows, two attackers that never rest
(`flows`), and the agent as users run it. A replica is struck, and what the flows saw is told; then the lab is repaired.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Literal

from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.dataplane.replication import spread
from eigw_ns.dataplane.replication.watched_gateways import gateways
from eigw_ns.dataplane.state import Flow, bucket_of
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.netlink import conntrack
from eigw_ns.lab.lifecycle import operations
from eigw_ns.lab.storage.folders import HOST_FOLDERS, LabFolders
from eigw_ns.lab.storage.storage import Storage
from eigw_ns.render.table import Cell
from eigw_ns.topology import Topology, load
from scripts.benchmarks.benchmark import Benchmark, Job
from scripts.benchmarks.failures import FAILURES, Failure
from scripts.benchmarks.flows import Ends, Flows, Wanted
from scripts.benchmarks.forged import Attack, Heard
from scripts.benchmarks.rows import STYLES

_TOPOLOGY = """
lab: {lab}
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56
    egress_only_internet_gateways: {{outbound: {{replicas: {replicas}}}}}
    route_tables: {{private: {{main: true, routes: [{{destination: "::/0", target: outbound}}]}}}}
    security_groups: {{default: {{ingress: [{{protocol: all, cidr: "::/0"}}]}}}}
    subnets: {{private: {{ipv6_cidr_block: "2600:1f16:aa0:5501::/64"}}}}
    instances: {{app: {{subnet: private, ipv6_address: "2600:1f16:aa0:5501::10"}}}}
internet: {{hosts: {{web: {{ipv6_address: "2001:db8:80::1"}}}}}}
"""
_APP, _WEB = "2600:1f16:aa0:5501::10", "2001:db8:80::1"
_COLUMNS = (
    "Failure", "Replicas", "Lost", "Seen after, ms", "TCP gap, ms", "UDP gap, ms", "Got in", "Forged in", "Verdict"
)  # fmt: skip
_SILENTLY, _IN_A_ROW = "silent drop", "in a row, repaired"
_VISIBLE, _SILENT = 0.2, 1.0  # seconds
_TCP_GAP, _UDP_GAP = 0.25, 0.05  # seconds beyond detection
_PATIENCE = 120.0  # seconds
_SETTLE = 1.5  # seconds of traffic after a failover, so that what was sent again has come
_AWHILE = 3.0  # seconds of an attack while nothing else happens; two rounds of a sweep
_BEGUN = 0.5  # seconds in which an agent has looked at everything once
_BEFORE_OTHERS = 0.5  # seconds between two changes of the number of replicas


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a failure did. Times in seconds; `detected` is 0 if no replica died."""

    failure: str
    replicas: int
    flows: int
    lost: int
    detected: float
    tcp_gaps: tuple[float, ...]
    udp_gaps: tuple[float, ...]
    attacks: int
    got_in: int
    forged: Heard

    @property
    def verdict(self) -> Literal["met", "missed"]:
        """Whether nothing was lost, nothing got in, and everything was in time."""
        gaps = (self.tcp_gaps, _TCP_GAP), (self.udp_gaps, _UDP_GAP)
        late = any(max(found, default=0.0) > self.detected + limit for found, limit in gaps)
        let_in = self.got_in or not self.attacks or self.forged.got_in
        failed = self.lost or let_in or self.detected > self.limit or late
        return "missed" if failed else "met"

    @property
    def limit(self) -> float:
        """Seconds in which it has to be seen."""
        return _SILENT if self.failure == _SILENTLY or self.failure.endswith(_IN_A_ROW) else _VISIBLE

    def cells(self) -> tuple[Cell, ...]:
        """Return the cells of the row, in `_COLUMNS`."""
        lost = f"{self.lost:,} of {self.flows:,}"
        seen = f"{1000 * self.detected:.0f} (≤ {1000 * self.limit:.0f})" if self.detected else "–"
        gaps = [" / ".join(map(str, _middle_and_most(found).values())) for found in (self.tcp_gaps, self.udp_gaps)]
        got_in, forged_in = f"{self.got_in} of {self.attacks:,}", f"{self.forged.got_in} of {self.forged.sent:,}"
        verdict = self.verdict, STYLES[self.verdict]
        return self.failure, str(self.replicas), lost, seen, *gaps, got_in, forged_in, verdict

    def document(self) -> dict[str, Any]:
        """Return the row as `-o json` prints it; gaps in milliseconds."""
        return {
            "failure": self.failure,
            "replicas": self.replicas,
            "flows": self.flows,
            "lost": self.lost,
            "detected_ms": round(1000 * self.detected),
            "tcp_gap_ms": _middle_and_most(self.tcp_gaps),
            "udp_gap_ms": _middle_and_most(self.udp_gaps),
            "attack_packets": self.attacks,
            "got_in": self.got_in,
            "forged": self.forged.sent,
            "forged_in": self.forged.got_in,
            "forged_known_limits": self.forged.known,
            "verdict": self.verdict,
        }


def _middle_and_most(gaps: tuple[float, ...]) -> dict[str, int]:
    return {"median": round(1000 * statistics.median(gaps)), "max": round(1000 * max(gaps))} if gaps else {}


class HaLab:
    """A gateway of several replicas, its flows, and its agent."""

    def __init__(self, lab: str, replicas: int) -> None:
        self.lab, self.count = lab, replicas
        self.topology = _topology(lab, replicas)
        self.storage = Storage.in_folders(LabFolders.chosen(os.environ, HOST_FOLDERS))
        self.kernel = LinuxKernel(self.storage.folders.run)
        (self.gateway,) = gateways(self.topology.cloud)

    def build(self, replicas: int | None = None) -> None:
        """Make the lab, make it whole again, or give it another number of replicas."""
        operations.apply(self.kernel, self.storage, _topology(self.lab, replicas or self.count))

    def carrier(self, without: int | None = None) -> int:
        """Return which replica carries the UDP streams, if this one is dead: its place in the list."""
        names = [each.namespace for each in self.gateway.replicas]
        alive = [name for at, name in enumerate(names) if at != without]
        bucket = bucket_of(Flow(_APP, _WEB, socket.IPPROTO_UDP), self.gateway.lesson.seed)
        return names.index(spread.owners(spread.shares(names, alive))[bucket])

    def forget(self) -> None:
        """End all flows, as their timeouts would in some minutes: they would be told, too."""
        for namespace in (*self.gateway.lesson.subnets, *(each.namespace for each in self.gateway.replicas)):
            with netns.inside(namespace):
                conntrack.delete(lambda _: True)
        self.kernel.age([replace(self.gateway.lesson, namespace=each.namespace) for each in self.gateway.replicas])

    def destroy(self) -> None:
        """Leave nothing behind."""
        operations.destroy(self.kernel, self.storage, self.lab)

    def flows(self, wanted: Wanted) -> Flows:
        """Flows from the instance to the host."""
        cloud = self.topology.cloud
        (app,), (web,) = cloud.instances, cloud.hosts
        return Flows(Ends(namespace_name(self.lab, app), _APP, namespace_name(self.lab, web), _WEB), wanted)


def _topology(lab: str, replicas: int) -> Topology:
    text = _TOPOLOGY.format(lab=lab, replicas=replicas)
    return load(text.encode(), file="ha.yaml", default_lab=lab)


@contextlib.contextmanager
def ha_lab(lab: str, replicas: int) -> Iterator[HaLab]:
    """The lab while the block runs, in state and run folders of its own."""
    with tempfile.TemporaryDirectory() as folder, _environment(folder):
        made = HaLab(lab, replicas)
        try:
            made.build()
            yield made
        finally:
            made.destroy()


@contextlib.contextmanager
def _environment(folder: str) -> Iterator[None]:
    """Use state and run folders of its own while the block runs."""
    wanted = {name: f"{folder}/{name}" for name in ("EIGW_NS_STATE_DIR", "EIGW_NS_RUN_DIR")}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class Watcher:
    """`eigw-ns agent` as a process of its own; its events with the times at which they happened."""

    def __init__(self, lab: str, *arguments: str) -> None:
        command = [sys.executable, "-P", "-m", "eigw_ns", "agent", "--lab", lab, "-o", "json", *arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.events: list[dict[str, Any]] = []
        try:
            self.wait_for("watching")
        except BaseException:
            self._end()
            raise

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.communicate(timeout=_PATIENCE)

    def wait_for(self, event: str, patience: float = _PATIENCE) -> float:
        """The time (monotonic, seconds) at which the next such event was read."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))[0]:
                line = self._process.stdout.readline()
                if not line:
                    break
                self.events.append(json.loads(line))
                if self.events[-1]["event"] == event:
                    return time.monotonic()
        raise RuntimeError(f"the agent did not say {event!r} within {patience:.0f} s: {self.events}")

    def cpu(self) -> float:
        """Seconds of processor time that the agent has used."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


Strike = Callable[[Watcher], float]
"""Does something to the lab while an agent watches. Returns the seconds until a death was seen, at most; else 0."""


def failover(made: HaLab, flows: Flows, name: str, strike: Strike, *arguments: str) -> Outcome:
    """Let `strike` do its worst while an agent watches, which was given these arguments."""
    with Watcher(made.lab, *arguments) as watcher:
        _wait(_BEGUN)
        flows.report()
        total = flows.resting()
        detected = strike(watcher)
        return _outcome(made, flows, name, total, detected)


def struck(made: HaLab, failure: Failure, victim: int | None = None) -> Strike:
    """Strike one replica, by default the one that carries the UDP streams, beside its part of the connections."""

    def strike(watcher: Watcher) -> float:
        begin = time.monotonic()
        failure.strike(made.gateway.replicas[made.carrier() if victim is None else victim])
        return watcher.wait_for("replica dead") - begin

    return strike


def struck_twice(made: HaLab, failure: Failure) -> Strike:
    """Strike a second replica as soon as the first is given up; if there are only two, as soon as the first is back.

    Both carry the UDP streams when they die.
    """

    def strike(watcher: Watcher) -> float:
        dead = made.carrier()
        first = struck(made, failure)(watcher)
        if made.count == 2:
            made.build()
        second = 1 - dead if made.count == 2 else made.carrier(without=dead)
        return max(first, struck(made, failure, second)(watcher))

    return strike


def struck_and_repaired(made: HaLab, failures: Sequence[Failure]) -> Strike:
    """Strike one replica after the other. The agent repairs each before the next."""

    def strike(watcher: Watcher) -> float:
        detected = 0.0
        for number, failure in enumerate(failures):
            victim = (made.carrier() + number) % made.count
            detected = max(detected, struck(made, failure, victim)(watcher))
            watcher.wait_for("repaired")
        return detected

    return strike


def left_alone(_watcher: Watcher) -> float:
    """Do nothing for a while."""
    _wait(_AWHILE)
    return 0.0


def changed(made: HaLab) -> Strike:
    """Take one replica away with `apply`, and give it back."""

    def strike(_watcher: Watcher) -> float:
        for replicas in (made.count - 1, made.count):
            made.build(replicas)
            _wait(_BEFORE_OTHERS)
        return 0.0

    return strike


def outcomes(made: HaLab, wanted: Wanted, failures: Sequence[Failure] = FAILURES) -> Iterator[Outcome]:
    """Yield every failure's in turn, then those that take two; each through new flows, which all replicas share."""
    for failure in failures:
        yield _tried(made, wanted, failure.name, struck(made, failure), failure)
    deletion = FAILURES[0]
    yield _tried(made, wanted, "two replicas, one after the other", struck_twice(made, deletion), deletion)


def under_attack(made: HaLab, wanted: Wanted) -> Iterator[Outcome]:
    """Yield what attackers alone do, then what they do while replicas leave and come back."""
    whole, pieces, sweep = (replace(wanted, attack=each) for each in ATTACKS)
    deletion = FAILURES[0]
    yield _tried(made, sweep, "none, blind sweep of ports", left_alone, deletion)  # first, before tuples have ended
    yield _tried(made, whole, "none", left_alone, deletion)
    yield _tried(made, pieces, "none, forged in fragments", left_alone, deletion)
    name = f"apply: {made.count}, {made.count - 1}, {made.count} replicas"
    yield _tried(made, whole, name, changed(made), deletion)
    yield _tried(made, whole, f"{deletion.name}, repaired", struck_and_repaired(made, [deletion]), deletion, "--repair")


def in_a_row(made: HaLab, wanted: Wanted, number: int) -> Outcome:
    """Return what so many failures do to the same flows, each repaired before the next."""
    strike = struck_and_repaired(made, list(islice(cycle(FAILURES), number)))
    return _tried(made, wanted, f"{number} {_IN_A_ROW}", strike, FAILURES[0], "--repair")


def _tried(made: HaLab, wanted: Wanted, name: str, strike: Strike, failure: Failure, *arguments: str) -> Outcome:
    with made.flows(wanted) as flows:
        found = failover(made, flows, name, strike, *arguments)
    failure.undo(made.gateway.replicas[made.carrier()])
    made.build()
    made.forget()
    return found


def _wait(seconds: float) -> None:
    select.select([], [], [], seconds)


def _outcome(made: HaLab, flows: Flows, name: str, total: int, detected: float) -> Outcome:
    _wait(_SETTLE)
    seen = flows.report()
    lost = flows.lost()
    return Outcome(
        name,
        made.count,
        total,
        lost,
        detected,
        seen.tcp_gaps,
        seen.udp_gaps,
        seen.attacks,
        seen.got_in,
        seen.forged,
    )


ATTACKS: tuple[Attack, Attack, Attack] = ("segments", "fragments", "sweep")

_LABS = (3, 2)
"""How many replicas."""


def _rows(job: Job) -> Iterator[Outcome]:
    wanted = Wanted(resting=100) if job.quick else Wanted()
    for replicas in (2,) if job.quick else _LABS:
        with ha_lab(job.place.new_name(), replicas) as made:
            for outcome in _outcomes(made, wanted, job):
                job.step()
                yield outcome


def _outcomes(made: HaLab, wanted: Wanted, job: Job) -> Iterator[Outcome]:
    if not job.quick:
        yield from under_attack(made, wanted)
    yield from outcomes(made, wanted, FAILURES[:1] if job.quick else FAILURES)
    if job.in_a_row:
        yield in_a_row(made, wanted, job.in_a_row)


def _steps(job: Job) -> int:
    more = bool(job.in_a_row)
    return 2 + more if job.quick else len(_LABS) * (5 + len(FAILURES) + 1 + more)


BENCHMARK = Benchmark(
    summary="What each way for a replica to die costs the flows through a gateway, under attack.",
    explain={
        "failure": "What happens to one replica while an agent watches. With `none`, attackers alone.",
        "lost": "Of 2,000 idle TCP connections, those that carry no data any more afterwards.",
        "seen after": "Time from the failure to the agent's message: at most 200 ms, or 1 s if nothing can be seen.",
        "TCP gap, UDP gap": "Longest time without an answer of 40 connections and 20 streams that send every 20 ms: "
        "median and maximum. A lost TCP segment is sent again after 200 ms at the earliest. At most 250 ms and 50 ms "
        "more than the failure took to be seen.",
        "got in": "Of the flows that a host of the internet tries to begin, those that the instance hears.",
        "forged in": "Of the TCP segments that a host forges with the right addresses and ports and random numbers, "
        "20,000 a second, the SYNs, resets and fragments that reach the instance.",
        "N in a row": "With --in-a-row: so many failures of all kinds, one after the other, each repaired.",
    },
    rows=_rows,
    steps=_steps,
    columns=_COLUMNS,
)
