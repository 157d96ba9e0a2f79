"""Which lab answers a request: the account and the Region of its signature decide."""

from __future__ import annotations

import re
from collections.abc import Sequence

from eigw_ns.errors import CloudError, UsageError
from eigw_ns.frozen import frozen
from eigw_ns.server.wire.model import Model

_PLACE = re.compile(r"(?P<lab>[^@]*)(?:@(?:(?P<account>[0-9]{12})/)?(?P<region>[a-z0-9-]{1,32}))?")


@frozen
class Place:
    """A lab, and the account and the Region that it answers for; None: for every one."""

    lab: str
    region: str | None = None
    account: str | None = None

    def __str__(self) -> str:
        region = f"in {self.region}" if self.region else "in every Region"
        account = f"the account {self.account}" if self.account else "every account"
        return f"the lab {self.lab} answers {region} and for {account}"


def parse(text: str) -> Place:
    """Return the place that NAME, NAME@REGION or NAME@ACCOUNT/REGION means. Raises UsageError."""
    found = _PLACE.fullmatch(text)
    if found is None:
        raise UsageError(f"--lab {text}: what follows @ is not a Region", hint=_FORM)
    return Place(found["lab"], found["region"], found["account"])


_FORM = "write it as NAME, NAME@us-east-1 or NAME@123456789012/us-east-1"


def require_distinct(places: Sequence[Place]) -> None:
    """Raise UsageError if AWS has no such Region, if several labs answer the same request, or one answers all."""
    known = Model().regions if any(place.region for place in places) else frozenset()
    for place in places:
        if place.region is not None and place.region not in known:
            raise UsageError(f"AWS has no Region {place.region}", hint=_FORM)
        if place.region is None and len(places) > 1:
            raise UsageError(f"several labs are served, and {place.lab} has no Region", hint=f"{place.lab}@us-east-1")
    taken = [(place.account, place.region) for place in places]
    for place in places:
        if taken.count((place.account, place.region)) > 1:
            raise UsageError(f"two labs answer in {place.region}", hint="give each a Region or an account of its own")
        if sum(each.lab == place.lab for each in places) > 1:
            raise UsageError(f"the lab {place.lab} is given twice", hint="serve it in one Region")


@frozen
class Labs:
    """The labs that are served, in the order in which the user gave them."""

    places: tuple[Place, ...]

    def index(self, account: str, region: str) -> int | None:
        """Return the number of the lab that answers; None if no lab does. A lab of the account comes first."""
        for wanted in (account, None):
            for number, place in enumerate(self.places):
                if place.account == wanted and place.region in (region, None):
                    return number
        return None

    def regions(self, account: str) -> tuple[str, ...]:
        """Return the Regions in which a lab answers the account; none if a lab answers in all."""
        mine = (place for place in self.places if place.account in (account, None))
        return tuple(sorted({place.region for place in mine if place.region}))

    def not_here(self, account: str, region: str) -> CloudError:
        """Return the error for a Region without a lab."""
        words = ", ".join(self.regions(account)) or "no Region"
        return CloudError(
            "OptInRequired",
            f"You are not subscribed to the Region {region}: no lab of the account {account} is served there.",
            hint=f"labs are served in {words}; start `eigw-ns serve` with --lab NAME@{region}",
        )
