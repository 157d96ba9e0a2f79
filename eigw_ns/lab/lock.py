"""One controller a lab: an flock(2) that the kernel releases when its holder dies, however it dies."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from eigw_ns.errors import LockedError, kernel_error
from eigw_ns.lab import paths

_TRIES = 100


@contextlib.contextmanager
def hold(lab: str, command: str) -> Iterator[None]:
    """Be the only one who changes `lab` while the block runs. `command` is what others are told we do.

    Raises LockedError, which says who holds the lab, without waiting; HostError where the run folder is not writable.
    """
    path = paths.lock_file(lab)
    descriptor = _acquire(lab, path)
    try:
        record = {
            "pid": os.getpid(),
            "command": command,
            "since": datetime.now().astimezone().isoformat("T", "seconds"),
        }
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(record).encode(), 0)
        yield
    finally:
        with contextlib.suppress(OSError):  # the record only; the lock itself goes with the descriptor
            os.ftruncate(descriptor, 0)
        os.close(descriptor)


def held(lab: str) -> bool:
    """Whether somebody works on `lab` right now. Leaves no trace, not even a lock file."""
    try:
        descriptor = os.open(paths.lock_file(lab), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def remove_run_files(lab: str) -> None:
    """Remove the lab's run folder. Call it while holding the lock: others notice that their lock file is gone."""
    for path in (paths.journal_file(lab), paths.lock_file(lab)):
        path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # somebody's own file in it, or gone already: no harm
        paths.lock_file(lab).parent.rmdir()


def _acquire(lab: str, path: Path) -> int:
    """A descriptor of the lock file with the lock on it."""
    for _ in range(_TRIES):
        try:
            path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except FileNotFoundError:
            continue  # its holder removed the folder between our two calls
        except OSError as error:
            raise kernel_error(f"open the lock {path}", error.errno or 0) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"the lab {lab} is being worked on by {_holder(descriptor)}"
            os.close(descriptor)
            raise LockedError(message, hint="wait until it is done, then try again") from None
        if _is_current(descriptor, path):
            return descriptor
        os.close(descriptor)  # its holder removed the file before we got the lock: nobody else would see ours
    raise LockedError(f"the lock {path} vanishes again and again", hint="see who removes it, then try again")


def _is_current(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _holder(descriptor: int) -> str:
    try:
        record = json.loads(os.pread(descriptor, 4096, 0))
        return f"process {record['pid']} ({record['command']}) since {record['since']}"
    except (ValueError, KeyError, TypeError):  # it has the lock but has not written yet who it is
        return "another process"
