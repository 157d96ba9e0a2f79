"""The body of a request: form fields (application/x-www-form-urlencoded)."""

from __future__ import annotations

from urllib.parse import parse_qsl

from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError

MOST_FIELDS = 2000

Fields = dict[str, str]
"""The value of each field, by name, in the order of the body."""


def fields(body: bytes) -> Fields:
    """Return the fields of the body. Raises CloudError if it is not a form in UTF-8, or has a field twice."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict", separator="&"
        )
    except UnicodeError:
        raise malformed("The body is not a form (application/x-www-form-urlencoded) in UTF-8.") from None
    except ValueError:
        raise malformed(f"The body has more than {MOST_FIELDS} fields.") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise malformed(f"The parameter {shorten(twice)} is given more than once.")
    return found


def malformed(message: str) -> CloudError:
    """Return the error for a body that no action can be read from."""
    return CloudError("MalformedQueryString", message)
