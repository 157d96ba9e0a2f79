"""Text in messages: suggestions for an unknown word, and user input made safe to print."""

from __future__ import annotations

import re
from collections.abc import Iterable

UNSAFE = "\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
"""Characters, as in a regular expression, that control a terminal, reorder text, end a line or are half of a character.
JSON has escapes for the control characters below them."""

_UNPRINTABLE = f"[\x00-\x1f{UNSAFE}]"
_CLOSE_ENOUGH = 0.6
_MOST = 3
_LONGEST = 63
INVISIBLE = (
    "[\x00-\x1f\x7f-\xa0\xad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ud800-\uf8ff"
    "\ufeff\ufff0-\ufffb\ufffe\uffff\U000e0000-\U000e00ff\U000e01f0-\U0010ffff]"
)
"""Controls, separators, spaces other than U+0020, format characters, surrogates, private use and noncharacters.

It is compiled when it is used, since each start would take 1 ms for it.
The set is fixed: `str.isprintable` takes a new emoji for unprintable if Python's Unicode version is older.
"""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a question such as `did you mean web?` that suggests at most three of the `known` words.

    Returns "" if no known word is similar to `word`.
    """
    from difflib import get_close_matches  # imported here because only a mistake needs it

    spelt = {other.lower(): other for other in known}
    close = get_close_matches(word.lower()[:_LONGEST], spelt, _MOST, _CLOSE_ENOUGH)
    return f"did you mean {' or '.join(shorten(spelt[match]) for match in close)}?" if close else ""


def shorten(text: str) -> str:
    """Return at most 63 characters of `text` on one line, with invisible characters as escapes."""
    return re.sub(INVISIBLE, _escape, text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…")


def printable(text: str) -> str:
    """Return the text on one line, with escapes for characters that would control a terminal."""
    return re.sub(_UNPRINTABLE, _escape, text)


def printable_lines(text: str) -> str:
    """Return what `printable` does for each line."""
    return "\n".join(printable(line) for line in text.split("\n"))


def _escape(found: re.Match[str]) -> str:
    return ascii(found[0])[1:-1]
