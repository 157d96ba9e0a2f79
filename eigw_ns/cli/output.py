"""Output on stdout: tables for people, JSON for programs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from eigw_ns.render.table import Table


def show_json(data: object) -> None:
    """Print `data` as one JSON document."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False))


def show_tables(tables: Sequence[Table]) -> None:
    """Print the tables: fitted to a terminal and in colour; into a file or pipe, plain and one line per row."""
    import shutil  # here and below: `apply` prints no table

    from eigw_ns.render.table import draw

    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else None
    colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    click.echo(draw(tables, width=width, colour=colour), nl=False, color=colour)
