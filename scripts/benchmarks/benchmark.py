"""The type of a benchmark: a module of this package that defines a `BENCHMARK` and is named in `catalogue`."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from eigw_ns.errors import EigwError, HostError
from scripts.benchmarks.labs import Workshop
from scripts.benchmarks.rows import COLUMNS, Line, Step


@dataclass(frozen=True, slots=True)
class Job:
    """The parameters of a run: sizes of labs, number of rounds, folder of the labs, and progress callback."""

    place: Workshop
    subnets: Sequence[int]
    rounds: int
    quick: bool
    step: Step
    in_a_row: int = 0

    @property
    def size(self) -> int:
        """Number of subnets for the budget's rows: the largest requested one up to 200, or else the smallest."""
        return max((number for number in self.subnets if number <= 200), default=min(self.subnets))


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A benchmark. `rows` measures in `steps` steps; `explain` says what each row measures, in the order of the table.

    `tools` are required programs. `extras` are optional ones, without which a row is left out. Both map a program to
    its Debian package.
    """

    summary: str
    explain: Mapping[str, str]
    rows: Callable[[Job], Iterator[Line]]
    steps: Callable[[Job], int]
    columns: tuple[str, ...] = COLUMNS
    tools: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    extras: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def require(tools: Mapping[str, str]) -> None:
    """Raise HostError if programs are missing; the hint says how to install them."""
    missing = [name for name in tools if shutil.which(name) is None]
    if missing:
        packages = " ".join(sorted({tools[name] for name in missing}))
        raise HostError(f"programs are missing on PATH: {', '.join(missing)}", hint=f"apt-get install {packages}")


def timed(command: Sequence[str | Path], environment: Mapping[str, str]) -> float:
    """Run a command. Returns the seconds that it took. Raises EigwError with its first error lines if it fails."""
    begin, null = time.perf_counter(), subprocess.DEVNULL
    running = subprocess.Popen(
        command, env=environment, stdin=null, stdout=null, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        _, complaint = running.communicate()
    except BaseException:  # kill its children too: they would go on making labs while these are removed
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
        raise
    spent = time.perf_counter() - begin
    if running.returncode:
        words = complaint.decode(errors="replace").strip().splitlines()
        name = " ".join(map(str, command))
        raise EigwError(f"{name}: exit code {running.returncode}: {'; '.join(words[:2]) or 'no error message'}")
    return spent


def program(*arguments: str | Path) -> list[str | Path]:
    """Return the command line that runs eigw-ns from this checkout."""
    return [sys.executable, "-P", "-m", "eigw_ns", *arguments]
