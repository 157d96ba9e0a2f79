"""The entry point of the process, and the last word on errors that nobody foresaw."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from types import TracebackType
from typing import NoReturn

from eigw_ns.cli import streams

_MANY = 100_000
"""Objects between two looks for garbage: states are many values without cycles, and looking for some costs a tenth."""


def main() -> NoReturn:
    """Run the program with the process's own arguments, and end the process with its exit code."""
    sys.excepthook = _report
    streams.prepare()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # a shell may have it ignored: then nobody can wait for a child
    gc.set_threshold(_MANY)
    from eigw_ns.cli.program import run  # only now: Ctrl-C while this loads shall be no traceback either

    _end(run(sys.argv[1:]))


def _end(code: int) -> NoReturn:
    """End the process at once: what a state is made of would be given back object by object, 30 ms for 200 subnets."""
    with contextlib.suppress(OSError):  # `run` has told of what could not be written where that is all that is wrong
        sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A line for the user, the traceback for who asks for it. Python then exits with 1, after Ctrl-C with 130."""
    if os.environ.get("EIGW_NS_DEBUG"):
        sys.__excepthook__(kind, error, trace)
    elif issubclass(kind, KeyboardInterrupt):
        sys.stderr.write("error: interrupted\n")
    else:
        sys.stderr.write(
            f"error: this should not have happened: {kind.__name__}: {error}\n"
            "hint: it is a bug in eigw-ns: please report it, with what EIGW_NS_DEBUG=1 shows when you run it again\n"
        )
