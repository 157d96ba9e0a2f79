"""Lock files: a process holds one by flock(2) until it ends, and writes into it who it is.

The holder may remove the file before it unlocks. So a lock counts only after a check that the file is still there.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from eigw_ns.errors import LockedError
from eigw_ns.kernel.host import trusted_folder

_TRIES = 100
_WRITE = os.O_RDWR | os.O_CREAT


def take(path: Path, refusal: Callable[[int], LockedError]) -> int:
    """Lock the file, which is created if it does not exist. Returns its descriptor; closing that unlocks.

    Does not wait: if another process has the lock, raises what `refusal` makes of a descriptor of the file. Raises
    LockedError if the file is removed again and again, OSError if it cannot be written or its folder is not trusted.
    """
    lost: FileNotFoundError | None = None
    for _ in range(_TRIES):
        try:
            with trusted_folder.opened(path.parent, create=True) as folder:
                descriptor = trusted_folder.open_file(folder, path.name, _WRITE, 0o600)  # readers could lock it
        except FileNotFoundError as error:
            lost = error
            continue  # the previous holder removed the folder between our two calls
        lost = None
        try:
            if not _locks(descriptor, fcntl.LOCK_EX):
                raise refusal(descriptor)
            if is_current(descriptor, path):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # the previous holder removed the file before we got the lock: others lock a new file
    if lost is not None:  # the file could never be created, as in /proc
        raise lost
    raise LockedError(
        f"the lock file {path} is removed again and again",
        hint="find the process that removes it, stop it, then try again",
    )


@contextlib.contextmanager
def held(path: Path, *, checked: bool = False) -> Iterator[int | None]:
    """Yield a descriptor of the file, for reading, if a process has the lock; otherwise None. Creates nothing.

    `checked` says that the caller has checked who may change the folder. Otherwise raises UntrustedFolderError if other
    users may. A file that cannot be opened counts as not locked; `take` raises the reason.
    """
    try:
        descriptor = _opened(path, checked)
    except trusted_folder.UntrustedFolderError:
        raise
    except OSError:
        yield None
        return
    with os.fdopen(descriptor, "rb", buffering=0):
        if not _locks(descriptor, fcntl.LOCK_SH):
            yield descriptor
            return
    yield None


def _opened(path: Path, checked: bool) -> int:
    if checked:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with trusted_folder.opened(path.parent) as folder:
        return trusted_folder.open_file(folder, path.name, os.O_RDONLY)


def is_current(descriptor: int, path: Path) -> bool:
    """Return whether `path` still is the file of this descriptor."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except OSError:  # also if its folder is gone, as $XDG_RUNTIME_DIR is after the last logout
        return False


def _locks(descriptor: int, kind: int) -> bool:
    """Lock the file without waiting. Returns False if another process has the lock."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
