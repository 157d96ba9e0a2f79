"""Folders of labs, and the paths of a lab's files in them. A running lab survives the loss of both folders.

Each folder has one subfolder per lab:

- `/var/lib/eigw-ns/<lab>/{topology.json,changes,source,origin}`: the desired state, its changes since it was written,
  a digest of its file, and who applied that file and when (EIGW_NS_STATE_DIR)
- `/run/eigw-ns/<lab>/{lock,journal}`: the process that works on the lab, and what it has begun (EIGW_NS_RUN_DIR)

The front end chooses them once (`cli.rootless.folders`) and passes them down. A process can have several `LabFolders`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from eigw_ns.errors import HostError, UsageError
from eigw_ns.frozen import frozen
from eigw_ns.kernel.host import trusted_folder
from eigw_ns.kernel.host.trusted_folder import UntrustedFolderError

_LAB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
STATE_VARIABLE, RUN_VARIABLE = "EIGW_NS_STATE_DIR", "EIGW_NS_RUN_DIR"


@frozen
class LabFolders:
    """The state folder, which survives a reboot, and the run folder, which need not, and the paths in them.

    `temporary`: they end with the process that made them. If it is killed, its labs are leftovers, so a live lab does
    not name such folders.
    """

    state: Path
    run: Path
    temporary: bool = False

    @staticmethod
    def chosen(environment: Mapping[str, str], default: LabFolders) -> LabFolders:
        """Return the folders that the environment sets. A folder that it does not set is that of `default`."""
        state, run = (environment.get(variable) for variable in (STATE_VARIABLE, RUN_VARIABLE))
        return LabFolders(Path(state or default.state).absolute(), Path(run or default.run).absolute())

    def environment(self) -> dict[str, str]:
        """Return the variables that give these folders to another process."""
        return {STATE_VARIABLE: str(self.state), RUN_VARIABLE: str(self.run)}

    def topology_file(self, lab: str) -> Path:
        """Return the path of the stored desired state of `lab`.

        Raises UsageError, as all of these, if the name is not valid.
        """
        return self.state / _checked(lab) / "topology.json"

    def changes_file(self, lab: str) -> Path:
        """Return the path of the log of changes of `lab` since its desired state was written as a whole."""
        return self.state / _checked(lab) / "changes"

    def source_file(self, lab: str) -> Path:
        """Return the path of the note that identifies the file from which the desired state of `lab` was read."""
        return self.state / _checked(lab) / "source"

    def origin_file(self, lab: str) -> Path:
        """Return the path of the note that says from which file, by which user and when `lab` was applied."""
        return self.state / _checked(lab) / "origin"

    def lock_file(self, lab: str) -> Path:
        """Return the path of the file whose flock(2) means that a process works on `lab`."""
        return self.run / _checked(lab) / "lock"

    def journal_file(self, lab: str) -> Path:
        """Return the path of the journal of `lab`. It exists only during a change, or after an interrupted one."""
        return self.run / _checked(lab) / "journal"

    def agent_file(self, lab: str) -> Path:
        """Return the path of the file whose flock(2) means that an agent watches `lab`."""
        return self.run / _checked(lab) / "agent"

    def agent_log(self, lab: str) -> Path:
        """Return the path of the output of a background agent."""
        return self.run / _checked(lab) / "agent.log"

    def require_trusted(self) -> None:
        """Raise HostError if another user could change what is in one of the folders."""
        with self.run_errors(f"use the run folder {self.run}"):
            trusted_folder.require(self.run)
        with self.state_errors(f"use the state folder {self.state}"):
            trusted_folder.require(self.state)

    @contextlib.contextmanager
    def state_errors(self, doing: str) -> Iterator[None]:
        """Turn an OSError of the block, which uses the state folder, into a HostError that says how to set another."""
        with folder_errors(doing, STATE_VARIABLE, self.state):
            yield

    @contextlib.contextmanager
    def run_errors(self, doing: str) -> Iterator[None]:
        """Turn an OSError of the block, which uses the run folder, into a HostError that says how to set another."""
        with folder_errors(doing, RUN_VARIABLE, self.run):
            yield


HOST_FOLDERS = LabFolders(Path("/var/lib/eigw-ns"), Path("/run/eigw-ns"))
"""The folders of root."""


def labs_in(directory: Path) -> Iterator[str]:
    """Return the subfolders of `directory` whose names are valid lab names, sorted. A missing directory has none."""
    try:
        with trusted_folder.opened(directory) as descriptor, os.scandir(descriptor) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return
    yield from (name for name in names if _LAB_NAME.fullmatch(name))


@contextlib.contextmanager
def folder_errors(doing: str, variable: str, folder: Path) -> Iterator[None]:
    """Turn an OSError of the block, which uses `folder`, into a HostError that names the variable for another one."""
    try:
        yield
    except UntrustedFolderError as error:
        user = "you" if os.geteuid() else "root"
        hint = (
            f"set {variable} to a folder that only {user} can change (it is {folder} now); or, if you trust what is in "
            f"{error.place}: `chown {os.geteuid()}:{os.getegid()} {error.place}; chmod go-w {error.place}`"
        )
        raise HostError(f"{doing}: {error.strerror}", hint=hint) from error
    except OSError as error:
        raise HostError(f"{doing}: {error.strerror}", hint=_remedy(error.errno, variable, folder)) from error


def _remedy(code: int | None, variable: str, folder: Path) -> str:
    if code == errno.ELOOP:
        return f"remove the link in {folder}: eigw-ns makes no links there, and follows none"
    if code in (errno.ENOSPC, errno.EDQUOT):
        return f"free space or inodes there (df -h {folder}; df -i {folder}), or set {variable} to another folder"
    root = "run it as root (sudo), or " if code in (errno.EACCES, errno.EPERM) and os.geteuid() else ""
    return f"{root}set {variable} to a folder that you can write to (it is {folder} now)"


def _checked(lab: str) -> str:
    """Return `lab`, which comes from the command line and becomes part of a path. Raises UsageError for `../etc`."""
    if not _LAB_NAME.fullmatch(lab):
        raise UsageError(
            f"{lab!r} is not a valid lab name",
            hint="use letters, digits, '-' and '_', at most 64 characters, and a letter or digit first",
        )
    return lab
