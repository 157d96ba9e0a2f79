"""aws-cli's shorthand for structures: `Name=tag:Team,Values=a,b` or `ResourceType=vpc,Tags=[{Key=Name,Value=x}]`.

    parameter = keyval *("," keyval)
    keyval    = key ("=" / "@=") [value / csv / list / hash]
    csv       = value *("," value)             ends before a comma that is followed by `key=`
    list      = "[" [item *("," item)] "]"     hash = "{" [keyval' *("," keyval')] "}"
    value     = text / 'single-quoted' / "double-quoted"

`\\,` is a comma in a text, a backslash escapes a quote within quotes, and `key@=file://path` reads a file. All values
are text here: `values` turns them into numbers and lists, by the type of the parameter.

Source: https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-shorthand.html
"""

from __future__ import annotations

import re
from collections.abc import Callable

Value = str | list["Value"] | dict[str, "Value"]

_KEY = re.compile(r"[A-Za-z0-9_.#/:-]+")
_NEXT_KEYVAL = re.compile(r"\s*[A-Za-z0-9_.#/:-]+\s*@?=")
_SPACE = re.compile(r"\s*")
_QUOTED = {quote: re.compile(rf"{quote}((?:\\\\|\\{quote}|[^{quote}])*){quote}") for quote in "'\""}
_START = r"(?:\\,|[^\s,'\"=\[\]{}])"
_TEXT = re.compile(_START + r"(?:\\,|[^,'\"\]}])*")
"""A text after `=` or in brackets; it may hold `=` and spaces."""
_LATER_TEXT = re.compile(_START + r"(?:\\,|[^,'\"=])*")
"""A text after a comma. It may not hold `=`, which would make it a key."""


class ShorthandError(ValueError):
    """The text is not valid shorthand. The message points at the first wrong character."""

    def __init__(self, text: str, at: int, problem: str) -> None:
        start = text.rfind("\n", 0, at) + 1
        end = text.find("\n", at)
        line = text[start : end if end >= 0 else len(text)]
        super().__init__(f"{problem}:\n  {line}\n  {' ' * (at - start)}^")


def parse(text: str, read: Callable[[str], str]) -> dict[str, Value]:
    """Return the structure that the shorthand describes. `read` returns the contents of a `file://` after `@=`.

    Raises ShorthandError if the text is not valid shorthand.
    """
    return _Parser(text, read).parameter()


class _Parser:
    """Reads one text from left to right."""

    def __init__(self, text: str, read: Callable[[str], str]) -> None:
        self._text = text
        self._read = read
        self._at = 0

    def parameter(self) -> dict[str, Value]:
        found: dict[str, Value] = {}
        self._keyval(found, self._values)
        while self._at < len(self._text):
            self._expect(",")
            self._keyval(found, self._values)
        return found

    def _keyval(self, found: dict[str, Value], values: Callable[[], Value]) -> None:
        at = self._at
        match = _KEY.match(self._text, at)
        if not match:
            raise self._error("a key is missing here")
        self._at = match.end()
        self._skip()
        from_file = self._current == "@"
        if from_file:
            self._at += 1
        self._expect("=")
        value = values()
        key = match.group()
        if key in found:
            problem = f"{key} is given twice; separate structures by spaces, not commas"
            raise ShorthandError(self._text, at, problem)
        found[key] = self._contents(value) if from_file else value

    def _contents(self, value: Value) -> Value:
        if not isinstance(value, str):
            raise self._error("one file:// is expected after @=")
        return self._read(value)

    def _values(self) -> Value:
        if self._current in ("[", "{"):
            return self._item()
        first = self._value(_TEXT)
        found: list[Value] = [first]
        self._skip()
        while self._current == "," and not _NEXT_KEYVAL.match(self._text, self._at + 1):
            self._expect(",")
            later = self._value(_LATER_TEXT)
            if not later and self._text[self._at - 1] not in "'\"":
                raise self._error("a value is missing here")
            found.append(later)
            self._skip()
        return found if len(found) > 1 else first

    def _item(self) -> Value:
        if self._current == "[":
            return self._list()
        return self._hash() if self._current == "{" else self._value(_TEXT)

    def _list(self) -> list[Value]:
        self._expect("[")
        found: list[Value] = []
        while self._current != "]":
            found.append(self._item())
            self._separator("]")
        self._at += 1
        return found

    def _hash(self) -> dict[str, Value]:
        self._expect("{")
        found: dict[str, Value] = {}
        while self._current != "}":
            self._keyval(found, self._item)
            self._separator("}")
        self._at += 1
        return found

    def _separator(self, end: str) -> None:
        self._skip()
        if self._current != end:
            if self._current != ",":
                raise self._error(f"a comma or {end} is missing here")
            self._expect(",")

    def _value(self, plain: re.Pattern[str]) -> str:
        quote = self._current
        if quote in _QUOTED:
            match = _QUOTED[quote].match(self._text, self._at)
            if not match:
                raise self._error(f"the closing {quote} is missing")
            self._at = match.end()
            return re.sub(rf"\\([\\{quote}])", r"\1", match.group(1))
        match = plain.match(self._text, self._at)
        if not match:
            return ""
        self._at = match.end()
        return match.group().rstrip().replace("\\,", ",")

    @property
    def _current(self) -> str:
        """Return the next character, or an empty text at the end."""
        return self._text[self._at : self._at + 1]

    def _skip(self) -> None:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _expect(self, character: str) -> None:
        """Skip the character and the space around it. Raises ShorthandError if it is missing."""
        self._skip()
        if self._current != character:
            raise self._error(f"{character} is missing here")
        self._at += 1
        self._skip()

    def _error(self, problem: str) -> ShorthandError:
        return ShorthandError(self._text, self._at, problem)
