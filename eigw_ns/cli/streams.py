"""The process's standard streams, made fit for a program that must finish what it began."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STDERR = 2


def prepare() -> None:
    """Have talk decide nothing: from now on, what cannot be written to stderr is lost, and nothing fails for it.

    A pipe whose reader has left, a full disc and a terminal that is gone would else end an `apply` halfway.
    """
    talk = io.BufferedWriter(_Undeterred(_STDERR, "wb", closefd=False))
    sys.stderr = io.TextIOWrapper(talk, sys.stderr.encoding, "backslashreplace", line_buffering=True)


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
