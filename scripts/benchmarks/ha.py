"""Failover: what each way for a replica to die costs the flows through a gateway, with and without shared state.

A lab with one instance behind a gateway of several replicas, thousands of open flows, an attacker that never rests, and
the agent as users run it. A replica is struck, and what the flows saw is told; then the lab is made whole again.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from eigw_ns.dataplane.names import namespace_name
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.lab import operations
from eigw_ns.lab.agent.scene import gateways
from eigw_ns.render.table import Cell
from eigw_ns.topology import Topology, load
from scripts.benchmarks.benchmark import Benchmark, Job
from scripts.benchmarks.failures import FAILURES, Failure, kill_daemon
from scripts.benchmarks.flows import Ends, Flows, Wanted
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
    "Failure", "Replicas", "Shared", "Lost", "Seen after, ms", "TCP gap, ms", "UDP gap, ms", "Got in", "Verdict"
)  # fmt: skip
_SILENTLY = "silent drop"
_VISIBLE, _SILENT = 0.2, 1.0  # seconds
_PATIENCE = 120.0  # seconds
_SETTLE = 1.5  # seconds of traffic after a failover, so that what was sent again has come


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a failure did. Times in seconds."""

    failure: str
    replicas: int
    shared: bool
    flows: int
    lost: int
    detected: float
    tcp_gaps: tuple[float, ...]
    udp_gaps: tuple[float, ...]
    attacks: int
    got_in: int

    @property
    def verdict(self) -> Literal["met", "missed", ""]:
        """Nothing lost, nothing in, and seen in time; without shared flows only that nothing got in."""
        if self.got_in or not self.attacks:
            return "missed"
        if not self.shared:
            return ""
        return "met" if not self.lost and self.detected <= self.limit else "missed"

    @property
    def limit(self) -> float:
        """Seconds in which it has to be seen."""
        return _SILENT if self.failure == _SILENTLY else _VISIBLE

    def cells(self) -> tuple[Cell, ...]:
        """Under `_COLUMNS`."""
        shared = "yes" if self.shared else "no"
        lost, seen = f"{self.lost:,} of {self.flows:,}", f"{1000 * self.detected:.0f} (≤ {1000 * self.limit:.0f})"
        gaps = [" / ".join(map(str, _middle_and_most(found).values())) for found in (self.tcp_gaps, self.udp_gaps)]
        got_in, verdict = f"{self.got_in} of {self.attacks:,}", (self.verdict or "–", STYLES[self.verdict])
        return self.failure, str(self.replicas), shared, lost, seen, *gaps, got_in, verdict

    def document(self) -> dict[str, Any]:
        """As JSON has it; gaps in milliseconds."""
        return {
            "failure": self.failure,
            "replicas": self.replicas,
            "shared": self.shared,
            "flows": self.flows,
            "lost": self.lost,
            "detected_ms": round(1000 * self.detected),
            "tcp_gap_ms": _middle_and_most(self.tcp_gaps),
            "udp_gap_ms": _middle_and_most(self.udp_gaps),
            "attack_packets": self.attacks,
            "got_in": self.got_in,
            "verdict": self.verdict or None,
        }


def _middle_and_most(gaps: tuple[float, ...]) -> dict[str, int]:
    return {"median": round(1000 * statistics.median(gaps)), "max": round(1000 * max(gaps))} if gaps else {}


class HaLab:
    """A gateway of several replicas, its flows, and its agent."""

    def __init__(self, lab: str, replicas: int, *, shared: bool = True) -> None:
        text = _TOPOLOGY.format(lab=lab, replicas=replicas)
        self.topology: Topology = load(text.encode(), file="ha.yaml", default_lab=lab)
        self.lab, self.count, self.shared = lab, replicas, shared
        self.kernel = LinuxKernel(Path(os.environ["EIGW_NS_RUN_DIR"]))
        (self.gateway,) = gateways(self.topology.cloud, synced=shared)

    def build(self) -> None:
        """Make the lab, or make it whole again."""
        operations.apply(self.kernel, self.topology)

    def destroy(self) -> None:
        """Leave nothing behind."""
        operations.destroy(self.kernel, self.lab)

    def flows(self, wanted: Wanted) -> Flows:
        """Flows from the instance to the host."""
        cloud = self.topology.cloud
        (app,), (web,) = cloud.instances, cloud.hosts
        return Flows(Ends(namespace_name(self.lab, app), _APP, namespace_name(self.lab, web), _WEB), wanted)


@contextlib.contextmanager
def ha_lab(lab: str, replicas: int, *, shared: bool = True) -> Iterator[HaLab]:
    """The lab while the block runs, in state and run folders of its own."""
    with tempfile.TemporaryDirectory() as folder, _environment(folder, shared):
        made = HaLab(lab, replicas, shared=shared)
        try:
            made.build()
            yield made
        finally:
            made.destroy()


@contextlib.contextmanager
def _environment(folder: str, shared: bool) -> Iterator[None]:
    """State and run folders of its own; and no conntrackd, where nothing is to be shared."""
    wanted = {name: f"{folder}/{name}" for name in ("EIGW_NS_STATE_DIR", "EIGW_NS_RUN_DIR")}
    if not shared:
        wanted["EIGW_NS_CONNTRACKD"] = ""
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


def failover(made: HaLab, flows: Flows, name: str, strike: Callable[[Watcher], float]) -> Outcome:
    """Let `strike` do its worst while an agent watches; it says when the last death was seen."""
    with Watcher(made.lab) as watcher:
        flows.report()
        total = flows.resting()
        detected = strike(watcher)
        return _outcome(made, flows, name, total, detected)


def struck(made: HaLab, failure: Failure, victim: int = 0) -> Callable[[Watcher], float]:
    """Strikes one replica; seconds until its death was seen."""

    def strike(watcher: Watcher) -> float:
        begin = time.monotonic()
        failure.strike(made.gateway.replicas[victim])
        return watcher.wait_for("replica dead") - begin

    return strike


def struck_after_its_daemon(made: HaLab, failure: Failure) -> Callable[[Watcher], float]:
    """Kills its conntrackd first."""

    def strike(watcher: Watcher) -> float:
        kill_daemon(made.gateway.replicas[0])
        watcher.wait_for("conntrackd ended")
        return struck(made, failure)(watcher)

    return strike


def struck_twice(made: HaLab, failure: Failure) -> Callable[[Watcher], float]:
    """Strikes a second replica as soon as the first is given up; where there are but two, once the first is back."""

    def strike(watcher: Watcher) -> float:
        first = struck(made, failure)(watcher)
        if made.count == 2:
            made.build()
        return max(first, struck(made, failure, victim=1)(watcher))

    return strike


def outcomes(made: HaLab, wanted: Wanted, failures: Sequence[Failure] = FAILURES) -> Iterator[Outcome]:
    """Every failure in turn, then those that take two; each through new flows, which all replicas share alike."""
    for failure in failures:
        yield _tried(made, wanted, failure.name, struck(made, failure), failure)
    deletion = FAILURES[0]
    if made.shared:
        name = f"conntrackd killed, then {deletion.name}"
        yield _tried(made, wanted, name, struck_after_its_daemon(made, deletion), deletion)
    yield _tried(made, wanted, "two replicas in a row", struck_twice(made, deletion), deletion)


def _tried(
    made: HaLab, wanted: Wanted, name: str, strike: Callable[[Watcher], float], failure: Failure
) -> Outcome:
    with made.flows(wanted) as flows:
        found = failover(made, flows, name, strike)
    failure.undo(made.gateway.replicas[0])
    made.build()
    return found


def _outcome(made: HaLab, flows: Flows, name: str, total: int, detected: float) -> Outcome:
    deadline = time.monotonic() + _SETTLE
    while time.monotonic() < deadline:
        select.select([], [], [], 0.05)
    seen = flows.report()
    lost = flows.lost()
    return Outcome(
        name, made.count, made.shared, total, lost, detected, seen.tcp_gaps, seen.udp_gaps, seen.attacks, seen.got_in
    )


def _rows(job: Job) -> Iterator[Outcome]:
    wanted = Wanted(resting=100) if job.quick else Wanted()
    for replicas, shared in ((2, True),) if job.quick else _LABS:
        with ha_lab(job.place.new_name(), replicas, shared=shared) as made:
            for outcome in outcomes(made, wanted, FAILURES[:1] if job.quick else FAILURES):
                job.step()
                yield outcome


def _steps(job: Job) -> int:
    return 3 if job.quick else sum(len(FAILURES) + 1 + shared for _, shared in _LABS)


_LABS = ((2, True), (3, True), (3, False))
"""How many replicas, and whether they share their flows."""

BENCHMARK = Benchmark(
    summary="What each way for a replica to die costs the flows through a gateway.",
    explain={
        "failure": "what is done to one replica while an agent watches; not shared: without conntrackd, to compare",
        "lost": "of 2,000 TCP connections that rest, those that carry nothing any more afterwards",
        "seen after": "from the deed to the agent's word; 200 ms where anything can be seen, 1 s where nothing can",
        "TCP gap, UDP gap": "longest time without an answer of 40 connections and 20 streams that send every 20 ms:"
        " median and maximum; a TCP segment that was lost is sent again after 200 ms at the earliest",
        "got in": "of the packets that an attacker sends meanwhile, those that the instance hears",
    },
    rows=_rows,
    steps=_steps,
    columns=_COLUMNS,
    tools={"conntrackd": "conntrackd"},
)
