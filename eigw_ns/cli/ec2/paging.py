"""Paging as in aws-cli: `--page-size` requests pages, `--max-items` cuts the answer, `--starting-token` continues it.

The token holds the action's own token and the number of items of that page already printed, as in botocore:
https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-pagination.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import click

from eigw_ns.cloud.ec2.schema import Parameter
from eigw_ns.errors import UsageError
from eigw_ns.frozen import frozen

Answer = dict[str, Any]
_PAGE_MEMBERS = ("MaxResults", "NextToken")


@frozen
class Paging:
    """The values of the paging flags. None: not given."""

    max_items: int | None = None
    page_size: int | None = None
    starting_token: str | None = None


def is_paged(parameters: tuple[Parameter, ...]) -> bool:
    """Return True if an action with these parameters answers in pages."""
    return set(_PAGE_MEMBERS) <= {parameter.name for parameter in parameters}


def options() -> list[click.Parameter]:
    """Return the paging flags."""
    return [
        click.Option(
            ["--max-items"],
            type=click.IntRange(min=1),
            help="Maximum number of items to print. If there are more, the answer has a NextToken.",
        ),
        click.Option(["--page-size"], type=int, help="Number of items per request. Does not change the answer."),
        click.Option(["--no-paginate"], is_flag=True, help="Print only the first page of the answer."),
        click.Option(["--starting-token"], metavar="TEXT", help="Continue from the NextToken of --max-items."),
    ]


def take(given: dict[str, Any], request: dict[str, Any]) -> Paging | None:
    """Remove the paging flags from `given` and return them. Return None if only the first page is wanted.

    Raises UsageError if `request` asks for one page itself.
    """
    only_first = given.pop("no_paginate")
    paging = Paging(given.pop("max_items"), given.pop("page_size"), given.pop("starting_token"))
    if paging != Paging() and not request.keys().isdisjoint(_PAGE_MEMBERS):
        raise UsageError(
            "--max-results and --next-token request a single page and exclude the other paging flags",
            hint="use --max-items, --page-size and --starting-token alone",
        )
    return None if only_first else paging


def gather(call: Callable[[Answer], Answer], request: Answer, paging: Paging) -> Answer:
    """Return the answers of all pages as one, with at most `max_items` items. Its NextToken is a `starting_token`."""
    if not request.keys().isdisjoint(_PAGE_MEMBERS):
        return call(request)
    token, skip = _decode_token(paging.starting_token)
    found: list[Any] = []
    while True:
        answer = call({**request, **_page(paging.page_size, token)})
        key, items = next((name, items) for name, items in answer.items() if isinstance(items, list))
        following = answer.pop("NextToken", None)
        room = len(items) if paging.max_items is None else paging.max_items - len(found)
        found += items[skip : skip + room]
        if len(items) > skip + room:
            return {**answer, key: found, "NextToken": _encode_token(token, skip + room)}
        if following is None:
            return {**answer, key: found}
        if len(found) == paging.max_items:
            return {**answer, key: found, "NextToken": _encode_token(following, 0)}
        token, skip = following, 0


def _page(size: int | None, token: str | None) -> Answer:
    return {name: value for name, value in zip(_PAGE_MEMBERS, (size, token), strict=True) if value is not None}


def _encode_token(token: str | None, skip: int) -> str:
    return base64.b64encode(json.dumps({"NextToken": token, "boto_truncate_amount": skip}).encode()).decode()


def _decode_token(text: str | None) -> tuple[str | None, int]:
    if text is None:
        return None, 0
    try:
        data = json.loads(base64.b64decode(text, validate=True))
        return data["NextToken"], max(0, int(data["boto_truncate_amount"]))
    except (ValueError, TypeError, KeyError):
        raise UsageError(f"{text} is not a valid --starting-token", hint="copy the NextToken of an answer") from None
