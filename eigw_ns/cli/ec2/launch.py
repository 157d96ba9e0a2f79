"""The flags of aws-cli for run-instances that the API does not have: `--count 2`, and user data as plain text.

Source: https://docs.aws.amazon.com/cli/latest/reference/ec2/run-instances.html
"""

from __future__ import annotations

import base64
from typing import Any

import click

from eigw_ns.errors import UsageError


def options() -> list[click.Parameter]:
    """Return the flag `--count`."""
    return [click.Option(["--count"], default="1", help="Number of instances to launch, or MIN:MAX.")]


def complete(request: dict[str, Any], count: str) -> dict[str, Any]:
    """Return the request with the numbers that `--count` gives, and its user data in base64.

    Raises UsageError if the count is not valid.
    """
    least, _, most = count.partition(":")
    found = {"MinCount": _number(least), "MaxCount": _number(most or least), **request}
    if "UserData" in request:
        found["UserData"] = base64.b64encode(request["UserData"].encode()).decode()
    return found


def _number(text: str) -> int:
    if text.isascii() and text.isdecimal():
        return int(text)
    raise UsageError(f"{text} is not a valid number of instances", hint="write one such as --count 2 or --count 1:2")
