"""Signals are deferred during a block, and delivered after it."""

from __future__ import annotations

import signal

import pytest

from eigw_ns.kernel.processes.signals import uninterrupted

ASKED = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


def blocked() -> set[int]:
    return {int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())}


def test_signals_are_delivered_after_the_block() -> None:
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


def test_a_signal_just_before_the_block_leaves_no_signal_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python raises it in the call that blocks signals, after they are blocked."""
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
