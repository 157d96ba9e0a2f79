"""Words in messages: which known one an unknown one may mean, and how to show what a user wrote."""

from __future__ import annotations

from collections.abc import Iterable

_CLOSE_ENOUGH = 0.6
_MOST = 3
_LONGEST = 60


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean web?`, with at most three of the `known` words; empty where none looks like `word`."""
    from difflib import get_close_matches  # only mistakes pay for the import

    spelt = {other.lower(): other for other in known}
    close = get_close_matches(word.lower()[:_LONGEST], spelt, _MOST, _CLOSE_ENOUGH)
    return f"did you mean {' or '.join(shorten(spelt[match]) for match in close)}?" if close else ""


def shorten(text: str) -> str:
    """At most 60 characters of `text` on one line, with what cannot be printed written as escapes."""
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST - 1]}…"
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
