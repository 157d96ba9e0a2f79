"""The log on stderr, written by a thread of its own: if no program reads stderr, requests are answered all the same."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import sys
import threading
from collections import deque
from types import TracebackType

from eigw_ns.server.boundary import Log

_MOST_LINES = 1000
"""Entries that wait to be written. Further ones are counted and dropped."""
_CLOSE_SECONDS = 1.0
_STDERR = 2


class LogWriter(contextlib.AbstractContextManager["LogWriter"]):
    """A log. In the block, a thread writes what is logged; before it, entries wait.

    Enter the block after the last fork and after the process has given up its privileges: a thread keeps its own.
    """

    def __init__(self, descriptor: int = _STDERR, most: int = _MOST_LINES) -> None:
        self._descriptor, self._most = descriptor, most
        self._entries: deque[str] = deque()
        self._dropped, self._closed = 0, False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._write_all, name="eigw-log", daemon=True)

    def __call__(self, text: str) -> None:
        """Log a line, or several. Never waits, and raises nothing."""
        with self._changed:
            if len(self._entries) < self._most:
                self._entries.append(text)
            else:
                self._dropped += 1
            self._changed.notify()

    def __enter__(self) -> LogWriter:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Write what waits, if a program reads it within a second."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(_CLOSE_SECONDS)

    def _write_all(self) -> None:
        lost = 0
        while (found := self._next()) is not None:
            text, dropped = found
            lost += dropped
            data = f"{_notice(lost)}{text.rstrip()}\n".encode(sys.stderr.encoding, "backslashreplace")
            lost = 0 if _written(self._descriptor, data) else lost + 1

    def _next(self) -> tuple[str, int] | None:
        """Return the next entry, and how many were dropped since the last one; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._entries or self._closed)
            dropped, self._dropped = self._dropped, 0
            return (self._entries.popleft(), dropped) if self._entries else None


def _notice(lost: int) -> str:
    return f"warning: {lost} entries of the log are lost: no program read them from stderr in time\n" if lost else ""


def _written(descriptor: int, data: bytes) -> bool:
    """Write all bytes, however long that takes. Returns False if no program can read them."""
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            select.select([], [descriptor], [])
        except OSError:
            return False
    return True


class Handler(logging.Handler):
    """Passes on what libraries log."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        self._log(self.format(record))
