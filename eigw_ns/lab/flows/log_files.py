"""A file of records, and the older ones beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from eigw_ns.errors import UsageError
from eigw_ns.frozen import frozen


@frozen
class LogFile:
    """A file to which lines are appended. It is opened for each write, so another program may move it away.

    If it has more than `size` bytes, it is renamed: `FILE.1` is the newest of at most `older` older files. `header` is
    the first line of each file; empty for none.
    """

    path: Path
    size: int
    older: int
    header: str = ""

    def write(self, lines: Sequence[str]) -> None:
        """Append the lines. Raises UsageError if the file cannot be written."""
        try:
            with self.path.open("a", encoding="ascii") as file:
                first = [self.header] if self.header and not file.tell() else []
                file.write("".join(f"{line}\n" for line in (*first, *lines)))
                written = file.tell()
            if written > self.size:
                self._rotate()
        except OSError as error:
            raise UsageError(f"cannot write {self.path}: {error.strerror}", hint="choose another file") from error

    def _rotate(self) -> None:
        for number in range(self.older - 1, 0, -1):
            if self._older(number).exists():
                self._older(number).replace(self._older(number + 1))
        self.path.replace(self._older(1))

    def _older(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")
