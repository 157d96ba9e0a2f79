"""Tables as text that fits a terminal: aligned columns, or a block of lines for each row; optional colour."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from io import StringIO
from typing import TYPE_CHECKING

from eigw_ns.cloud.words import printable_lines
from eigw_ns.frozen import frozen

if TYPE_CHECKING:
    from rich.console import Console, ConsoleRenderable
    from rich.text import Text

Cell = str | tuple[str, str]
"""A text, or a text with its style in colour (in rich's words: `green`, `bold red`, `dim`)."""

_UNBOUNDED = 10_000  # characters: rich breaks no line of its own
_GAP = 2  # characters between columns
_MARGIN = 1  # character: rich 13 gives the last column one more than requested, rich 15 does not
_NARROWEST = 16  # characters that the last column needs, if it is that long
_COMFORTABLE = 40  # characters that the last column gets before optional columns do
_INDENT = "  "


@frozen
class Table:
    """Column headings and rows. `title` may be empty.

    `optional` are headings of columns that a narrow terminal does not show, such as ids; the first ones go first.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    optional: tuple[str, ...] = ()


def draw(tables: Sequence[Table], *, width: int | None, colour: bool) -> str:
    """Return the tables one below the other, fitted to `width` characters.

    No id and no address is broken. Only the last column is wrapped, between words. If that is not enough, optional
    columns are left out, then the name of each row gets a line of its own, then each cell. If `width` is None, as for
    files and pipes, each row is one line, and a tab separates its cells.
    """
    if width is None:
        return "\n".join(_plain(_printable(table)) for table in tables)
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
            _print(console, _fitted(_printable(table), width), width)
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def _plain(table: Table) -> str:
    """Return the table without padding. A cell has no tab, and no line end but in the title."""
    lines = [table.title] if table.title else []
    lines += ["\t".join(" ".join(_text(cell).split("\n")) for cell in row) for row in (table.columns, *table.rows)]
    return "".join(f"{line}\n" for line in lines)


def _print(console: Console, table: Table, width: int) -> None:
    """Print the table in the first layout that fits: a table, a table below the name of each row, or blocks."""
    if _missing(table, width) <= 0:
        for line in _lines((table.title, "bold"), width):  # rich would wrap it to the width of the columns
            console.print(line, no_wrap=True)
        console.print(_rich(table, width))
        return
    name, rest = _split(table)
    headed = bool(rest.columns) and _missing(rest, width - len(_INDENT)) <= 0
    for line in _headed(table.title, name, rest, width) if headed else _blocks(table.title, name, rest, width):
        console.print(line, no_wrap=True)


def _split(table: Table) -> tuple[Sequence[Cell], Table]:
    """Return the name of each row, which are its first cells, and a table of the others."""
    first = next((index for index, heading in enumerate(table.columns) if heading), 0) + 1
    names = [(" ".join(filter(None, map(_text, row[:first]))), _style(row[0])) for row in table.rows]
    return names, Table("", table.columns[first:], tuple(row[first:] for row in table.rows))


def _fitted(table: Table, width: int) -> Table:
    """Return the table without the optional columns that keep the last column from a comfortable width."""
    for heading in table.optional:
        if _missing(table, width, _COMFORTABLE) > 0:
            table = _without(table, table.columns.index(heading))
    return table


def _without(table: Table, column: int) -> Table:
    rows = tuple(row[:column] + row[column + 1 :] for row in table.rows)
    return replace(table, columns=table.columns[:column] + table.columns[column + 1 :], rows=rows)


def _missing(table: Table, width: int, least: int = _NARROWEST) -> int:
    """Return how many characters the last column lacks, if it is to have `least` of its own and no broken word."""
    *_, last = _widths(table)
    words = (word for row in table.rows for word in _text(row[-1]).split())
    needed = max(min(last, least), max(map(_cells, words), default=0), _cells(table.columns[-1]))
    return needed - _remaining(table, width)


def _remaining(table: Table, width: int) -> int:
    """Return how many characters the other columns leave to the last one."""
    *fixed, _ = _widths(table)
    return width - sum(fixed) - _GAP * len(fixed) - _MARGIN


def _printable(table: Table) -> Table:
    """Return the table with escapes for what would control a terminal: some texts come from tenants."""
    return replace(table, rows=tuple(tuple(map(_printable_cell, row)) for row in table.rows))


def _printable_cell(cell: Cell) -> Cell:
    return printable_lines(cell) if isinstance(cell, str) else (printable_lines(cell[0]), cell[1])


def _rich(table: Table, width: int) -> ConsoleRenderable:
    from rich import box
    from rich.table import Table as RichTable

    drawn = RichTable(
        box=box.Box("    \n    \n ── \n    \n    \n    \n    \n    \n"),
        padding=(0, 1, 0, 0),
        show_edge=False,
        pad_edge=False,
        header_style="dim",
    )
    for column in table.columns[:-1]:
        drawn.add_column(column, no_wrap=True)
    drawn.add_column(table.columns[-1], max_width=_remaining(table, width))
    for row in table.rows:
        drawn.add_row(*(_text_of(_text(cell), _style(cell)) for cell in row))
    return drawn


def _headed(title: str, names: Sequence[Cell], rest: Table, width: int) -> Iterator[Text]:
    """Yield the lines of a table that has the name of each row above the row."""
    yield from _lines((title, "bold"), width)
    *fixed, _ = _widths(rest)
    for name, row in zip((("", ""), *names), (tuple((each, "dim") for each in rest.columns), *rest.rows), strict=True):
        yield from _lines(name, width)
        before = _text_of("").append(_INDENT)
        for cell, size in zip(row, fixed, strict=False):
            before.append(_text(cell), _style(cell)).append(" " * (size + _GAP - _cells(_text(cell))))
        yield from _beside(before, row[-1], width)


def _blocks(title: str, names: Sequence[Cell], rest: Table, width: int) -> Iterator[Text]:
    """Yield the lines of a table whose rows are blocks: the name of the row, then a line for each other cell."""
    yield from _lines((title, "bold"), width)
    label = max(map(_cells, rest.columns), default=0) + _GAP
    for name, row in zip(names, rest.rows, strict=True):
        yield from _lines(name, width)
        for heading, cell in zip(rest.columns, row, strict=True):
            if _text(cell):
                yield from _beside(_text_of(_INDENT + heading + " " * (label - _cells(heading))), cell, width)


def _lines(cell: Cell, width: int) -> Iterator[Text]:
    return (_text_of(line, _style(cell)) for line in wrap(_text(cell), width, _INDENT))


def _beside(before: Text, cell: Cell, width: int) -> Iterator[Text]:
    """Yield the text `before` with the cell at its right. More lines of the cell are below its first one."""
    first, *more = wrap(_text(cell), width - before.cell_len) or [""]
    yield before.copy().append(first, _style(cell))
    for line in more:
        yield _text_of(" " * before.cell_len).append(line, _style(cell))


def _text_of(text: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(text, style)


def wrap(text: str, width: int, indent: str = "") -> list[str]:
    """Return the text as lines of at most `width` characters, all but the first behind `indent`.

    Lines end between words. A word that is longer than a line ends after `/` if it can: it is the name of a VPC and of
    what is in it.
    """
    lines: list[str] = []
    for part in _parts(text, width - len(indent)):
        if lines and _cells(f"{lines[-1]}{part}".rstrip()) <= width:
            lines[-1] += part
        else:
            lines.append((indent if lines else "") + part)
    return [line.rstrip() for line in lines]


def _parts(text: str, longest: int) -> Iterator[str]:
    """Yield the words, each with a space behind it. Words that are longer than a line come in parts."""
    for word in text.split():
        yield from _broken(f"{word} ", longest) if _cells(word) > longest else (f"{word} ",)


def _broken(word: str, longest: int) -> Iterable[str]:
    first, slash, rest = word.partition("/")
    if slash and max(_cells(first) + 1, _cells(rest.rstrip())) <= longest:
        return f"{first}/", rest
    size = max(longest // 2, 1)  # a character takes two columns at most
    return [word[start : start + size] for start in range(0, len(word), size)]


def _text(cell: Cell) -> str:
    return cell if isinstance(cell, str) else cell[0]


def _style(cell: Cell) -> str:
    return "" if isinstance(cell, str) else cell[1]


def _widths(table: Table) -> list[int]:
    """Return the width of each column without wrapping, in cells of a terminal. Wide characters take two."""
    texts = [[_text(cell) for cell in row] for row in (table.columns, *table.rows)]
    return [max(max(map(_cells, text.split("\n"))) for text in column) for column in zip(*texts, strict=True)]


def _cells(text: str) -> int:
    """Return how many columns of a terminal the text takes."""
    from rich.cells import cell_len

    return cell_len(text)
