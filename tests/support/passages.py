"""The text of the repository: comments, docstrings and string literals of Python files, and all other text."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Literal, NamedTuple

import pytest

ROOT = Path(__file__).parent.parent.parent
TextKind = Literal["comment", "docstring", "string", "text"]
_NOT_READ = ("LICENSE", "tests/unit/test_language.py")


class Passage(NamedTuple):
    """A piece of text in a file, with the line on which it begins."""

    line: int
    text: str
    kind: TextKind


def passages(name: str, source: str) -> Iterator[Passage]:
    """Yield the passages of a file: all of its text, or for Python the comments, docstrings and string literals.

    Everything in a shell script but its comments is read like a string literal, because messages have no other mark.
    """
    if name.endswith(".py"):
        yield from comments(source)
        yield from strings(ast.parse(source))
    elif source.startswith("#!"):
        lines = enumerate(source.split("\n"), start=1)
        for is_comment, group in groupby(lines, key=lambda item: item[1].lstrip().startswith("#")):
            numbers, texts = zip(*group, strict=True)
            yield Passage(numbers[0], "\n".join(texts), "comment" if is_comment else "string")
    else:
        yield Passage(1, source, "text")


def comments(source: str) -> Iterator[Passage]:
    """Yield the comments of Python source. Comments on consecutive lines are one passage."""
    block: list[tokenize.TokenInfo] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            if block and block[-1].start[0] + 1 < token.start[0]:
                yield Passage(block[0].start[0], "\n".join(each.string for each in block), "comment")
                block = []
            block.append(token)
    if block:
        yield Passage(block[0].start[0], "\n".join(each.string for each in block), "comment")


def strings(tree: ast.AST) -> Iterator[Passage]:
    """Yield the docstrings and string literals below a node. A value in an f-string becomes `…`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            if isinstance(node.value.value, str):
                yield Passage(node.lineno, node.value.value, "docstring")
        elif isinstance(node, ast.Constant):
            if isinstance(node.value, str):
                yield Passage(node.lineno, node.value, "string")
        elif isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "…" for part in node.values]
            yield Passage(node.lineno, "".join(map(str, parts)), "string")
            for part in node.values:
                if isinstance(part, ast.FormattedValue):
                    yield from strings(part)
        else:
            yield from strings(node)


def flattened(text: str) -> tuple[str, list[int]]:
    """Return the text as one line, and the offset at which each line of it begins.

    Indentation and signs of comments and quotations are left out. A blank line becomes a line break, so that no phrase
    is found across paragraphs.
    """
    flat, starts = "", []
    for line in text.split("\n"):
        starts.append(len(flat))
        words = " ".join(re.sub(r"^[\s#>]+", "", line).split())
        flat += f"{words} " if words else "\n"
    return flat, starts


def tracked() -> list[str]:
    """Return the names of the files in the repository. Skip the test if git does not know them."""
    command = ["git", "-c", "safe.directory=*", "-C", str(ROOT), "ls-files", "-z"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is not a git checkout")
    return [name for name in listed.split("\0") if name and name not in _NOT_READ and (ROOT / name).is_file()]
