"""Output on stdout: tables for people, JSON for programs."""

from __future__ import annotations

import codecs
import json
import os
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from eigw_ns.cloud.words import UNSAFE, printable

if TYPE_CHECKING:
    from eigw_ns.render.table import Table

_UNSAFE = re.compile(f"[{UNSAFE}]")


def show_json(data: object, *, indent: int | None = 2) -> None:
    """Print `data` as one JSON document, on one line if `indent` is None.

    JSON is UTF-8 (RFC 8259), so in another encoding it is pure ASCII.
    """
    click.echo(json_text(data, indent=indent))


def json_text(data: object, *, indent: int | None = 2) -> str:
    """Return `data` as one JSON document that stdout can take, without characters that control a terminal."""
    text = json.dumps(data, indent=indent, ensure_ascii=not is_utf8())
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def is_utf8() -> bool:
    """Return whether stdout is UTF-8. JSON and topology files are read as UTF-8, so elsewhere they must be ASCII."""
    return codecs.lookup(sys.stdout.encoding).name == "utf-8"


def show_tables(tables: Sequence[Table]) -> None:
    """Print the tables: fitted to a terminal and in colour; into a file or pipe, plain and one line per row."""
    from eigw_ns.render.table import draw

    terminal = sys.stdout.isatty()
    width = columns() if terminal else None
    click.echo(draw(tables, width=width, colour=has_colour()), nl=False, color=has_colour())


_COLOURS = {"+": "green", "-": "red", "~": "yellow", "!": "bright_red"}


def show_lines(lines: Sequence[str]) -> None:
    """Print lines that begin with a sign (`+`, `-`, `~`, `!`): wrapped between words and in colour on a terminal."""
    for line in lines:
        click.echo(click.style(_fitted(line), fg=_COLOURS.get(line[:1])) if has_colour() else _fitted(line))


def show_text(text: str) -> None:
    """Print sentences: wrapped between words on a terminal."""
    for line in text.split("\n"):
        click.echo(_fitted(line))


def _fitted(line: str) -> str:
    """Return the line without characters that control a terminal, and wrapped if stdout is one."""
    from eigw_ns.render.table import wrap

    line = printable(line)
    return "\n".join(wrap(line, columns(), "    ")) if sys.stdout.isatty() else line


def has_colour() -> bool:
    """Return whether stdout is a terminal whose user has not refused colours. See https://no-color.org/."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def columns() -> int:
    """Return the width of the terminal in characters, or that in COLUMNS."""
    import shutil  # late: a quiet `apply` prints nothing

    return shutil.get_terminal_size().columns
