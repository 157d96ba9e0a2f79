"""Which known words are meant by an unknown one: the "did you mean" of every room."""

from __future__ import annotations

from collections.abc import Iterable


def near(word: str, known: Iterable[str], limit: int = 3) -> tuple[str, ...]:
    """At most `limit` of the `known` words that look like `word`, the closest first."""
    from difflib import get_close_matches  # only mistakes pay for the import

    spelt = {other.lower(): other for other in known}
    return tuple(spelt[match] for match in get_close_matches(word.lower()[:100], spelt, limit, 0.6))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean web?`, or an empty text where nothing known looks like `word`."""
    close = near(word, known)
    return f"did you mean {' or '.join(close)}?" if close else ""
