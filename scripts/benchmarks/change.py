"""Benchmark: change an existing lab, and destroy it."""

from __future__ import annotations

from collections.abc import Iterator

from scripts.benchmarks.benchmark import Benchmark, Job, program, timed
from scripts.benchmarks.build import Contest
from scripts.benchmarks.labs import Workshop, tree
from scripts.benchmarks.rows import Row, Target, compare, seconds


def _change_and_back(place: Workshop, contest: Contest, subnets: int) -> float:
    """Add a route for one of the subnets, and remove it. Returns the mean of both in seconds."""
    content = tree(subnets)
    other = {"routes": [{"destination": "2001:db8:bad::/48", "target": "blackhole"}]}
    main = content["vpcs"]["main"]
    main["route_tables"]["other"] = {"routes": [*main["route_tables"]["private"]["routes"], *other["routes"]]}
    main["subnets"]["s000"]["route_table"] = "other"
    changed = place.write(contest.lab, content)
    there = timed(program("apply", "-q", "-f", changed), place.environment)
    place.write(contest.lab, tree(subnets))
    return (there + contest.apply()) / 2


def _rows(job: Job) -> Iterator[Row]:
    contest = Contest(job.place, job.size)
    builds, agains, changes, destroys, scripts = [list[float]() for _ in range(5)]
    for _ in range(job.rounds):
        for figures, measure in (
            (builds, contest.apply),
            (agains, contest.apply),
            (changes, lambda: _change_and_back(job.place, contest, job.size)),
            (destroys, contest.destroy),
            (scripts, lambda: contest.script()[1]),
        ):
            figures.append(measure())
            job.step()
    budget = Target("most", 0.15)
    for name, figures in (("second apply", agains), ("one route changed", changes)):
        yield compare(name, "first build", figures, builds, budget, f"{seconds(figures)} : {seconds(builds)}")
    detail = f"{seconds(destroys)} : {seconds(scripts)}"
    yield compare("destroy", "script", destroys, scripts, Target("most", 1), detail)


BENCHMARK = Benchmark(
    summary="Change an existing lab, and destroy it.",
    explain={
        "second apply, against first build": "`apply` of the same file again: reads everything, writes nothing.",
        "one route changed, against first build": "`apply` with one more route for one of N subnets, and without it.",
        "destroy, against script": "`destroy` against the script, which disables forwarding, then runs `ip netns del`.",
    },
    rows=_rows,
    steps=lambda job: 5 * job.rounds,
    tools={"ip": "iproute2", "nft": "nftables", "nsenter": "util-linux", "bridge": "iproute2"},
)
