"""Files that a process holds by flock(2) as long as it lives, however it ends, and that say who it is.

Whoever lets go may remove the file, so that having the lock means nothing until the file is seen to be still there.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from eigw_ns.errors import LockedError

_TRIES = 100


def take(path: Path, refusal: Callable[[int], LockedError]) -> int:
    """A descriptor of the file, made where there is none, with the lock on it; closing it lets go.

    Does not wait: where another has the lock, raises what `refusal` makes of a descriptor of its file. Raises
    LockedError where the file vanishes again and again, OSError where it may not be written.
    """
    lost: FileNotFoundError | None = None
    for _ in range(_TRIES):
        try:
            path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)  # who may read it may lock it
        except FileNotFoundError as error:
            lost = error
            continue  # its holder removed the folder between our two calls
        lost = None
        try:
            if not _locks(descriptor, fcntl.LOCK_EX):
                raise refusal(descriptor)
            if is_current(descriptor, path):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # its holder removed the file before we got the lock: nobody else would see ours
    if lost is not None:  # nor did it ever stand: no folder can be made in /proc
        raise lost
    raise LockedError(f"the lock {path} vanishes again and again", hint="see who removes it, then try again")


@contextlib.contextmanager
def held(path: Path, flags: int = 0) -> Iterator[int | None]:
    """A descriptor of the file, for reading, if somebody has the lock; else None. Leaves no trace, not even a file.

    `flags` are open(2)'s. A file that cannot be opened is held by nobody: who takes it is told why.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | flags)
    except OSError:
        yield None
        return
    with os.fdopen(descriptor, "rb", buffering=0):
        if not _locks(descriptor, fcntl.LOCK_SH):
            yield descriptor
            return
    yield None


def is_current(descriptor: int, path: Path) -> bool:
    """Whether it is this file that stands at `path`."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:  # also where its folder is gone, as $XDG_RUNTIME_DIR after the last logout
        return False


def _locks(descriptor: int, kind: int) -> bool:
    """Lock it without waiting; False where another's lock forbids it."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
