"""One controller per lab: an flock(2), which the kernel releases when the holder ends, even by SIGKILL.

The file names the holder, with its process id. After that it names the last holder, without one.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from eigw_ns.errors import LockedError
from eigw_ns.frozen import frozen
from eigw_ns.kernel.host import trusted_folder
from eigw_ns.kernel.processes import file_lock
from eigw_ns.kernel.processes.waiting import wait_until
from eigw_ns.lab.storage.folders import LabFolders
from eigw_ns.lab.storage.protocols import IMPATIENT

_PAUSE = 0.01  # seconds between two tries
_LONGEST = 4096  # bytes of a record


@frozen
class FileLock:
    """The locks of the labs of these folders: a locked file per lab. See `protocols.Lock`."""

    folders: LabFolders

    @contextlib.contextmanager
    def hold(
        self, lab: str, command: str, *, wait: float = 0.0, tell: Callable[[str], None] = IMPATIENT.tell
    ) -> Iterator[None]:
        """Hold the lock of `lab` while the block runs. `command` is shown to processes that find the lab locked.

        If another process has the lock, calls `tell` with the holder, and tries again for `wait` seconds. Then raises
        LockedError, which names the holder. Raises HostError if the run folder is not writable.
        """
        path = self.folders.lock_file(lab)
        descriptor, since = None, ""
        try:
            with self.folders.run_errors(f"open the lock {path}"):
                descriptor = _take(lab, path, time.monotonic() + wait, tell)
            since = _now()
            _write(descriptor, {"pid": os.getpid(), "command": command, "since": since})
            yield
        finally:
            if descriptor is not None:
                try:  # Ctrl-C may come while the record is written; pytest, which goes on, must not keep the lock
                    with contextlib.suppress(OSError):  # this is only the record; closing the descriptor unlocks
                        _write(descriptor, {"command": command, "since": since, "until": _now()})
                finally:
                    os.close(descriptor)

    def held(self, lab: str) -> bool:
        """Return whether a process has the lock of `lab`. Creates nothing, not even the lock file.

        Raises HostError if another user could change the run folder.
        """
        path = self.folders.lock_file(lab)
        with self.folders.run_errors(f"look at the lock {path}"), file_lock.held(path) as descriptor:
            return descriptor is not None

    def stamp(self, lab: str) -> str:
        """Return a text that changes whenever a process takes or releases the lock of `lab`: both write the file."""
        try:
            status = self.folders.lock_file(lab).stat()
        except OSError:
            return ""
        return f"{status.st_ino} {status.st_mtime_ns}"

    def last(self, lab: str) -> str:
        """Return the command that has the lock of `lab`, or had it last; "" if that is not known."""
        try:
            with trusted_folder.opened(self.folders.lock_file(lab).parent) as folder:
                descriptor = trusted_folder.open_file(folder, self.folders.lock_file(lab).name, os.O_RDONLY)
        except OSError:
            return ""
        with os.fdopen(descriptor, "rb") as stream, contextlib.suppress(ValueError, KeyError, TypeError):
            return str(json.loads(stream.read(_LONGEST))["command"])
        return ""

    def remove_run_files(self, lab: str) -> None:
        """Remove the lab's run folder. The caller holds the lock; waiting processes see that the lock file is gone."""
        lock, journal = self.folders.lock_file(lab), self.folders.journal_file(lab)
        with (
            self.folders.run_errors(f"remove files from {lock.parent}"),
            contextlib.suppress(FileNotFoundError),
            trusted_folder.opened(lock.parent) as folder,
        ):
            trusted_folder.remove(folder, journal.name, lock.name)
        trusted_folder.remove_empty(lock.parent)  # a user's file in it stays


def _write(descriptor: int, record: dict[str, object]) -> None:
    text = json.dumps(record).encode()
    os.ftruncate(descriptor, os.pwrite(descriptor, text, 0))


def _now() -> str:
    return datetime.now().astimezone().isoformat("T", "seconds")


def _take(lab: str, path: Path, deadline: float, tell: Callable[[str], None]) -> int:
    """Lock the file and return its descriptor. Raises the LockedError of the last try, which is not before `deadline`.

    flock(2) itself waits without a deadline. A signal could end it, but only in the main thread.
    """
    refusals: list[LockedError] = []

    def taken() -> tuple[int] | None:
        try:
            return (file_lock.take(path, lambda found: _refusal(lab, found)),)  # a tuple: descriptor 0 is false
        except LockedError as error:
            if not refusals and time.monotonic() < deadline:
                tell(f"{error.message}; waiting")
            refusals[:] = [error]
            return None

    found = wait_until(taken, deadline - time.monotonic(), pause=_PAUSE)
    if found is None:
        raise refusals[0]
    return found[0]


def _refusal(lab: str, descriptor: int) -> LockedError:
    message = f"the lab {lab} is locked by {_holder(descriptor)}"
    return LockedError(message, hint="wait until that process ends, then try again")


def _holder(descriptor: int) -> str:
    try:
        record = json.loads(os.pread(descriptor, _LONGEST, 0))
        return f"process {record['pid']} ({record['command']}) since {record['since']}"
    except (ValueError, KeyError, TypeError):  # the holder has not written its record yet
        return "another process"
