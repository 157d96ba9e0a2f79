"""Benchmark: build a lab, against a hand-written script, the kernel's own work, and Mininet."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.errors import EigwError
from eigw_ns.kernel.linux import LinuxKernel
from scripts.benchmarks import by_hand
from scripts.benchmarks.benchmark import Benchmark, Job, program, timed
from scripts.benchmarks.floor import Replay
from scripts.benchmarks.labs import Workshop, topology, tree
from scripts.benchmarks.rows import Row, Target, alternate, compare, seconds

_MININET = Path(__file__).parent / "mininet_hosts.py"
_EXTRAS = {"strace": "strace", "mn": "mininet"}
_DEBIAN_PYTHON = "/usr/bin/python3"  # Debian's Mininet works only with this one


class Contest:
    """One lab, built and destroyed in turn by the program and by the script."""

    def __init__(self, place: Workshop, subnets: int) -> None:
        self._place = place
        self.lab = place.new_name()
        content = tree(subnets)
        self.file = place.write(self.lab, content)
        self.state = compile_cloud(topology(self.lab, content).cloud)
        self._folder = place.folder / f"{self.lab}.by-hand"
        by_hand.write(self.state, self._folder)

    def apply(self) -> float:
        """Build it with the program; if it exists, change nothing. Returns the seconds."""
        return timed(program("apply", "-q", "-f", self.file), self._place.environment)

    def destroy(self) -> float:
        """Destroy it with the program. Returns the seconds."""
        return timed(program("destroy", "-q", "--lab", self.lab), self._place.environment)

    def built(self) -> float:
        """Build it with the program, and destroy it. Returns the seconds that building took."""
        spent = self.apply()
        self.destroy()
        return spent

    def script(self) -> tuple[float, float]:
        """Build it with the script, and destroy it. Returns the seconds of each.

        Raises EigwError if the script has not built the same lab.
        """
        building = timed([by_hand.SCRIPT, "build", self._folder], self._place.environment)
        left = by_hand.left_over(self.state, LinuxKernel(), self.lab)
        destroying = timed([by_hand.SCRIPT, "destroy", self._folder], self._place.environment)
        if left:
            raise EigwError(f"the script built a different lab: {left[0]} and {len(left) - 1} more steps are left")
        return building, destroying


def _rows(job: Job) -> Iterator[Row]:
    contest = Contest(job.place, job.size)
    ours, script = alternate(job.rounds, job.step, contest.built, lambda: contest.script()[0])
    name = f"build {job.size} subnets"
    yield compare(name, "script", ours, script, Target("most", 0.35), f"{seconds(ours)} : {seconds(script)}")
    if shutil.which("strace"):
        replay = Replay(contest.state)
        ours, least = alternate(job.rounds, job.step, contest.built, replay.run)
        yield compare(name, "floor", ours, least, Target("most", 2), f"{seconds(ours)} : {seconds(least)}")
    if shutil.which("mn"):
        mininet: list[str | Path] = [_DEBIAN_PYTHON, _MININET, str(job.size)]
        ours, theirs = alternate(job.rounds, job.step, contest.built, lambda: timed(mininet, job.place.environment))
        yield compare(name, "Mininet", ours, theirs, None, f"{seconds(ours)} : {seconds(theirs)}")


def _steps(job: Job) -> int:
    pairs = 1 + sum(shutil.which(tool) is not None for tool in _EXTRAS)
    return job.rounds * 2 * pairs


BENCHMARK = Benchmark(
    summary="Build a lab from nothing.",
    explain={
        "build N subnets, against script": "`eigw-ns apply` of N subnets with an instance each, the whole "
        "command, against scripts/benchmarks/by-hand: few processes, ip -batch, nft -f and the shell's echo, all "
        "processors at once. Its files are written beforehand. `plan` checks that both build the same lab.",
        "…, against floor": "The same against a loop that makes only the system calls of that lab, with netlink "
        "messages and nftables batches recorded beforehand. Only if strace is installed.",
        "…, against Mininet": "The same against as many Mininet hosts with a link each. Only if Mininet is installed.",
    },
    rows=_rows,
    steps=_steps,
    extras=_EXTRAS,
    tools={"ip": "iproute2", "nft": "nftables", "nsenter": "util-linux", "bridge": "iproute2"},
)
