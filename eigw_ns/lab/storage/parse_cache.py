"""Parse cache: a note beside a stored topology identifies the file that the topology was read from.

Reading and checking YAML takes most of the time of an `apply` that finds nothing to do. The result depends on the bytes
of the file, on the default name of the lab, and on the code of this program. The note is a digest of these three and of
the stored topology. If any of them has changed, or there is no note, the file is read.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import eigw_ns
from eigw_ns.errors import HostError
from eigw_ns.frozen import frozen
from eigw_ns.lab.storage import store
from eigw_ns.lab.storage.folders import LabFolders
from eigw_ns.lab.storage.protocols import Stored
from eigw_ns.lab.storage.store import Content, FileStore
from eigw_ns.topology import Topology

_CODE = ("topology", "cloud")  # the packages


@frozen
class Source:
    """The bytes of a topology file, and the name of the lab if the file does not give one."""

    content: bytes
    default_lab: str


@frozen
class ParseCache:
    """The notes beside the stored topologies in these folders."""

    folders: LabFolders

    def recall(self, source: Source) -> Stored | None:
        """Return the stored topology that was read from this source.

        Returns None if none is known; then the file must be read.
        """
        files = FileStore(self.folders)
        found = None
        with contextlib.suppress(HostError):  # a user without access to the state folder can still read a file
            found = next(((lab, kept) for lab in files.labs() if (kept := self._noted(source, lab))), None)
        return files.decoded(*found) if found else None

    def remember(self, source: Source, found: Topology) -> None:
        """Note that the source was read as this topology. If the note cannot be written, the file is read again."""
        lab = found.cloud.lab
        if self._noted(source, lab) is None:
            with contextlib.suppress(OSError):
                store.write_atomically(self.folders.source_file(lab), _note(source, store.text(found).encode()))

    def _noted(self, source: Source, lab: str) -> Content | None:
        """Return what is stored for `lab` if the note says that it was read from this source."""
        try:
            note = store.read_file(self.folders.source_file(lab)).data.decode()
            kept = FileStore(self.folders).content(lab)
        except (OSError, ValueError):  # no note, or not text
            return None
        return kept if note == _note(source, kept.data + kept.log) else None


def _note(source: Source, stored: bytes) -> str:
    parts = (eigw_ns.__version__.encode(), source.default_lab.encode(), source.content, stored)
    digest = hashlib.sha256()
    for part in (*parts, *_code()):
        digest.update(len(part).to_bytes(8) + part)
    return digest.hexdigest()


def _code() -> Iterator[bytes]:
    """Yield path, size and modification time of each module that reads files, so that changed code reads again."""
    top = Path(eigw_ns.__file__).parent
    for package in _CODE:
        for path, found in sorted(_modules(str(top / package))):
            yield f"{path} {found.st_size} {found.st_mtime_ns}".encode()


def _modules(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield path and status of each module in the folder and below it. `Path.rglob` takes ten times as long."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _modules(entry.path)
            elif entry.name.endswith(".py"):
                yield entry.path, entry.stat()
