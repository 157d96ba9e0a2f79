"""Block signals around code that must not be interrupted halfway."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Defer SIGINT, SIGTERM and SIGHUP until the block has ended."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:  # the call below may raise a signal that came just before it, and has blocked all the same
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
