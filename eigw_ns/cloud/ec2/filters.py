"""`Filters` of describe actions.

Filters are combined with AND, the values of one filter with OR. Values are case-sensitive. `*` and `?` are wildcards;
`\\*` and `\\?` match the characters themselves.
Source: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from eigw_ns.cloud.ec2.checks import invalid
from eigw_ns.cloud.ec2.schema import Request, Shape
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError
from eigw_ns.frozen import frozen

ABSENT = ""
"""The path of a filter that AWS documents for a member that no resource of a lab has. No value matches it."""

_TAG = "tag:"


@frozen
class Filter:
    """One filter of a request. It reads the members at `path` of a shape, or the tag with the key `tag` if given."""

    path: str
    tag: str | None
    patterns: tuple[re.Pattern[str], ...]

    def matches(self, shape: Shape) -> bool:
        """Return True if a value that the filter reads matches one of its patterns."""
        values = _at(shape, self.path.split(".")) if self.tag is None else _tag_values(shape, self.tag)
        return any(pattern.fullmatch(value) for value in values for pattern in self.patterns)


def filters(request: Request, known: Mapping[str, str], settings: Settings) -> tuple[list[Filter], list[str]]:
    """Return the filters of a request, and a warning for each filter that AWS would ignore.

    `known` maps the names of filters to paths.
    Raises InvalidFilter for an unknown filter if the settings are strict, and FilterLimitExceeded for too many.
    """
    given = request.get("Filters", [])
    quotas = settings.quotas
    if len(given) > quotas.filters_per_request:
        raise CloudError("FilterLimitExceeded", f"A request has {quotas.filters_per_request} filters at most")
    found, warnings = [], []
    for each in given:
        name, values = each.get("Name", ""), each.get("Values", [])
        if len(values) > quotas.values_per_filter:
            raise CloudError("FilterLimitExceeded", f"A filter has {quotas.values_per_filter} values at most")
        tag = name.removeprefix(_TAG) if name.startswith(_TAG) else None
        if tag is None and name not in known:
            if not name or settings.strict_filters:
                raise CloudError("InvalidFilter", f"The filter '{shorten(name)}' is invalid")
            warnings.append(f"the filter {shorten(name)} is unknown and was ignored, as AWS does")
            continue
        if not values:
            raise invalid(f"The filter '{shorten(name)}' has no values")
        found.append(Filter(known.get(name, ABSENT), tag, tuple(map(pattern, values))))
    return found, warnings


def pattern(text: str) -> re.Pattern[str]:
    """Return a regular expression for `text` and its wildcards.

    Atomic groups prevent backtracking, so that many `*` do not make it slow.
    """
    first, *rest = _segments(text)
    if not rest:
        return re.compile(first, re.DOTALL)
    middle = "".join(f"(?>.*?{segment})" for segment in rest[:-1])
    return re.compile(f"{first}{middle}.*{rest[-1]}", re.DOTALL)


def _segments(text: str) -> list[str]:
    """Return the regular expressions of the parts between the `*` in `text`."""
    segments = [""]
    for token in re.findall(r"\\.|.", text, re.DOTALL):
        if token == "*":
            segments.append("")
        else:
            segments[-1] += "." if token == "?" else re.escape(token[-1])
    return segments


def _at(value: Any, path: list[str]) -> Iterator[str]:
    """Yield every value at `path` as text. A list on the path contributes each of its items."""
    if isinstance(value, list):
        for item in value:
            yield from _at(item, path)
    elif path and isinstance(value, Mapping):
        if path[0] in value:
            yield from _at(value[path[0]], path[1:])
    elif not path:
        yield str(value).lower() if isinstance(value, bool) else str(value)


def _tag_values(shape: Shape, key: str) -> Iterable[str]:
    """Return the values of the shape's tag of that key. An item of DescribeTags is itself a tag."""
    return [tag["Value"] for tag in shape.get("Tags", [shape]) if tag["Key"] == key]
