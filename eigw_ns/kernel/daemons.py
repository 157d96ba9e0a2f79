"""conntrackd in the namespaces of replicas: start, find, ask, stop. One process a namespace, in a folder of its own.

A running daemon is found by asking the kernel which processes are in the namespace (proc(5)), not by a pid file: a file
may be lost, and a daemon that nobody knows of would keep a removed namespace alive. It has no parent of ours: it was
started by a process that has long ended, as daemon(7) wants it.
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

from eigw_ns.dataplane.state import Daemon
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


@dataclass(frozen=True, slots=True)
class Running:
    """A conntrackd that runs: its process, and the folder it was started in."""

    pid: int
    folder: Path

    def configuration(self) -> str:
        """What it was started with; empty where that is gone."""
        with contextlib.suppress(OSError):
            return (self.folder / _CONFIGURATION).read_text(encoding="utf-8")
        return ""


def running(namespaces: Mapping[int, str]) -> dict[str, Running]:
    """The daemons in these namespaces (inode number to name), by name. Reads /proc, as `ip netns pids` does."""
    found: dict[str, Running] = {}
    for pid in _named_so():
        with contextlib.suppress(OSError):  # it has ended meanwhile
            name = namespaces.get(Path(f"/proc/{pid}/ns/net").stat().st_ino)
            if name is not None:
                found[name] = Running(pid, _folder(pid))
    return found


def _folder(pid: int) -> Path:
    """Where its configuration is, which is the last word of its command line: it has left for `/` itself."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    return Path(os.fsdecode(words[-1])).parent


def of(namespace: str) -> Running | None:
    """The daemon in the namespace. Raises MissingError where there is no such namespace."""
    return running({netns.inode(namespace): namespace}).get(namespace)


def _named_so() -> Iterator[int]:
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                if Path(entry.path, "comm").read_bytes() == PROGRAM.encode() + b"\n":
                    yield int(entry.name)


def sweep(folder: Path, namespaces: Collection[int]) -> int:
    """End the daemons that were started below `folder` and are in none of the namespaces (inode numbers); how many.

    Theirs has lost its name, and lives as long as they do. Folders in which no daemon runs are removed too.
    """
    below = list(_below(folder))
    lost = [daemon for daemon, inode in below if inode not in namespaces]
    for daemon in lost:
        stop(daemon)
    alive = {daemon.folder for daemon, inode in below if inode in namespaces}
    for left in _folders_in(folder) - alive:
        remove_folder(left)
    return len(lost)


def _below(folder: Path) -> Iterator[tuple[Running, int]]:
    """The daemons that were started in the folder or below it, and the inode numbers of their namespaces."""
    for pid in _named_so():
        with contextlib.suppress(OSError):  # it has ended meanwhile
            daemon = Running(pid, _folder(pid))
            if daemon.folder.is_relative_to(folder):
                yield daemon, Path(f"/proc/{pid}/ns/net").stat().st_ino


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
    sweep(folder, ())  # one of a namespace that was removed, and has another successor now
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in (Daemon.SOCKET, "lock"):  # of one that was killed: it would refuse to start
        (folder / name).unlink(missing_ok=True)
    (folder / _CONFIGURATION).write_text(wanted.configuration, encoding="utf-8")
    pid = process.leave(wanted.namespace, [program, "-C", str(folder / _CONFIGURATION)], folder, _LOG)
    _until(lambda: (folder / Daemon.SOCKET).exists() or not process.alive(pid), f"start the {wanted}")
    if not process.alive(pid):
        raise EigwError(f"the {wanted} did not start: {_last_words(folder)}", hint="`eigw-ns doctor` tries it")


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
    """End the daemon and remove its folder; no error where it has ended already."""
    with contextlib.suppress(ProcessLookupError):
        descriptor = os.pidfd_open(found.pid)
        if found.pid not in set(_named_so()):  # it has ended, and another process has its number
            os.close(descriptor)
            raise ProcessLookupError
        ended = select.poll()  # select(2) takes no descriptor above 1,023
        ended.register(descriptor, select.POLLIN)
        try:
            for number, patience in ((signal.SIGTERM, _PATIENCE / 2), (signal.SIGKILL, _PATIENCE)):
                signal.pidfd_send_signal(descriptor, number)
                if ended.poll(patience * 1000):
                    break
        finally:
            os.close(descriptor)
    remove_folder(found.folder)


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
