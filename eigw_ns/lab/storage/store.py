"""The desired state of each lab, stored as JSON for `status`, `export`, and `apply` after a reboot."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from eigw_ns.errors import EigwError, NoSuchLabError
from eigw_ns.frozen import frozen
from eigw_ns.kernel.host import trusted_folder
from eigw_ns.lab.storage import folders
from eigw_ns.lab.storage import origin as origins
from eigw_ns.lab.storage.folders import LabFolders
from eigw_ns.lab.storage.origin import Origin
from eigw_ns.lab.storage.protocols import Stored
from eigw_ns.topology import Topology, from_data, to_data

_TEMPORARY = ".unfinished-"  # left behind only by a power cut or a kill in the middle of a write


@frozen
class Content:
    """The bytes of a stored topology, and the version of the file that they were read from."""

    data: bytes
    version: str


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
            return write_atomically(path, text(topology))

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
        """Return the version of the file; "" if none is stored. Reads nothing.

        Raises HostError if this cannot be known.
        """
        path = self.folders.topology_file(lab)
        with self.folders.state_errors(f"look at {path}"), contextlib.suppress(FileNotFoundError):
            return _version(path.stat())
        return ""

    def holds(self, topology: Topology, version: str = "") -> bool:
        """Return whether this topology is stored for its lab. Reads nothing if the file still has this version.

        Compares data, not objects: a resource that was moved to another VPC loses its name when it is stored.
        """
        path = self.folders.topology_file(topology.cloud.lab)
        try:
            if version and version == _version(path.stat()):
                return True
            return bool(json.loads(self.content(topology.cloud.lab).data) == to_data(topology))
        except (OSError, ValueError, RecursionError):  # no stored topology, or a damaged one
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
        """Return the bytes of the file. Raises OSError."""
        return read_file(self.folders.topology_file(lab))

    def decoded(self, lab: str, content: Content) -> Stored:
        """Return the topology of `lab` in these bytes. Raises EigwError if they are damaged."""
        path = self.folders.topology_file(lab)
        try:
            topology = from_data(json.loads(content.data))
        except EigwError as error:
            raise _damaged(path, error.message) from error
        except (ValueError, RecursionError) as error:  # RecursionError: thousands of nested brackets
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
            trusted_folder.remove(folder, *notes, path.name, *left)
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


def _damaged(path: Path, reason: str) -> EigwError:
    return EigwError(
        f"the stored topology {path} is damaged: {reason}",
        hint="apply the topology file again (`eigw-ns apply -f FILE`); the running lab is not affected",
    )


def read_file(path: Path) -> Content:
    """Return the bytes of a file of the state folder. Raises OSError."""
    with trusted_folder.opened(path.parent) as folder:
        descriptor = trusted_folder.open_file(folder, path.name, os.O_RDONLY)
    with os.fdopen(descriptor, "rb") as stream:
        return Content(stream.read(), _version(os.fstat(descriptor)))


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
