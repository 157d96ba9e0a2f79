"""A copy of this program that does another task, and ends with this process."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from eigw_ns.errors import limit_error
from eigw_ns.frozen import frozen
from eigw_ns.kernel.processes.signals import uninterrupted


@frozen
class Child:
    """A child process. `descriptor` is its pidfd."""

    pid: int
    descriptor: int

    def end(self, number: int = signal.SIGTERM) -> None:
        """Send the signal, unless the child has ended."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.descriptor, number)

    def wait(self, seconds: float) -> int | None:
        """Return the exit code, or the negative number of the signal that ended it. None: it still runs after that.

        Call it until it returns a code, and never again.
        """
        if not select.select([self.descriptor], [], [], max(0.0, seconds))[0]:
            return None
        os.close(self.descriptor)
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


def start(run: Callable[[], int]) -> Child:
    """Fork a process that calls `run` and exits with its result. This process must be single-threaded.

    Raises LimitError if this host allows no further process.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    with uninterrupted():
        try:
            pid = os.fork()
        except OSError as error:
            limit = limit_error("start a process", error.errno or 0, starting=True)
            raise limit or error from error
        if pid:
            return Child(pid, os.pidfd_open(pid))
    _run(run)


def _run(run: Callable[[], int]) -> NoReturn:
    """In the child: never return, so that nothing of the caller happens twice."""
    code = 1
    try:
        code = run()
        sys.stderr.flush()
    except BaseException:
        sys.excepthook(*sys.exc_info())
        raise
    finally:
        os._exit(code)


def leave_terminal() -> None:
    """In the child: leave the terminal, except for messages on stderr.

    A process could type commands into its controlling terminal (TIOCSTI), which the user's shell would run.
    """
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(null, descriptor)
    os.close(null)
