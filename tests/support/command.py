"""Run `eigw-ns` as a user does: arguments in; stdout, stderr and exit code out."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.slowness import SLOWNESS

SECONDS = 60 * SLOWNESS
"""Timeout of a command, in seconds."""

FAKE_LAB = "fakelab"
"""The lab that the fixture `applied` of `tests/cli` applies to the fake kernel."""

_PR_SET_SECUREBITS, _SECBIT_NOROOT = 28, 1  # linux/prctl.h, linux/securebits.h


@dataclass(frozen=True)
class Result:
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Return stdout, which must be one JSON document, as data."""
        return json.loads(self.out)


Cli = Callable[..., Result]


def heed_interrupts() -> None:
    """Reset SIGINT to its default, as a `preexec_fn`. Background jobs of a shell inherit it as ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def process(
    *arguments: str,
    stdin: str = "",
    env: Mapping[str, str] | None = None,
    powerless: bool = False,
    encoding: str = "utf-8",
    prepare: Callable[[], None] | None = None,
) -> Result:
    """Run `eigw-ns` in a process of its own, which calls `prepare` first.

    `encoding` is that of its streams. `powerless` takes every capability from the process, even if root runs it.
    """
    if powerless and os.geteuid() == 0:
        prepare = _give_up_power
    done = subprocess.run(
        [sys.executable, "-m", "eigw_ns", *arguments],
        input=stdin,
        capture_output=True,
        encoding=encoding,
        timeout=SECONDS,
        env={**os.environ, **(env or {})},
        preexec_fn=prepare,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def _give_up_power() -> None:
    """Take root's capabilities away from the next exec(3) on. See capabilities(7), SECBIT_NOROOT."""
    if ctypes.CDLL(None).prctl(_PR_SET_SECUREBITS, _SECBIT_NOROOT, 0, 0, 0) != 0:
        raise OSError("cannot set securebits")
