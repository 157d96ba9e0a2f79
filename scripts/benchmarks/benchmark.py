"""What a benchmark is: a module of this package that ends in a `BENCHMARK`, and is named in `catalogue`."""

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
    """What a run is to do: sizes and rounds, where its labs go, and whom to tell of progress."""

    place: Workshop
    subnets: Sequence[int]
    rounds: int
    quick: bool
    step: Step

    @property
    def size(self) -> int:
        """The lab that the budget speaks of: 200 subnets, or the largest that was asked for below that."""
        return max((number for number in self.subnets if number <= 200), default=min(self.subnets))


@dataclass(frozen=True, slots=True)
class Benchmark:
    """`rows` measures, in so many `steps`. `explain` says of each row what is done, in the order of the table.

    `tools` are programs it cannot do without, `extras` those without which a row is left out, each with the Debian
    package that has it.
    """

    summary: str
    explain: Mapping[str, str]
    rows: Callable[[Job], Iterator[Line]]
    steps: Callable[[Job], int]
    columns: tuple[str, ...] = COLUMNS
    tools: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    extras: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def require(tools: Mapping[str, str]) -> None:
    """Raise HostError where programs are missing, with what installs them."""
    missing = [name for name in tools if shutil.which(name) is None]
    if missing:
        packages = " ".join(sorted({tools[name] for name in missing}))
        raise HostError(f"not on PATH: {', '.join(missing)}", hint=f"apt-get install {packages}")


def timed(command: Sequence[str | Path], environment: Mapping[str, str]) -> float:
    """Run a command; how many seconds it took. Raises EigwError with its first words if it fails."""
    begin, null = time.perf_counter(), subprocess.DEVNULL
    running = subprocess.Popen(
        command, env=environment, stdin=null, stdout=null, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        _, complaint = running.communicate()
    except BaseException:  # its children too: they would go on making what is being swept up
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
        raise
    spent = time.perf_counter() - begin
    if running.returncode:
        words = complaint.decode(errors="replace").strip().splitlines()
        name = " ".join(map(str, command))
        raise EigwError(f"{name}: exit code {running.returncode}: {'; '.join(words[:2]) or 'no word of why'}")
    return spent


def program(*arguments: str | Path) -> list[str | Path]:
    """The command line of eigw-ns from this checkout."""
    return [sys.executable, "-P", "-m", "eigw_ns", *arguments]
