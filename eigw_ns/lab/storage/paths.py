"""Paths of a lab's files. Both folders have one subfolder per lab. A running lab survives the loss of both.

- `/var/lib/eigw-ns/<lab>/{topology.json,source}`: the desired state, and a digest of its file (EIGW_NS_STATE_DIR)
- `/run/eigw-ns/<lab>/{lock,journal}`: the process that works on the lab, and what it has begun (EIGW_NS_RUN_DIR)
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
    """Return the folder of the desired states. It survives a reboot."""
    return Path(os.environ.get("EIGW_NS_STATE_DIR") or "/var/lib/eigw-ns")


def run_dir() -> Path:
    """Return the folder of locks and journals. It is gone after a reboot, as the namespaces are."""
    return Path(os.environ.get("EIGW_NS_RUN_DIR") or "/run/eigw-ns")


@contextlib.contextmanager
def state_errors(doing: str) -> Iterator[None]:
    """Turn an OSError of the block, which uses the state folder, into a HostError that says how to set another."""
    with _errors(doing, "EIGW_NS_STATE_DIR", state_dir()):
        yield


@contextlib.contextmanager
def run_errors(doing: str) -> Iterator[None]:
    """Turn an OSError of the block, which uses the run folder, into a HostError that says how to set another."""
    with _errors(doing, "EIGW_NS_RUN_DIR", run_dir()):
        yield


@contextlib.contextmanager
def _errors(doing: str, variable: str, folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        root = "run it as root (sudo), or " if error.errno in (errno.EACCES, errno.EPERM) and os.geteuid() else ""
        hint = f"{root}set {variable} to a folder that you can write to (it is {folder} now)"
        raise HostError(f"{doing}: {error.strerror}", hint=hint) from error


def topology_file(lab: str) -> Path:
    """Return the path of the stored desired state of `lab`. Raises UsageError, as all of these, for an invalid name."""
    return state_dir() / _checked(lab) / "topology.json"


def source_file(lab: str) -> Path:
    """Return the path of the note that identifies the file from which the desired state of `lab` was read."""
    return state_dir() / _checked(lab) / "source"


def lock_file(lab: str) -> Path:
    """Return the path of the file whose flock(2) means that a process works on `lab`."""
    return run_dir() / _checked(lab) / "lock"


def journal_file(lab: str) -> Path:
    """Return the path of the journal of `lab`. It exists only during a change, or after an interrupted one."""
    return run_dir() / _checked(lab) / "journal"


def agent_file(lab: str) -> Path:
    """Return the path of the file whose flock(2) means that an agent watches `lab`."""
    return run_dir() / _checked(lab) / "agent"


def agent_log(lab: str) -> Path:
    """Return the path of the output of a background agent."""
    return run_dir() / _checked(lab) / "agent.log"


def labs_in(directory: Path) -> Iterator[str]:
    """Return the subfolders of `directory` whose names are valid lab names, sorted. A missing directory has none."""
    try:
        names = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return
    yield from (name for name in names if _LAB_NAME.fullmatch(name))


def _checked(lab: str) -> str:
    """Return `lab`, which comes from the command line and becomes part of a path. Raises UsageError for `../etc`."""
    if not _LAB_NAME.fullmatch(lab):
        raise UsageError(
            f"{lab!r} is not a valid lab name",
            hint="use letters, digits, '-' and '_', at most 64 characters, and a letter or digit first",
        )
    return lab
