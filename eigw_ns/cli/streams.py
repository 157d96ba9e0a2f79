"""The standard streams of the process. A failed write must not stop work that has begun."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO

from eigw_ns.cloud.words import printable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

SUBSTITUTE = "eigw_ns.substitute"
"""The name of the error handler (`codecs.register_error`) of both output streams."""

_SUBSTITUTES = {"→": ">", "✓": "+", "✗": "x", "─": "-", "█": "#", "░": ".", "…": "..."}
"""What is printed for a character that the encoding of the locale lacks: one column wide, so that tables stay aligned.
The ellipsis is an exception. Other characters become escapes."""


def substitute(error: UnicodeError) -> tuple[str, int]:
    """Return text for the characters that cannot be encoded, and where to go on. See `codecs.register_error`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_SUBSTITUTES.get(each) or _escape(each) for each in lacking), error.end


def _escape(character: str) -> str:
    return character.encode("ascii", "backslashreplace").decode("ascii")


def prepare() -> None:
    """Open the standard streams that are closed, and make writes to stderr succeed always.

    Text that stderr cannot take is lost. Otherwise a closed pipe, a full disk or a closed terminal would end an
    `apply` halfway. No character fails on either stream, whatever the encoding of the locale is.
    """
    codecs.register_error(SUBSTITUTE, substitute)
    sys.stdin = sys.stdin or _null_stream("r")  # Python sets a closed stream to None; this order keeps the numbers
    sys.stdout = sys.stdout or _null_stream("w")
    sys.stderr = sys.stderr or _null_stream("w")
    messages = io.BufferedWriter(_LossyFile(sys.stderr.fileno(), "wb", closefd=False))
    sys.stderr = io.TextIOWrapper(messages, sys.stderr.encoding, SUBSTITUTE, line_buffering=True)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors=SUBSTITUTE)


def _null_stream(mode: Literal["r", "w"]) -> TextIO:
    """Return a stream that fails to read and to write (EBADF).

    No input is not the same as empty input, and output that is lost is a failure. The stream occupies the number of a
    standard stream, so that no file of ours gets that number. It is closed on exec(3): a program that replaces this
    process finds the stream closed, as it was.
    """
    opposite = os.O_WRONLY if mode == "r" else os.O_RDONLY
    descriptor = os.open(os.devnull, opposite | os.O_CLOEXEC)
    return open(descriptor, mode, encoding="utf-8", errors="backslashreplace", closefd=False)


def announce_wait(file: str) -> None:
    """Say on a terminal what is awaited if reading `file` waits for somebody: a FIFO, or `-` for this terminal."""
    if not sys.stderr.isatty():
        return
    if file == "-":
        waiting = "reading from this terminal; end the input with Ctrl-D" if sys.stdin.isatty() else ""
    else:
        waiting = f"waiting for another program to write to {printable(file)}" if _is_named_pipe(file) else ""
    if waiting:
        sys.stderr.write(f"{waiting}\n")


def _is_named_pipe(file: str) -> bool:
    """Return whether the file is a FIFO. /dev/fd is the shell's `<(command)`, which has a writer."""
    with contextlib.suppress(OSError):
        return not file.startswith("/dev/fd/") and Path(file).is_fifo()
    return False


def let_go(stream: TextIO) -> None:
    """Redirect a stream without a reader to /dev/null. Text that is written but not yet flushed goes there, too."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)


class _LossyFile(io.FileIO):
    """A file that reports every write as successful."""

    def write(self, data: ReadableBuffer, /) -> int:
        """See `io.RawIOBase`."""
        size = memoryview(data).nbytes
        try:
            written = super().write(data)
        except OSError:
            return size
        return size if written is None else written  # None: non-blocking, and full
