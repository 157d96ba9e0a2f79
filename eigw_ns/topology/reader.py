"""Reads YAML 1.2 text into a tree with line numbers. Refuses everything but plain data: tags, cycles, alias bombs.

The tree is built from the parser's events, not by a constructor. A file therefore cannot create objects. Depth and size
are bounded while reading. A key keeps its spelling: `on`, `007` and `1e3` are ordinary names.

libyaml (in ruamel.yaml.clib, if installed) is twenty times as fast as ruamel.yaml. But it reads YAML 1.1, and its error
messages say less. It is used only for text that means the same in both versions and has no mistakes.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
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
from eigw_ns.errors import Mistake, Remedy, RemedyCode, TopologyError
from eigw_ns.topology.tree import Mapping, Node, Scalar, Sequence

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_NODES = 200_000  # with every alias expanded; a lab of 10,000 instances has fewer

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # YAML 1.2, 5.1
_AMBIGUOUS = re.compile(r"""[^\n -~]|[?*&!|>%]|---|\.\.\.|["']:[^\s:]""")  # the versions or the parsers differ here
_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]{1,18}")  # longer ones are too large for any field; they remain text
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def read(data: bytes, file: str) -> tuple[Mapping, tuple[Mistake, ...]]:
    """Return the tree of the file's only document, and its mistakes, such as duplicate keys.

    Raises TopologyError if the file is unusable: not text, not YAML, or without a mapping at the top level.
    """
    text = _decode(data, file)
    root = _read_with_libyaml(text, file)
    if root is not None:
        return root, ()
    try:
        return _Reader(file).read(YAML(typ="safe", pure=True), text)
    except MarkedYAMLError as error:
        raise TopologyError((_syntax_mistake(error, file),)) from error


def _read_with_libyaml(text: str, file: str) -> Mapping | None:
    """Return the tree, or None if ruamel.yaml must read the text."""
    if not _AMBIGUOUS.search(text):
        with contextlib.suppress(YAMLError, TopologyError):
            reader = _Reader(file)
            root, mistakes = reader.read(YAML(typ="safe"), text)
            if not mistakes and not reader.has_empty_value:
                return root
    return None


def _decode(data: bytes, file: str) -> str:
    if len(data) > MAX_BYTES:
        problem = f"the file has {len(data):,} bytes; a topology file can have at most {MAX_BYTES:,}"
        raise TopologyError((Mistake(file, 0, "", "", problem, "split it into several labs"),))
    remedy = "save it as plain UTF-8 text"
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = f"byte 0x{data[error.start]:02x}"
        raise TopologyError((Mistake(file, line, "", byte, "this is not UTF-8 text", remedy),)) from error
    strange = _UNPRINTABLE.search(text)
    if strange:
        line = text.count("\n", 0, strange.start()) + 1
        character = f"U+{ord(strange.group()):04X}"
        raise TopologyError((Mistake(file, line, "", character, "the file has a control character", remedy),))
    return text


def _syntax_mistake(error: MarkedYAMLError, file: str) -> Mistake:
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


class _Reader:
    """One pass over the events of one file."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._mistakes: list[Mistake] = []
        self._anchors: dict[str, Node | None] = {}  # None while the anchored node is still open
        self.has_empty_value = False  # the parsers report different lines for a value that is left out

    def read(self, yaml: YAML, text: str) -> tuple[Mapping, tuple[Mistake, ...]]:
        try:
            root = self._document(iter(yaml.parse(text)))
        except ValueError as error:  # ruamel.yaml passes the number after \U to chr() unchecked
            problem, remedy = "an escape sequence is not valid", "check the characters after the backslash"
            raise self._fatal(yaml.reader.line + 1, problem, remedy=remedy) from error
        if root is None or (isinstance(root, Scalar) and root.value is None):
            raise self._fatal(0, "the file is empty", remedy=Remedy(RemedyCode.BEGIN_WITH_EXAMPLE))
        if not isinstance(root, Mapping):
            kind = "a list" if isinstance(root, Sequence) else "a single value"
            remedy = "write keys at the top level: lab, vpcs, …"
            raise self._fatal(root.line, f"the file is {kind}, not a mapping", remedy=remedy)
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
            raise self._fatal(line, "a second document begins here", remedy="write each lab to its own file")
        if event.version not in (None, (1, 2)):
            version = ".".join(str(part) for part in event.version)
            problem = f"the file declares YAML {version}; topology files are YAML 1.2"
            raise self._fatal(line, problem, remedy="remove this line")

    def _node(self, event: Event, events: Iterator[Event], depth: int) -> Node:
        line = event.start_mark.line + 1
        if isinstance(event, AliasEvent):
            return self._alias(event, line, depth)
        assert isinstance(event, ScalarEvent | MappingStartEvent | SequenceStartEvent)
        self._check_depth(depth, line)
        if event.tag is not None:
            tag = str(event.tag).replace("tag:yaml.org,2002:", "!!")
            self._add(line, "YAML tags are not supported", shorten(tag), "remove it; write a text in quotes")
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        node: Node
        if isinstance(event, MappingStartEvent):
            node = self._mapping(events, line, depth)
        elif isinstance(event, SequenceStartEvent):
            node = self._sequence(events, line, depth)
        else:
            node = Scalar(line, event.value, _value(event.value) if event.implicit[0] else event.value)
            self.has_empty_value |= node.value is None and not node.text
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

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
        if depth > MAX_DEPTH:
            problem = f"the file is nested more than {MAX_DEPTH} levels deep"
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
                self._add(at, "merge keys belong to YAML 1.1", key, "write the keys out")
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
        if size > MAX_NODES:
            problem = f"this has more than {MAX_NODES:,} values with its aliases expanded"
            raise self._fatal(line, problem, remedy="write fewer values")
        return size

    def _add(self, line: int, problem: str, value: str = "", remedy: str | Remedy = "") -> None:
        self._mistakes.append(Mistake(self._file, line, "", value, problem, remedy))

    def _fatal(self, line: int, problem: str, *, remedy: str | Remedy) -> TopologyError:
        self._add(line, problem, remedy=remedy)
        return TopologyError(tuple(sorted(self._mistakes, key=lambda mistake: mistake.line)))


def _height(children: Iterable[Node]) -> int:
    return 1 + max((child.height for child in children if not isinstance(child, Scalar)), default=0)


def _value(text: str) -> str | int | float | bool | None:
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
