"""Verbs that run until a signal, and complete what they write before they end."""

from __future__ import annotations

import signal


def signals() -> list[int]:
    """Return a list that gets the number of each SIGTERM and SIGINT, in place of what they do otherwise."""
    received: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda each, _frame: received.append(each))
    return received
