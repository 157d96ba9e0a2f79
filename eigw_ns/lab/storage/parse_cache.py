"""Parse cache: a note beside a stored topology identifies the file that the topology was read from.

Reading and checking YAML takes most of the time of an `apply` that finds nothing to do. The result depends on the bytes
of the file, on the default name of the lab, and on the code of this program. The note is a digest of these three and of
the stored topology. If any of them has changed, or there is no note, the file is read.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import eigw_ns
from eigw_ns.errors import HostError
from eigw_ns.lab.storage import paths, store
from eigw_ns.topology import Topology

_CODE = ("topology", "cloud")  # the packages


@dataclass(frozen=True, slots=True)
class Source:
    """The bytes of a topology file, and the name of the lab if the file does not give one."""

    content: bytes
    default_lab: str


def recall(source: Source) -> Topology | None:
    """Return the stored topology that was read from this source; None if none is known and the file must be read."""
    found = None
    with contextlib.suppress(HostError):  # a user without access to the state folder can still read a file
        found = next((lab for lab in store.labs() if _is_noted(source, lab)), None)
    return store.load(found) if found is not None else None


def remember(source: Source, found: Topology) -> None:
    """Note that the source was read as this topology. If the note cannot be written, the file is read again later."""
    lab = found.cloud.lab
    if not _is_noted(source, lab):
        with contextlib.suppress(OSError):
            store.write_atomically(paths.source_file(lab), _note(source, store.text(found).encode()))


def _is_noted(source: Source, lab: str) -> bool:
    try:
        return paths.source_file(lab).read_text() == _note(source, paths.topology_file(lab).read_bytes())
    except (OSError, ValueError):  # no note, or not text
        return False


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
        for path in sorted((top / package).rglob("*.py")):
            found = path.stat()
            yield f"{path} {found.st_size} {found.st_mtime_ns}".encode()
