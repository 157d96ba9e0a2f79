"""Files that need no reading: a note beside a stored topology says which file it was read from.

Reading YAML and checking it takes most of an `apply` that finds nothing to do. What a file says depends on its bytes,
on the name its lab has where it gives none, and on this program's own code. The note is a digest of all three and of
what is stored: where any of them has changed, or there is no note, the file is read.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import eigw_ns
from eigw_ns.errors import HostError
from eigw_ns.lab import paths, store
from eigw_ns.topology import Topology

_CODE = ("topology", "cloud")  # the packages


@dataclass(frozen=True, slots=True)
class Source:
    """The bytes of a topology file, and what the lab is called where they give it no name."""

    content: bytes
    default_lab: str


def recall(source: Source) -> Topology | None:
    """What is stored as read from this source; None where nothing is known of it, and it must be read."""
    found = None
    with contextlib.suppress(HostError):  # who may not look into the state folder can still read a file
        found = next((lab for lab in store.labs() if _is_noted(source, lab)), None)
    return store.load(found) if found is not None else None


def remember(source: Source, found: Topology) -> None:
    """Note that the source was read as this topology. Where that cannot be written, it is read again next time."""
    lab = found.cloud.lab
    if not _is_noted(source, lab):
        with contextlib.suppress(OSError):
            store.write_atomically(paths.source_file(lab), _note(source, store.text(found).encode()))


def _is_noted(source: Source, lab: str) -> bool:
    try:
        return paths.source_file(lab).read_text() == _note(source, paths.topology_file(lab).read_bytes())
    except (OSError, ValueError):  # no note, or none of ours
        return False


def _note(source: Source, stored: bytes) -> str:
    parts = (eigw_ns.__version__.encode(), source.default_lab.encode(), source.content, stored)
    digest = hashlib.sha256()
    for part in (*parts, *_code()):
        digest.update(len(part).to_bytes(8) + part)
    return digest.hexdigest()


def _code() -> Iterator[bytes]:
    """The program's modules that a file is read by, by size and time: who works on them is not told what was before."""
    top = Path(eigw_ns.__file__).parent
    for package in _CODE:
        for path in sorted((top / package).rglob("*.py")):
            found = path.stat()
            yield f"{path} {found.st_size} {found.st_mtime_ns}".encode()
