"""Tables as text, with aligned columns and optional colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from io import StringIO
from typing import TYPE_CHECKING

from eigw_ns.cloud.words import printable_lines
from eigw_ns.frozen import frozen

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable

Cell = str | tuple[str, str]
"""A text, or a text with its style in colour (in rich's words: `green`, `bold red`, `dim`)."""

_UNBOUNDED = 10_000  # characters: off a terminal, no line is broken
_GAP = 2  # characters between columns
_MARGIN = 1  # character: rich 13 gives the last column one more than requested, rich 15 does not
_NARROWEST = 16  # characters that the last column gets even if the terminal is too narrow


@frozen
class Table:
    """Column headings and rows. `title` may be empty."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def draw(tables: Sequence[Table], *, width: int | None, colour: bool) -> str:
    """Return the tables one below the other, fitted to `width` characters.

    If `width` is None, as for files and pipes, each row is one line. Only the last column is wrapped, between words: a
    wrapped id could not be copied.
    """
    from rich.console import Console  # imported here: JSON output does not need it

    console = Console(
        file=StringIO(),
        width=_UNBOUNDED,
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
            console.print(_rich(_printable(table), width or _UNBOUNDED))
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def _printable(table: Table) -> Table:
    """Return the table with escapes for what would control a terminal: some texts come from tenants."""
    return replace(table, rows=tuple(tuple(map(_printable_cell, row)) for row in table.rows))


def _printable_cell(cell: Cell) -> Cell:
    return printable_lines(cell) if isinstance(cell, str) else (printable_lines(cell[0]), cell[1])


def _rich(table: Table, width: int) -> ConsoleRenderable:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(
        title=Text(table.title, style="bold") if table.title else None,
        title_justify="left",
        title_style="",
        box=box.Box("    \n    \n ── \n    \n    \n    \n    \n    \n"),
        padding=(0, 1, 0, 0),
        show_edge=False,
        pad_edge=False,
        header_style="dim",
    )
    *fixed, _ = _widths(table)
    for column in table.columns[:-1]:
        drawn.add_column(column, no_wrap=True)
    drawn.add_column(table.columns[-1], max_width=max(_NARROWEST, width - sum(fixed) - _GAP * len(fixed) - _MARGIN))
    for row in table.rows:
        drawn.add_row(*(Text(_text(cell), "" if isinstance(cell, str) else cell[1]) for cell in row))
    return drawn


def _text(cell: Cell) -> str:
    return cell if isinstance(cell, str) else cell[0]


def _widths(table: Table) -> list[int]:
    """Return the width of each column without wrapping, in cells of a terminal. Wide characters take two."""
    from rich.cells import cell_len

    texts = [[_text(cell) for cell in row] for row in (table.columns, *table.rows)]
    return [max(cell_len(text) for text in column) for column in zip(*texts, strict=True)]
