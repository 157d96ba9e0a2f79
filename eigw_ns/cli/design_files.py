"""The bytes of a design: a file, standard input, or the text files of a folder."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from eigw_ns.cli import streams
from eigw_ns.cloud.words import printable
from eigw_ns.errors import UsageError
from eigw_ns.frozen import frozen
from eigw_ns.importing.detect import TERRAFORM_ENDINGS

STDIN = "-"
STDIN_NAME = "stdin"
_LARGEST = 64 << 20  # bytes of all files together
_MOST_FILES = 10_000
_PASSED_OVER = ("asset.", "node_modules", "__pycache__")
"""Beginnings of folders that hold programs. cdk puts the code of functions into `asset.…`."""

_HEAD = 4096


@frozen
class DesignFiles:
    """The bytes of a source by path below it, in order; `path` is as the user gave it. `name` is a word for it.

    The folder of a Terraform configuration has names only: terraform reads it.
    """

    path: str
    name: str
    files: Mapping[str, bytes]
    folder: bool


def read_files(source: str) -> DesignFiles:
    """Return what is in a file or folder, or on standard input. Raises UsageError if it cannot be read or is too large.

    Links to folders are not followed, and links to files only within the folder.
    """
    if source == STDIN:
        streams.announce_wait(source)
        return DesignFiles(
            source, STDIN_NAME, {STDIN_NAME: _limited(sys.stdin.buffer.read(_LARGEST + 1), source)}, False
        )
    path = Path(source)
    try:
        if path.is_dir():
            return DesignFiles(source, path.resolve().name, _folder(path), True)
        streams.announce_wait(source)
        with path.open("rb") as stream:
            return DesignFiles(source, path.stem, {source: _limited(stream.read(_LARGEST + 1), source)}, False)
    except OSError as error:
        raise UsageError(f"cannot read {printable(os.fspath(error.filename or source))}: {error.strerror}") from error


def _limited(data: bytes, source: str) -> bytes:
    if len(data) > _LARGEST:
        what = f"{printable(source)} has more than {_LARGEST >> 20} MiB"
        raise UsageError(what, hint="name a smaller file or folder")
    return data


def _folder(folder: Path) -> dict[str, bytes]:
    terraform = [path.name for path in sorted(folder.iterdir()) if path.name.endswith(TERRAFORM_ENDINGS)]
    if terraform:
        return dict.fromkeys(terraform, b"")
    files: dict[str, bytes] = {}
    left = _LARGEST
    for path in _walk(folder):
        name = path.relative_to(folder).as_posix()
        data = _text(path, left)
        if data is not None:
            files[name] = data
            left -= len(data)
        if left < 0 or len(files) > _MOST_FILES:
            what = f"{printable(str(folder))} has more than {_MOST_FILES} files, or more than {_LARGEST >> 20} MiB"
            raise UsageError(what, hint="name a folder that has the design only")
    return files


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder in the order of their paths, without hidden ones and folders of programs."""
    home = folder.resolve()
    for parent, folders, names in os.walk(folder, onerror=_fail):
        folders[:] = sorted(name for name in folders if not name.startswith((".", *_PASSED_OVER)))
        for name in sorted(names):
            path = Path(parent, name)
            if not name.startswith(".") and (not path.is_symlink() or path.resolve().is_relative_to(home)):
                yield path


def _fail(error: OSError) -> None:
    raise error


def _text(path: Path, most: int) -> bytes | None:
    """Return the bytes of a file; None for a special file or a program. Reads at most one byte more than `most`."""
    if not stat.S_ISREG(path.stat().st_mode):
        return None
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
        if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
            return None
        return head + stream.read(max(0, most + 1 - len(head)))
