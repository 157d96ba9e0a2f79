"""Work on many namespaces by two processes: nearly all of it is the kernel's and libnftables' own.

The second process is a fork of this one, since libnftables makes threads no promises, and it has the other half to do.
It ends with the call that needs it, and when this one dies, however that happens.
"""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

from eigw_ns.errors import EigwError
from eigw_ns.kernel.libc import PR_SET_PDEATHSIG, libc

Item = TypeVar("Item")
Answer = TypeVar("Answer")

WORTH = 24
"""The least items of a half: fewer take less time than a fork (5 ms) saves."""


def in_halves(items: Sequence[Item], work: Callable[[Sequence[Item]], Answer]) -> list[Answer]:
    """What `work` answers for all items, or for every other one and for the rest, done at the same time.

    `work` changes nothing in this program's memory, and answers with what pickle takes. Raises the EigwError that it
    raises, when nothing is being done any more: where this process failed, the other has been cut off.
    """
    if len(items) < 2 * WORTH or not _may_fork():
        return [work(items)]
    second = _Second(items[1::2], work)  # what costs alike stands together: by name, instances before subnets
    try:
        return [work(items[::2]), second.answer()]
    finally:
        second.end()


def _may_fork() -> bool:
    """Whether a second process gains anything, and is safe: in one with threads, a fork takes their locks along."""
    return len(os.sched_getaffinity(0)) > 1 and sum(1 for _ in os.scandir("/proc/self/task")) == 1


class _Second:
    """The process with the other half."""

    def __init__(self, items: Sequence[Item], work: Callable[[Sequence[Item]], object]) -> None:
        first = os.getpid()
        reading, writing = os.pipe2(os.O_CLOEXEC)
        self._pid = os.fork()
        if self._pid == 0:
            _be_second(items, work, writing, first)
        os.close(writing)
        self._pipe = os.fdopen(reading, "rb")

    def answer(self) -> Any:
        """What its work answered. Raises what that raised, or EigwError where the process was killed."""
        said = self._pipe.read()
        if not said:
            raise EigwError("the process that was to do half of the work ended without an answer")
        answer = pickle.loads(said)
        if isinstance(answer, EigwError):
            raise answer
        return answer

    def end(self) -> None:
        """End it, if it has not, and wait until it has."""
        self._pipe.close()
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


def _be_second(
    items: Sequence[Item], work: Callable[[Sequence[Item]], object], writing: int, first: int
) -> NoReturn:
    """In the fork: do the work, say the answer, and end whatever happens. See PR_SET_PDEATHSIG in prctl(2)."""
    try:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == first:  # else it has died already
            with os.fdopen(writing, "wb") as pipe:
                pickle.dump(_answer(items, work), pipe, pickle.HIGHEST_PROTOCOL)
    finally:
        os._exit(1)


def _answer(items: Sequence[Item], work: Callable[[Sequence[Item]], object]) -> object:
    try:
        return work(items)
    except EigwError as error:
        return error
