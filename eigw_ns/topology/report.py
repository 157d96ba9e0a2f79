"""Collects mistakes in a topology file, each with its line and path."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from eigw_ns.cloud.words import did_you_mean, shorten
from eigw_ns.errors import Mistake, Remedy, TopologyError
from eigw_ns.topology.invalid_value import InvalidValue
from eigw_ns.topology.tree import Mapping, Node, Path, Scalar, Sequence, locate

Value = TypeVar("Value")

_FEW = 6
_PLAIN_KEY = re.compile(r"[\w-]+")


class MistakeReport:
    """The mistakes of one file. The line and the value of a mistake are looked up by its path."""

    def __init__(self, root: Mapping, file: str, mistakes: Iterable[Mistake] = ()) -> None:
        self._root = root
        self._file = file
        self._mistakes = list(mistakes)
        self._paths: set[Path] = set()

    def add(self, path: Path, problem: str, remedy: str | Remedy = "", *, value: str | None = None) -> None:
        """Add a mistake at `path`. The message quotes the value in the file, or `value` if it is given."""
        line, node = locate(self._root, path)
        shown = show(node) if value is None else shorten(value)
        self._mistakes.append(Mistake(self._file, line, path_text(path), shown, problem, remedy))
        self._paths.add(path)

    def add_without_place(self, problem: str, remedy: str, value: str) -> None:
        """Add a mistake that has no place in the file."""
        self._mistakes.append(Mistake(self._file, 0, "", shorten(value), problem, remedy))

    def add_unknown(self, path: Path, what: str, text: str, known: Iterable[str]) -> None:
        """Add the mistake that no `what` is named `text`. The remedy suggests similar `known` names."""
        known = tuple(known)
        listed = ", ".join(shorten(name) for name in known[:_FEW]) + (", …" if len(known) > _FEW else "")
        others = f"write {'one of ' if len(known) > 1 else ''}{listed}" if known else f"declare a {what}"
        self.add(path, f"no {what} has this name", did_you_mean(text, known) or others)

    def attempt(self, path: Path, form: Callable[[str], Value], text: str) -> Value | None:
        """Return `form(text)` for the text at `path`.

        Returns None if the text is not valid, which adds a mistake, or if the place is not clean.
        """
        if not self.is_clean(path):
            return None
        try:
            return form(text)
        except InvalidValue as wrong:
            self.add(path, wrong.problem, wrong.remedy)
            return None

    def exclude(self, path: Path) -> None:
        """Exclude `path` from the rules: it already has a mistake, or its value is a placeholder."""
        self._paths.add(path)

    def is_clean(self, path: Path) -> bool:
        """Return True if a rule should check exactly this place: it has no mistake yet and is not excluded."""
        return path not in self._paths

    def node(self, path: Path) -> Node | None:
        """Return the node at `path` in the file, or None."""
        return locate(self._root, path)[1]

    def line(self, path: Path) -> int:
        """Return the line of `path`, or of the last existing node on that path."""
        return locate(self._root, path)[0]

    def names(self, path: Path) -> tuple[str, ...]:
        """Return the keys of the mapping at `path` in file order, including keys with mistakes.

        Returns () if the path does not lead to a mapping.
        """
        node = self.node(path)
        return tuple(node.items) if isinstance(node, Mapping) else ()

    def close(self) -> None:
        """Raise TopologyError with all mistakes in file order, if there are any."""
        if self._mistakes:
            raise TopologyError(tuple(sorted(self._mistakes, key=lambda mistake: mistake.line)))


def path_text(path: Path) -> str:
    """Return a text such as `vpcs.main.route_tables.private.routes[0].target`, with unusual keys in quotes."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            key = step if _PLAIN_KEY.fullmatch(step) else f'"{step}"'
            text += f".{shorten(key)}" if text else shorten(key)
    return text


def show(node: Node | None) -> str:
    """Return the text for a value in a message: short, on one line."""
    if node is None:
        return ""
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, Sequence):
        return "a list"
    return shorten(node.text) if node.text else "nothing" if node.value is None else '""'


def quotable(node: Node | None) -> str:
    """Return the value in quotes if quotes would turn it into text. Otherwise return ""."""
    if isinstance(node, Scalar) and node.value is not None and not isinstance(node.value, str):
        return f'"{node.text}"'
    return ""
