"""Signals around code that must not be interrupted halfway, or that must clean up before this process ends."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Defer SIGINT, SIGTERM and SIGHUP until the block has ended."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:  # the call below may raise a signal that came just before it, and has blocked all the same
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Ended(BaseException):
    """A signal came that ends this process. It passes every handler of errors, as KeyboardInterrupt does."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    raise _Ended(number)


@contextlib.contextmanager
def cleaned_up() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end this process only after the block has cleaned up.

    Signals that this process ignores or handles stay as they are, and so do all outside of the main thread.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    usual = [each for each in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(each) is signal.SIG_DFL]
    taken = usual if in_main_thread else []
    try:
        for number in taken:
            signal.signal(number, _end)
        yield
    except _Ended as ended:
        signal.signal(ended.number, signal.SIG_DFL)
        signal.raise_signal(ended.number)
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)
