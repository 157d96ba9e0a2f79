"""Compile a cloud again after it has changed, at the cost of what the change concerns.

`IncrementalCompiler` keeps the objects of each part, and what they were made from (`memo.Tracking`). Whatever the
series of clouds, its state is the one that `compile_cloud` makes of the last cloud, in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from types import MappingProxyType
from typing import Any

from eigw_ns.cloud.families import ipv6_part
from eigw_ns.cloud.list_references import expanded
from eigw_ns.cloud.model import Cloud
from eigw_ns.dataplane.compile.compiler import Compiler
from eigw_ns.dataplane.compile.memo import Key, Tracking
from eigw_ns.dataplane.compile.parts import GATEWAY, Part, parts, unlinked
from eigw_ns.dataplane.state import Key as ObjectKey
from eigw_ns.dataplane.state import NetObject, NetState
from eigw_ns.frozen import frozen


@frozen
class Delta:
    """How a state differs from the one before: the objects that came, and those that went or changed, as they were."""

    came: tuple[NetObject, ...]
    former: tuple[NetObject, ...]

    @property
    def namespaces(self) -> frozenset[str]:
        """The namespaces in which an object came, went or changed."""
        return frozenset(thing.namespace for thing in (*self.came, *self.former))


_SECTIONS = tuple(field.name for field in fields(Cloud) if field.name != "lab")
_OF_FAMILIES = frozenset({"vpcs", "subnets", "instances", "egress_only_internet_gateways", "internet_gateways"})
"""The sections that `ipv6_part` reads, besides those that `expanded` reads."""

_UNLINKED = "unlinked"
"""The section of the instances without IPv6."""

_LIST = 9
"""The rank of the list of parts among results (`memo`)."""


def _sections(cloud: Cloud, before: Cloud | None = None) -> dict[str, Mapping[str, Any]]:
    """Return what the compiler reads of the cloud. Leaves out sections that are the same objects as `before`."""
    if before is not None and all(getattr(before, name) is getattr(cloud, name) for name in _OF_FAMILIES):
        plain = expanded(cloud)
        return {name: getattr(plain, name) for name in _SECTIONS if name not in _OF_FAMILIES}
    linked = ipv6_part(cloud)
    return {name: getattr(linked, name) for name in _SECTIONS} | {_UNLINKED: unlinked(cloud, linked)}


def _is_part(key: Key) -> bool:
    """Return whether a result is a part, which has arguments, and not the list of them."""
    return len(key) > 1


_Objects = dict[ObjectKey, NetObject]


class IncrementalCompiler:
    """The desired state of one lab, for a series of clouds.

    `table` is as for `compile_cloud`. After an exception, a new compiler is needed. Not for several threads at once.
    """

    def __init__(self, cloud: Cloud, table: int | None) -> None:
        self.cloud, self.table = cloud, table
        self._tracking = Tracking()
        tracked = {name: self._tracking.section(name, content) for name, content in _sections(cloud).items()}
        self._unlinked = tracked.pop(_UNLINKED)
        self._tracked = Cloud(cloud.lab, **tracked)
        self._compiler = Compiler(self._tracked, table, self._tracking)
        self._order: dict[Part, int] = {}
        self._objects: dict[Part, _Objects] = {}
        self._reach: dict[Part, frozenset[str]] = {}  # the namespaces in which each part has objects
        self._gateways: tuple[Part, ...] = ()
        self._within: dict[str, set[Part]] = {}  # the parts with objects in each namespace
        self._follow(())

    def update(self, cloud: Cloud) -> Delta:
        """Replace the cloud. Returns what differs.

        Raises ValueError if the cloud is of another lab.
        """
        if cloud.lab != self.cloud.lab:
            raise ValueError(f"{cloud.lab} is not the lab {self.cloud.lab}")
        sections, self.cloud = _sections(cloud, self.cloud), cloud
        made = self._tracking.update(sections)
        return self._follow([(kind, resource_id) for _, kind, resource_id in filter(_is_part, made)])

    def state(self, namespaces: Iterable[str] | None = None) -> NetState:
        """Return the desired state of these namespaces; of all if None."""
        wanted = self.namespaces() if namespaces is None else frozenset(namespaces)
        found = {part for name in wanted for part in self._within.get(name, ())}
        state: _Objects = {}
        for part in sorted(found, key=self._order.__getitem__):
            objects = self._objects[part]
            whole = self._reach[part] <= wanted
            state.update(objects if whole else {key: each for key, each in objects.items() if each.namespace in wanted})
        return NetState(MappingProxyType(state))

    def gateways(self) -> Iterator[NetObject]:
        """Yield the objects of the gateways."""
        for part in self._gateways:
            yield from self._objects[part].values()

    def namespaces(self) -> frozenset[str]:
        """Return the names of all namespaces of the lab."""
        return frozenset(self._within)

    def _follow(self, made: Sequence[Part]) -> Delta:
        """Take over the parts that were `made` again, and those that came or went."""
        order = self._tracking.recall(_LIST, self._list)
        gone = [] if order is self._order else [part for part in self._order if part not in order]
        new = [] if order is self._order else [part for part in order if part not in self._order]
        if order is not self._order:
            self._order, self._gateways = order, tuple(part for part in order if part[0] == GATEWAY)
        came, former = _Objects(), _Objects()
        for part in (*gone, *dict.fromkeys((*(each for each in made if each in order), *new))):
            before, after = self._replace(part)
            came |= {key: thing for key, thing in after.items() if key not in before}
            former |= {key: thing for key, thing in before.items() if after.get(key) != thing}
        for part in gone:
            self._compiler.forget(part)
        # an object of one part may be another part's now: a subnet gets the block of one that goes
        return Delta(
            came=tuple(thing for key, thing in came.items() if key not in former),
            former=tuple(thing for key, thing in former.items() if came.get(key) != thing),
        )

    def _list(self) -> dict[Part, int]:
        return {part: number for number, part in enumerate(parts(self._tracked, self._unlinked))}

    def _replace(self, part: Part) -> tuple[_Objects, _Objects]:
        """Replace the objects of a part; one that has gone has none. Returns the objects before and after."""
        before, was = self._objects.pop(part, {}), self._reach.pop(part, frozenset())
        after, now = _Objects(), frozenset[str]()
        if part in self._order:
            after = {thing.key: thing for thing in self._compiler.part(part)}
            now = frozenset(thing.namespace for thing in after.values())
            self._objects[part], self._reach[part] = after, now
        for name in was - now:
            self._within[name].discard(part)
            if not self._within[name]:
                del self._within[name]
        for name in now - was:
            self._within.setdefault(name, set()).add(part)
        return before, after
