"""The contents of a YAML file as a tree with line numbers."""

from __future__ import annotations

from typing import Any

from eigw_ns.frozen import frozen

Path = tuple[str | int, ...]
"""The place of a node: mapping keys and list indexes, from the top level."""


@frozen
class Scalar:
    """A single value. `text` is its spelling in the file. The value of a float is not kept, because no field is one."""

    line: int
    text: str
    value: str | int | float | bool | None


@frozen
class Sequence:
    """A list. `size` is the number of values in it and `height` the number of levels, with all aliases expanded."""

    line: int
    items: tuple[Node, ...]
    size: int
    height: int


@frozen
class Mapping:
    """A mapping. `lines` has the line of each key. `size` and `height` are as in a sequence."""

    line: int
    items: dict[str, Node]
    lines: dict[str, int]
    size: int
    height: int


Node = Scalar | Sequence | Mapping


def plain(node: Node) -> Any:
    """Return the node as dicts, lists and scalars. No object is shared, even if the file has aliases."""
    if isinstance(node, Mapping):
        return {key: plain(child) for key, child in node.items.items()}
    if isinstance(node, Sequence):
        return [plain(child) for child in node.items]
    return node.value


def locate(root: Node, path: Path) -> tuple[int, Node | None]:
    """Return the line of the place that `path` leads to, and the node at that place.

    If the path leads beyond the contents of the file, return the line of the last existing node on it, and None.
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
