"""Work on many namespaces by two processes: nearly all of it is the kernel's and libnftables' own.

The second process is a fork of this one, since libnftables makes threads no promises, and it has the other half to do.
It ends before the call does, and when this process dies, however that happens. Ctrl-C is for this one alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Sequence
from typing import IO, Any, NoReturn, TypeVar

from eigw_ns.errors import EigwError
from eigw_ns.kernel.interrupts import uninterrupted
from eigw_ns.kernel.libc import PR_SET_PDEATHSIG, libc

Item = TypeVar("Item")
Answer = TypeVar("Answer")

WORTH = 24
"""The least items of a half: doing half of fewer saves less than a fork costs (5 ms)."""


def in_halves(items: Sequence[Item], work: Callable[[Sequence[Item]], Answer]) -> list[Answer]:
    """What `work` answers for all items, or for every other one and for the rest, done at the same time.

    `work` changes nothing in this program's memory, and answers with what pickle takes. Raises what it raises, when
    nothing is being done any more: where this process failed, the other has been cut off. Raises EigwError where the
    other was killed.
    """
    if len(items) < 2 * WORTH or not _may_fork():
        return [work(items)]
    with contextlib.ExitStack() as stack:
        with uninterrupted():  # else there might be one that nobody ends
            pipe = _second(items[1::2], work, stack)  # what costs alike stands together: instances before subnets
        if pipe is not None:
            return [work(items[::2]), _answer(pipe)]
    return [work(items)]


def _may_fork() -> bool:
    """Whether a second process gains anything, and is safe: in one with threads, a fork takes their locks along, and
    who ignores or handles SIGCHLD may have children waited for before we do."""
    alone = sum(1 for _ in os.scandir("/proc/self/task")) == 1
    return alone and len(os.sched_getaffinity(0)) > 1 and signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL


def _second(
    items: Sequence[Item], work: Callable[[Sequence[Item]], object], stack: contextlib.ExitStack
) -> IO[bytes] | None:
    """The pipe by which the process with the other half answers; None where this host allows no process more.

    With the stack it ends.
    """
    first = os.getpid()
    try:
        reading, writing = os.pipe2(os.O_CLOEXEC)
    except OSError:
        return None
    pipe = stack.enter_context(os.fdopen(reading, "rb"))
    try:
        pid = os.fork()
    except OSError:
        os.close(writing)
        return None
    if pid == 0:
        _be_second(items, work, writing, first)
    os.close(writing)
    stack.callback(_end, pid)
    return pipe


def _end(pid: int) -> None:
    with uninterrupted():
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _be_second(items: Sequence[Item], work: Callable[[Sequence[Item]], object], writing: int, first: int) -> NoReturn:
    """In the fork: do the work, say the answer, and end whatever happens. See PR_SET_PDEATHSIG in prctl(2)."""
    try:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == first:  # else it has died already
            with os.fdopen(writing, "wb") as pipe:
                _work_and_tell(items, work, pipe)
    finally:
        os._exit(1)


def _work_and_tell(items: Sequence[Item], work: Callable[[Sequence[Item]], object], pipe: IO[bytes]) -> None:
    import pickle  # here and below: most labs are small, and no verb need wait for what only a second process uses

    try:
        answer = work(items)
    except BaseException as error:
        import traceback

        error.add_note(f"In the process that did half of the work:\n{traceback.format_exc()}")
        pickle.dump((error, None), pipe)
        raise
    pickle.dump((None, answer), pipe, pickle.HIGHEST_PROTOCOL)


def _answer(pipe: IO[bytes]) -> Any:
    import pickle

    try:
        error, answer = pickle.load(pipe)
    except (EOFError, pickle.UnpicklingError):
        raise EigwError(
            "the process that was to do half of the work ended without an answer",
            hint="somebody killed it, or the host is out of memory; try again",
        ) from None
    if error is not None:
        raise error
    return answer
