"""Times in the form of EC2's answers."""

from __future__ import annotations

from datetime import UTC, datetime


def timestamp(seconds: int) -> str:
    """Return the time, in seconds since 1970, as EC2 writes it: `2026-12-01T00:00:00.000Z`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
