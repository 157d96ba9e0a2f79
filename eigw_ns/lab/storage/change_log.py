"""The changes of a stored topology since its file was written: lines that are appended to a log beside the file.

The first line names the content of the file by a digest. Each other line is a change, with a digest of the file's
digest, of the line's place and of the change. So a log never belongs to another content, and no line can be lost
between others. The first line names the version of the file too, so that a writer need not read the file.

A line is on the disk (fsync) before its change is acknowledged. A crash may leave a last line without its end. That one
was not acknowledged, so readers ignore it, and the next change writes the whole file. Any other damage is an error.

Before the whole file is written, a last line names its content. So a log beside that file is done, and one beside any
other content but its base shows that a person edited the file. Then the log is an error, too.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from eigw_ns.frozen import frozen

_FIRST, _LAST = "eigw-ns changes of", "eigw-ns changes are in"
_LONGEST = 512  # bytes of a first line


class DamagedLogError(ValueError):
    """A line of a log is not what was written."""


@frozen
class Base:
    """The file that the changes of a log begin with: the digest of its content, and its version."""

    digest: str
    version: str

    @staticmethod
    def of(content: bytes, version: str) -> Base:
        """Return the base of changes of a file with this content."""
        return Base(hashlib.sha256(content).hexdigest(), version)

    @property
    def line(self) -> bytes:
        """The first line of the log."""
        return f"{_FIRST} {self.digest} {self.version}\n".encode()


Standing = Literal["current", "done", "foreign"]


def standing(log: bytes, content: bytes) -> Standing:
    """Return whether the changes come after this content of the file, are in it already, or belong to another one."""
    first, *lines = log.split(b"\n")
    digest = hashlib.sha256(content).hexdigest()
    if not lines or not lines[:-1] or lines[-2] == f"{_LAST} {digest}".encode():  # no whole line, no change, all there
        return "done"
    return "current" if first.startswith(f"{_FIRST} {digest} ".encode()) else "foreign"


def count(log: bytes) -> int:
    """Return the number of changes in a log."""
    return sum(not line.startswith(_LAST.encode()) for line in log.split(b"\n")[1:-1])


def changes(log: bytes, content: bytes) -> Iterator[Mapping[str, Any]]:
    """Yield the changes in a log that is current. Raises DamagedLogError."""
    first, *lines = log.split(b"\n")
    base, place = Base.of(content, ""), len(first) + 1
    for number, line in enumerate(lines[:-1], start=2):
        if number == len(lines) and line.startswith(_LAST.encode()):
            return
        digest, _, text = line.partition(b" ")
        if digest != _digest(text, base, place):
            raise DamagedLogError(f"line {number} of its changes is damaged")
        yield json.loads(text)
        place += len(line) + 1


def finish(log: int, content: bytes) -> None:
    """Note in an opened log that this content, which is about to be written, has all its changes. Raises OSError."""
    whole = os.pread(log, os.fstat(log).st_size, 0).rpartition(b"\n")[0] + b"\n"
    os.ftruncate(log, len(whole))  # without a torn line
    os.pwrite(log, f"{_LAST} {hashlib.sha256(content).hexdigest()}\n".encode(), len(whole))
    os.fsync(log)


def base_of(log: int, version: str) -> Base | None:
    """Return the base of an opened log; None if nothing can be appended.

    A log takes no further line if its last one is torn, if it is finished, or if it is not of the file that has this
    version.
    """
    size = os.fstat(log).st_size
    first, newline, _ = os.pread(log, _LONGEST, 0).decode(errors="replace").partition("\n")
    end = os.pread(log, _LONGEST, max(0, size - _LONGEST)).splitlines(keepends=True)[-1:]
    if not newline or not end[0].endswith(b"\n") or end[0].startswith(_LAST.encode()):
        return None
    digest, _, of = first.removeprefix(f"{_FIRST} ").partition(" ")
    return Base(digest, version) if of == version else None


def append(log: int, base: Base, change: Mapping[str, Any]) -> None:
    """Append a change to an opened log, and return when it is on the disk. If this fails, the log is as it was.

    The caller holds the lab's lock, and knows that the log is empty or has this base. Raises OSError.
    """
    size = os.fstat(log).st_size
    first = b"" if size else base.line
    text = json.dumps(change, separators=(",", ":")).encode()
    written = first + _digest(text, base, size + len(first)) + b" " + text + b"\n"
    try:
        if os.pwrite(log, written, size) != len(written):
            raise OSError("only a part of the change was written")
        os.fsync(log)
    except BaseException:
        os.ftruncate(log, size)
        raise


def _digest(text: bytes, base: Base, place: int) -> bytes:
    return hashlib.sha256(f"{base.digest} {place} ".encode() + text).hexdigest()[:32].encode()
