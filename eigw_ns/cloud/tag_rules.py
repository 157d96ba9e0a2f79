"""What AWS allows in tags. The EC2 API and the topology file have the same rules.

EC2 takes every character in tags. A lab refuses only those that would break a line or that are not text. The sets are
fixed, so a tag that one version of Python takes is valid in all.
Source: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
"""

from __future__ import annotations

import re

LONGEST_KEY = 128  # Unicode characters, as below
LONGEST_VALUE = 256
RESERVED = "aws:"
"""The prefix of keys that AWS reserves, in any case."""

_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, line and paragraph separators, and surrogates (from bytes that are not UTF-8)."""


def is_reserved(key: str) -> bool:
    """Return True if AWS reserves the key for itself."""
    return key.lower().startswith(RESERVED)


def forbidden(text: str) -> str:
    """Return the first character that a tag cannot have, such as U+000A. Returns "" if there is none."""
    found = _FORBIDDEN.search(text)
    return f"U+{ord(found[0]):04X}" if found else ""
