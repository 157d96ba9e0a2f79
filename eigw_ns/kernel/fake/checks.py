"""Check the objects of one namespace as Linux does. Each check raises the error that the kernel's errno means.

The checks cover what our own code could get wrong (order, names, references), so that a plan that passes here passes on
Linux. The texts of nft rules are not parsed; only the names in them are checked.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Interface

from eigw_ns.dataplane.state import (
    LOOPBACK,
    Address,
    Fdb,
    Forwarding,
    Key,
    Link,
    Namespace,
    Neighbour,
    NetObject,
    Route,
    Ruleset,
    Sysctls,
)
from eigw_ns.errors import kernel_error

Objects = Mapping[Key, NetObject]

_LONGEST_NAME = 15  # IFNAMSIZ less the final zero byte, linux/if.h

_INTERFACE_SYSCTL = re.compile(r"net\.ipv[46]\.(?:conf|neigh)\.([^.]+)\.")
_COUNTER = re.compile(r'\bcounter name "?([\w/.-]+)')
_SET = re.compile(r"@([A-Za-z][\w/.-]*)(?!,)\b")  # `@th,0,16` is raw payload, not a set
_CHAIN = re.compile(r"\b(?:jump|goto) ([\w/.-]+)")


def check_creation(objects: Objects, thing: NetObject, doing: str) -> None:
    """Raise the error of Linux if `thing` is created beside `objects`: ExistsError, MissingError or KernelError."""
    there = objects.get(thing.key)
    always = isinstance(thing, Sysctls | Forwarding)  # every namespace has them from the beginning
    if there is not None and not always and not is_waiting(there):
        raise kernel_error(doing, errno.EEXIST)
    if isinstance(thing, Link) and len(thing.name) > _LONGEST_NAME:
        raise kernel_error(doing, errno.ERANGE, detail=f"the name is longer than {_LONGEST_NAME} characters")
    if isinstance(thing, Address) and _address_taken(objects, thing):
        raise kernel_error(doing, errno.EEXIST, detail="the link has it already, with another prefix length")
    _check_needs(objects, thing, doing)


def check_update(objects: Objects, actual: NetObject, new: NetObject, doing: str) -> None:
    """Raise the error of Linux if `actual`, one of `objects`, is changed to `new` in place."""
    same = new
    if isinstance(new, Link) and isinstance(actual, Link):
        same = replace(new, mtu=actual.mtu, up=actual.up, bridge=actual.bridge)
    elif isinstance(new, Namespace) and isinstance(actual, Namespace):
        same = replace(new, loopback_up=actual.loopback_up, marked=actual.marked)
    if isinstance(new, Link | Namespace) and same != actual:
        raise kernel_error(doing, errno.EINVAL, detail="this can change only by deletion and creation")
    _check_needs(objects, new, doing)


def is_waiting(thing: NetObject | None) -> bool:
    """Return whether this is a veth end that was created with its far end and has no settings of its own yet."""
    return isinstance(thing, Link) and thing.kind == "veth" and thing.peer is None


def hangs_on(thing: NetObject, link: str) -> bool:
    """Return whether `thing` is removed with the interface `link` of its namespace."""
    return isinstance(thing, Address | Neighbour | Fdb | Route) and thing.link == link


def kept_while_down(thing: NetObject) -> bool:
    """Return whether `thing` remains if its link is set down. Objects of layer 3 do not."""
    return isinstance(thing, Fdb)


def _check_needs(objects: Objects, thing: NetObject, doing: str) -> None:
    match thing:
        case Link(bridge=str(bridge)):
            _need_bridge(objects, thing, bridge, doing)
        case Address() | Neighbour():
            _need_link(objects, thing.namespace, thing.link, doing)
        case Fdb():
            _check_fdb(objects, thing, doing)
        case Route(blackhole=False):
            _check_route(objects, thing, doing)
        case Sysctls():
            for key, _ in thing.values:
                if (match := _INTERFACE_SYSCTL.match(key)) and match[1] not in ("all", "default"):
                    _need_link(objects, thing.namespace, match[1], doing)
        case Ruleset():
            _check_ruleset(thing, doing)


def _need_link(objects: Objects, namespace: str, name: str, doing: str) -> Link | None:
    """Return the link of that name; None for the loopback. Raises MissingError if the link does not exist."""
    if name == LOOPBACK:
        return None
    link = objects.get(("link", namespace, name))
    if not isinstance(link, Link):
        raise kernel_error(doing, errno.ENODEV, detail=f"there is no interface {name}")
    return link


def _need_bridge(objects: Objects, port: Link, name: str, doing: str) -> None:
    bridge = _need_link(objects, port.namespace, name, doing)
    if bridge is None or bridge.kind != "bridge":
        raise kernel_error(doing, errno.EINVAL, detail=f"{name} is not a bridge")


def _address_taken(objects: Objects, wanted: Address) -> bool:
    address = wanted.address.split("/")[0]
    return any(
        isinstance(thing, Address) and thing.link == wanted.link and thing.address.split("/")[0] == address
        for thing in objects.values()
    )


def _check_fdb(objects: Objects, thing: Fdb, doing: str) -> None:
    port = _need_link(objects, thing.namespace, thing.link, doing)
    if port is None or port.bridge is None:
        raise kernel_error(doing, errno.EINVAL, detail=f"{thing.link} is not a port of a bridge")
    for other in objects.values():
        if isinstance(other, Link) and other.mac == thing.mac and port.bridge in (other.bridge, other.name):
            raise kernel_error(doing, errno.EEXIST, detail=f"it is the bridge's own entry for {other.name}")


def _check_route(objects: Objects, route: Route, doing: str) -> None:
    link = _need_link(objects, route.namespace, route.link, doing)
    if link is not None and not link.up:
        raise kernel_error(doing, errno.ENETDOWN)
    if route.via and not IPv6Address(route.via).is_link_local and not _on_link(objects, route):
        raise kernel_error(doing, errno.EHOSTUNREACH, detail=f"{route.via} is not on the link {route.link}")
    addresses = {thing.address.partition("/")[0] for thing in objects.values() if isinstance(thing, Address)}
    if route.preferred and route.preferred not in addresses:
        raise kernel_error(doing, errno.EINVAL, detail=f"{route.preferred} is not an address of the namespace")


def _on_link(objects: Objects, route: Route) -> bool:
    """Return whether an address or an on-link route of the same link covers the next hop."""
    hop = IPv6Address(route.via)
    for thing in objects.values():
        if isinstance(thing, Address) and thing.link == route.link:
            prefix = thing.address
        elif isinstance(thing, Route) and thing.link == route.link and not thing.via:
            prefix = thing.destination
        else:
            continue
        if hop in IPv6Interface(prefix).network:
            return True
    return False


def _check_ruleset(ruleset: Ruleset, doing: str) -> None:
    """Raise MissingError if a rule or a map's element names a counter, set or chain that the table lacks."""
    known = (
        ("counter", _COUNTER, set(ruleset.counters)),
        ("set", _SET, {found.name for found in ruleset.sets}),
        ("chain", _CHAIN, {chain.name for chain in ruleset.chains}),
    )
    for text in _texts(ruleset):
        for kind, pattern, names in known:
            missing = set(pattern.findall(text)) - names
            if missing:
                raise kernel_error(doing, errno.ENOENT, detail=f"there is no {kind} {min(missing)}")


def _texts(ruleset: Ruleset) -> Iterator[str]:
    for chain in ruleset.chains:
        yield from chain.rules
    for found in ruleset.sets:
        yield from (value for _, value in found.elements)
