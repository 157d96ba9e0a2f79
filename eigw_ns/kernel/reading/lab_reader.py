"""Looking at all namespaces of a lab, by two processes where there are many.

One tells the other only what is not as it is believed: there are thousands of objects, and telling takes as long as
looking.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType

from eigw_ns.dataplane.state import Key, Namespace, NetObject, NetState, Ruleset, is_tenant
from eigw_ns.dataplane.state.naming import lab_prefix
from eigw_ns.errors import MissingError
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.netlink.link_message import SeenLink
from eigw_ns.kernel.netlink.socket import Netlink
from eigw_ns.kernel.processes.parallel import in_halves
from eigw_ns.kernel.reading import namespace_reader
from eigw_ns.kernel.reading.namespace_reader import Numbers, Place
from eigw_ns.kernel.writing import tenant_conflicts

_Objects = Mapping[Key, NetObject]


def owner_of(name: str) -> Namespace | None:
    """Whose the namespace is; None where it is foreign, or there is none."""
    with contextlib.suppress(MissingError), netns.inside(name), Netlink(restless=is_tenant(name)) as netlink:
        return _owner_by(name, namespace_reader.only_loopback(netlink))
    return None


def everything(lab: str, believed: NetState) -> NetState:
    """See `Kernel.observe`."""
    expected = _by_namespace(believed)
    sights = in_halves(netns.names(lab_prefix(lab)), partial(_look, lab, expected))
    ends = {place: numbers for sight in sights for place, numbers in sight.ends.items()}
    found: dict[Key, NetObject] = {}
    for sight in sights:
        for name, objects in sight.objects.items():
            there = expected[name] if objects is None else objects
            found.update((key, namespace_reader.proved(thing, ends)) for key, thing in there.items())
    return NetState(MappingProxyType(found))


def outline(lab: str) -> NetState:
    """See `Kernel.outline`."""
    found: list[NetObject] = []

    def read(_netlink: Netlink, owner: Namespace, _links: list[SeenLink]) -> None:
        found.extend(namespace_reader.outline(owner))

    _visit(lab, netns.names(lab_prefix(lab)), namespace_reader.only_loopback, read)
    return NetState.of(found)


@dataclass(frozen=True, slots=True)
class _Sight:
    """What is in some namespaces (None: all is as it is believed), and the ends of their links."""

    objects: dict[str, _Objects | None] = field(default_factory=dict)
    ends: dict[Place, Numbers] = field(default_factory=dict)


def _look(lab: str, expected: Mapping[str, _Objects], names: Iterable[str]) -> _Sight:
    sight = _Sight()

    def read(netlink: Netlink, owner: Namespace, links: list[SeenLink]) -> None:
        name = owner.namespace
        there = expected.get(name, {})
        rules = [thing for thing in there.values() if isinstance(thing, Ruleset)]
        found = {thing.key: thing for thing in namespace_reader.contents(netlink, owner, links, rules)}
        sight.objects[name] = None if found == there else found
        sight.ends.update(namespace_reader.ends(name, links))

    _visit(lab, names, namespace_reader.links, read)
    return sight


def _visit(
    lab: str,
    names: Iterable[str],
    shown: Callable[[Netlink], list[SeenLink]],
    read: Callable[[Netlink, Namespace, list[SeenLink]], None],
) -> None:
    """`read` in each of the namespaces that is the lab's; it gets a socket there, the namespace, the links `shown`."""
    for name in names:
        with contextlib.suppress(MissingError), netns.inside(name), Netlink(restless=is_tenant(name)) as netlink:
            here = shown(netlink)
            owner = _owner_by(name, here)
            if owner is not None and owner.lab == lab:
                read(netlink, owner, here)


def _owner_by(name: str, seen: Iterable[SeenLink]) -> Namespace | None:
    first = namespace_reader.loopback(seen)
    return namespace_reader.mark(name, first) or tenant_conflicts.known(name, first)


def _by_namespace(state: NetState) -> dict[str, dict[Key, NetObject]]:
    found: dict[str, dict[Key, NetObject]] = {}
    for key, thing in state.objects.items():
        found.setdefault(thing.namespace, {})[key] = thing
    return found
