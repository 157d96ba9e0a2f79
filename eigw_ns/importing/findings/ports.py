"""Ranges of ports: what rules allow in their order, and what one family has beyond the other."""

from __future__ import annotations

from collections.abc import Iterable

from eigw_ns.frozen import frozen

Range = tuple[int, int]
"""The first and the last port."""

ALL: Range = (0, 65_535)


@frozen
class Decision:
    """What a rule decides about a range of ports."""

    ports: Range
    allow: bool


def allowed(decisions: Iterable[Decision]) -> tuple[Range, ...]:
    """Return the ports that are allowed if the first decision about a port counts, ascending."""
    undecided, found = [ALL], list[Range]()
    for decision in decisions:
        taken = [part for each in undecided for part in _common(each, decision.ports)]
        found += taken if decision.allow else []
        undecided = [part for each in undecided for part in _without(each, decision.ports)]
    return _merged(found)


def beyond(one: Iterable[Range], other: Iterable[Range]) -> tuple[Range, ...]:
    """Return the ports of `one` that `other` does not have."""
    left = list(one)
    for taken in other:
        left = [part for each in left for part in _without(each, taken)]
    return _merged(left)


def text(ranges: Iterable[Range]) -> str:
    """Return the ports in words: `22, 8000-8010`."""
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def _common(one: Range, other: Range) -> tuple[Range, ...]:
    first, last = max(one[0], other[0]), min(one[1], other[1])
    return ((first, last),) if first <= last else ()


def _without(one: Range, taken: Range) -> tuple[Range, ...]:
    before, after = (one[0], min(one[1], taken[0] - 1)), (max(one[0], taken[1] + 1), one[1])
    return tuple(part for part in (before, after) if part[0] <= part[1])


def _merged(ranges: Iterable[Range]) -> tuple[Range, ...]:
    merged: list[Range] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)
