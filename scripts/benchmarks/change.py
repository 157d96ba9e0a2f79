"""Benchmark: change an existing lab, and destroy it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from eigw_ns.topology import example
from scripts.benchmarks.benchmark import Benchmark, Job, program, timed
from scripts.benchmarks.build import Contest
from scripts.benchmarks.labs import Workshop, tree
from scripts.benchmarks.rows import Row, Target, alternate, compare, seconds

_ALLOWED = 0.100  # seconds


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


def _demo(job: Job) -> Row:
    """Apply the lab of `eigw-ns init` again and again."""
    lab = job.place.new_name()
    file = job.place.folder / f"{lab}.yaml"
    file.write_text(example("demo").replace("lab: demo\n", f"lab: {lab}\n"), encoding="utf-8")
    environment = job.place.environment
    timed(program("apply", "-q", "-f", file), environment)
    again, bare = alternate(
        5 * job.rounds,
        job.step,
        lambda: timed(program("apply", "-q", "-f", file), environment),
        lambda: timed([sys.executable, "-P", "-c", "pass"], environment),
    )
    timed(program("destroy", "-q", "--lab", lab), environment)
    more = [one - other for one, other in zip(again, bare, strict=True)]
    detail = f"{seconds(again)} − {seconds(bare)}"
    return compare(
        "second apply of the demo", "interpreter + 100 ms", more, [_ALLOWED] * len(more), Target("most", 1), detail
    )


def _rows(job: Job) -> Iterator[Row]:
    yield _demo(job)
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
    for name, figures, most in (("second apply", agains, 0.15), ("one route changed", changes, 0.25)):
        detail = f"{seconds(figures)} : {seconds(builds)}"
        yield compare(name, "first build", figures, builds, Target("most", most), detail)
    detail = f"{seconds(destroys)} : {seconds(scripts)}"
    yield compare("destroy", "script", destroys, scripts, Target("most", 1), detail)


BENCHMARK = Benchmark(
    summary="Change an existing lab, and destroy it.",
    explain={
        "second apply of the demo, against interpreter + 100 ms": "How much longer `apply` of the unchanged lab of "
        "`eigw-ns init` takes than `python -c pass`.",
        "second apply, against first build": "`apply` of the same N subnets again: reads everything, writes nothing.",
        "one route changed, against first build": "`apply` with one more route for one of N subnets, and without it.",
        "destroy, against script": "`destroy` against the script, which disables forwarding, then runs `ip netns del`.",
    },
    rows=_rows,
    steps=lambda job: 15 * job.rounds,
    tools={"ip": "iproute2", "nft": "nftables", "nsenter": "util-linux", "bridge": "iproute2"},
)
