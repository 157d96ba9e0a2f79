"""Mistakes as they are found, each put to its place in the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from eigw_ns.cloud.words import did_you_mean, shorten
from eigw_ns.errors import Mistake, TopologyError
from eigw_ns.topology.tree import Mapping, Node, Path, Scalar, Sequence, locate

Value = TypeVar("Value")

_FEW = 6
_PLAIN_KEY = re.compile(r"[\w-]+")


class Wrong(ValueError):
    """A single value that cannot stand where it stands: why, and what to write instead."""

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


class Report:
    """Collects the mistakes of one file; looks up line and value of each by its path."""

    def __init__(self, root: Mapping, file: str, mistakes: Iterable[Mistake] = ()) -> None:
        self._root = root
        self._file = file
        self._mistakes = list(mistakes)
        self._paths: set[Path] = set()

    def add(self, path: Path, problem: str, remedy: str = "", *, value: str | None = None) -> None:
        """Note a mistake at `path`; `value` stands for what is written there where that would not say it."""
        line, node = locate(self._root, path)
        shown = show(node) if value is None else shorten(value)
        self._mistakes.append(Mistake(self._file, line, spell(path), shown, problem, remedy))
        self._paths.add(path)

    def add_without_place(self, problem: str, remedy: str, value: str) -> None:
        """Note a mistake that stands nowhere in the file."""
        self._mistakes.append(Mistake(self._file, 0, "", shorten(value), problem, remedy))

    def add_unknown(self, path: Path, what: str, text: str, known: Iterable[str]) -> None:
        """Note that `text` names no `what`, and which of the `known` names may be meant."""
        known = tuple(known)
        listed = ", ".join(shorten(name) for name in known[:_FEW]) + (", …" if len(known) > _FEW else "")
        others = f"write {'one of ' if len(known) > 1 else ''}{listed}" if known else f"declare a {what}"
        self.add(path, f"there is no {what} of that name", did_you_mean(text, known) or others)

    def attempt(self, path: Path, form: Callable[[str], Value], text: str) -> Value | None:
        """What `form` makes of the text at `path`; None where it is wrong, or the place is not clean."""
        if not self.is_clean(path):
            return None
        try:
            return form(text)
        except Wrong as wrong:
            self.add(path, wrong.problem, wrong.remedy)
            return None

    def exclude(self, path: Path) -> None:
        """Let no rule look at `path`: it is wrong already, or what stands there is ours."""
        self._paths.add(path)

    def is_clean(self, path: Path) -> bool:
        """Whether this very place is worth a rule's look: no mistake there yet, and not excluded."""
        return path not in self._paths

    def node(self, path: Path) -> Node | None:
        """What the file says at `path`."""
        return locate(self._root, path)[1]

    def line(self, path: Path) -> int:
        """The line of `path`, or of the last thing on the way there."""
        return locate(self._root, path)[0]

    def names(self, path: Path) -> tuple[str, ...]:
        """The keys of the mapping at `path` in file order, also of those that turned out wrong; else none."""
        node = self.node(path)
        return tuple(node.items) if isinstance(node, Mapping) else ()

    def close(self) -> None:
        """Raise TopologyError with all mistakes in file order, if there are any."""
        if self._mistakes:
            raise TopologyError(tuple(sorted(self._mistakes, key=lambda mistake: mistake.line)))


def spell(path: Path) -> str:
    """`vpcs.main.route_tables.private.routes[0].target`; keys with strange characters in quotes."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            key = step if _PLAIN_KEY.fullmatch(step) else f'"{step}"'
            text += f".{shorten(key)}" if text else shorten(key)
    return text


def show(node: Node | None) -> str:
    """A value in a message: short, on one line."""
    if node is None:
        return ""
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, Sequence):
        return "a list"
    return shorten(node.text) if node.text else "nothing" if node.value is None else '""'


def quotable(node: Node | None) -> str:
    """The value in quotes, where quotes would make it the text that it should be; else empty."""
    if isinstance(node, Scalar) and node.value is not None and not isinstance(node.value, str):
        return f'"{node.text}"'
    return ""
