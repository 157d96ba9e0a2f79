"""One controller a lab: an flock(2) that the kernel releases when its holder dies, however it dies."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from datetime import datetime

from eigw_ns.errors import LockedError
from eigw_ns.kernel import flock
from eigw_ns.lab import paths


@contextlib.contextmanager
def hold(lab: str, command: str) -> Iterator[None]:
    """Be the only one who changes `lab` while the block runs. `command` is what others are told we do.

    Raises LockedError, which says who holds the lab, without waiting; HostError where the run folder is not writable.
    """
    path = paths.lock_file(lab)
    descriptor = None
    try:
        with paths.run_errors(f"open the lock {path}"):
            descriptor = flock.take(path, lambda found: _refusal(lab, found))
        record = {
            "pid": os.getpid(),
            "command": command,
            "since": datetime.now().astimezone().isoformat("T", "seconds"),
        }
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(record).encode(), 0)
        yield
    finally:
        if descriptor is not None:
            try:  # Ctrl-C may come while the record is cleared, and this process go on, as pytest does
                with contextlib.suppress(OSError):  # the record only; the lock itself goes with the descriptor
                    os.ftruncate(descriptor, 0)
            finally:
                os.close(descriptor)


def held(lab: str) -> bool:
    """Whether somebody works on `lab` right now. Leaves no trace, not even a lock file."""
    with flock.held(paths.lock_file(lab)) as descriptor:
        return descriptor is not None


def remove_run_files(lab: str) -> None:
    """Remove the lab's run folder. Call it while holding the lock: others notice that their lock file is gone."""
    for path in (paths.journal_file(lab), paths.lock_file(lab)):
        path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # somebody's own file in it, or gone already: no harm
        paths.lock_file(lab).parent.rmdir()


def _refusal(lab: str, descriptor: int) -> LockedError:
    message = f"the lab {lab} is being worked on by {_holder(descriptor)}"
    return LockedError(message, hint="wait until it is done, then try again")


def _holder(descriptor: int) -> str:
    try:
        record = json.loads(os.pread(descriptor, 4096, 0))
        return f"process {record['pid']} ({record['command']}) since {record['since']}"
    except (ValueError, KeyError, TypeError):  # it has the lock but has not written yet who it is
        return "another process"
