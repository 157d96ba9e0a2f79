"""Benchmark: what a subnet costs in labs of different sizes, against the growth of the kernel's own work."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Callable, Iterator, Sequence

from eigw_ns.dataplane.compile.compiler import compile_cloud
from scripts.benchmarks.benchmark import Benchmark, Job, program, timed
from scripts.benchmarks.floor import Replay
from scripts.benchmarks.labs import Workshop, topology, tree
from scripts.benchmarks.rows import Measure, Row, Target, alternate, compare, seconds

_COMPARED = 100
"""The size of the lab with which the others are compared, or the nearest one that is measured."""

_EXTRAS = {"strace": "strace"}

_Costs = dict[int, list[float]]
"""Seconds for each subnet, by size of the lab and by round."""


def _program(place: Workshop, size: int) -> Measure:
    """Return a measurement of `apply`; the lab is destroyed after it."""
    lab = place.new_name()
    file = place.write(lab, tree(size))

    def measure() -> float:
        spent = timed(program("apply", "-q", "-f", file), place.environment)
        timed(program("destroy", "-q", "--lab", lab), place.environment)
        return spent

    return measure


def _floor(place: Workshop, size: int) -> Measure:
    lab = place.new_name()
    return Replay(compile_cloud(topology(lab, tree(size)).cloud)).run


def _builders() -> tuple[Callable[[Workshop, int], Measure], ...]:
    return (_program, _floor) if shutil.which("strace") else (_program,)


def _sizes(job: Job) -> list[int]:
    """Return 1 and the sizes to measure. The lab of one subnet costs what does not depend on the size."""
    return sorted({1, *job.subnets})


def _costs(job: Job) -> list[_Costs]:
    """Measure all sizes in turn. Returns what each builder needs for a subnet."""
    sizes, builders = _sizes(job), _builders()
    figures = alternate(job.rounds, job.step, *(build(job.place, size) for build in builders for size in sizes))
    return [_each(sizes, figures[start : start + len(sizes)]) for start in range(0, len(figures), len(sizes))]


def _each(sizes: Sequence[int], figures: Sequence[Sequence[float]]) -> _Costs:
    first, *others = figures
    one = statistics.median(first)
    return {
        size: [(whole - one) / (size - 1) for whole in found] for size, found in zip(sizes[1:], others, strict=True)
    }


def _rows(job: Job) -> Iterator[Row]:
    ours, *floors = _costs(job)
    near = min(ours, key=lambda size: abs(size - _COMPARED))
    for size in ours:
        if size == near:
            continue
        name, against = f"a subnet among {size}", f"among {near}"
        yield _growth(name, against, ours, size, near)
        for floor in floors:
            yield _growth(f"{name}, floor", against, floor, size, near)
            growths = _ratios(ours, size, near), _ratios(floor, size, near)
            target = Target("most", 1.1) if size > near else None
            yield compare(f"{name}, beyond floor", against, *growths, target=target)


def _growth(name: str, against: str, costs: _Costs, size: int, near: int) -> Row:
    detail = f"{seconds(costs[size])} : {seconds(costs[near])} a subnet"
    return compare(name, against, costs[size], costs[near], None, detail)


def _ratios(costs: _Costs, size: int, near: int) -> list[float]:
    return [one / other for one, other in zip(costs[size], costs[near], strict=True)]


BENCHMARK = Benchmark(
    summary="Build labs of different sizes.",
    explain={
        "a subnet among N, among 100": "Cost of a subnet in a lab of N, against a lab of 100. The cost of a lab of one "
        "subnet, which includes starting the program, is subtracted.",
        "…, floor": "The same for a loop that makes only the system calls of these labs: it grows as the kernel's own "
        "work does. Only if strace is installed.",
        "…, beyond floor": "The growth of the program, divided by the growth of the floor.",
    },
    rows=_rows,
    steps=lambda job: job.rounds * len(_builders()) * len(_sizes(job)),
    extras=_EXTRAS,
)
