"""The desired state of each lab, stored as JSON for `status`, `export`, and `apply` after a reboot.

A process that serves a lab appends its changes to a log beside the file (`change_log`), until the whole file is written
again. All readers read both.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eigw_ns.errors import EigwError, NoSuchLabError
from eigw_ns.frozen import frozen
from eigw_ns.kernel.host import trusted_folder
from eigw_ns.lab.storage import change_log, folders
from eigw_ns.lab.storage import origin as origins
from eigw_ns.lab.storage.folders import LabFolders
from eigw_ns.lab.storage.origin import Origin
from eigw_ns.lab.storage.protocols import Stored
from eigw_ns.topology import Topology, from_data, to_data
from eigw_ns.topology.data import REMEMBERED
from eigw_ns.topology.delta import delta, with_delta

_TEMPORARY = ".unfinished-"  # left behind only by a power cut or a kill in the middle of a write


_LOG_LIMIT = 64 * 1024
"""Bytes that the log of a small lab may have before the whole file is written. A larger lab's may be as its file."""


@frozen
class Content:
    """The bytes of a stored topology and of the log of its changes, and the version of both files."""

    data: bytes
    version: str
    log: bytes = b""


@frozen
class FileStore:
    """The topologies in the state folder: a JSON file per lab. See `protocols.Store`."""

    folders: LabFolders

    def labs(self) -> tuple[str, ...]:
        """Return the labs that have a stored topology, sorted. Raises HostError if the state folder cannot be read."""
        folder = self.folders.state
        with self.folders.state_errors(f"look into {folder}"):
            return tuple(lab for lab in folders.labs_in(folder) if self.folders.topology_file(lab).exists())

    def exists(self, lab: str) -> bool:
        """Return whether a topology of `lab` is stored, readable or not. Raises HostError if this cannot be known."""
        path = self.folders.topology_file(lab)
        with (
            self.folders.state_errors(f"look for {path}"),
            contextlib.suppress(FileNotFoundError, NotADirectoryError),
            trusted_folder.opened(path.parent) as folder,
        ):
            return path.name in trusted_folder.names(folder)
        return False

    def save(self, topology: Topology, origin: Origin | None = None) -> str:
        """Store the topology, and the origin if it is given, under its lab's name. Returns the new version.

        A crash leaves the old file or the new one, never half a file. After a crash between the two files, the former
        file does not replace the topology without a question. Raises HostError if the state folder cannot be written.
        """
        path = self.folders.topology_file(topology.cloud.lab)
        with self.folders.state_errors(f"write {path}"):
            if origin is not None:
                write_atomically(self.folders.origin_file(topology.cloud.lab), origins.encode(origin))
            if not self.exists(topology.cloud.lab):  # a crash in `remove` left the log of a lab that is gone
                self._remove_log(topology.cloud.lab)
            self._finish_log(topology.cloud.lab, text(topology).encode())
            version = write_atomically(path, text(topology))
            self._remove_log(topology.cloud.lab)
        return version

    def save_change(self, known: Stored, topology: Topology) -> str:
        """Append the change to the log, or write the whole file if the log takes no further change.

        See `protocols.Store`. A crash leaves the topology before the change or after it.
        """
        lab = topology.cloud.lab
        change = delta(known.topology, topology) if known.version == self.version(lab) else None
        with self.folders.state_errors(f"write {self.folders.changes_file(lab)}"):
            if change is not None and self._append(lab, change):
                return self.version(lab)
        return self.save(topology)

    def _append(self, lab: str, change: Mapping[str, Any]) -> bool:
        """Append a change to the log. Returns False if the whole file must be written. Raises OSError."""
        path = self.folders.topology_file(lab)
        with trusted_folder.opened(path.parent) as folder, contextlib.ExitStack() as stack:
            status = os.stat(path.name, dir_fd=folder, follow_symlinks=False)
            log = trusted_folder.open_file(folder, self.folders.changes_file(lab).name, os.O_RDWR | os.O_CREAT, 0o644)
            stack.callback(os.close, log)
            size = os.fstat(log).st_size
            if size > max(_LOG_LIMIT, status.st_size):
                return False
            base = change_log.base_of(log, _version(status)) if size else _base(read_file(path))
            if base is None:
                return False
            os.fchmod(log, 0o644)  # as the file: whatever the umask is
            change_log.append(log, base, change)
            if not size:
                os.fsync(folder)  # without that, a power cut may lose the new log: see fsync(2)
            return True

    def _finish_log(self, lab: str, following: bytes) -> None:
        """Prepare the log for a file of another content: a crash before the log is removed loses and repeats nothing.

        A log that does not belong to the present file is kept under another name.
        """
        path = self.folders.changes_file(lab)
        try:
            log = read_file(path)  # first: without a log, a link in the place of the file does not matter
            base = read_file(self.folders.topology_file(lab))
        except FileNotFoundError:
            return
        state = change_log.standing(log.data, base.data)
        with trusted_folder.opened(path.parent) as folder, contextlib.ExitStack() as stack:
            if state == "done":
                trusted_folder.remove(folder, path.name)
            elif state == "foreign":
                os.rename(path.name, f"{path.name}.{os.urandom(4).hex()}.kept", src_dir_fd=folder, dst_dir_fd=folder)
            else:
                opened = trusted_folder.open_file(folder, path.name, os.O_RDWR)
                stack.callback(os.close, opened)
                change_log.finish(opened, following)
            os.fsync(folder)

    def _remove_log(self, lab: str) -> None:
        path = self.folders.changes_file(lab)
        with contextlib.suppress(FileNotFoundError), trusted_folder.opened(path.parent) as folder:
            if path.name in trusted_folder.names(folder):
                trusted_folder.remove(folder, path.name)
                os.fsync(folder)  # without that, it may come back, beside a later file with its content

    def origin(self, lab: str) -> Origin | None:
        """Return the stored origin of `lab`. None if it is unknown: not stored, damaged, or not to be read."""
        try:
            return origins.decode(read_file(self.folders.origin_file(lab)).data)
        except OSError:
            return None

    def require_writable(self, lab: str) -> None:
        """Raise HostError if `save` would because of the folder. To be called before the first change."""
        path = self.folders.topology_file(lab)
        with (
            self.folders.state_errors(f"write {path}"),
            trusted_folder.opened(path.parent, create=True) as folder,
        ):
            name, descriptor = _temporary(folder)
            os.close(descriptor)
            trusted_folder.remove(folder, name)

    def version(self, lab: str) -> str:
        """Return the version of the file and of the log; "" if none is stored. Reads nothing.

        Raises HostError if this cannot be known.
        """
        path = self.folders.topology_file(lab)
        with self.folders.state_errors(f"look at {path}"), contextlib.suppress(FileNotFoundError):
            return _both(_version(path.stat()), self._log_version(lab))
        return ""

    def _log_version(self, lab: str) -> str:
        with contextlib.suppress(FileNotFoundError):
            return _version(self.folders.changes_file(lab).stat())
        return ""

    def holds(self, topology: Topology, version: str = "") -> bool:
        """Return whether this topology is stored for its lab. Reads nothing if the file still has this version.

        Compares data, not objects: a resource that was moved to another VPC loses its name when it is stored. A file
        does not say what the lab remembers of requests, so the same file changes nothing.
        """
        lab = topology.cloud.lab
        try:
            if version and version == self.version(lab):
                return True
            content, given = self.content(lab), to_data(topology)
            stored = to_data(self.decoded(lab, content).topology) if content.log else json.loads(content.data)
            if not isinstance(stored, dict):
                return False
            return {key: stored[key] for key in stored if key in given or key not in REMEMBERED} == given
        except (OSError, ValueError, RecursionError, EigwError):  # no stored topology, or a damaged one
            return False

    def load(self, lab: str) -> Topology:
        """Return the stored topology of `lab`. Raises what `read` does."""
        return self.read(lab).topology

    def read(self, lab: str) -> Stored:
        """Return the stored topology of `lab`, and the version of its file.

        Raises NoSuchLabError if none is stored, EigwError if the file is damaged, HostError if it may not be read.
        """
        with self.folders.state_errors(f"read {self.folders.topology_file(lab)}"):
            try:
                content = self.content(lab)
            except FileNotFoundError:
                hint = "store one with `eigw-ns apply -f FILE`; `eigw-ns gc` lists what is left of the lab"
                raise NoSuchLabError(f"no topology of the lab {lab} is stored", hint=hint) from None
        return self.decoded(lab, content)

    def content(self, lab: str) -> Content:
        """Return the bytes of the file and of the log. Raises OSError.

        They belong together: if the file is replaced meanwhile, both are read again.
        """
        path = self.folders.topology_file(lab)
        while True:
            base, log = read_file(path), Content(b"", "")
            with contextlib.suppress(FileNotFoundError):
                log = read_file(self.folders.changes_file(lab))
            if base.version == _version(path.stat()):
                return Content(base.data, _both(base.version, log.version), log.data)

    def decoded(self, lab: str, content: Content) -> Stored:
        """Return the topology of `lab` in these bytes. Raises EigwError if they are damaged."""
        path = self.folders.topology_file(lab)
        try:
            topology = from_data(json.loads(content.data))
            state = change_log.standing(content.log, content.data)
            if state == "foreign":
                raise _edited(path, self.folders.changes_file(lab), change_log.count(content.log))
            for change in change_log.changes(content.log, content.data) if state == "current" else ():
                topology = with_delta(topology, change)
        except _EditedError:
            raise
        except EigwError as error:
            raise _damaged(path, error.message) from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:  # RecursionError: thousands of brackets
            raise _damaged(path, str(error)) from error
        if topology.cloud.lab != lab:
            raise _damaged(path, f"it is the topology of the lab {topology.cloud.lab}")
        return Stored(topology, content.version)

    def remove(self, lab: str) -> bool:
        """Remove the stored topology of `lab`. Returns False if none was stored."""
        path = self.folders.topology_file(lab)
        stored = self.exists(lab)
        with (
            self.folders.state_errors(f"remove {path}"),
            contextlib.suppress(FileNotFoundError),
            trusted_folder.opened(path.parent) as folder,
        ):
            left = (name for name in trusted_folder.names(folder) if name.startswith(_TEMPORARY))
            notes = (self.folders.source_file(lab).name, self.folders.origin_file(lab).name)
            trusted_folder.remove(folder, *notes, path.name, self.folders.changes_file(lab).name, *left)
        trusted_folder.remove_empty(path.parent)  # a user's file in it stays
        return stored


def text(topology: Topology) -> str:
    """Return the text that `save` writes."""
    return json.dumps(to_data(topology), indent=1) + "\n"


def _version(status: os.stat_result) -> str:
    """Return what changes when the file is replaced, or edited in place.

    A new file gets another inode than the one that it replaces. The inode may come back with the next file, but later.
    """
    return f"{status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


def _both(file: str, log: str) -> str:
    return f"{file} {log}" if log else file


def _base(content: Content) -> change_log.Base:
    return change_log.Base.of(content.data, content.version)


def _damaged(path: Path, reason: str) -> EigwError:
    return EigwError(
        f"the stored topology {path} is damaged: {reason}",
        hint="apply the topology file again (`eigw-ns apply -f FILE`); the running lab is not affected",
    )


class _EditedError(EigwError):
    """A stored file was edited although changes of its former content are in a log."""


def _edited(path: Path, log: Path, changes: int) -> EigwError:
    words = "1 change" if changes == 1 else f"{changes} changes"
    return _EditedError(
        f"the stored topology {path} was edited, and {log} has {words} of its former content",
        hint=f"undo the edit; or apply a topology file (`eigw-ns apply -f FILE`): {log.name} is kept then, renamed",
    )


def read_file(path: Path) -> Content:
    """Return the bytes of a file of the state folder. Raises OSError."""
    with trusted_folder.opened(path.parent) as folder:
        descriptor = trusted_folder.open_file(folder, path.name, os.O_RDONLY)
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)  # before: what is appended meanwhile is another version
        return Content(stream.read(status.st_size), _version(status))


def write_atomically(path: Path, content: str) -> str:
    """Write a file of the state folder. A crash leaves the old file or the new one. Raises OSError.

    Returns the version of the new file.
    """
    with trusted_folder.opened(path.parent, create=True) as folder:
        temporary, descriptor = _temporary(folder)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                os.fchmod(stream.fileno(), 0o644)  # `export` and `describe` need no root
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            trusted_folder.remove(folder, temporary)
            raise
        version = _version(os.stat(path.name, dir_fd=folder, follow_symlinks=False))
        os.fsync(folder)  # without that, a power cut may undo the rename: see fsync(2)
        return version


def _temporary(folder: int) -> tuple[str, int]:
    """Create a file in the opened folder. Returns its name, which no other file has, and its descriptor."""
    name = f"{_TEMPORARY}{os.urandom(8).hex()}"
    return name, trusted_folder.open_file(folder, name, os.O_RDWR | os.O_CREAT | os.O_EXCL)
