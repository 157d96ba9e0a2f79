"""Text in messages: suggestions for an unknown word, and user input made safe to print."""

from __future__ import annotations

from collections.abc import Iterable

_CLOSE_ENOUGH = 0.6
_MOST = 3
_LONGEST = 60


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a question such as `did you mean web?` that suggests at most three of the `known` words.

    Returns "" if no known word is similar to `word`.
    """
    from difflib import get_close_matches  # imported here because only a mistake needs it

    spelt = {other.lower(): other for other in known}
    close = get_close_matches(word.lower()[:_LONGEST], spelt, _MOST, _CLOSE_ENOUGH)
    return f"did you mean {' or '.join(shorten(spelt[match]) for match in close)}?" if close else ""


def shorten(text: str) -> str:
    """Return at most 60 characters of `text` on one line, with unprintable characters as escapes."""
    text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
