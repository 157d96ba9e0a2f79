"""What versions before 0.2 left running: a conntrackd in each replica, in the folder `<run>/<lab>/<id>`.

It copied flows between replicas. `apply` takes such a lab over, so these daemons are stopped first: what they copy has
no TCP window, and the first segment that comes decides it, which may be an attacker's.

Nothing that a process says of itself counts: any user can choose a name, a program and a command line. What counts is
its standard output, the log in that folder, a file that no other user can open. Which file that is, the kernel says
(proc(5)).
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Collection, Iterator
from pathlib import Path

from eigw_ns.kernel.host import trusted_folder
from eigw_ns.kernel.processes import process

_CONFIGURATION, _LOG = "conntrackd.conf", "log"
_FILES = ("control", "lock", _CONFIGURATION, _LOG)
_PATIENCE = 10.0  # seconds

_File = tuple[int, int]
"""Which file it is, whatever it is called: its device, its inode number."""


def stop_daemons(folder: Path) -> int:
    """Stop the daemons that write into folders in `folder`, and remove these folders. Returns how many it stopped."""
    with contextlib.ExitStack() as stack:
        folders = _folders_in(folder, stack)
        logs = {log for _, opened in folders if (log := _log_in(opened)) is not None}
        found = list(_writing(logs))
        for pid, log in found:
            _stop(pid, log)
        for _, opened in folders:
            _remove_files(opened)
    for name, _ in folders:
        trusted_folder.remove_empty(folder / name)
    if folders:
        trusted_folder.remove_empty(folder)
    return len(found)


def _folders_in(folder: Path, stack: contextlib.ExitStack) -> list[tuple[str, int]]:
    """Open the daemons' folders. Returns their names and descriptors; none if other users could change them."""
    found: list[tuple[str, int]] = []
    with contextlib.suppress(OSError), trusted_folder.opened(folder) as parent:
        for name in trusted_folder.names(parent):
            with contextlib.suppress(OSError):
                opened = stack.enter_context(trusted_folder.opened(folder / name))
                os.stat(_CONFIGURATION, dir_fd=opened, follow_symlinks=False)
                found.append((name, opened))
    return found


def _log_in(opened: int) -> _File | None:
    with contextlib.suppress(OSError):
        return _file(os.stat(_LOG, dir_fd=opened, follow_symlinks=False))
    return None


def _writing(logs: Collection[_File]) -> Iterator[tuple[int, _File]]:
    for pid in process.numbers() if logs else ():
        log = _output(pid)
        if log in logs:
            yield pid, log


def _output(pid: int) -> _File:
    """Return the log that the process writes to, (0, 0) if that is not a log.

    The name comes first: looking at any file waits for its file system, which may be one that never answers.
    """
    path = Path(f"/proc/{pid}/fd/1")
    with contextlib.suppress(OSError):  # it has ended meanwhile
        if Path(str(path.readlink()).removesuffix(" (deleted)")).name == _LOG:
            return _file(path.stat())
    return 0, 0


def _file(status: os.stat_result) -> _File:
    return status.st_dev, status.st_ino


def _stop(pid: int, log: _File) -> None:
    with contextlib.suppress(OSError):  # it has ended by itself
        descriptor = os.pidfd_open(pid)
        try:
            if _output(pid) == log:  # else another process has its number
                _signal(descriptor)
        finally:
            os.close(descriptor)


def _signal(descriptor: int) -> None:
    ended = select.poll()  # select(2) takes no descriptor above 1,023
    ended.register(descriptor, select.POLLIN)
    for number in (signal.SIGTERM, signal.SIGKILL):
        signal.pidfd_send_signal(descriptor, number)
        if ended.poll(_PATIENCE / 2 * 1000):
            return


def _remove_files(opened: int) -> None:
    with contextlib.suppress(OSError):
        trusted_folder.remove(opened, *_FILES)
