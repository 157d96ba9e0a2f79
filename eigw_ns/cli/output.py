"""Output on stdout: tables for people, JSON for programs."""

from __future__ import annotations

import codecs
import json
import os
import re
import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from eigw_ns.cloud.words import UNSAFE

if TYPE_CHECKING:
    from eigw_ns.render.table import Table

_UNSAFE = re.compile(f"[{UNSAFE}]")


def show_json(data: object, *, indent: int = 2) -> None:
    """Print `data` as one JSON document. JSON is UTF-8 (RFC 8259), so in another encoding it is pure ASCII."""
    text = json.dumps(data, indent=indent, ensure_ascii=not is_utf8())
    click.echo(_UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def is_utf8() -> bool:
    """Return whether stdout is UTF-8. JSON and topology files are read as UTF-8, so elsewhere they must be ASCII."""
    return codecs.lookup(sys.stdout.encoding).name == "utf-8"


def show_tables(tables: Sequence[Table]) -> None:
    """Print the tables: fitted to a terminal and in colour; into a file or pipe, plain and one line per row."""

    from eigw_ns.render.table import draw

    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else None
    colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    click.echo(draw(tables, width=width, colour=colour), nl=False, color=colour)
