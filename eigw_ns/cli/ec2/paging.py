"""aws-cli's paging: `--page-size` asks the action for pages, `--max-items` cuts the answer, `--starting-token` goes on.

The token tells the action's own token and how many items of that page were shown already, as botocore's does:
https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-pagination.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from eigw_ns.cloud.ec2.schema import Parameter
from eigw_ns.errors import UsageError

Answer = dict[str, Any]
_AGAIN = ("MaxResults", "NextToken")


@dataclass(frozen=True, slots=True)
class Paging:
    """What the paging flags said."""

    max_items: int | None = None
    page_size: int | None = None
    starting_token: str | None = None


def is_paged(parameters: tuple[Parameter, ...]) -> bool:
    """Whether an action with these parameters answers in pages."""
    return set(_AGAIN) <= {parameter.name for parameter in parameters}


def options() -> list[click.Parameter]:
    """The flags."""
    return [
        click.Option(
            ["--max-items"], type=click.IntRange(min=1), help="Show so many at most; the answer says how to go on."
        ),
        click.Option(["--page-size"], type=int, help="Ask for so many at once; changes nothing in the answer."),
        click.Option(["--starting-token"], metavar="TEXT", help="Go on from the NextToken of --max-items."),
    ]


def take(given: dict[str, Any], request: dict[str, Any]) -> Paging:
    """The paging flags out of `given`. Raises UsageError where the request asks for a page by itself."""
    paging = Paging(given.pop("max_items"), given.pop("page_size"), given.pop("starting_token"))
    if paging != Paging() and not request.keys().isdisjoint(_AGAIN):
        raise UsageError(
            "--max-results and --next-token ask for one page, so the other paging flags do not go with them",
            hint="use --max-items, --page-size and --starting-token alone",
        )
    return paging


def gather(call: Callable[[Answer], Answer], request: Answer, paging: Paging) -> Answer:
    """The answers of all pages as one, no longer than `max_items`; its NextToken is a `starting_token`."""
    if not request.keys().isdisjoint(_AGAIN):
        return call(request)
    token, skip = _read(paging.starting_token)
    found: list[Any] = []
    while True:
        answer = call({**request, **_page(paging.page_size, token)})
        key, items = next((name, items) for name, items in answer.items() if isinstance(items, list))
        following = answer.pop("NextToken", None)
        room = len(items) if paging.max_items is None else paging.max_items - len(found)
        found += items[skip : skip + room]
        if len(items) > skip + room:
            return {**answer, key: found, "NextToken": _write(token, skip + room)}
        if following is None:
            return {**answer, key: found}
        if len(found) == paging.max_items:
            return {**answer, key: found, "NextToken": _write(following, 0)}
        token, skip = following, 0


def _page(size: int | None, token: str | None) -> Answer:
    return {name: value for name, value in zip(_AGAIN, (size, token), strict=True) if value is not None}


def _write(token: str | None, skip: int) -> str:
    return base64.b64encode(json.dumps({"NextToken": token, "boto_truncate_amount": skip}).encode()).decode()


def _read(text: str | None) -> tuple[str | None, int]:
    if text is None:
        return None, 0
    try:
        data = json.loads(base64.b64decode(text, validate=True))
        return data["NextToken"], max(0, int(data["boto_truncate_amount"]))
    except (ValueError, TypeError, KeyError):
        raise UsageError(f"--starting-token: {text} is no token", hint="copy the NextToken of an answer") from None
