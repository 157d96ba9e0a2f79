"""Write a file that a user names: all of it or nothing, and only if something changes."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from difflib import unified_diff
from pathlib import Path

from eigw_ns.errors import UsageError

_MODE = 0o666


def require_writable(file: Path, source: str) -> None:
    """Raise UsageError if the folder of the file is missing, or if the file is the source itself, or in it."""
    if file.is_dir():
        raise UsageError(f"{file} is a folder", hint=f"write a file, such as {file}/lab.yaml")
    if not file.parent.is_dir():
        raise UsageError(f"cannot write {file}: no such folder: {file.parent}", hint=f"mkdir -p {file.parent}")
    with suppress(OSError):
        if file.exists() and Path(source).exists() and file.samefile(source):
            raise UsageError(f"{file} is the source itself", hint="write the topology to another file")


def read_text(file: Path) -> str:
    """Return the text of a file, "" if it does not exist."""
    try:
        return file.read_bytes().decode(errors="replace")
    except FileNotFoundError:
        return ""


def write_text(file: Path, text: str) -> None:
    """Write the text to a file, which is old or new at any time. A pipe or a device is written directly."""
    target = file.resolve()
    if target.exists() and not target.is_file():
        target.write_text(text, encoding="utf-8")
        return
    mode = target.stat().st_mode & 0o7777 if target.exists() else _MODE & ~_umask()
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        Path(temporary).replace(target)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def difference(file: Path, old: str, new: str) -> list[str]:
    """Return what would change in the file, as lines of a unified diff."""
    name = str(file)
    return [line.rstrip("\n") for line in unified_diff(old.splitlines(True), new.splitlines(True), name, name)]
