"""Tables as text: aligned columns, in colour where asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO

Cell = str | tuple[str, str]
"""A text, or a text with the style it has in colour (rich's words: `green`, `bold red`, `dim`)."""

_UNBOUNDED = 10_000  # columns: where nobody looks, no line is ever broken


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns; `title` may be empty."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def draw(tables: Sequence[Table], *, width: int | None, colour: bool) -> str:
    """The tables one below the other, at most `width` characters wide; None is for files and pipes: one line a row."""
    from rich.console import Console  # JSON output does not pay for the import

    console = Console(
        file=StringIO(),
        width=width or _UNBOUNDED,
        force_terminal=colour,
        no_color=not colour,
        color_system="standard" if colour else None,
        highlight=False,
        legacy_windows=False,
    )
    with console.capture() as capture:
        for index, table in enumerate(tables):
            if index:
                console.print()
            console.print(_rich(table))
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def _rich(table: Table) -> object:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(
        title=Text(table.title, style="bold") if table.title else None,
        title_justify="left",
        title_style="",
        box=box.Box("    \n    \n ── \n    \n    \n    \n    \n    \n"),
        show_edge=False,
        pad_edge=False,
        header_style="dim",
    )
    for column in table.columns:
        drawn.add_column(column, overflow="fold")
    for row in table.rows:
        drawn.add_row(*(Text(cell) if isinstance(cell, str) else Text(*cell) for cell in row))
    return drawn
