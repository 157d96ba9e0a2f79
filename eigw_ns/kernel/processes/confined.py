"""Work in a child process whose network namespaces vanish with it, whatever ends it.

The child has mount and network namespaces of its own, in a user namespace unless it is root. Its /run/netns is a tmpfs
that no other process sees, with the names of its network namespaces and its files. If the child ends, even by SIGKILL,
the kernel removes all of them. The child ends with its parent (PR_SET_PDEATHSIG in prctl(2)).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pickle
import signal
from collections.abc import Callable, Generator, Iterator
from typing import IO, Any

from eigw_ns.errors import EigwError
from eigw_ns.kernel.host import capabilities
from eigw_ns.kernel.namespaces import limits, netns, userns
from eigw_ns.kernel.namespaces.libc import (
    CLONE_NEWNET,
    CLONE_NEWNS,
    MS_PRIVATE,
    MS_REC,
    PR_SET_PDEATHSIG,
    call,
    libc,
)
from eigw_ns.kernel.processes import child

FOLDER = netns.DIRECTORY / ".files"
"""An empty folder of the child's own, beside the names of its namespaces."""

Tell = Callable[[object], None]
"""Called in the child with a picklable value, which the parent gets."""


def confined(work: Callable[[Tell], object]) -> Generator[Any, None, None]:
    """Yield what `work` tells in the child, then what it returns. This process must be single-threaded.

    If the iterator is closed, the child is killed. Raises EigwError that `work` raises, HostError if this host allows
    no such namespaces, EigwError if the child is killed.
    """
    parent = os.getpid()
    reading, writing = os.pipe2(os.O_CLOEXEC)
    with os.fdopen(reading, "rb") as pipe:
        started = child.start(lambda: _be_child(work, parent, writing))
        try:
            os.close(writing)
            yield from _answers(pipe)
        finally:
            started.end(signal.SIGKILL)
            while started.wait(_LONG) is None:
                pass


_LONG = 60.0


def _answers(pipe: IO[bytes]) -> Iterator[Any]:
    while True:
        try:
            last, value = pickle.load(pipe)
        except (EOFError, pickle.UnpicklingError):
            raise EigwError(
                "the process that runs the lab ended without an answer",
                hint="it was killed, or the host is out of memory (see `dmesg`); try again",
            ) from None
        if isinstance(value, BaseException):
            raise value
        yield value
        if last:
            return


def _be_child(work: Callable[[Tell], object], parent: int, writing: int) -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides about Ctrl-C
    with os.fdopen(writing, "wb") as pipe:

        def tell(value: object, *, last: bool = False) -> None:
            pickle.dump((last, value), pipe, pickle.HIGHEST_PROTOCOL)
            pipe.flush()

        with contextlib.suppress(BrokenPipeError):  # the parent has ended
            try:
                enter()
                libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # after a change of user, which would cancel it
                if os.getppid() == parent:
                    tell(work(tell), last=True)
            except EigwError as error:
                tell(error, last=True)
    return 0


def enter() -> None:
    """Move this process, which must be single-threaded, to namespaces and folders of its own.

    Raises HostError if the host does not allow that.
    """
    if capabilities.lacking():
        userns.create()
    else:
        if libc.unshare(CLONE_NEWNS | CLONE_NEWNET) != 0:
            raise limits.refusal("make namespaces", ctypes.get_errno(), limits.MOUNT)
        call("keep mounts private", libc.mount, b"none", b"/", None, MS_REC | MS_PRIVATE, None)
        userns.own_names()
    FOLDER.mkdir(mode=0o700)
