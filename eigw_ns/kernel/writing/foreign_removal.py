"""Remove foreign objects from routers. The router is read again, and only what is still foreign is deleted.

A deletion must not hit one of our objects. For routes, the protocol distinguishes them. For rules it does not: `ip`
sets none, and the kernel deletes the first rule that matches the selectors, which may be one of ours. So at the
priority of a foreign rule, the rules that stay are added again behind all others. Then all earlier rules are deleted
in their order, each one being the first match at that moment. No packet misses a rule meanwhile. Deleting the foreign
rule alone would be shorter. But for the foreign rule `100: from all lookup main`, Linux deletes our rule `100: fwmark
0x1 lookup main`, and the foreign one, which lets every packet find a route, stays.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Collection, Iterable, Iterator
from itertools import groupby
from operator import attrgetter

from eigw_ns.dataplane.state import ForeignObject
from eigw_ns.errors import MissingError
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.netlink.link_message import integer
from eigw_ns.kernel.netlink.rtnetlink import (
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
from eigw_ns.kernel.netlink.socket import CREATE, NETFILTER, Message, Netlink, attribute, attributes, number
from eigw_ns.kernel.nft import fingerprint
from eigw_ns.kernel.nft.library import Nft
from eigw_ns.kernel.reading import foreign, namespace_reader

_ROUTE_IDENTITY = (RTA_DST, RTA_SRC, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_TABLE)
_GONE = frozenset({errno.ENOENT, errno.ESRCH, errno.ENODEV})
_NAMESPACE = attrgetter("namespace")


def clear(things: Iterable[ForeignObject]) -> int:
    """Remove those foreign objects that still exist. Returns the number of writes to the kernel."""
    writes = 0
    for namespace, group in groupby(sorted(things, key=_NAMESPACE), _NAMESPACE):
        wanted = {thing.text for thing in group}
        with contextlib.suppress(MissingError), netns.inside(namespace), Netlink() as netlink:
            names = {link.index: link.name for link in namespace_reader.links(netlink)}
            messages = [*_routes(netlink, namespace, names, wanted), *_rules(netlink, namespace, wanted)]
            netlink.send(messages)
            writes += len(messages) + _tables(namespace, wanted)
    return writes


def _is_wanted(thing: object, texts: Collection[str]) -> bool:
    return isinstance(thing, ForeignObject) and thing.text in texts


def _routes(netlink: Netlink, namespace: str, names: Names, texts: Collection[str]) -> Iterator[Message]:
    _, others = foreign.routes(netlink, namespace, names)
    for thing, payload in others:
        if thing.text in texts:
            found = attributes(payload, ROUTE.size)
            identity = b"".join(attribute(kind, found[kind]) for kind in _ROUTE_IDENTITY if kind in found)
            yield Message(DELROUTE, 0, payload[: ROUTE.size] + identity, f"delete the {thing}", _GONE)


def _rules(netlink: Netlink, namespace: str, texts: Collection[str]) -> Iterator[Message]:
    for _, group in groupby(foreign.rules(netlink, namespace), lambda found: _priority(found[1])):
        there = list(group)
        staying = [payload for thing, payload in there if not _is_wanted(thing, texts)]
        if len(staying) < len(there):
            yield from (Message(NEWRULE, CREATE, _exact(payload), "keep a routing rule") for payload in staying)
            for thing, payload in there:
                yield Message(DELRULE, 0, _exact(payload), f"delete the {thing}", _GONE)


def _priority(payload: bytes) -> int:
    return integer(attributes(payload, RULE.size).get(FRA_PRIORITY))


def _exact(payload: bytes) -> bytes:
    """Return the rule with its priority. The kernel omits a priority of 0, but takes a missing one for any."""
    return payload if FRA_PRIORITY in attributes(payload, RULE.size) else payload + number(FRA_PRIORITY, 0)


def _tables(namespace: str, texts: Collection[str]) -> int:
    """Delete foreign tables by their handles: a name may contain anything, even nft commands."""
    with Netlink(NETFILTER) as netfilter:
        found = fingerprint.tables(netfilter)
    writes = 0
    for table in found:
        thing = foreign.table(table, namespace)
        if _is_wanted(thing, texts):
            with contextlib.suppress(MissingError):
                where = f"{foreign.FAMILIES[table.family]} handle {table.handle}"
                Nft().run(f"delete table {where}\n", f"delete the {thing}")
            writes += 1
    return writes
