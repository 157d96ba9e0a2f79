"""Remembers what was computed, and stops what would never end: cycles, and chains that are too long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from eigw_ns.cloud.words import shorten
from eigw_ns.importing.sources.cloudformation.values import Unknown, Value

_DEEPEST = 100
"""Expressions inside each other, over all references. Each takes a few frames of Python, which allows 1,000."""


class Memo:
    """The results of one design. What is asked for while it is computed refers to itself."""

    def __init__(self) -> None:
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

    @contextmanager
    def deeper(self) -> Iterator[bool]:
        """Enter an expression. Gives False if the chain of expressions is too long to follow."""
        self._depth += 1
        try:
            yield self._depth <= _DEEPEST
        finally:
            self._depth -= 1
