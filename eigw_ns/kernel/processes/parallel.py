"""Split work on many namespaces between two processes. Nearly all of its time is spent in the kernel and libnftables.

The second process is a fork of this one, since libnftables is not documented to be thread-safe. It does every other
item. It ends before the call returns, and also if this process dies, even by SIGKILL. Only this process handles Ctrl-C.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Sequence
from typing import IO, Any, NoReturn, TypeVar

from eigw_ns.errors import EigwError
from eigw_ns.kernel.namespaces.libc import PR_SET_PDEATHSIG, libc
from eigw_ns.kernel.processes.signals import uninterrupted

Item = TypeVar("Item")
Answer = TypeVar("Answer")

WORTH = 24
"""Minimum number of items for each process: splitting fewer saves less than a fork costs (5 ms)."""


def in_halves(items: Sequence[Item], work: Callable[[Sequence[Item]], Answer]) -> list[Answer]:
    """Call `work` for all items, or at the same time for every other item and for the rest.

    Returns the one result, or both. `work` must not change this program's memory, and its result must be picklable.
    Raises what `work` raises, after both processes have stopped: if it fails in this process, the other one is killed.
    Raises EigwError if the other process was killed from outside.
    """
    if len(items) < 2 * WORTH or not _may_fork():
        return [work(items)]
    with contextlib.ExitStack() as stack:
        with uninterrupted():  # otherwise an interrupt might come between the fork and the callback that ends it
            pipe = _second(items[1::2], work, stack)  # items of similar cost are neighbours: instances before subnets
        if pipe is not None:
            return [work(items[::2]), _answer(pipe)]
    return [work(items)]


def _may_fork() -> bool:
    """Return whether a second process saves time and is safe.

    In a process with threads, a fork copies locks that other threads hold. A program that ignores or handles SIGCHLD
    may wait for our child before we do.
    """
    alone = sum(1 for _ in os.scandir("/proc/self/task")) == 1
    return alone and len(os.sched_getaffinity(0)) > 1 and signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL


def _second(
    items: Sequence[Item], work: Callable[[Sequence[Item]], object], stack: contextlib.ExitStack
) -> IO[bytes] | None:
    """Fork a process for `items`. Returns the pipe with its answer; None if this host allows no further process.

    The process ends when the stack is closed.
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
    """In the fork: do the work, write the answer, and always end. See PR_SET_PDEATHSIG in prctl(2)."""
    try:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == first:  # otherwise the parent died before prctl(2)
            with os.fdopen(writing, "wb") as pipe:
                _work_and_tell(items, work, pipe)
    finally:
        os._exit(1)


def _work_and_tell(items: Sequence[Item], work: Callable[[Sequence[Item]], object], pipe: IO[bytes]) -> None:
    import pickle  # here and below: most labs are small, and a command need not load what only a second process uses

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
            "the second process, which does half of the work, ended without an answer",
            hint="it was killed, or the host is out of memory (see `dmesg`); try again",
        ) from None
    if error is not None:
        raise error
    return answer
