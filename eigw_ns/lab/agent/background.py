"""The agent as a background process: one for each lab. `apply --agent` starts it, `destroy` stops it.

It holds an flock(2) on `<run>/<lab>/agent` as long as it lives, and writes its process id and its generation there. A
program that uses other folders learns from `Host.show_need` that the lab has an agent.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator

from eigw_ns.errors import EigwError, LockedError
from eigw_ns.kernel.host import trusted_folder
from eigw_ns.kernel.processes import file_lock
from eigw_ns.kernel.processes.waiting import wait_until
from eigw_ns.kernel.protocol import Host
from eigw_ns.lab.storage.folders import LabFolders

_PATIENCE = 10.0  # seconds
_GENERATION = 2
"""Raised when an agent that runs on would harm a lab that a later version has changed. Agents of versions before 0.2,
which copied flows from replica to replica, wrote none."""


@contextlib.contextmanager
def alone(host: Host, folders: LabFolders, lab: str) -> Iterator[None]:
    """Be the lab's agent while the block runs. Raises LockedError if it has one, HostError if this user may not."""
    path = folders.agent_file(lab)
    with folders.run_errors(f"open the lock {path}"):
        descriptor = file_lock.take(path, lambda found: _refusal(lab, found))
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {_GENERATION}".encode(), 0)
        with host.show_need(lab):
            yield
    finally:
        with contextlib.suppress(OSError), trusted_folder.opened(path.parent) as folder:  # OSError: it is gone
            trusted_folder.remove(folder, path.name)
        trusted_folder.remove_empty(path.parent)  # not if others work on the lab
        os.close(descriptor)


def _refusal(lab: str, descriptor: int) -> LockedError:
    message = f"the lab {lab} has an agent already: process {_read(descriptor)}"
    return LockedError(message, hint="stop it first (`kill` it, or its systemd unit), or leave it running")


def running(folders: LabFolders, lab: str) -> int | None:
    """Return the process id of the lab's agent, None if it has none."""
    with _held(folders, lab) as descriptor:
        return _holder(descriptor) if descriptor is not None else None


@contextlib.contextmanager
def _held(folders: LabFolders, lab: str) -> Iterator[int | None]:
    path = folders.agent_file(lab)
    with contextlib.ExitStack() as stack:
        with folders.run_errors(f"look at the lock {path}"):
            descriptor = stack.enter_context(file_lock.held(path))
        yield descriptor


def start(folders: LabFolders, lab: str, *, repair: bool) -> int:
    """Start the lab's agent unless it runs already, and leave it running. Returns its process id.

    Raises EigwError if it ends at once. The file that the error names has what it printed.
    """
    found = running(folders, lab)
    if found is not None:
        return found
    from eigw_ns.kernel.processes import process  # here and below: a lab that has no agent needs none of it

    command = [sys.executable, "-P", "-m", "eigw_ns", "agent", "--lab", lab, *(("--repair",) if repair else ())]
    log = folders.agent_log(lab)
    with contextlib.ExitStack() as stack:
        with folders.run_errors(f"write {log}"):
            folder = stack.enter_context(trusted_folder.opened(log.parent, create=True))
            output = trusted_folder.open_file(folder, log.name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        stack.callback(os.close, output)
        pid = process.leave(command, folder, output, folders.environment())
    wait_until(lambda: running(folders, lab) is not None or not process.alive(pid), _PATIENCE)
    if running(folders, lab) is None:
        raise EigwError(f"the agent of the lab {lab} did not start", hint=f"see {folders.agent_log(lab)}")
    return pid


def stop(folders: LabFolders, lab: str) -> bool:
    """Stop the lab's agent and remove its log. Returns whether it ran. Raises EigwError if it does not end."""
    pid = running(folders, lab)
    if pid is not None:
        from eigw_ns.kernel.processes import process

        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        if not wait_until(
            lambda: running(folders, lab) is None and not process.alive(pid), _PATIENCE
        ):  # it unlocks, then ends
            raise EigwError(f"the agent of the lab {lab}, process {pid}, does not stop", hint=f"kill -9 {pid}")
    log = folders.agent_log(lab)
    with (
        folders.run_errors(f"remove {log}"),
        contextlib.suppress(FileNotFoundError),
        trusted_folder.opened(log.parent) as folder,
    ):
        trusted_folder.remove(folder, folders.agent_file(lab).name, log.name)
    return pid is not None


def replace_outdated(folders: LabFolders, lab: str) -> Callable[[], int] | None:
    """Stop the lab's agent if it is of another generation. Returns a function that starts one of this.

    The new agent may do what the old one could: both have `--repair`, or none.
    """
    with _held(folders, lab) as descriptor:
        pid = _holder(descriptor) if descriptor is not None else None
        if descriptor is None or pid is None or _words(descriptor)[1:] == [str(_GENERATION)]:
            return None
    from eigw_ns.kernel.processes import process

    repair = "--repair" in process.command_of(pid).split()
    stop(folders, lab)
    return lambda: start(folders, lab, repair=repair)


def _holder(descriptor: int) -> int | None:
    """Return the process that has the lock. Until it has written its number, the file has that of a killed one."""

    def holder() -> int | None:
        pid = _read(descriptor)
        return pid if pid is not None and _has_open(pid, descriptor) else None

    return wait_until(holder, _PATIENCE)


def _has_open(pid: int, descriptor: int) -> bool:
    there = os.fstat(descriptor)
    try:
        with os.scandir(f"/proc/{pid}/fd") as entries:
            return any(_is_file(entry, there) for entry in entries)
    except FileNotFoundError:
        return False
    except PermissionError:  # if we may not look, we may not stop it either
        return True


def _is_file(entry: os.DirEntry[str], wanted: os.stat_result) -> bool:
    try:
        return os.path.samestat(wanted, entry.stat())
    except FileNotFoundError:  # closed meanwhile
        return False


def _read(descriptor: int) -> int | None:
    word, *_ = [*_words(descriptor), ""]
    return int(word) if word.isdigit() else None


def _words(descriptor: int) -> list[str]:
    return os.pread(descriptor, 32, 0).decode(errors="replace").split()
