"""What a YAML file holds, as a tree that knows its lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]
"""Where something stands: mapping keys and list indexes, from the top."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value; `text` is how the file spells it. A float's value is not kept: no field is one."""

    line: int
    text: str
    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Sequence:
    """`size` and `height` count the values within and the levels above them, with all aliases written out."""

    line: int
    items: tuple[Node, ...]
    size: int
    height: int


@dataclass(frozen=True, slots=True)
class Mapping:
    """`lines` tells where each key stands; size and height as those of a sequence."""

    line: int
    items: dict[str, Node]
    lines: dict[str, int]
    size: int
    height: int


Node = Scalar | Sequence | Mapping


def plain(node: Node) -> Any:
    """The node as dicts, lists and scalars that share nothing, whatever aliases the file has."""
    if isinstance(node, Mapping):
        return {key: plain(child) for key, child in node.items.items()}
    if isinstance(node, Sequence):
        return [plain(child) for child in node.items]
    return node.value


def locate(root: Node, path: Path) -> tuple[int, Node | None]:
    """The line of the place that `path` leads to and what stands there.

    Where the path goes on after the file has ended, that is the line of the last thing on the way, and None.
    """
    node, line = root, root.line
    for step in path:
        if isinstance(node, Mapping) and isinstance(step, str) and step in node.items:
            line = node.lines[step]
            node = node.items[step]
        elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
            line = node.line
        else:
            return line, None
    return line, node
