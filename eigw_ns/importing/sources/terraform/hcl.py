"""The blocks of HCL files, without their expressions: enough to find resources, providers and provisioners.

Grammar: https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md. Expressions are skipped: only their brackets,
strings, heredocs and comments matter. An object that is the whole value of an argument counts as a block, because
`required_providers` writes its entries so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field

from eigw_ns.frozen import frozen

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\ufeff]+|(?:\#|//)[^\n]*|/\*.*?(?:\*/|\Z))
    |(?P<newline>\n)
    |(?P<heredoc><<-?(?P<word>[\w-]+)[ \t\r]*\n)
    |(?P<quote>")
    |(?P<name>[^\W\d][\w-]*)
    |(?P<mark>=>|==|!=|<=|>=|.)""",
    re.DOTALL | re.VERBOSE,
)


@frozen
class Block:
    """A block with its labels, the line that it begins on, string arguments, and the blocks in it."""

    kind: str
    labels: tuple[str, ...]
    line: int
    arguments: Mapping[str, str] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()

    def find(self, kind: str) -> Iterator[Block]:
        """Yield the blocks of this kind in it, at any depth."""
        waiting = list(reversed(self.blocks))
        while waiting:
            found = waiting.pop()
            if found.kind == kind:
                yield found
            waiting += reversed(found.blocks)


@frozen
class Token:
    """A token: `name`, `string`, `newline` or `mark`, with its text and line."""

    kind: str
    text: str
    line: int


class _Open:
    """A block that is not closed yet, and the statement in it that is being read."""

    def __init__(self, kind: str, labels: tuple[str, ...], line: int) -> None:
        self.kind, self.labels, self.line = kind, labels, line
        self.arguments: dict[str, str] = {}
        self.blocks: list[Block] = []
        self.begin()

    def begin(self) -> None:
        """Begin a new statement."""
        self.words: list[Token] = []
        self.value: list[Token] = []
        self.in_value = False
        self.depth = 0

    def end(self) -> None:
        """End the statement. Keep an argument whose value is one string."""
        if self.in_value and self.words and len(self.value) == 1 and self.value[0].kind == "string":
            self.arguments[self.words[0].text] = self.value[0].text
        self.begin()

    def closed(self) -> Block:
        self.end()
        return Block(self.kind, self.labels, self.line, self.arguments, tuple(self.blocks))


def blocks(text: str) -> tuple[Block, ...]:
    """Return the blocks of a file. A file that is not HCL gives what can be found in it."""
    stack = [_Open("", (), 1)]
    for token in tokens(text):
        _take(stack, token)
    while len(stack) > 1:
        _close(stack)
    return tuple(stack[0].blocks)


def _take(stack: list[_Open], token: Token) -> None:
    top = stack[-1]
    if top.depth:
        top.depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(token.text, 0) if _is_mark(token) else 0
        top.value.append(token)
    elif token.kind == "newline" or (_is_mark(token) and token.text == ","):
        top.end()
    elif _is_mark(token) and token.text == "{" and not top.value:
        stack.append(_Open(top.words[0].text if top.words else "", _labels(top), _line(top, token)))
    elif _is_mark(token) and token.text == "}":
        _close(stack)
    elif _is_mark(token) and token.text in ("(", "[", "{"):
        top.depth = 1
        top.value.append(token)
    elif _is_mark(token) and token.text == "=" and not top.in_value:
        top.in_value = True
    else:
        (top.value if top.in_value else top.words).append(token)


def _is_mark(token: Token) -> bool:
    return token.kind == "mark"


def _labels(top: _Open) -> tuple[str, ...]:
    return () if top.in_value else tuple(each.text for each in top.words[1:])


def _line(top: _Open, token: Token) -> int:
    return top.words[0].line if top.words else token.line


def _close(stack: list[_Open]) -> None:
    if len(stack) > 1:
        block = stack.pop().closed()
        stack[-1].blocks.append(block)
        stack[-1].value.append(Token("block", "", block.line))


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of a file, without spaces and comments. Strings and heredocs are one token each."""
    position, line = 0, 1
    while found := _TOKEN.match(text, position):
        kind, end = found.lastgroup or "", found.end()
        if found["heredoc"]:
            kind, end = "heredoc", _heredoc_end(text, found.end(), found["word"])
        elif kind == "quote":
            end = string_end(text, found.end())
        if kind != "space":
            content = text[position + 1 : end - 1] if kind == "quote" else text[position:end]
            yield Token({"quote": "string"}.get(kind, kind), content, line)
        line += text.count("\n", position, end)
        position = end


def _heredoc_end(text: str, start: int, word: str) -> int:
    """Return the end of a heredoc, before the newline that ends its statement."""
    found = re.compile(rf"^[ \t]*{re.escape(word)}[ \t\r]*$", re.MULTILINE).search(text, start)
    return found.end() if found else len(text)


_IN_STRING = re.compile(r'\\.|[$%]{2}\{|[$%]\{|["\n]', re.DOTALL)
_IN_TEMPLATE = re.compile(r'["{}]')


def string_end(text: str, start: int) -> int:
    """Return the position behind the string that begins at `start`, behind its quote. Templates in it can nest."""
    inside = [0]  # for each string that is open, how many braces of its template are open
    while inside:
        found = (_IN_TEMPLATE if inside[-1] else _IN_STRING).search(text, start)
        if found is None:
            return len(text)
        start = found.end()
        _follow(inside, found[0])
    return start


def _follow(inside: list[int], mark: str) -> None:
    if inside[-1]:
        if mark == '"':
            inside.append(0)
        else:
            inside[-1] += 1 if mark == "{" else -1
    elif mark in ('"', "\n"):
        inside.pop()
    elif mark in ("${", "%{"):
        inside[-1] = 1
