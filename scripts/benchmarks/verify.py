"""Benchmark: prove with packets what a topology expects."""

from __future__ import annotations

from collections.abc import Iterator

from scripts.benchmarks.benchmark import Benchmark, Job, program, timed
from scripts.benchmarks.labs import Tree, tree
from scripts.benchmarks.rows import Row, Target, alternate, compare, seconds

_CHECKS, _ALLOWED = 200, 3.0  # seconds


def _expecting(subnets: int, checks: int) -> Tree:
    """Return a topology with `checks` expectations; half of them expect `blocked`."""
    expect = []
    for number in range(checks):
        app, port = f"i{number // 2 % subnets:03}", 1000 + number
        way = {"from": app, "to": "web", "result": "allowed"}
        if number % 2:
            way = {"from": "web", "to": app, "result": "blocked"}
        expect.append({**way, "protocol": ("tcp", "udp")[number // 2 % 2], "port": port})
    return {**tree(subnets), "expect": expect}


def _rows(job: Job) -> Iterator[Row]:
    checks = 20 if job.quick else _CHECKS
    lab = job.place.new_name()
    file = job.place.write(lab, _expecting(min(20, job.size), checks))
    timed(program("apply", "-q", "-f", file), job.place.environment)
    (ours,) = alternate(
        job.rounds, job.step, lambda: timed(program("verify", "-q", "--lab", lab), job.place.environment)
    )
    timed(program("destroy", "-q", "--lab", lab), job.place.environment)
    name, against = f"verify {checks} checks", f"{_ALLOWED:g} s"
    yield compare(name, against, ours, [_ALLOWED] * len(ours), Target("most", 1), seconds(ours))


BENCHMARK = Benchmark(
    summary="Prove with packets what a topology expects.",
    explain={
        "verify 200 checks, against 3 s": "`eigw-ns verify` of 200 expectations on 20 subnets, half of them `blocked`."
    },
    rows=_rows,
    steps=lambda job: job.rounds,
)
