"""Reads the events of a YAML parser into a tree with line numbers. Depth and size are bounded while reading.

The tree is built from events, not by a constructor, so a file cannot create objects. A `Dialect` is what differs
between kinds of files: their name in messages, their limits, and the error that holds the mistakes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from eigw_ns.cloud.words import shorten
from eigw_ns.errors import EigwError, Mistake, Remedy
from eigw_ns.frozen import frozen
from eigw_ns.topology.tree import Mapping, Node, Scalar, Sequence

_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]{1,18}")  # longer ones are too large for any field; they remain text
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # YAML 1.2, 5.1


@frozen
class Dialect:
    """What one kind of file allows. `versions` are the YAML versions that a file may declare.

    `nodes` counts every value with every alias expanded.
    """

    noun: str
    max_bytes: int
    split: str
    max_depth: int
    max_nodes: int
    versions: tuple[tuple[int, int], ...]
    empty: str | Remedy
    top_level: str
    second_document: str
    merge_keys: str
    error: Callable[[tuple[Mistake, ...]], EigwError]


def decode(data: bytes, file: str, dialect: Dialect) -> str:
    """Return the bytes as text. Raises the dialect's error if they are not text, or too many."""
    if len(data) > dialect.max_bytes:
        problem = f"the file has {len(data):,} bytes; a {dialect.noun} can have at most {dialect.max_bytes:,}"
        raise dialect.error((Mistake(file, 0, "", "", problem, dialect.split),))
    remedy = "save it as plain UTF-8 text"
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = f"byte 0x{data[error.start]:02x}"
        raise dialect.error((Mistake(file, line, "", byte, "this is not UTF-8 text", remedy),)) from error
    strange = _UNPRINTABLE.search(text)
    if strange:
        line = text.count("\n", 0, strange.start()) + 1
        character = f"U+{ord(strange.group()):04X}"
        raise dialect.error((Mistake(file, line, "", character, "the file has a control character", remedy),))
    return text


def syntax_mistake(error: MarkedYAMLError, file: str) -> Mistake:
    """Return what the parser found wrong, in words that name a remedy."""
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    problem = str(error.problem or error.context)
    if "'\\t'" in problem:
        return Mistake(file, line, "", "", "YAML does not allow tabs here", "indent with spaces")
    remedy = "check the indentation and the brackets around it"
    if "<document start>" in problem:  # the parser's own message contains a Python tuple
        return Mistake(file, line, "", "", "there is text after the end of the file's value", remedy)
    if "mapping values" in problem or "found ':'" in problem:
        remedy = 'put text with a colon at its start or end in quotes, such as "::/0"'
    elif "quoted scalar" in str(error.context):
        remedy = "close the quotes"
    return Mistake(file, line, "", "", f"this is not valid YAML: {problem} (column {column})", remedy)


class TreeReader:
    """One pass over the events of one file. A dialect with tags of its own overrides `_tagged` and `_value`."""

    def __init__(self, file: str, dialect: Dialect) -> None:
        self._file = file
        self._dialect = dialect
        self._mistakes: list[Mistake] = []
        self._anchors: dict[str, Node | None] = {}  # None while the anchored node is still open
        self.has_empty_value = False  # the parsers report different lines for a value that is left out

    def read(self, yaml: YAML, text: str) -> tuple[Mapping, tuple[Mistake, ...]]:
        """Return the tree of the only document, and its mistakes, such as duplicate keys.

        Raises the dialect's error if the text is empty, has another document, is nested too deeply, or is not a
        mapping.
        """
        try:
            root = self._document(iter(yaml.parse(text)))
        except (ValueError, OverflowError) as error:  # ruamel.yaml passes the number after \U to chr() unchecked
            problem, remedy = "an escape sequence is not valid", "check the characters after the backslash"
            raise self._fatal(yaml.reader.line + 1, problem, remedy=remedy) from error
        if root is None or (isinstance(root, Scalar) and root.value is None):
            raise self._fatal(0, "the file is empty", remedy=self._dialect.empty)
        if not isinstance(root, Mapping):
            kind = "a list" if isinstance(root, Sequence) else "a single value"
            raise self._fatal(root.line, f"the file is {kind}, not a mapping", remedy=self._dialect.top_level)
        return root, tuple(self._mistakes)

    def _document(self, events: Iterator[Event]) -> Node | None:
        root: Node | None = None
        for event in events:
            if isinstance(event, DocumentStartEvent):
                self._check_document(event, first=root is None)
            elif isinstance(event, NodeEvent):
                root = self._node(event, events, 0)
        return root

    def _check_document(self, event: DocumentStartEvent, *, first: bool) -> None:
        line = event.start_mark.line + 1
        if not first:
            raise self._fatal(line, "a second document begins here", remedy=self._dialect.second_document)
        if event.version is not None and event.version not in self._dialect.versions:
            version = ".".join(str(part) for part in event.version)
            latest = ".".join(str(part) for part in self._dialect.versions[-1])
            problem = f"the file declares YAML {version}; {self._dialect.noun}s are YAML {latest}"
            raise self._fatal(line, problem, remedy="remove this line")

    def _node(self, event: Event, events: Iterator[Event], depth: int) -> Node:
        line = event.start_mark.line + 1
        if isinstance(event, AliasEvent):
            return self._alias(event, line, depth)
        assert isinstance(event, ScalarEvent | MappingStartEvent | SequenceStartEvent)
        self._check_depth(depth, line)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        node: Node
        if isinstance(event, MappingStartEvent):
            node = self._mapping(events, line, depth)
        elif isinstance(event, SequenceStartEvent):
            node = self._sequence(events, line, depth)
        else:
            node = Scalar(line, event.value, self._value(event.value) if event.implicit[0] else event.value)
            self.has_empty_value |= node.value is None and not node.text
        if event.tag is not None:
            node = self._tagged(str(event.tag).replace("tag:yaml.org,2002:", "!!"), node)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _tagged(self, tag: str, node: Node) -> Node:
        """Return what a node with this tag stands for. By default, a tag is a mistake."""
        self._add(node.line, "YAML tags are not supported", shorten(tag), "remove it; write a text in quotes")
        return node

    def _value(self, text: str) -> str | int | float | bool | None:
        """Return the value of an unquoted scalar in YAML 1.2's core schema.

        A float becomes 0.0, and an octal or hexadecimal number remains text: no field of a topology file accepts them.
        """
        if _INT.fullmatch(text):
            return int(text)
        if _BOOL.fullmatch(text):
            return text.lower() == "true"
        if _NULL.fullmatch(text):
            return None
        return 0.0 if _FLOAT.fullmatch(text) else text

    def _alias(self, event: AliasEvent, line: int, depth: int) -> Node:
        name = shorten(event.anchor)
        if event.anchor not in self._anchors:
            raise self._fatal(line, f"the alias *{name} has no anchor before it", remedy=f"write &{name} first")
        node = self._anchors[event.anchor]
        if node is None:
            raise self._fatal(line, f"the alias *{name} is inside its own anchor", remedy="write the value out")
        self._check_depth(depth + (0 if isinstance(node, Scalar) else node.height), line)
        return node

    def _check_depth(self, depth: int, line: int) -> None:
        if depth > self._dialect.max_depth:
            problem = f"the file is nested more than {self._dialect.max_depth} levels deep"
            raise self._fatal(line, problem, remedy="check the brackets")

    def _sequence(self, events: Iterator[Event], line: int, depth: int) -> Sequence:
        items: list[Node] = []
        size = 1
        for event in events:
            if isinstance(event, SequenceEndEvent):
                break
            items.append(self._node(event, events, depth + 1))
            size = self._grown(size, items[-1], line)
        return Sequence(line, tuple(items), size, _height(items))

    def _mapping(self, events: Iterator[Event], line: int, depth: int) -> Mapping:
        items: dict[str, Node] = {}
        lines: dict[str, int] = {}
        size = 1
        for event in events:
            if isinstance(event, MappingEndEvent):
                break
            key, at = self._key(event), event.start_mark.line + 1
            node = self._node(next(events), events, depth + 1)
            size = self._grown(size, node, line)
            if key in items:
                problem = f"the key {shorten(key)} is written twice, first on line {lines[key]}"
                self._add(at, problem, remedy="keep one of them")
            elif key == "<<":
                self._add(at, self._dialect.merge_keys, key, "write the keys out")
            else:
                items[key], lines[key] = node, at
        return Mapping(line, items, lines, size, _height(items.values()))

    def _key(self, event: Event) -> str:
        if not isinstance(event, ScalarEvent):
            line = event.start_mark.line + 1
            raise self._fatal(line, "a key must be plain text", remedy="write a name before the colon")
        key: str = event.value
        return key

    def _grown(self, size: int, child: Node, line: int) -> int:
        size += 1 if isinstance(child, Scalar) else child.size
        if size > self._dialect.max_nodes:
            problem = f"this has more than {self._dialect.max_nodes:,} values with its aliases expanded"
            raise self._fatal(line, problem, remedy="write fewer values")
        return size

    def _add(self, line: int, problem: str, value: str = "", remedy: str | Remedy = "") -> None:
        self._mistakes.append(Mistake(self._file, line, "", value, problem, remedy))

    def _fatal(self, line: int, problem: str, *, remedy: str | Remedy) -> EigwError:
        self._add(line, problem, remedy=remedy)
        return self._dialect.error(tuple(sorted(self._mistakes, key=lambda mistake: mistake.line)))


def _height(children: Iterable[Node]) -> int:
    return 1 + max((child.height for child in children if not isinstance(child, Scalar)), default=0)
