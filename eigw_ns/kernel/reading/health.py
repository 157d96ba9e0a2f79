"""What is visibly wrong with a replica of a gateway: a look at its namespace and at the ports that lead to it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from eigw_ns.dataplane.state import (
    Forwarding,
    Link,
    Namespace,
    NetObject,
    NetState,
    Route,
    RoutingRule,
    Ruleset,
)
from eigw_ns.errors import MissingError
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.netlink.socket import Netlink
from eigw_ns.kernel.reading import namespace_reader

_VITAL = (Namespace, Link, Ruleset, Forwarding, RoutingRule, Route)


def ailment(
    namespace: str, holds: Iterable[NetObject], ports: Iterable[tuple[str, str]], *, changing: bool = False
) -> str:
    """The first thing that is wrong, in words; empty where all looks well.

    `holds` is what the namespace should hold, `ports` are the (namespace, link) at the other ends of its links. While
    somebody is `changing` the lab it may hold other things instead.
    """
    found = _contents(namespace)
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
    return next((f"link {link} in {there} is down" for there, link in ports if not _is_up(there, link)), "")


def _contents(namespace: str) -> NetState | None:
    with contextlib.suppress(MissingError), netns.inside(namespace), Netlink() as netlink:
        here = namespace_reader.links(netlink)
        owner = namespace_reader.mark(namespace, namespace_reader.loopback(here))
        if owner is not None:
            return NetState.of(namespace_reader.contents(netlink, owner, here, ()))
    return None


def _is_up(namespace: str, name: str) -> bool:
    with contextlib.suppress(MissingError), netns.inside(namespace), Netlink() as netlink:
        return any(link.name == name and link.up for link in namespace_reader.links(netlink))
    return False
