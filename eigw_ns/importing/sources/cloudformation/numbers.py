"""Numbers in properties: ports, types, protocols. CloudFormation takes them as numbers or as text."""

from __future__ import annotations

import re

from eigw_ns.cloud import protocols
from eigw_ns.cloud.model import ALL_PROTOCOLS
from eigw_ns.errors import UsageError
from eigw_ns.importing.sources.cloudformation.values import Value, spelt

_NUMBER = re.compile(r"-?[0-9]{1,9}")


def number_of(value: Value) -> int | None:
    """Return a value as a number; None if it is not one."""
    text = (spelt(value) or "").strip()
    return int(text) if _NUMBER.fullmatch(text) else None


def protocol_of(value: Value) -> int | None:
    """Return a value as the number of a protocol, -1 for all of them; None if it is not one."""
    text = (spelt(value) or "").strip().lower()
    if text in ("-1", "all"):
        return ALL_PROTOCOLS
    try:
        return protocols.number(text)
    except UsageError:
        return None
