"""Protocols as Terraform's arguments write them."""

from __future__ import annotations

from eigw_ns.cloud import protocols
from eigw_ns.cloud.model import ALL_PROTOCOLS
from eigw_ns.errors import UsageError


def protocol(text: str) -> int | None:
    """Return the number of a protocol; None if the text is not one. `all` and `-1` mean every protocol."""
    if text.lower() in ("-1", "all"):
        return ALL_PROTOCOLS
    try:
        return protocols.number(text)
    except UsageError:
        return None
