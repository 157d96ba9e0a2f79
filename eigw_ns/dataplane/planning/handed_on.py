"""Which routes lead to an instance of whose address or prefix another instance has a part from now on.

An instance may get an address in the prefix that another one gives up, or a prefix around the address of another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv6Network

from eigw_ns.cloud.addressing import DELEGATED_PREFIX_LENGTH
from eigw_ns.dataplane.state import NetState, Route
from eigw_ns.dataplane.state.naming import is_instance_port

_WHOLE, _BEYOND = 128, 128 - DELEGATED_PREFIX_LENGTH

_Place = tuple[str, int, int]
"""A namespace, and a destination as its first address and its length."""


def handed_on(desired: NetState, actual: NetState) -> tuple[Route, ...]:
    """Return the routes of `actual` that must go before the new instance can be sent to."""
    going = tuple(_to_instances(actual, desired))
    claimed = _links_by_place(_to_instances(desired, actual)) if going else {}
    return tuple(old for old in going if _claims(old, claimed) - {old.link})


def _to_instances(state: NetState, other: NetState) -> Iterator[Route]:
    """Yield the routes to instances that `other` does not have."""
    for thing in state:
        if isinstance(thing, Route) and is_instance_port(thing.link) and other.objects.get(thing.key) != thing:
            yield thing


def _links_by_place(routes: Iterable[Route]) -> dict[_Place, set[str]]:
    """Return the links to which the routes lead, by destination.

    An address also counts for its /80, with length 0: an instance has a part of it.
    """
    found: dict[_Place, set[str]] = {}
    for route in routes:
        first, length = _destination(route)
        found.setdefault((route.namespace, first, length), set()).add(route.link)
        if length == _WHOLE:
            found.setdefault((route.namespace, first >> _BEYOND, 0), set()).add(route.link)
    return found


def _claims(old: Route, claimed: dict[_Place, set[str]]) -> set[str]:
    """Return the links to which routes to a part of the route's destination lead."""
    first, length = _destination(old)
    around = first >> _BEYOND
    other = (around << _BEYOND, DELEGATED_PREFIX_LENGTH) if length == _WHOLE else (around, 0)
    same = claimed.get((old.namespace, first, length), set())
    return same | claimed.get((old.namespace, *other), set())


def _destination(route: Route) -> tuple[int, int]:
    block = IPv6Network(route.destination)
    return int(block.network_address), block.prefixlen
