"""A private copy of folders: only this user can read it, it is gone at the end, and nothing writes to the originals.

Large files become symbolic links to the originals. Links in the folders are followed, each folder once on a path.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from eigw_ns.errors import EigwError
from eigw_ns.frozen import frozen
from eigw_ns.kernel.processes.privileges import User

_LARGE = 4 << 20
"""From this size (bytes) on, a file is linked."""

_MOST_FILES = 20_000
_MOST_BYTES = 256 << 20

Skipped = Callable[[Path], bool]
"""Whether a file or a folder is left out."""


@contextlib.contextmanager
def private_folder(user: User | None = None) -> Iterator[Path]:
    """Yield an empty folder that only `user` can enter, or this user. It is gone at the end, with its content."""
    with tempfile.TemporaryDirectory(prefix="eigw-ns-terraform-") as folder:
        if user is not None:
            os.chown(folder, user.uid, user.gid)
        yield Path(folder).resolve()


@frozen
class _Copy:
    """One copy that is being made."""

    skipped: Skipped
    sizes: list[int]

    def folder(self, source: Path, target: Path, above: frozenset[Path]) -> None:
        real = source.resolve()
        if real in above:  # a link to a folder that it is in
            return
        target.mkdir(parents=True, exist_ok=True)
        for entry in sorted(source.iterdir()):
            if not self.skipped(entry):
                self.entry(entry, target / entry.name, above | {real})

    def entry(self, entry: Path, target: Path, above: frozenset[Path]) -> None:
        if entry.is_dir():
            self.folder(entry, target, above)
        elif entry.is_file() and not target.exists():  # not a device, a pipe, or a link to nothing
            size = entry.stat().st_size
            self.sizes.append(size if size < _LARGE else 0)
            if len(self.sizes) > _MOST_FILES or sum(self.sizes) > _MOST_BYTES:
                raise EigwError(
                    f"{entry.parent} is in a module of more than {_MOST_FILES:,} files or {_MOST_BYTES >> 20} MiB",
                    hint="move what terraform does not read to another folder, or import the state",
                )
            _file(entry, target)


def _file(entry: Path, target: Path) -> None:
    if entry.stat().st_size >= _LARGE:
        target.symlink_to(entry.resolve())
    else:
        shutil.copy(entry, target)
        target.chmod(target.stat().st_mode | 0o200)


def copy_folder(source: Path, target: Path, skipped: Skipped) -> None:
    """Copy a folder. A file that the target has already stays.

    Raises EigwError if the folder has too many files or bytes; OSError if one cannot be read.
    """
    _Copy(skipped, []).folder(source, target, frozenset())
