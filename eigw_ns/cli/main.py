"""The entry point of the process, and the handler of unexpected errors."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from types import TracebackType
from typing import NoReturn

from eigw_ns.cli import streams

_COLLECTOR_THRESHOLD = 100_000
"""Allocations between two runs of Python's cycle collector.

A state is many objects without cycles. With the default threshold the collector takes a tenth of the run time.
"""


_LIMIT = 5  # the exit code of `errors.LimitError`, which may not be imported yet


def main() -> NoReturn:
    """Run the program with the arguments of this process, then exit with its exit code."""
    sys.excepthook = _report
    if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:  # see `__main__`; if a shell ignores it, so do we
        signal.signal(signal.SIGINT, signal.default_int_handler)
    streams.prepare()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # if a shell passed it on as ignored, wait(2) fails with ECHILD
    gc.set_threshold(_COLLECTOR_THRESHOLD)
    from eigw_ns.cli.program import run  # late, so that Ctrl-C during this import prints no traceback

    _end(run(sys.argv[1:]))


def _end(code: int) -> NoReturn:
    """Exit at once. Python would free a state object by object, which takes 30 ms for 200 subnets."""
    with contextlib.suppress(OSError):  # `run` has reported a failed write, unless another error came first
        sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print one line, or the traceback if EIGW_NS_DEBUG is set. Python then exits with 1, or with 130 after Ctrl-C.

    `run` handles a MemoryError. This one came while modules were imported.
    """
    if os.environ.get("EIGW_NS_DEBUG"):
        sys.__excepthook__(kind, error, trace)
    elif issubclass(kind, KeyboardInterrupt):
        sys.stderr.write("error: interrupted\n")
    elif issubclass(kind, MemoryError):
        sys.stderr.write("error: no memory is left for this process\n")
        os._exit(_LIMIT)
    else:
        from eigw_ns.cloud.words import printable

        sys.stderr.write(
            f"error: internal error: {kind.__name__}: {printable(str(error))}\n"
            "hint: this is a bug in eigw-ns; please report it with the output of the same command and EIGW_NS_DEBUG=1\n"
        )
