"""Every file, section, module and test that the repository's text cites is in the repository.

Comments and docstrings of Python files, comments of scripts, and all of every other text file are read. `SHAPES` has
the forms of a citation. Strings of Python files and golden files are not read: they quote what the program or a test
makes.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.passages import ROOT, flattened, passages, tracked

_PROSE = ("comment", "docstring", "text")
_NOT_READ = ("tests/golden/", "tests/unit/test_language.py", "LICENSE")

Resolve = Callable[[re.Match[str], Path], bool]
"""Whether the citation that matched leads somewhere; the path is that of the citing file."""


# ---- what a citation leads to ----------------------------------------------------------------------------------------


def link(match: re.Match[str], source: Path) -> bool:
    """A target relative to the document, and the heading behind `#`."""
    target, _, anchor = match["target"].partition("#")
    document = source.parent / target if target else source
    return document.exists() and (not anchor or anchor in {slug(title) for title in headings(document)})


def path(match: re.Match[str], _source: Path) -> bool:
    """A path from the top of the repository. `*` and a placeholder in angle brackets stand for any name."""
    pattern = re.sub(r"<[\w-]+>", "*", match["path"])
    return any(ROOT.glob(pattern)) if "*" in pattern else (ROOT / pattern).exists()


def document(match: re.Match[str], source: Path) -> bool:
    """A path from the top or from the citing file, or a name that only one file has."""
    name = match["document"]
    return len(_documents(name, source)) == 1


def numbered(match: re.Match[str], source: Path) -> bool:
    """A section of an RFC, or a numbered heading of a document of the repository."""
    if re.fullmatch(r"RFC \d+", match["of"]):
        return True
    found = _documents(match["of"], source)
    return len(found) == 1 and any(re.match(rf"{re.escape(match['number'])}\b", each) for each in headings(found[0]))


def titled(match: re.Match[str], source: Path) -> bool:
    """A heading of a document of the repository."""
    found = _documents(match["of"], source)
    return len(found) == 1 and match["title"] in headings(found[0])


def module(match: re.Match[str], _source: Path) -> bool:
    """A module or package of ours, or a name in one."""
    parts = match["module"].split(".")
    for length in range(len(parts), 0, -1):
        place = (ROOT / "eigw_ns").joinpath(*parts[:length])
        file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        if file.is_file():
            names = parts[length:]
            return len(names) <= 1 and all(re.search(rf"\b{name}\b", file.read_text()) for name in names)
    return False


def function(match: re.Match[str], _source: Path) -> bool:
    """A test function, or the name of a file of tests without its suffix."""
    return match["test"] in _tests()


def nowhere(_match: re.Match[str], _source: Path) -> bool:
    """Something that is not in the repository."""
    return False


def _documents(name: str, source: Path) -> list[Path]:
    near = [place for place in (source.parent / name, ROOT / name) if place.is_file()]
    if near or "/" in name:
        return near[:1]
    return [ROOT / each for each in _tracked() if Path(each).name == name]


def headings(document: Path) -> list[str]:
    """Return the headings of a Markdown document."""
    return re.findall(r"^#+ +(.+?)\s*$", _without_fences(document.read_text()), re.MULTILINE)


def slug(title: str) -> str:
    """Return the anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


@cache
def _tracked() -> tuple[str, ...]:
    return tuple(tracked())


@cache
def _tests() -> frozenset[str]:
    files = list((ROOT / "tests").rglob("test_*.py"))
    functions = (name for file in files for name in re.findall(r"def (test_\w+)\(", file.read_text()))
    return frozenset({*functions, *(file.stem for file in files)})


# ---- the forms of a citation -----------------------------------------------------------------------------------------


class Shape(NamedTuple):
    """A form of a citation: what it looks like, what it leads to, and why it must.

    A citation is found across lines. `only` is the suffix of the files that are searched; empty for all.
    """

    name: str
    pattern: str
    resolve: Resolve
    reason: str
    only: str = ""


_ROOMS = "cloud|topology|dataplane|kernel|lab|render|cli|testing"
_NO_MODULE = r"kernel\.(?:apparmor|unprivileged)_|topology\.(?:json|yaml)"  # sysctls, files

SHAPES = (
    Shape(
        "link",
        r"\]\((?![a-z][a-z+.-]*:)(?P<target>[^()\s]+)\)",
        link,
        "a link of a Markdown document leads to a file, and to a heading in it",
        ".md",
    ),
    Shape(
        "path",
        r"(?<![\w./~$*{}@-])(?:\./)?(?P<path>(?:eigw_ns|tests|scripts|\.ci)/(?:[\w./*-]|<[\w-]+>)*(?:[\w*/]|<[\w-]+>))",
        path,
        "a path that begins with a folder of ours is read from the top of the repository",
    ),
    Shape(
        "document",
        r"(?<![\w/~$*{}…-])(?P<document>(?:\.\./)*[\w-][\w./-]*\.md)\b(?!\.)",
        document,
        "a document that is cited is in the repository",
    ),
    Shape(
        "numbered section",
        r"(?P<of>\bRFC \d+|[\w./-]+)\W{1,3}sections? (?P<number>\d+(?:\.\d+)*)",
        numbered,
        "a numbered section is one of an RFC, or of a document in the repository",
    ),
    Shape(
        "titled section",
        r'(?P<of>[\w./-]+\.md)\W{1,3}section "(?P<title>[^"]+)"',
        titled,
        "a section that is cited by its title is a heading of that document",
    ),
    Shape(
        "module",
        rf"`(?!{_NO_MODULE})(?P<module>(?:{_ROOMS})\.\w+(?:\.\w+)*)`",
        module,
        "a dotted name that begins with a room is a module, or a name in one",
    ),
    Shape(
        "test",
        r"`(?P<test>test_\w+)`",
        function,
        "a test that is cited exists",
    ),
    Shape(
        "issue",
        r"\b[Ii]ssues? #?\d+\b|\(point \d+\)",
        nowhere,
        "issues are not in the repository: cite a requirement, an RFC or the URL of a page",
    ),
    Shape(
        "working paper",
        r"\b(?:DESIGN|aws-semantics|gateway-requirements)\b",
        nowhere,
        "working papers are not in the repository: cite eigw_ns/README.md or tests/packets/REQUIREMENTS.md",
    ),
)


def citations(shape: Shape, name: str, texts: Iterable[Text]) -> Iterator[tuple[int, re.Match[str]]]:
    """Yield the line and the match of each citation of this form in the texts of a file."""
    if name.endswith(shape.only):
        for text in texts:
            for match in re.finditer(shape.pattern, text.content):
                yield text.line + bisect_right(text.starts, match.start()) - 1, match


class Text(NamedTuple):
    """A comment, a docstring or a document as one line: the line where it begins, and where each line of it begins."""

    line: int
    content: str
    starts: list[int]


def texts(name: str, source: str) -> list[Text]:
    """Return the texts of a file, without URLs: what they name is elsewhere. Fenced code in Markdown stays."""
    if name.endswith(".md"):
        source = re.sub(r"^```.*?^```", _without_brackets, source, flags=re.MULTILINE | re.DOTALL)
    prose = (passage for passage in passages(name, source) if passage.kind in _PROSE)
    return [Text(passage.line, *flattened(re.sub(r"https?://[^\s)]+", "", passage.text))) for passage in prose]


def _without_brackets(fence: re.Match[str]) -> str:
    """Return fenced code in which nothing looks like a link."""
    return fence[0].replace("](", "] (")


def _without_fences(text: str) -> str:
    """Return Markdown with empty lines in place of fenced code, which may look like a link or a heading."""
    return re.sub(r"^```.*?^```", lambda fence: "\n" * fence[0].count("\n"), text, flags=re.MULTILINE | re.DOTALL)


def unresolved(shape: Shape, name: str, found: Iterable[Text]) -> list[str]:
    """Return `file:line: citation` of each citation of this form that leads nowhere."""
    cited = citations(shape, name, found)
    return [f"{name}:{line}: {match[0]}" for line, match in cited if not shape.resolve(match, ROOT / name)]


@pytest.fixture(scope="module")
def repository() -> dict[str, list[Text]]:
    """Return the texts of every file, by its name."""
    names = [name for name in _tracked() if not name.startswith(_NOT_READ)]
    return {name: texts(name, (ROOT / name).read_text(encoding="utf-8", errors="replace")) for name in names}


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_every_citation_resolves(shape: Shape, repository: dict[str, list[Text]]) -> None:
    lost = [each for name, found in repository.items() for each in unresolved(shape, name, found)]
    assert not lost, f"{shape.reason}:\n" + "\n".join(lost)


_LEADING = tuple(shape for shape in SHAPES if shape.resolve is not nowhere)


@pytest.mark.parametrize("shape", _LEADING, ids=lambda shape: shape.name)
def test_every_shape_occurs(shape: Shape, repository: dict[str, list[Text]]) -> None:
    """The control: a pattern that matches nothing would find no mistake."""
    assert any(True for name, found in repository.items() for _ in citations(shape, name, found))


_NAMED = {shape.name: shape for shape in SHAPES}


@pytest.mark.parametrize(
    ("shape", "name", "source", "lines"),
    [
        ("link", "README.md", "See\n[the lab](scripts/lab.md)", [2]),
        ("link", "README.md", "[a](#no-such-heading), [b](tests/packets/CONFORMANCE.md#no-row)", [1, 1]),
        ("link", "tests/README.md", "[from the top](tests/README.md)", [1]),
        ("path", "a.py", "# first\n# see tests/unit/test_nothing.py.\n", [2]),
        ("path", "a.md", "`scripts/nothing`, tests/golden/<case>.none, ./scripts/none", [1, 1, 1]),
        ("path", "a", "#!/bin/sh\n# runs scripts/none\n", [2]),
        ("document", "a.py", '"""As (`no-such.md`)\nand docs/none.md say."""\n', [1, 2]),
        ("document", "a.md", "`README.md` is the name of several files", []),
        ("document", "scripts/a.md", "docs/README.md is not one", [1]),
        ("numbered section", "a.py", "# HOUSE section 1, and semantics.md (section 10)\n", [1, 1]),
        ("titled section", "a.py", '# `eigw_ns/README.md`, section "Attics"\n', [1]),
        ("module", "a.py", '"""See `kernel.attic`, `cloud.nodes.lose`."""\n', [1, 1]),
        ("test", "a.md", "`test_of_nothing_at_all`", [1]),
        ("issue", "a.py", "# issue 4 point 6\n# (point 6)\n", [1, 2]),
        ("working paper", "a.py", "# as DESIGN says\n", [1]),
    ],
)
def test_a_citation_that_leads_nowhere_is_reported(shape: str, name: str, source: str, lines: list[int]) -> None:
    assert [int(report.split(":")[1]) for report in unresolved(_NAMED[shape], name, texts(name, source))] == lines


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("tests/README.md", "[all](../README.md), [here](#tests), [there](https://example.com/tests/none.md#x)"),
        ("README.md", "```\nrows[index](none)\n```\n"),
        ("a.py", "# tests/golden/rules/*.nft; tests/golden/broken/<case>.yaml. ./scripts/test, `.ci/run`\n"),
        ("a.py", "# /usr/share/tests/none, https://example.com/scripts/none and $top/scripts/none are not ours\n"),
        ("a.py", 'x = "tests/none.py"  # a string\n'),
        ("a.py", "# RFC 4443 section 2.4, RFC 9293, section 3.5; a section of the file; two sections\n"),
        ("a.py", '# `eigw_ns/README.md`, section "Rooms"\n'),
        ("a.py", '"""`cloud.nodes.find`, `dataplane.state`, `render.aws.KINDS`, `kernel.apparmor_x`."""\n'),
        ("a.py", "# `test_every_citation_resolves` of `test_citations`; the issue of a ticket; a fine design\n"),
        ("scripts/a.py", "# CONFORMANCE.md is the name of one file\n"),
    ],
)
def test_what_resolves_is_not_reported(name: str, source: str) -> None:
    assert [each for shape in SHAPES for each in unresolved(shape, name, texts(name, source))] == []
