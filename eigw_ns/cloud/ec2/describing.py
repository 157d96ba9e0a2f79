"""The common part of all describe actions: filter, sort by id, and split into pages."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterable

from eigw_ns.cloud.ec2.checks import invalid
from eigw_ns.cloud.ec2.filters import KnownFilters, filters
from eigw_ns.cloud.ec2.owner import owned
from eigw_ns.cloud.ec2.schema import Reply, Request, Shape
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.model import Cloud
from eigw_ns.errors import CloudError
from eigw_ns.frozen import frozen

_LEAST = 5


@frozen
class Listing:
    """The listing of one describe action.

    `member` is the name of the list in the answer, and `key` gives the sort key of an item. MaxResults is from `least`
    to `most`.
    """

    member: str
    key: Callable[[Shape], str]
    filters: KnownFilters
    most: int = 1000
    least: int = _LEAST

    def reply(
        self,
        cloud: Cloud,
        shapes: Iterable[Shape],
        request: Request,
        settings: Settings,
        *,
        filtered: Callable[[Shape], Shape] = lambda shape: shape,
    ) -> Reply:
        """Return the page of `shapes` that the request asks for.

        `filtered` returns what filters read in place of a shape, if that is more than the answer has.
        Raises CloudError if its Filters, MaxResults or NextToken are not valid.
        """
        most = request.get("MaxResults")
        if most is not None and not self.least <= most <= self.most:
            expected = f"Expecting a value from {self.least} to {self.most}."
            raise invalid(f"Value ({most}) for parameter MaxResults is invalid. {expected}")
        wanted, warnings = filters(request, self.filters, settings)
        after = _position(request)
        shown = (owned(shape, settings) for shape in shapes)
        found = [shape for shape in shown if all(each.matches(filtered(shape)) for each in wanted)]
        ahead = sorted((shape for shape in found if after is None or self.key(shape) > after), key=self.key)
        answer: Shape = {self.member: ahead[:most]}
        if most is not None and len(ahead) > most:
            answer["NextToken"] = _token(request, self.key(ahead[most - 1]))
        return Reply(cloud, answer, tuple(warnings))


def _position(request: Request) -> str | None:
    """Return the key of the last item on the previous page, or None.

    Raises InvalidNextToken if the token was not given for the same request.
    """
    token = request.get("NextToken")
    if token is None:
        return None
    try:
        question, after = json.loads(base64.urlsafe_b64decode(token.encode()))
        if question == _question(request) and isinstance(after, str):
            return after
    except (ValueError, TypeError, binascii.Error, RecursionError):
        pass
    raise CloudError("InvalidNextToken", "The token is not one that was given for this request")


def _token(request: Request, after: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([_question(request), after]).encode()).decode()


def _question(request: Request) -> str:
    """Return a digest of the request without the members that select a page."""
    asked = {name: value for name, value in request.items() if name not in ("MaxResults", "NextToken", "DryRun")}
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]
