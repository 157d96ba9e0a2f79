"""Benchmark: print the help."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from scripts.benchmarks.benchmark import Benchmark, Job, program, timed
from scripts.benchmarks.rows import Row, Target, alternate, compare, seconds

_ALLOWED = 0.060  # seconds


def _rows(job: Job) -> Iterator[Row]:
    environment = job.place.environment
    ours, bare = alternate(
        5 * job.rounds,
        job.step,
        lambda: timed(program("--help"), environment),
        lambda: timed([sys.executable, "-P", "-c", "pass"], environment),
    )
    more = [one - other for one, other in zip(ours, bare, strict=True)]
    detail = f"{seconds(ours)} − {seconds(bare)}"
    yield compare("--help", "interpreter + 60 ms", more, [_ALLOWED] * len(more), Target("most", 1), detail)


BENCHMARK = Benchmark(
    summary="Print the help.",
    explain={"--help, against interpreter + 60 ms": "How much longer `eigw-ns --help` takes than `python -c pass`."},
    rows=_rows,
    steps=lambda job: 10 * job.rounds,
)
