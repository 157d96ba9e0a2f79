"""Results of benchmarks: rows of the budget, each a ratio with its spread, its target and the verdict."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from eigw_ns.render.table import Cell

Measure = Callable[[], float]
"""Measures once. Returns the seconds that it took, or the rate that was reached."""

Step = Callable[[], None]
"""Called after each measurement, to show progress."""


@dataclass(frozen=True, slots=True)
class Target:
    """The budget: a ratio must be at `most` or at `least` this."""

    kind: Literal["most", "least"]
    ratio: float

    def met_by(self, ratio: float) -> bool:
        """Return whether the ratio keeps the budget."""
        return ratio <= self.ratio if self.kind == "most" else ratio >= self.ratio

    def __str__(self) -> str:
        return f"{'≤' if self.kind == 'most' else '≥'} {self.ratio:g}"


COLUMNS = ("", "Against", "Target", "Ratio", "Spread", "Verdict", "Absolute")

STYLES = {"met": "green", "missed": "bold red", "": "dim"}
"""Styles of verdicts."""


class Line(Protocol):
    """One line of a benchmark's table."""

    def document(self) -> dict[str, Any]:
        """Return the line as `-o json` prints it."""
        ...

    def cells(self) -> tuple[Cell, ...]:
        """Return the cells of the line, in the benchmark's columns."""
        ...


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the budget. `low` and `high` are the quartiles of the ratios of all rounds, `ratio` their median.

    `detail` has the absolute figures, which are valid only for this machine and this moment. A row without a target has
    no verdict; it is informative.
    """

    name: str
    against: str
    ratio: float
    low: float
    high: float
    target: Target | None = None
    detail: str = ""

    @property
    def verdict(self) -> Literal["met", "missed", ""]:
        """Whether the target was met; empty if there is no target."""
        if self.target is None:
            return ""
        return "met" if self.target.met_by(self.ratio) else "missed"

    def document(self) -> dict[str, Any]:
        """Return the row as `-o json` prints it."""
        return {
            "name": self.name,
            "against": self.against,
            "ratio": round(self.ratio, 4),
            "spread": [round(self.low, 4), round(self.high, 4)],
            "target": None if self.target is None else {self.target.kind: self.target.ratio},
            "verdict": self.verdict or None,
            "detail": self.detail,
        }

    def cells(self) -> tuple[Cell, ...]:
        """Return the cells of the row, in `COLUMNS`."""
        spread = f"{self.low:.3f}–{self.high:.3f}"
        verdict = (self.verdict or "–", STYLES[self.verdict])
        return self.name, self.against, str(self.target or ""), f"{self.ratio:.3f}", spread, verdict, self.detail


def alternate(rounds: int, step: Step, *measures: Measure) -> list[list[float]]:
    """Measure A B A B …, so that other load of the machine affects all alike. Returns the figures of each, by round."""
    found: list[list[float]] = [[] for _ in measures]
    for _ in range(rounds):
        for figures, measure in zip(found, measures, strict=True):
            figures.append(measure())
            step()
    return found


def compare(
    name: str,
    against: str,
    ours: Sequence[float],
    theirs: Sequence[float],
    target: Target | None = None,
    detail: str = "",
) -> Row:
    """Return the row of the ratio of ours to theirs, taken round by round."""
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    low, ratio, high = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    return Row(name, against, ratio, low, high, target, detail)


def seconds(figures: Sequence[float]) -> str:
    """Return the median of times as text, in s or ms."""
    middle = statistics.median(figures)
    return f"{middle:.2f} s" if middle >= 1 else f"{middle * 1000:.0f} ms"
