"""Formats of flow log records: AWS's fields of versions 2 to 5, in `${field}` strings, and three fields of ours. Pure.

Source: AWS, "Flow log records", https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from eigw_ns.cloud.words import did_you_mean, shorten
from eigw_ns.errors import UsageError
from eigw_ns.frozen import frozen

_BY_VERSION = {
    2: "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action"
    " log-status",
    3: "vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr",
    4: "region az-id sublocation-type sublocation-id",
    5: "pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path",
}
OURS = ("gateway-id", "replica", "drop-reason")
"""Fields that AWS does not have. They do not count for the version."""

VERSIONS: Mapping[str, int] = {
    field: version for version, fields in _BY_VERSION.items() for field in fields.split()
} | dict.fromkeys(OURS, 2)
"""The version of AWS's flow logs that brought each field."""

DEFAULT = tuple(_BY_VERSION[2].split())
"""The fields of the default format, in AWS's order."""

ABSENT = "-"
"""What a field shows that does not apply to a record."""

_FIELD = re.compile(r"\$\{([^${}]*)\}")


@frozen
class RecordFormat:
    """The fields of each record, in order. `version` is the highest of AWS's versions among them."""

    fields: tuple[str, ...] = DEFAULT

    @property
    def version(self) -> int:
        """The value of the field `version`."""
        return max(VERSIONS[field] for field in self.fields)

    def header(self) -> str:
        """Return the names of the fields as a line."""
        return " ".join(self.fields)

    def line(self, values: Mapping[str, object]) -> str:
        """Return a record as a line: the values with a space between them, `-` for those that are missing."""
        known = {**values, "version": self.version}
        return " ".join(str(known.get(field, ABSENT)) for field in self.fields)

    def __str__(self) -> str:
        return " ".join(f"${{{field}}}" for field in self.fields)


def parse(text: str) -> RecordFormat:
    """Return the format that a string such as `${srcaddr} ${dstaddr}` describes.

    Raises UsageError if a field does not exist, or if there is other text than fields.
    """
    fields = tuple(_FIELD.findall(text))
    for field in fields:
        if field not in VERSIONS:
            hint = did_you_mean(field, VERSIONS) or f"the fields are {', '.join(VERSIONS)}"
            raise UsageError(f"{shorten(field) or 'an empty word'} is not a field of flow logs", hint=hint)
    rest = _FIELD.sub(" ", text).split()
    if rest or not fields:
        problem = f"{shorten(rest[0])} is not a field of a format" if rest else "a format needs at least one field"
        raise UsageError(problem, hint="write fields with spaces between them: '${srcaddr} ${dstaddr} ${bytes}'")
    return RecordFormat(fields)
