"""The process's standard streams, made fit for a program that must finish what it began."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Literal, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


def prepare() -> None:
    """Open what is closed, and have talk decide nothing: what cannot be written to stderr is lost, and nothing fails.

    A pipe whose reader has left, a full disc and a terminal that is gone would else end an `apply` halfway.
    """
    sys.stdin = sys.stdin or _nowhere("r")  # Python has None for what is closed; in this order each gets its number
    sys.stdout = sys.stdout or _nowhere("w")
    sys.stderr = sys.stderr or _nowhere("w")
    talk = io.BufferedWriter(_Undeterred(sys.stderr.fileno(), "wb", closefd=False))
    sys.stderr = io.TextIOWrapper(talk, sys.stderr.encoding, "backslashreplace", line_buffering=True)


def _nowhere(mode: Literal["r", "w"]) -> TextIO:
    """A stream that takes everything and gives nothing: reading fails, since no input is not the same as an empty one.

    It keeps files of ours from getting the number of a standard stream. Programs that we become find theirs closed.
    """
    descriptor = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    return open(descriptor, mode, encoding="utf-8", errors="backslashreplace", closefd=False)


def let_go(stream: TextIO) -> None:
    """Have a stream whose reader has left lead nowhere, also for what is written already and waits to be flushed."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


class _Undeterred(io.FileIO):
    """A file that takes everything, whatever becomes of it."""

    def write(self, data: ReadableBuffer, /) -> int:
        """See `io.RawIOBase`."""
        size = memoryview(data).nbytes
        try:
            written = super().write(data)
        except OSError:
            return size
        return size if written is None else written  # None: it does not block, and cannot take anything now
