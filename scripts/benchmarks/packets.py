"""Benchmark: what the rules cost the packets that pass."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from scripts.benchmarks import traffic
from scripts.benchmarks.benchmark import Benchmark, Job
from scripts.benchmarks.labs import WEB, Tree, tree
from scripts.benchmarks.rows import Row, Target, alternate, compare
from scripts.benchmarks.scenes import Scene, scene
from scripts.benchmarks.traffic import Slice

_SLICE = 0.04  # seconds; short, so that other load of the machine affects both alike
_SLICES = 10  # per round
_CROWD = 1000
REPLICAS = 2
"""Number of replicas of the row `with replicas`; with fewer than two, the row is left out."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of traffic, its budget against no rules at all, and the unit and scale of its rate."""

    name: str
    open: Callable[[str, str, str], AbstractContextManager[Slice]]
    target: Target | None
    unit: str
    scale: float


_KINDS = (
    _Kind("bulk TCP", traffic.bulk, Target("least", 0.95), "Gbit/s", 8e-9),
    _Kind("64-byte UDP", traffic.datagrams, Target("least", 0.92), "k packets/s", 1e-3),
    _Kind("new connections", traffic.connections, Target("least", 0.85), "k/s", 1e-3),
    _Kind("bulk TCP, nothing copied", traffic.uncopied, None, "Gbit/s", 8e-9),
)


def _row(job: Job, kind: _Kind, ours: Scene, theirs: Scene, against: str, target: Target | None) -> Row:
    with (
        kind.open(ours.app, ours.web, WEB) as one,
        kind.open(theirs.app, theirs.web, WEB) as other,
    ):
        one(_SLICE), other(_SLICE)  # warm up
        rounds = (2 if job.quick else _SLICES) * job.rounds
        step = _every(rounds * 2 // job.rounds, job)
        figures, others = alternate(rounds, step, lambda: one(_SLICE), lambda: other(_SLICE))
    rates = [statistics.median(each) * kind.scale for each in (figures, others)]
    return compare(kind.name, against, figures, others, target, f"{rates[0]:.1f} : {rates[1]:.1f} {kind.unit}")


def _every(number: int, job: Job) -> Callable[[], None]:
    """Return a callback that makes one step of progress for `number` slices."""
    count = 0

    def step() -> None:
        nonlocal count
        count += 1
        if count % number == 0:
            job.step()

    return step


def _rows(job: Job) -> Iterator[Row]:
    with traffic.pinned(), scene(job.place, tree(1)) as ours:
        with scene(job.place, tree(1), "none") as bare:
            for kind in _KINDS:
                yield _row(job, kind, ours, bare, "no rules", kind.target)
            with scene(job.place, tree(1), "tracking") as tracked:
                for kind in _KINDS[:3]:
                    yield _row(job, kind, tracked, bare, "tracking alone : no rules", None)
        for content, against, targets in _others(job):
            with scene(job.place, content) as other:
                for kind, target in zip(_KINDS[:3], targets, strict=True):
                    yield _row(job, kind, other, ours, against, Target("least", target))


def _others(job: Job) -> Iterator[tuple[Tree, str, tuple[float, ...]]]:
    """Yield larger topologies: the content, the text of the column "Against", and the targets of the rows."""
    if not job.quick:
        yield tree(_CROWD, extra_rules=_CROWD), f"{_CROWD} subnets and rules : 1", (0.97, 0.97, 0.97)
    if REPLICAS > 1:
        yield tree(1, replicas=REPLICAS), f"{REPLICAS} replicas : 1", (0.95, 0.95, 0.92)


BENCHMARK = Benchmark(
    summary="Send packets from an instance through its gateway to a host.",
    explain={
        "bulk TCP, against no rules": "One connection, written and read as programs do, through all namespaces "
        "with every protection on, against the same namespaces and routes without tables, policy routing or "
        "connection tracking. Both ends and all routers share one processor, so the rate shows the whole cost of "
        "a packet.",
        "64-byte UDP, against no rules": "Packets of an answered flow; 64 per system call, cut before the first link.",
        "new connections, against no rules": "Connections that are opened, used for one answer and reset, one after "
        "the other.",
        "bulk TCP, nothing copied": "Sent from a file's pages and discarded unread: the worst case for the rules.",
        "…, against tracking alone : no rules": "The cost of connection tracking alone, in the same two namespaces "
        "(subnet and gateway) with one rule that matches the state.",
        "…, against 1000 subnets and rules : 1": "The same with 1,000 subnets' prefixes in every set and route "
        "table on the way and 1,000 security group rules of other instances of the subnet, against one subnet.",
        "…, against N replicas : 1": "The same through a gateway of several replicas, against a gateway of one.",
    },
    rows=_rows,
    steps=lambda job: job.rounds * (len(_KINDS) + 3 + 3 * len(list(_others(job)))),
)
