"""What must not be interrupted, and that everything can be again afterwards."""

from __future__ import annotations

import signal

import pytest

from eigw_ns.kernel.interrupts import uninterrupted

ASKED = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


def blocked() -> set[int]:
    return {int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())}


def test_they_wait_and_come_afterwards() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    reached = False
    try:
        with pytest.raises(KeyboardInterrupt), uninterrupted():
            assert blocked() >= ASKED
            signal.raise_signal(signal.SIGINT)
            reached = True
    finally:
        signal.signal(signal.SIGINT, before)
    assert reached
    assert not blocked() & ASKED


def test_one_that_came_just_before_leaves_none_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python raises it from the call that blocks, when that has been done."""
    change = signal.pthread_sigmask

    def late(how: int, mask: set[signal.Signals]) -> set[int]:
        before = change(how, mask)
        if how == signal.SIG_BLOCK and mask:
            raise KeyboardInterrupt
        return before

    monkeypatch.setattr(signal, "pthread_sigmask", late)
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        raise AssertionError("it was not raised")
    monkeypatch.undo()
    left = blocked() & ASKED
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKED)
    assert not left
