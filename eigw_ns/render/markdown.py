"""Parts of GitHub's Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from eigw_ns.cloud.words import printable

_SPECIAL = frozenset("|<>&[]*_`\\!#@~")


def cell(text: str) -> str:
    """Return the text so that Markdown and HTML show it as it is: parts of it come from a design."""
    return "".join(f"&#{ord(each)};" if each in _SPECIAL else each for each in printable(text))


def row(cells: Iterable[str]) -> str:
    """Return a row of a table."""
    return f"| {' | '.join(cells)} |"
