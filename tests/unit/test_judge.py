"""When a replica counts as dead, and when as well: beats in a row."""

from __future__ import annotations

from eigw_ns.lab.agent.judge import INTERVAL, LATE, SILENT, STEADY, Pulse


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
