"""Labs without root: every verb visits the namespaces that a keeper holds for this user.

    RUN/keeper          the keeper's record, locked while it lives (`kernel.keeper`)
    RUN/keeper.visits   locked, shared, by every verb inside
    RUN itself          locked by whoever starts or ends a keeper, so there are never two

The first visit starts the keeper; the last one ends it, if no namespace is left in it. A keeper that died took its
namespaces with it: the next visit starts another, and `apply` rebuilds what is stored.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from eigw_ns.errors import EigwError, HostError
from eigw_ns.kernel import keeper, netns
from eigw_ns.kernel.keeper import Keeper
from eigw_ns.lab import paths

_RECORD, _VISITS = "keeper", "keeper.visits"


@dataclass(frozen=True, slots=True)
class Visit:
    """A process's stay in the keeper's namespaces. `first`: it had to start the keeper."""

    folder: Path
    keeper: Keeper
    descriptor: int
    first: bool


def folders(environment: Mapping[str, str], user: int) -> dict[str, str]:
    """What EIGW_NS_STATE_DIR and EIGW_NS_RUN_DIR are for an ordinary user who sets neither (XDG Base Directory)."""
    home = Path(environment.get("HOME") or "/")
    state = environment.get("XDG_STATE_HOME") or home / ".local" / "state"
    runtime = Path(environment.get("XDG_RUNTIME_DIR") or "/nonexistent")
    run = runtime / "eigw-ns" if _is_of(user, runtime) else Path(f"/tmp/eigw-ns-{user}")
    return {"EIGW_NS_STATE_DIR": str(Path(state) / "eigw-ns"), "EIGW_NS_RUN_DIR": str(run)}


def enter(folder: Path) -> Visit:
    """Move this process, which must have one thread, to the namespaces of the keeper whose run folder this is.

    Raises HostError where the host does not allow that, or the folder is somebody else's.
    """
    with _alone(folder):
        found = keeper.find(folder / _RECORD)
        holder = found or _start(folder)
        descriptor = os.open(folder / _VISITS, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        keeper.join(holder)
    return Visit(folder, holder, descriptor, first=found is None)


def leave(visit: Visit) -> bool:
    """End the keeper if nothing is left to keep and nobody else is inside; whether it stays.

    This process stays where it is.
    """
    try:
        if netns.names():
            return True
        with _alone(visit.folder):
            return not _end(visit)
    finally:
        os.close(visit.descriptor)


def _end(visit: Visit) -> bool:
    """Whether the keeper has ended, now or before."""
    try:
        fcntl.flock(visit.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:  # whoever is inside will look after it
        return False
    if keeper.find(visit.folder / _RECORD) != visit.keeper:
        return True
    if netns.names():
        return False
    keeper.end(visit.keeper)
    _remove_files(visit.folder)
    return True


def _start(folder: Path) -> Keeper:
    try:
        keeper.start(folder / _RECORD)
    except EigwError:
        _remove_files(folder)
        raise
    started = keeper.find(folder / _RECORD)
    if started is None:
        raise EigwError("the keeper of the namespaces ended at once", hint="see what kills it, then try again")
    return started


def _remove_files(folder: Path) -> None:
    for name in (_RECORD, _VISITS):
        (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # there is a lab's run folder in it
        folder.rmdir()


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Be the only one who starts or ends a keeper there while the block runs; others wait."""
    while True:
        with _opened(folder) as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_still(folder, descriptor):  # else whoever had the lock has removed it
                yield
                return


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """A descriptor of the folder, made if need be. Raises HostError where others could change what is in it."""
    with paths.run_errors(f"open the run folder {folder}"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        status = os.fstat(descriptor)
        if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise HostError(
                f"the run folder {folder} belongs to somebody else, or others may write there",
                hint="set XDG_RUNTIME_DIR or EIGW_NS_RUN_DIR to a folder of your own",
            )
        yield descriptor
    finally:
        os.close(descriptor)


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
