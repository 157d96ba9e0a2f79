"""Labs without root: every command joins the namespaces that a pause process holds for this user.

    RUN/keeper          the record of the pause process, locked while it lives (`kernel.namespaces.pause_process`)
    RUN/keeper.visits   locked, shared, by every command inside
    RUN itself          locked while a command starts or ends a pause process, so that there are never two

The first visit starts the pause process; the last one ends it if no named namespace is left. If it dies, its
namespaces are gone: the next visit starts another one, and `apply` builds the stored labs again.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from eigw_ns.errors import EigwError, HostError
from eigw_ns.frozen import frozen
from eigw_ns.kernel.host import trusted_folder
from eigw_ns.kernel.namespaces import netns, pause_process
from eigw_ns.kernel.namespaces.pause_process import Keeper
from eigw_ns.lab.storage.folders import RUN_VARIABLE, LabFolders, folder_errors

_RECORD, _VISITS = "keeper", "keeper.visits"


@frozen
class Visit:
    """The stay of this process in the namespaces of the pause process. `first`: this visit started it."""

    folder: Path
    keeper: Keeper
    descriptor: int
    first: bool


def folders(environment: Mapping[str, str], user: int) -> LabFolders:
    """Return the folders of an ordinary user who chooses none (XDG Base Directory)."""
    home = Path(environment.get("HOME") or "/")
    state = environment.get("XDG_STATE_HOME") or home / ".local" / "state"
    runtime = Path(environment.get("XDG_RUNTIME_DIR") or "/nonexistent")
    run = runtime / "eigw-ns" if _is_of(user, runtime) else Path(f"/tmp/eigw-ns-{user}")
    return LabFolders(Path(state) / "eigw-ns", run)


def started(folder: Path) -> bool:
    """Return whether the pause process of this run folder lives."""
    return pause_process.find(folder / _RECORD) is not None


def enter(folder: Path) -> Visit:
    """Move this process, which must be single-threaded, to the namespaces of the pause process of this run folder.

    Starts the pause process if none lives. Raises HostError if the host does not allow user namespaces, or if other
    users could change the folder.
    """
    with _alone(folder):
        found = pause_process.find(folder / _RECORD)
        holder = found or _start(folder)
        descriptor = os.open(folder / _VISITS, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        pause_process.join(holder)
    return Visit(folder, holder, descriptor, first=found is None)


def leave(visit: Visit) -> bool:
    """End the pause process if no named namespace is left and no other command is inside. This process stays inside.

    Returns whether the pause process still runs.
    """
    try:
        if netns.names():
            return True
        with _alone(visit.folder):
            return not _end(visit)
    finally:
        os.close(visit.descriptor)


def _end(visit: Visit) -> bool:
    """Return whether the pause process has ended, now or before."""
    try:
        fcntl.flock(visit.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:  # another command is inside; the last one to leave ends the pause process
        return False
    if pause_process.find(visit.folder / _RECORD) != visit.keeper:
        return True
    if netns.names():
        return False
    pause_process.end(visit.keeper)
    _remove_files(visit.folder)
    return True


def _start(folder: Path) -> Keeper:
    try:
        pause_process.start(folder / _RECORD)
    except EigwError:
        _remove_files(folder)
        raise
    started = pause_process.find(folder / _RECORD)
    if started is None:
        raise EigwError(
            "the pause process, which holds the namespaces, ended right after its start",
            hint="find out what kills it (`dmesg`), then try again",
        )
    return started


def _remove_files(folder: Path) -> None:
    for name in (_RECORD, _VISITS):
        (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # not empty: a lab's run folder is in it
        folder.rmdir()


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the lock for starting and ending the pause process of `folder` while the block runs. Waits for it."""
    while True:
        with _opened(folder) as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_still(folder, descriptor):  # otherwise the previous holder of the lock has removed the folder
                yield
                return


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """Open the folder; create it if it does not exist. Raises HostError if other users could change what is in it."""
    with contextlib.ExitStack() as stack:
        with folder_errors(f"open the run folder {folder}", RUN_VARIABLE, folder):
            descriptor = stack.enter_context(trusted_folder.opened(folder, create=True, mode=0o700))
        status = os.fstat(descriptor)
        if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise HostError(
                f"the run folder {folder} belongs to another user, or other users may write to it",
                hint="set XDG_RUNTIME_DIR or EIGW_NS_RUN_DIR to a folder that only you can write to",
            )
        yield descriptor


def _is_still(folder: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), folder.stat())
    except FileNotFoundError:
        return False


def _is_of(user: int, folder: Path) -> bool:
    try:
        return folder.is_dir() and folder.stat().st_uid == user
    except PermissionError:
        return False
