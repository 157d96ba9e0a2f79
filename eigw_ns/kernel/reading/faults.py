"""What is visibly wrong with a replica of a gateway, given what its namespace holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from eigw_ns.dataplane.state import Forwarding, Link, Namespace, NetObject, NetState, Route, RoutingRule, Ruleset

_VITAL = (Namespace, Link, Ruleset, Forwarding, RoutingRule, Route)


def first_fault(
    found: NetState | None,
    holds: Iterable[NetObject],
    ports: Iterable[tuple[str, str]],
    is_up: Callable[[str, str], bool],
    *,
    changing: bool,
) -> str:
    """See `Host.fault`. `found` is what the namespace holds, None if it does not exist or lacks our mark.

    `is_up` says of a (namespace, link) whether that link exists and is up.
    """
    if found is None:
        return "its namespace is gone"
    for thing in sorted((thing for thing in holds if isinstance(thing, _VITAL)), key=lambda thing: thing.rank):
        there = found.objects.get(thing.key)
        if there is None:
            return f"no {thing}"
        if isinstance(thing, Link) and isinstance(there, Link):
            if not there.up:
                return f"{thing} is down"
        elif there != thing and not changing:
            return f"another {thing}"
    return next((f"link {link} in {there} is down" for there, link in ports if not is_up(there, link)), "")
