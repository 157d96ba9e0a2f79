"""When a replica counts as dead, and when as well again: from its heartbeats alone, which are given as numbers.

A beat that is late makes a replica suspect, and its namespace is looked at: what is visibly wrong (it is gone, its link
is down, its rules are gone, it does not forward) ends its part at once. Where nothing can be seen, silence has to last:
a flood may drown some beats, but hardly all of them for so long.

A replica is taken out only if another can stand in for it. If its fault is visible, another without a visible fault is
enough, whatever the beats say: they may all be missing for one reason. If it is silent, another must answer.

Beats are counted rather than seconds: an agent that was not let run for a while has sent none, so it misses none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Literal

from eigw_ns.frozen import frozen

INTERVAL = 0.1
"""Seconds between two beats through a replica."""

LATE = 0.03
"""Seconds after which a beat should have come back; it takes 50 µs."""

SILENT = 7
"""So many beats without an answer, one after the other, are death: with `LATE`, within 0.75 s."""

STEADY = 12
"""So many answered beats, one after the other, are health: about a second."""

Verdict = Literal["well", "suspect", "dead", "recovered", "unwell"]


@frozen
class Pulse:
    """What is known of a replica: whether it carries flows, and how many beats in a row were missed or answered."""

    carries: bool
    missed: int = 0
    answered: int = 0

    def after(self, *, answered: bool) -> Pulse:
        """Return the pulse after one more beat."""
        return replace(self, missed=0 if answered else self.missed + 1, answered=self.answered + 1 if answered else 0)

    @property
    def verdict(self) -> Verdict:
        """What the beats say."""
        if self.carries:
            return "dead" if self.missed >= SILENT else "suspect" if self.missed else "well"
        return "recovered" if self.answered >= STEADY else "unwell"


def can_stand_in(others: Iterable[tuple[bool, Callable[[], bool]]], visible: bool) -> bool:
    """Return whether any of the others can take over from a replica that should be taken out.

    `others`: of each other replica that carries flows, whether it answers, and a look at whether it seems sound, which
    takes a few milliseconds. `visible`: the fault of the one to be taken out is visible.
    """
    return any(answers or (visible and sound()) for answers, sound in others)
