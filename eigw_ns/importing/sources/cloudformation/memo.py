"""Remembers what was computed, and stops what would not end: cycles, long chains, and hostile amounts of work."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from eigw_ns.cloud.words import did_you_mean, shorten
from eigw_ns.errors import DesignError, Mistake
from eigw_ns.importing.sources.cloudformation.values import Unknown, Value

_DEEPEST = 100
"""Expressions inside each other, over all references. Each takes a few frames of Python, which allows 1,000."""

_MOST_STEPS = 500_000
"""The values that are evaluated for one design. Public templates take one for each five bytes, at most."""

_MOST_SUGGESTIONS, _MOST_NAMES = 20, 2_000
"""Each suggestion compares a word with all names, which takes up to 20 ms."""


class Memo:
    """The results of one design. What is asked for while it is computed refers to itself.

    `file` is the place of the error if the design takes too many steps.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self._steps = 0
        self._suggestions = 0
        self._results: dict[tuple[str, ...], Value] = {}
        self._open: set[tuple[str, ...]] = set()
        self._depth = 0

    def once(self, name: tuple[str, ...], compute: Callable[[], Value]) -> Value:
        """Return the result of the first call with this name. The last word of the name is what users know it by."""
        if name in self._results:
            return self._results[name]
        if name in self._open:
            return Unknown(f"{name[0]} {shorten(name[-1])} refers to itself", "end the cycle", name[-1])
        self._open.add(name)
        try:
            self._results[name] = compute()
        finally:
            self._open.discard(name)
        return self._results[name]

    def suggestion(self, word: str, known: Collection[str]) -> str:
        """Return which names may be meant, as `did_you_mean` does. Only the first wrong names have suggestions."""
        self._suggestions += 1
        if self._suggestions > _MOST_SUGGESTIONS or len(known) > _MOST_NAMES:
            return ""
        return did_you_mean(word, known)

    def spend(self, steps: int) -> None:
        """Count steps. Raises DesignError if the design takes too many of them."""
        self._steps += steps
        if self._steps > _MOST_STEPS:
            problem = f"the design takes more than {_MOST_STEPS:,} steps to evaluate"
            raise DesignError((Mistake(self._file, 0, "", "", problem, "give a part of it"),))

    @contextmanager
    def deeper(self) -> Iterator[bool]:
        """Enter an expression. Gives False if the chain of expressions is too long to follow."""
        self.spend(1)
        self._depth += 1
        try:
            yield self._depth <= _DEEPEST
        finally:
            self._depth -= 1
