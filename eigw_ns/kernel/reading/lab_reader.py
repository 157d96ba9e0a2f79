"""Read all namespaces of a lab, in two processes if there are many.

The child process returns only namespaces that differ from the expected state: pickling thousands of objects takes as
long as reading them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import field
from functools import partial
from types import MappingProxyType

from eigw_ns.dataplane.state import Key, Link, Namespace, NetObject, NetState, Ruleset, is_tenant
from eigw_ns.dataplane.state.naming import lab_prefix
from eigw_ns.errors import MissingError
from eigw_ns.frozen import frozen
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.netlink.link_message import LinkMessage
from eigw_ns.kernel.netlink.socket import Netlink
from eigw_ns.kernel.processes.parallel import in_halves
from eigw_ns.kernel.reading import namespace_reader
from eigw_ns.kernel.reading.namespace_reader import Numbers, Place
from eigw_ns.kernel.reading.parsed_routes import ParsedRoutes
from eigw_ns.kernel.writing import tenant_conflicts

_Objects = Mapping[Key, NetObject]


def owner_of(name: str) -> Namespace | None:
    """Return the namespace as ours; None if it is foreign or does not exist."""
    with contextlib.suppress(MissingError), netns.inside(name):
        return owner_here(name)
    return None


def owner_here(name: str) -> Namespace | None:
    """Return the namespace that this thread is in, whose name is `name`, as ours; None if it is foreign."""
    with Netlink(accept_partial=is_tenant(name)) as netlink:
        return _owner_by(name, namespace_reader.only_loopback(netlink))


def read_lab(
    lab: str, believed: NetState, only: Collection[str] | None = None, parsed: ParsedRoutes | None = None
) -> NetState:
    """See `Kernel.observe`. `parsed` knows routes of earlier reads."""
    expected = _by_namespace(believed)
    if parsed is not None:
        parsed.believed = believed.objects
    names = netns.names(lab_prefix(lab)) if only is None else sorted(only)
    readings = in_halves(names, partial(_read_some, lab, expected, parsed))
    ends = {place: numbers for reading in readings for place, numbers in reading.ends.items()}
    found: dict[Key, NetObject] = {}
    for reading in readings:
        for name, objects in reading.objects.items():
            found.update(expected[name] if objects is None else objects)
    if only is not None:
        ends |= _ends_beside(lab, found.values(), only)
    links = [thing for thing in found.values() if isinstance(thing, Link)]
    found.update((link.key, namespace_reader.verify_peers(link, ends)) for link in links)
    return NetState(MappingProxyType(found))


def _ends_beside(lab: str, things: Iterable[NetObject], read: Collection[str]) -> dict[Place, Numbers]:
    """Return the numbers of the links whose other ends are among `things`, in namespaces that were not `read`."""
    peers = (thing.peer for thing in things if isinstance(thing, Link) and thing.peer is not None)
    wanted: dict[str, list[str]] = {}
    for namespace, link in peers:
        if namespace not in read:
            wanted.setdefault(namespace, []).append(link)
    found: dict[Place, Numbers] = {}

    def look(netlink: Netlink, owner: Namespace, _links: list[LinkMessage]) -> None:
        name = owner.namespace
        seen = [link for each in wanted[name] for link in namespace_reader.one_link(netlink, each)]
        found.update(namespace_reader.ends(name, seen))

    _visit(lab, wanted, namespace_reader.only_loopback, look)
    return found


def read_namespaces(lab: str) -> NetState:
    """See `Kernel.outline`."""
    found: list[NetObject] = []

    def read(_netlink: Netlink, owner: Namespace, _links: list[LinkMessage]) -> None:
        found.extend(namespace_reader.read_outline(owner))

    _visit(lab, netns.names(lab_prefix(lab)), namespace_reader.only_loopback, read)
    return NetState.of(found)


@frozen
class _Reading:
    """The objects of some namespaces (None: exactly the expected ones), and the ends of their links."""

    objects: dict[str, _Objects | None] = field(default_factory=dict)
    ends: dict[Place, Numbers] = field(default_factory=dict)


def _read_some(
    lab: str, expected: Mapping[str, _Objects], parsed: ParsedRoutes | None, names: Iterable[str]
) -> _Reading:
    reading = _Reading()

    def read(netlink: Netlink, owner: Namespace, links: list[LinkMessage]) -> None:
        name = owner.namespace
        there = expected.get(name, {})
        rules = [thing for thing in there.values() if isinstance(thing, Ruleset)]
        found = {thing.key: thing for thing in namespace_reader.contents(netlink, owner, links, rules, parsed)}
        reading.objects[name] = None if found == there else found
        reading.ends.update(namespace_reader.ends(name, links))

    _visit(lab, names, namespace_reader.links, read)
    return reading


def _visit(
    lab: str,
    names: Iterable[str],
    shown: Callable[[Netlink], list[LinkMessage]],
    read: Callable[[Netlink, Namespace, list[LinkMessage]], None],
) -> None:
    """Call `read` in each namespace that is the lab's, with a socket there, the namespace, and the links `shown`."""
    for name in names:
        with (
            contextlib.suppress(MissingError),
            netns.inside(name),
            Netlink(accept_partial=is_tenant(name)) as netlink,
        ):
            here = shown(netlink)
            owner = _owner_by(name, here)
            if owner is not None and owner.lab == lab:
                read(netlink, owner, here)


def _owner_by(name: str, seen: Iterable[LinkMessage]) -> Namespace | None:
    first = namespace_reader.loopback(seen)
    return namespace_reader.mark(name, first) or tenant_conflicts.known(name, first)


def _by_namespace(state: NetState) -> dict[str, dict[Key, NetObject]]:
    found: dict[str, dict[Key, NetObject]] = {}
    last, objects = "", dict[Key, NetObject]()
    for key, thing in state.objects.items():
        if thing.namespace != last:  # most follow another of their namespace
            last = thing.namespace
            objects = found.setdefault(last, {})
        objects[key] = thing
    return found
