"""A private copy of folders: only this user can read it, it is gone at the end, and nothing writes to the originals.

Large files become symbolic links to the originals. Links inside the folders are followed, each folder once on a path.
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

_LARGE = 4 << 20
"""From this size (bytes) on, a file is linked."""

_MOST_FILES = 20_000

Skipped = Callable[[Path], bool]
"""Whether a file or a folder is left out."""


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """Yield an empty folder that only this user can enter. It is removed at the end of the block, with its content."""
    with tempfile.TemporaryDirectory(prefix="eigw-ns-terraform-") as folder:
        yield Path(folder).resolve()


def give_to(folder: Path, uid: int, gid: int) -> None:
    """Make a user the owner of a folder and of what is in it. In a user namespace that lacks the user, nobody is."""
    with contextlib.suppress(OSError):
        for path in (folder, *folder.rglob("*")):
            os.chown(path, uid, gid, follow_symlinks=False)


@frozen
class _Copy:
    """One copy that is being made."""

    skipped: Skipped
    count: list[int]

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
            self.count[0] += 1
            if self.count[0] > _MOST_FILES:
                raise EigwError(
                    f"{entry.parent} and the modules beside it hold more than {_MOST_FILES:,} files",
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

    Raises EigwError if the folder has too many files, or if one cannot be read.
    """
    try:
        _Copy(skipped, [0]).folder(source, target, frozenset())
    except OSError as error:
        raise EigwError(
            f"cannot copy {error.filename or source}: {error.strerror}", hint="check its permissions"
        ) from None
