"""Answers of EC2 actions as tables, for `--output table`: one for each list of structures, nested ones below."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from eigw_ns.render.aws_text import columns, is_scalar
from eigw_ns.render.table import Table


def tables(value: Any, title: str = "") -> Iterator[Table]:
    """Yield the tables of a value. The title of a nested one has the names of the members that lead to it."""
    if isinstance(value, Mapping):
        yield from _structures([value], title)
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        yield from _structures([item for item in value if isinstance(item, Mapping)], title)
    elif isinstance(value, list) and any(isinstance(item, list) for item in value):
        rows = [item if isinstance(item, list) else [item] for item in value]
        yield _plain(rows, title)
    else:
        items = value if isinstance(value, list) else [value]
        if items:
            yield _plain([[item] for item in items], title)


def _structures(items: list[Mapping[str, Any]], title: str) -> Iterator[Table]:
    names = columns(items)
    if names:
        yield Table(title, tuple(names), tuple(tuple(_cell(item.get(name)) for name in names) for item in items))
    for member in sorted({name for item in items for name in item} - set(names)):
        nested = [item[member] for item in items if member in item]
        flat = [each for value in nested for each in (value if isinstance(value, list) else [value])]
        yield from tables(flat, f"{title}.{member}" if title else member)


def _plain(rows: list[list[Any]], title: str) -> Table:
    width = max(map(len, rows))
    filled = (tuple(_cell(cell) for cell in (*row, *[None] * (width - len(row)))) for row in rows)
    return Table(title, ("",) * width, tuple(filled))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return str(value) if is_scalar(value) else "…"
