"""Where a lab's files are. Both folders hold one folder a lab; losing them never loses a lab.

- `/var/lib/eigw-ns/<lab>/{topology.json,source}`: the desired state, and which file it was (EIGW_NS_STATE_DIR)
- `/run/eigw-ns/<lab>/{lock,journal}`: who works on it, and what was begun (EIGW_NS_RUN_DIR)
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from eigw_ns.errors import HostError, UsageError

_LAB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def state_dir() -> Path:
    """Where desired states are kept; survives a reboot."""
    return Path(os.environ.get("EIGW_NS_STATE_DIR") or "/var/lib/eigw-ns")


def run_dir() -> Path:
    """Where locks and journals are; gone after a reboot, as the namespaces are."""
    return Path(os.environ.get("EIGW_NS_RUN_DIR") or "/run/eigw-ns")


@contextlib.contextmanager
def state_errors(doing: str) -> Iterator[None]:
    """An OSError of the block, which works in the state folder, becomes a HostError that says how to have another."""
    with _errors(doing, "EIGW_NS_STATE_DIR", state_dir()):
        yield


@contextlib.contextmanager
def run_errors(doing: str) -> Iterator[None]:
    """The same for what works in the run folder."""
    with _errors(doing, "EIGW_NS_RUN_DIR", run_dir()):
        yield


@contextlib.contextmanager
def _errors(doing: str, variable: str, folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        root = "run it as root (sudo), or " if error.errno in (errno.EACCES, errno.EPERM) and os.geteuid() else ""
        hint = f"{root}set {variable} to a folder that you can write to; now it is {folder}"
        raise HostError(f"{doing}: {error.strerror}", hint=hint) from error


def topology_file(lab: str) -> Path:
    """The stored desired state of `lab`."""
    return state_dir() / _checked(lab) / "topology.json"


def source_file(lab: str) -> Path:
    """The note of which file the desired state of `lab` was read from."""
    return state_dir() / _checked(lab) / "source"


def lock_file(lab: str) -> Path:
    """The file whose flock(2) means that somebody works on `lab`."""
    return run_dir() / _checked(lab) / "lock"


def journal_file(lab: str) -> Path:
    """What was about to be done to `lab`; there only while it is being done, or was cut short."""
    return run_dir() / _checked(lab) / "journal"


def agent_file(lab: str) -> Path:
    """The file whose flock(2) means that an agent watches `lab`."""
    return run_dir() / _checked(lab) / "agent"


def agent_log(lab: str) -> Path:
    """What an agent in the background has said."""
    return run_dir() / _checked(lab) / "agent.log"


def labs_in(directory: Path) -> Iterator[str]:
    """The folders of `directory` that may be a lab's, sorted; none where there is no such directory."""
    try:
        names = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return
    yield from (name for name in names if _LAB_NAME.fullmatch(name))


def _checked(lab: str) -> str:
    """`lab`, which comes from the command line and becomes part of a path. Raises UsageError for `../etc`."""
    if not _LAB_NAME.fullmatch(lab):
        raise UsageError(f"{lab!r} is no lab name", hint="letters, digits, '-' and '_', at most 64 of them")
    return lab
