"""Reads a policy file. Every mistake is reported at once, with its line and what to write.

subnets:
  - match: {tag: {Reach: Private}}      # name, tag, source; the first match wins
    inbound: blocked
    outbound: allowed
ignore: ["Custom::SubnetModify"]
parameters: {Stage: live}
accept:
  - {finding: EIGW005, at: Db, reason: "moves in March", until: 2027-03-31}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import TypeVar

from eigw_ns.cloud.words import did_you_mean
from eigw_ns.importing.findings.finding import CODES
from eigw_ns.importing.messages import Place
from eigw_ns.importing.policy.policy import Acceptance, Match, Policy, Rule
from eigw_ns.topology.reader import read
from eigw_ns.topology.report import MistakeReport
from eigw_ns.topology.tree import Mapping, Node, Path, Scalar, Sequence

FILE_NAME = ".eigw-ns.yaml"
"""The policy file that is used if none is named: in the working folder or beside the design."""

_KEYS = ("subnets", "ignore", "parameters", "accept")
_RULE, _NEEDED = ("match", "inbound", "outbound"), ("match", "inbound", "outbound")
_MATCH = ("name", "tag", "source")
_ACCEPT = ("finding", "at", "reason", "until")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_WORDS = {"allowed": True, "blocked": False}

T = TypeVar("T")


def read_policy(data: bytes, file: str) -> Policy:
    """Return the policy in the bytes of a file. Raises TopologyError with every mistake."""
    root, mistakes = read(data, file)
    reader = _Reader(MistakeReport(root, file, mistakes), file)
    return reader.policy(root)


class _Reader:
    def __init__(self, report: MistakeReport, file: str) -> None:
        self._report, self._file = report, file

    def policy(self, root: Mapping) -> Policy:
        self._keys(root, (), _KEYS)
        found = Policy(
            self._file,
            tuple(self._list(root, ("subnets",), self._rule)),
            tuple(self._list(root, ("ignore",), self._text)),
            dict(self._texts(root.items.get("parameters"), ("parameters",))),
            tuple(self._list(root, ("accept",), self._acceptance)),
        )
        self._report.close()
        return found

    def _rule(self, node: Node, path: Path) -> Rule | None:
        if not self._mapping(node, path, _RULE, _NEEDED):
            return None
        match = self._match(self._child(node, "match"), (*path, "match"))
        inbound, outbound = (self._direction(self._child(node, key), (*path, key)) for key in ("inbound", "outbound"))
        if match is None or inbound is None or outbound is None:
            return None
        return Rule(self._place(path), match, inbound, outbound)

    def _match(self, node: Node | None, path: Path) -> Match | None:
        if node is None or not self._mapping(node, path, _MATCH, ()):
            return None
        if isinstance(node, Mapping) and not node.items:
            self._report.add(path, "a match needs a key", 'write name, tag or source; {name: "*"} is all')
            return None
        name, source = (self._text_of(node, key, path) for key in ("name", "source"))
        return Match(name, tuple(self._texts(self._child(node, "tag"), (*path, "tag"))), source)

    def _direction(self, node: Node | None, path: Path) -> bool | None:
        if node is None:
            return None
        text = node.text if isinstance(node, Scalar) else ""
        if text not in _WORDS:
            self._report.add(path, "this must be allowed or blocked", did_you_mean(text, _WORDS))
        return _WORDS.get(text)

    def _acceptance(self, node: Node, path: Path) -> Acceptance | None:
        if not self._mapping(node, path, _ACCEPT, _ACCEPT[:-1]):
            return None
        finding, at, reason = (self._text_of(node, key, path) for key in _ACCEPT[:-1])
        if finding is not None and finding not in CODES:
            remedy = did_you_mean(finding, CODES) or f"the findings are {', '.join(CODES)}"
            self._report.add((*path, "finding"), "there is no such finding", remedy)
        if not (finding and at and reason):
            return None
        return Acceptance(self._place(path), finding, at, reason, self._day(self._child(node, "until"), path))

    def _day(self, node: Node | None, path: Path) -> date | None:
        if node is None:
            return None
        text = node.text if isinstance(node, Scalar) else ""
        try:
            if _DAY.fullmatch(text):
                return date.fromisoformat(text)
        except ValueError:
            pass
        self._report.add((*path, "until"), "this must be a day", "write one such as 2027-03-31")
        return None

    def _list(self, root: Mapping, path: Path, read_item: Callable[[Node, Path], T | None]) -> Iterator[T]:
        node = self._child(root, str(path[-1]))
        if node is None:
            return
        if not isinstance(node, Sequence):
            self._report.add(path, "this must be a list", "write each item on a line that begins with `- `")
            return
        for index, each in enumerate(node.items):
            item = read_item(each, (*path, index))
            if item is not None:
                yield item

    def _texts(self, node: Node | None, path: Path) -> Iterator[tuple[str, str]]:
        if node is None:
            return
        if not isinstance(node, Mapping):
            self._report.add(path, "this must be a mapping", "write key: value")
            return
        for key, child in node.items.items():
            text = self._text(child, (*path, key))
            if text is not None:
                yield key, text

    def _text_of(self, node: Node, key: str, path: Path) -> str | None:
        child = self._child(node, key)
        return None if child is None else self._text(child, (*path, key))

    def _text(self, node: Node, path: Path) -> str | None:
        """Return the text of a single value, as it is spelt in the file."""
        if isinstance(node, Scalar) and node.text:
            return node.text
        self._report.add(path, "this must be a text", "write a text")
        return None

    def _mapping(self, node: Node, path: Path, known: tuple[str, ...], needed: tuple[str, ...]) -> bool:
        if not isinstance(node, Mapping):
            self._report.add(path, "this must be a mapping", f"write the keys {', '.join(known)}")
            return False
        self._keys(node, path, known)
        for key in needed:
            if key not in node.items:
                self._report.add((*path, key), f"the key {key} is missing", _SAMPLES[key], value="")
        return True

    def _keys(self, node: Mapping, path: Path, known: tuple[str, ...]) -> None:
        for key in node.items:
            if key not in known:
                remedy = did_you_mean(key, known) or f"the keys are {', '.join(known)}"
                self._report.add((*path, key), "there is no such key", remedy, value="")

    def _child(self, node: Node, key: str) -> Node | None:
        return node.items.get(key) if isinstance(node, Mapping) else None

    def _place(self, path: Path) -> Place:
        return Place(f"{path[0]}[{path[1]}]", self._file, self._report.line(path))


_SAMPLES = {
    "match": "add one such as match: {tag: {Reach: Private}}",
    "inbound": "add inbound: blocked or inbound: allowed",
    "outbound": "add outbound: allowed or outbound: blocked",
    "finding": "add one such as finding: EIGW005",
    "at": "add the address, the file or the subnet of the finding, such as at: Db",
    "reason": "add why the finding is accepted",
}
