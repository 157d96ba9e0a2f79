"""`wait_until`: waits for a condition with a deadline, and returns what the condition found."""

from __future__ import annotations

import time

from eigw_ns.kernel.processes.waiting import wait_until
from tests.support.slowness import SLOWNESS


def test_it_returns_what_the_condition_found() -> None:
    answers = iter([0, 0, 7, 8])
    assert wait_until(lambda: next(answers), 60, pause=0.0001) == 7
    assert next(answers) == 8  # the control: it was not asked again


def test_it_gives_up_after_the_time() -> None:
    before = time.monotonic()
    assert wait_until(lambda: "", 0.05, pause=0.001) == ""
    assert 0.05 <= time.monotonic() - before < 5 * SLOWNESS


def test_it_checks_once_even_without_time() -> None:
    answers = iter([True])
    assert wait_until(lambda: next(answers), 0)
