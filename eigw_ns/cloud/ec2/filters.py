"""`Filters` of describe actions.

Filters are combined with AND, the values of one filter with OR. Values are case-sensitive. `*` and `?` are wildcards;
`\\*` and `\\?` match the characters themselves.
Source: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from eigw_ns.cloud.ec2.checks import invalid
from eigw_ns.cloud.ec2.schema import Request, Shape
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.words import did_you_mean, shorten
from eigw_ns.errors import CloudError
from eigw_ns.frozen import frozen

ABSENT = ""
"""The path of a filter that AWS documents for a member that no resource of a lab has. No value matches it."""

TAG_FILTERS: Mapping[str, str] = {"tag-key": "Tags.Key", "tag-value": "Tags.Value"}
"""The filters on tags that every resource has beside `tag:KEY`. AWS no longer documents `tag-value`, but takes it."""

_TAG = "tag:"


@frozen
class KnownFilters:
    """The filters of one describe action.

    `paths` maps their names to paths in a shape. `tags` is the path of the tags that `tag:KEY` reads; None if the items
    have no tags. AWS refuses an unknown filter, unless `ignores_unknown`.
    """

    paths: Mapping[str, str]
    tags: tuple[str, ...] | None = ("Tags",)
    ignores_unknown: bool = False


@frozen
class Filter:
    """One filter of a request. It reads the members at `path` of a shape. `tag` selects the tag with this key there."""

    path: tuple[str, ...]
    tag: str | None
    patterns: tuple[re.Pattern[str], ...]

    def matches(self, shape: Shape) -> bool:
        """Return True if a value that the filter reads matches one of its patterns."""
        return any(pattern.fullmatch(value) for value in self._values(shape) for pattern in self.patterns)

    def _values(self, shape: Shape) -> Iterable[str]:
        found = values_at(shape, self.path)
        if self.tag is None:
            return map(_text, found)
        return [tag["Value"] for tag in found if tag["Key"] == self.tag]


def filters(request: Request, known: KnownFilters, settings: Settings) -> tuple[list[Filter], list[str]]:
    """Return the filters of a request, and a warning for each filter that AWS would ignore.

    Raises InvalidParameterValue for an unknown filter, unless AWS ignores it and the settings are not strict.
    Raises FilterLimitExceeded for too many filters or values.
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
        tag = name.removeprefix(_TAG) if name.startswith(_TAG) and known.tags is not None else None
        if tag is None and name not in known.paths:
            if not name or settings.strict_filters or not known.ignores_unknown:
                raise _unknown(name, known)
            warnings.append(f"the filter {shorten(name)} is unknown and was ignored, as AWS does")
            continue
        if not values:
            raise invalid(f"The filter '{shorten(name)}' has no values")
        path = tuple(known.paths[name].split(".")) if tag is None else known.tags or ()
        found.append(Filter(path, tag, tuple(map(pattern, values))))
    return found, warnings


def _unknown(name: str, known: KnownFilters) -> CloudError:
    hint = f"write {_TAG}KEY" if name == "tag" and known.tags is not None else did_you_mean(name, known.paths)
    return CloudError("InvalidParameterValue", f"The filter '{shorten(name)}' is invalid", hint=hint)


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


def values_at(value: Any, path: Sequence[str]) -> Iterator[Any]:
    """Yield every value at `path`. A list on the path contributes each of its items."""
    if isinstance(value, list):
        for item in value:
            yield from values_at(item, path)
    elif not path:
        yield value
    elif isinstance(value, Mapping) and path[0] in value:
        yield from values_at(value[path[0]], path[1:])


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
