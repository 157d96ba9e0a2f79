"""When a replica counts as dead, and when as well: beats in a row; and who can stand in for it."""

from __future__ import annotations

from functools import partial

import pytest

from eigw_ns.lab.agent.failure_detector import INTERVAL, LATE, SILENT, STEADY, Pulse, can_stand_in


def _after(pulse: Pulse, beats: str) -> Pulse:
    for beat in beats:
        pulse = pulse.after(answered=beat == "!")
    return pulse


def test_one_missed_beat_is_suspicious_and_many_are_death() -> None:
    alive = Pulse(carries=True)
    assert alive.verdict == "well"
    assert _after(alive, ".").verdict == "suspect"
    assert _after(alive, "." * (SILENT - 1)).verdict == "suspect"
    assert _after(alive, "." * SILENT).verdict == "dead"
    assert _after(alive, "." * (SILENT - 1) + "!" + "." * (SILENT - 1)).verdict == "suspect"


def test_who_carries_nothing_is_well_after_many_answers_in_a_row() -> None:
    dead = Pulse(carries=False)
    assert dead.verdict == "unwell"
    assert _after(dead, "!" * (STEADY - 1)).verdict == "unwell"
    assert _after(dead, "!" * STEADY).verdict == "recovered"
    assert _after(dead, "!" * (STEADY - 1) + "." + "!" * (STEADY - 1)).verdict == "unwell"


def test_silence_is_noticed_within_a_second() -> None:
    assert SILENT * INTERVAL + LATE < 1.0


_UP, _DOWN, _QUIET, _BROKEN = (True, True), (False, False), (False, True), (True, False)
"""Whether a replica answers, and whether it seems sound."""


@pytest.mark.parametrize(
    ("others", "if_silent", "if_visible"),
    [
        ([], False, False),
        ([_DOWN], False, False),
        ([_DOWN, _DOWN], False, False),
        ([_UP], True, True),
        ([_DOWN, _UP], True, True),
        ([_QUIET], False, True),
        ([_DOWN, _QUIET], False, True),
        ([_BROKEN], True, True),
    ],
)
def test_silence_needs_one_that_answers_and_a_visible_fault_one_that_seems_sound(
    others: list[tuple[bool, bool]], if_silent: bool, if_visible: bool
) -> None:
    """What answers carries flows, whatever it looks like."""
    seen = [(answers, partial(bool, sound)) for answers, sound in others]
    assert can_stand_in(seen, visible=False) is if_silent
    assert can_stand_in(seen, visible=True) is if_visible


def test_nobody_is_looked_at_who_answers_or_for_silence() -> None:
    """A look takes milliseconds, and flows wait for them."""
    looks: list[int] = []

    def looked() -> bool:
        looks.append(1)
        return False

    assert can_stand_in([(True, looked)], visible=True)
    assert not can_stand_in([(False, looked)], visible=False)
    assert looks == []
    assert not can_stand_in([(False, looked)], visible=True)
    assert looks == [1]
