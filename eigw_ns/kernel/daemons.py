"""conntrackd in the namespaces of replicas: start, find, ask, stop. One process a namespace, in a folder of its own.

A running daemon is found by asking the kernel about processes (proc(5)), not by a pid file: a file may be lost, and a
daemon that nobody knows of would keep a removed namespace alive. It has no parent of ours: it was started by a process
that has long ended, as daemon(7) wants it.

Nothing that a process says of itself counts: anybody can choose its name, its program and its command line, and root's
processes may be somebody else's (a program that is setuid, a tenant's container). What counts is its standard output,
which `start` gave it: the log in its folder, a file that nobody else can open. Which file that is, the kernel says.

- In a namespace that has a name and is no tenant's, only root can have put a process. There the log may be lost.
- Anywhere else it must be the very file (device and inode) that stands in a folder of ours.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from eigw_ns.dataplane.state import PREFIX, Daemon, is_tenant
from eigw_ns.errors import EigwError, HostError
from eigw_ns.kernel import netns, process

PROGRAM = "conntrackd"
HINT = "apt install conntrackd"

_CONFIGURATION, _LOG = "conntrackd.conf", "log"
_DEAF = "can't connect"
_PATIENCE = 10.0  # seconds; it starts within 50 ms, on a machine that is drowning within a second
_PAUSE = 0.005  # seconds between two looks at what is not ready yet


def installed() -> str | None:
    """Where the program is, None where it is not installed. Debian has it in /usr/sbin, which users have no PATH to.

    EIGW_NS_CONNTRACKD names another one; empty, it says to do without.
    """
    named = os.environ.get("EIGW_NS_CONNTRACKD")
    if named is not None:
        return named or None
    return shutil.which(PROGRAM) or shutil.which(PROGRAM, path="/usr/sbin:/sbin")


File = tuple[int, int]
"""Which file it is, whatever it is called: its device, its inode number."""


@dataclass(frozen=True, slots=True)
class Running:
    """A conntrackd that runs: its process, the folder it was started in, and the log there, which it has open."""

    pid: int
    folder: Path
    log: File

    def configuration(self) -> str:
        """What it was started with; empty where that is gone."""
        with contextlib.suppress(OSError):
            return (self.folder / _CONFIGURATION).read_text(encoding="utf-8")
        return ""


def running(namespaces: Mapping[int, str]) -> dict[str, Running]:
    """The daemons in these namespaces (inode number to name), by name; in a tenant's there is none.

    Reads /proc, as `ip netns pids` does.
    """
    replicas = {inode: name for inode, name in namespaces.items() if not is_tenant(name)}
    found: dict[str, Running] = {}
    for pid in process.numbers():
        with contextlib.suppress(OSError):  # it has ended meanwhile
            name = replicas.get(process.network(pid))
            seen = _seen(pid) if name is not None else None
            if seen is not None and name == f"{PREFIX}{seen.folder.parent.name}-{seen.folder.name}":
                found.setdefault(name, seen)  # what it has forked for a moment comes behind it
    return found


def of(namespace: str) -> Running | None:
    """The daemon in the namespace. Raises MissingError where there is no such namespace."""
    return running({netns.inode(namespace): namespace}).get(namespace)


def opened(found: Running) -> int | None:
    """A pidfd of the daemon, which the caller closes; None where it has ended."""
    with contextlib.suppress(OSError):
        descriptor = os.pidfd_open(found.pid)
        with contextlib.suppress(OSError):
            seen = _seen(found.pid)
            if seen is not None and seen.log == found.log:
                return descriptor
        os.close(descriptor)  # it has ended, and another process has its number
    return None


def _seen(pid: int) -> Running | None:
    """The process as the daemon that it is if this is its log; None where its output is no log. Raises OSError.

    The name comes first: who looks at any file waits for its file system, which may be one that never answers.
    """
    output = Path(f"/proc/{pid}/fd/1")
    path = Path(str(output.readlink()).removesuffix(" (deleted)"))
    return Running(pid, path.parent, _file(output.stat())) if path.name == _LOG else None


def _file(status: os.stat_result) -> File:
    return status.st_dev, status.st_ino


def _log_in(folder: Path) -> File | None:
    with contextlib.suppress(OSError):
        return _file((folder / _LOG).lstat())
    return None


def sweep(folder: Path, namespaces: Collection[int]) -> int:
    """End the daemons of the folders in `folder` that are in none of the namespaces (inode numbers); how many.

    Theirs has lost its name, and lives as long as they do. Folders in which no daemon runs are removed too.
    """
    return _sweep(_folders_in(folder), namespaces)


def _sweep(folders: Collection[Path], namespaces: Collection[int]) -> int:
    lost: dict[Path, Running] = {}
    alive: set[Path] = set()
    for daemon in _writing({log: each for each in folders if (log := _log_in(each)) is not None}):
        inode = process.network(daemon.pid)
        if inode in namespaces:
            alive.add(daemon.folder)
        elif inode:  # else it has ended meanwhile
            lost[daemon.folder] = daemon
    for daemon in lost.values():
        stop(daemon)
    for left in set(folders) - alive:
        remove_folder(left)
    return len(lost)


def _writing(logs: Mapping[File, Path]) -> Iterator[Running]:
    """Whoever writes into one of these logs: file to folder."""
    for pid in process.numbers() if logs else ():
        with contextlib.suppress(OSError):  # it has ended meanwhile
            seen = _seen(pid)
            if seen is not None and seen.log in logs:
                yield Running(pid, logs[seen.log], seen.log)


def _folders_in(folder: Path) -> set[Path]:
    """The folders in it that are a daemon's; empty where there is no such folder."""
    with contextlib.suppress(OSError):
        return {each for each in folder.iterdir() if (each / _CONFIGURATION).is_file()}
    return set()


def start(folder: Path, wanted: Daemon) -> None:
    """Start the daemon, and wait until it answers.

    Raises HostError where conntrackd is not installed, EigwError with its own words where it ends at once.
    """
    program = installed()
    if program is None:
        raise HostError("conntrackd is not installed, so replicas cannot share their flows", hint=HINT)
    _sweep((folder,), ())  # one whose namespace was removed; and what one has left that was killed is in the way
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / _CONFIGURATION).write_text(wanted.configuration, encoding="utf-8")
    pid = process.leave(wanted.namespace, [program, "-C", str(folder / _CONFIGURATION)], folder, _LOG)
    _until(lambda: (folder / Daemon.SOCKET).exists() or not process.alive(pid), f"start the {wanted}")
    if not process.alive(pid):
        raise EigwError(f"the {wanted} did not start: {_last_words(folder)}", hint="`eigw-ns doctor` tries it")
    if of(wanted.namespace) is None:
        os.kill(pid, signal.SIGKILL)
        raise EigwError(f"the {wanted} has left its log, so that nobody would find it again", hint=f"see {program}")


def catch_up(folder: Path, namespace: str) -> None:
    """Have a daemon tell its peers what it found in the kernel, and ask them what it has missed. See conntrackd(8)."""
    for command in ("-B", "-n"):
        _ask(folder, namespace, command)


def _ask(folder: Path, namespace: str, command: str) -> None:
    """Send a daemon a command. One that has just started has a socket a moment before it listens there."""
    command_line = [installed() or PROGRAM, "-C", _CONFIGURATION, command]
    deadline = time.monotonic() + _PATIENCE
    while True:
        done = process.run(command_line, namespace=namespace, folder=folder, timeout=_PATIENCE)
        if done.code == 0:
            return
        if _DEAF not in done.err or time.monotonic() > deadline:
            raise EigwError(f"conntrackd {command} in {namespace}: {done.err.strip() or done.code}")
        select.select([], [], [], _PAUSE)


def stop(found: Running) -> None:
    """End the daemon, and what else writes into its log, and remove its folder; no error where it has ended already."""
    for each in list(_writing({found.log: found.folder})):
        _end(each)
    if _log_in(found.folder) == found.log:  # else another folder is there now, or none
        remove_folder(found.folder)


def _end(found: Running) -> None:
    descriptor = opened(found)
    if descriptor is None:
        return
    ended = select.poll()  # select(2) takes no descriptor above 1,023
    ended.register(descriptor, select.POLLIN)
    try:
        for number, patience in ((signal.SIGTERM, _PATIENCE / 2), (signal.SIGKILL, _PATIENCE)):
            signal.pidfd_send_signal(descriptor, number)
            if ended.poll(patience * 1000):
                break
    except ProcessLookupError:
        return
    finally:
        os.close(descriptor)


def remove_folder(folder: Path) -> None:
    """Remove what a daemon leaves behind; nothing else is touched."""
    for name in (Daemon.SOCKET, "lock", _CONFIGURATION, _LOG):
        with contextlib.suppress(OSError):
            (folder / name).unlink()
    for empty in (folder, folder.parent):
        with contextlib.suppress(OSError):
            empty.rmdir()


def _last_words(folder: Path) -> str:
    """What it complained of; its very last line says only that it does not start."""
    with contextlib.suppress(OSError):
        lines = (folder / _LOG).read_text(encoding="utf-8", errors="replace").strip().splitlines()
        errors = [line.partition("[ERROR] ")[2] for line in lines if "[ERROR] " in line]
        if errors or lines:
            return "; ".join(errors) or lines[-1]
    return "it said nothing"


def _until(condition: Callable[[], bool], doing: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise EigwError(f"{doing}: not within {_PATIENCE:.0f} s")
        select.select([], [], [], _PAUSE)
