"""Messages about a design as lines for people and as data for programs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from eigw_ns.importing.messages import LEVELS, Message

USUAL_LEVELS = frozenset(LEVELS) - {"info"}


def in_order(messages: Iterable[Message]) -> tuple[Message, ...]:
    """Return the messages, the most important level first, each once, otherwise in the order of the source."""
    return tuple(sorted(dict.fromkeys(messages), key=lambda each: LEVELS.index(each.level)))


def lines(messages: Iterable[Message], *, verbose: bool) -> list[str]:
    """Return a line for each message. Without `verbose`, equal ones are folded with a count, and `info` is left out."""
    ordered = in_order(messages)
    if verbose:
        return list(map(str, ordered))
    folded: dict[tuple[object, ...], list[Message]] = {}
    for each in ordered:
        if each.level in USUAL_LEVELS:
            folded.setdefault((each.level, each.what, each.remedy, each.code), []).append(each)
    return [_folded(alike) for alike in folded.values()]


def _folded(alike: list[Message]) -> str:
    first, others = alike[0], len(alike) - 1
    code = f" [{first.code}]" if first.code else ""
    return f"{first}{code}{f' (and {others} more like this)' if others else ''}"


def document(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Return all messages as data."""
    return [
        {
            "level": each.level,
            "file": each.place.file,
            "line": each.place.line,
            "address": each.place.address,
            "what": each.what,
            "remedy": each.remedy or None,
            "code": each.code,
        }
        for each in in_order(messages)
    ]
