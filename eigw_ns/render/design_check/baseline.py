"""The fingerprints in an earlier result: our own JSON, or SARIF."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from eigw_ns.errors import UsageError
from eigw_ns.render.design_check.sarif import FINGERPRINT


def fingerprints(data: bytes, file: str) -> frozenset[str]:
    """Return the fingerprints of all findings in a file. Raises UsageError if it is not a result of a check."""
    try:
        document = json.loads(data)
        return frozenset(_fingerprints(document))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UsageError(
            f"{file} is not the result of a check", hint=f"`eigw-ns check -o json … > {file}` writes one"
        ) from None


def _fingerprints(document: Any) -> Iterator[str]:
    if "runs" not in document:
        yield from (str(finding["fingerprint"]) for finding in document["findings"])
        return
    for run in document["runs"]:
        for result in run["results"]:
            yield from (str(each) for key, each in result.get("partialFingerprints", {}).items() if key == FINGERPRINT)
