"""Answers of EC2 actions as aws-cli's `--output text` prints them: tab-separated lines for `cut` and `read`.

A line has the scalars of one structure in alphabetical order of their names. Structures in a list have the same
columns, with an empty one for a missing member. Lines of nested structures follow, and begin with the name of their
member.
Source: https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-output-format.html#text-output
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def text(value: Any) -> str:
    """Return the value as text. The result of a query can be any value, also None."""
    return "".join(f"{line}\n" for line in _lines(value, "", None))


def is_scalar(value: Any) -> bool:
    """Return True for a value that is not a structure or a list."""
    return not isinstance(value, Mapping | list)


def columns(items: Sequence[Any]) -> list[str]:
    """Return the names of the scalars that any structure among the items has, in alphabetical order."""
    found = (item for item in items if isinstance(item, Mapping))
    return sorted({name for item in found for name, value in item.items() if is_scalar(value)})


def _lines(value: Any, name: str, shared: list[str] | None) -> Iterator[str]:
    """Yield the lines of a value. `name` is its member's name, and `shared` the columns of the list that it is in."""
    if isinstance(value, Mapping):
        yield from _structure(value, name, columns([value]) if shared is None else shared)
    elif isinstance(value, list):
        yield from _list(value, name)
    else:
        yield str(value)


def _structure(value: Mapping[str, Any], name: str, own: list[str]) -> Iterator[str]:
    if own:
        yield "\t".join([*([name.upper()] if name else []), *(str(value.get(column, "")) for column in own)])
    for member in sorted(value.keys() - set(own)):
        yield from _lines(value[member], member, None)


def _list(items: list[Any], name: str) -> Iterator[str]:
    if any(isinstance(item, Mapping) for item in items):
        shared = columns(items)
        for item in items:
            yield from _lines(item, name, shared)
        return
    scalars = [str(item) for item in items if is_scalar(item)]
    if name:
        yield from (f"{name.upper()}\t{scalar}" for scalar in scalars)
    elif scalars:
        yield "\t".join(scalars)
    for item in items:
        if not is_scalar(item):
            yield from _lines(item, name, None)
