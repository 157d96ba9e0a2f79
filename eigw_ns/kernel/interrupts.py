"""What must not be interrupted halfway."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C, and what else ends a program politely, waits until the block has ended."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:  # what came just before is raised by the call that blocks, which has blocked all the same
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
