"""Removing strays from routers: what is there is read again, and what is a stray still is sent back to be deleted.

Whatever the kernel takes for the same, but is not, must stay. Routes are told apart by their protocol. Rules are not:
`ip` gives them none, and a rule that is to go is any that has at least its selectors. So at a stray's priority those
that stay are made once more, behind the others, and then all that were there before are deleted one after the other,
each being the first of its like by then. No packet misses a rule meanwhile.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Collection, Iterable, Iterator
from itertools import groupby
from operator import attrgetter

from eigw_ns.dataplane.state import Stray
from eigw_ns.errors import MissingError
from eigw_ns.kernel import netns, observe, proof, strays
from eigw_ns.kernel.netlink import CREATE, NETFILTER, Message, Netlink, attribute, attributes, number
from eigw_ns.kernel.nft import Nft
from eigw_ns.kernel.rtnetlink import (
    DELROUTE,
    DELRULE,
    FRA_PRIORITY,
    NEWRULE,
    ROUTE,
    RTA_DST,
    RTA_GATEWAY,
    RTA_OIF,
    RTA_PRIORITY,
    RTA_SRC,
    RTA_TABLE,
    RULE,
    Names,
)
from eigw_ns.kernel.seen_link import integer

_ROUTE_IDENTITY = (RTA_DST, RTA_SRC, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_TABLE)
_GONE = frozenset({errno.ENOENT, errno.ESRCH, errno.ENODEV})
_NAMESPACE = attrgetter("namespace")


def clear(things: Iterable[Stray]) -> int:
    """Remove the strays that are there; how many writes that took."""
    writes = 0
    for namespace, group in groupby(sorted(things, key=_NAMESPACE), _NAMESPACE):
        wanted = {thing.text for thing in group}
        with contextlib.suppress(MissingError), netns.inside(namespace), Netlink() as netlink:
            names = {link.index: link.name for link in observe.links(netlink)}
            messages = [*_routes(netlink, namespace, names, wanted), *_rules(netlink, namespace, wanted)]
            netlink.send(messages)
            writes += len(messages) + _tables(namespace, wanted)
    return writes


def _is_wanted(thing: object, texts: Collection[str]) -> bool:
    return isinstance(thing, Stray) and thing.text in texts


def _routes(netlink: Netlink, namespace: str, names: Names, texts: Collection[str]) -> Iterator[Message]:
    _, others = strays.routes(netlink, namespace, names)
    for thing, payload in others:
        if thing.text in texts:
            found = attributes(payload, ROUTE.size)
            identity = b"".join(attribute(kind, found[kind]) for kind in _ROUTE_IDENTITY if kind in found)
            yield Message(DELROUTE, 0, payload[: ROUTE.size] + identity, f"delete the {thing}", _GONE)


def _rules(netlink: Netlink, namespace: str, texts: Collection[str]) -> Iterator[Message]:
    for _, group in groupby(strays.rules(netlink, namespace), lambda found: _priority(found[1])):
        there = list(group)
        staying = [payload for thing, payload in there if not _is_wanted(thing, texts)]
        if len(staying) < len(there):
            yield from (Message(NEWRULE, CREATE, _exact(payload), "keep a routing rule") for payload in staying)
            for thing, payload in there:
                yield Message(DELRULE, 0, _exact(payload), f"delete the {thing}", _GONE)


def _priority(payload: bytes) -> int:
    return integer(attributes(payload, RULE.size).get(FRA_PRIORITY))


def _exact(payload: bytes) -> bytes:
    """The rule, with the priority also where that is 0: the kernel does not say so, but takes silence for any."""
    return payload if FRA_PRIORITY in attributes(payload, RULE.size) else payload + number(FRA_PRIORITY, 0)


def _tables(namespace: str, texts: Collection[str]) -> int:
    """By their handles: a name may be anything, also commands."""
    with Netlink(NETFILTER) as netfilter:
        found = proof.tables(netfilter)
    writes = 0
    for table in found:
        thing = strays.table(table, namespace)
        if _is_wanted(thing, texts):
            with contextlib.suppress(MissingError):
                where = f"{strays.FAMILIES[table.family]} handle {table.handle}"
                Nft().run(f"delete table {where}\n", f"delete the {thing}")
            writes += 1
    return writes
