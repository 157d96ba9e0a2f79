"""The repository is written in plain technical English: some words and phrases must not occur.

This test reads comments, docstrings and string literals of Python files, and all of every other text file. It reports
`file:line` of each marker. Names of functions and files are not read.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.support.passages import ROOT, TextKind, flattened, passages, tracked

_PROSE: frozenset[TextKind] = frozenset({"comment", "docstring", "string", "text"})
_MESSAGES: frozenset[TextKind] = frozenset({"string"})


class Marker(NamedTuple):
    """A phrase that must not occur, the reason, and the kinds of text that must not have it.

    A phrase is found across lines. If `in_tests` is False, the files of tests are not searched for it: their strings
    quote messages of the program, which are checked at their source.
    """

    pattern: str
    reason: str
    kinds: frozenset[TextKind] = _PROSE
    in_tests: bool = True


_WHERE = 'write "if" for a condition; "where" is only for places'

MARKERS = (
    Marker(
        r"(?i:\bwhere (there|nobody|somebody|one|none|no|others) (is|are|has|have|was|were|can|may|does|do)\b)",
        _WHERE,
    ),
    Marker(
        r"(?i:\bwhere (it|they) (is|are|has|have|was|were|can|may|does|do)\b"
        r"(?! ?[.,;:)]| (now|when|made|kept|stored|learnt from)\b))",
        f'{_WHERE}, such as "where it is kept"',
    ),
    Marker(r"(?i:\banew\b)", 'write "again"'),
    Marker(r"(?i:\bwho(s|so)?ever\b)", "name the program, the packet or the user"),
    Marker(r"(?i:\bheirs?\b)", 'write "successor"'),
    Marker(r"(?i:\bbears?\b)", 'write "has"'),
    Marker(r"(?i:\bnor\b)", 'write "and not", "or", or a second sentence'),
    Marker(r"\bWho\b(?![^.!?]*\?)", "name the program or the packet; only a question begins with Who"),
    Marker(
        r"(?<!\bthere )(?<!\bThere )\bis no (?!longer\b|more\b|less\b|fewer\b)\S+",
        'write "is not a valid …" in messages',
        _MESSAGES,
        in_tests=False,
    ),
)


def found(name: str, source: str) -> list[str]:
    """Return `file:line: words (reason)` for each marker in a file."""
    reports: list[tuple[int, str]] = []
    for passage in passages(name, source):
        text, starts = flattened(passage.text)
        for marker in MARKERS:
            if passage.kind not in marker.kinds or (name.startswith("tests/") and not marker.in_tests):
                continue
            for match in re.finditer(marker.pattern, text):
                line = passage.line + bisect_right(starts, match.start()) - 1
                reports.append((line, f"{name}:{line}: {match.group()!r} ({marker.reason})"))
    return [report for _, report in sorted(reports)]


def test_no_file_has_a_marker() -> None:
    every = (found(name, (ROOT / name).read_text(encoding="utf-8", errors="replace")) for name in tracked())
    left = [line for lines in every for line in lines]
    assert not left, "\n" + "\n".join(left)


@pytest.mark.parametrize(
    ("name", "source", "lines"),
    [
        ("a.py", "# None where\n# there is none.\nx = 1\n", [1]),
        ("a.py", 'def f():\n    """Return it.\n\n    None where it is\n    foreign."""\n', [4]),
        ("a.py", 'raise E(f"{text} is no port")\n', [1]),
        ("a.py", 'raise E("a lab "\n        f"is no {x}")\n', [1]),
        ("a.py", 'x = f"{f(look, 1)} anew"\n', [1]),
        ("a.py", "x = 1  # whoever asks\ny = 2  # its heirs\n", [1, 2]),
        ("a.md", "Fine.\n\nWho comes back\nis taught. It bears a mark, nor\n", [3, 4, 4]),
        ("a", "#!/bin/sh\n# Whosever it is,\n#   where they\n#   are refused\n", [2, 3]),
        ("a", "#!/bin/sh\n# a comment\nfail 'x is no port'\n", [3]),
        ("tests/golden/a.txt", "neither a nor b\n", [1]),
    ],
)
def test_a_marker_is_reported_with_its_line(name: str, source: str, lines: list[int]) -> None:
    assert [int(report.split(":")[1]) for report in found(name, source)] == lines


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("a.py", "def nor_who_bears_anew(nor): return nor\n"),
        ("a.py", 'raise E("there is no lab; it is no longer stored. There is no other")\n'),
        ("a.py", '"""It is no error: the file stays where it is."""\n'),
        ("tests/a.py", 'assert said == "x is no port"\n'),
        ("a.py", "# They stay where they are when one goes. The path says where it was made.\n"),
        ("a.md", "Who lets the answer in? The folder where the gateway is, and normal bearers somewhere.\n"),
    ],
)
def test_plain_text_is_not_reported(name: str, source: str) -> None:
    assert found(name, source) == []


NO_VERBS = frozenset(
    [
        "a",
        "an",
        "the",
        "one",
        "each",
        "this",
        "that",
        "those",
        "these",
        "what",
        "which",
        "who",
        "how",
        "where",
        "whether",
        "longest",
    ]
)
"""First words of a docstring that describes something, but does not say what the function does."""


def openings(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the first word of the docstring of each function that is not a property."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and not {"property", "cached_property"} & set(_decorators(node)):
            text = ast.get_docstring(node)
            if text:
                yield node.lineno, text.split()[0].lower()


def _decorators(node: ast.FunctionDef) -> Iterator[str]:
    return (decorator.id for decorator in node.decorator_list if isinstance(decorator, ast.Name))


def test_docstrings_of_functions_begin_with_a_verb() -> None:
    wrong = [
        f"{name}:{line}: {word}"
        for name in tracked()
        if name.startswith("eigw_ns/") and name.endswith(".py")
        for line, word in openings((ROOT / name).read_text(encoding="utf-8"))
        if word in NO_VERBS or word.startswith("`") or word in ("returns", "yields", "raises")
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def test_the_first_word_of_a_docstring_is_found() -> None:
    source = 'class A:\n    @property\n    def a(self):\n        """The a."""\n    def b(self):\n        """The b."""\n'
    assert list(openings(source)) == [(5, "the")]
