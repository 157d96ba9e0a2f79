"""A kernel in memory: it refuses what Linux refuses (`fake_checks`) and drops what Linux drops.

It passes the same contract tests as `LinuxKernel`, so what is tested on it holds. A test may reach into `namespaces`
at any time, which is how things change behind our back; `before` runs ahead of every change, and `fail_on` makes
one change fail.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network
from socket import IPPROTO_UDP

from eigw_ns.dataplane.state import (
    NOTHING,
    TAUGHT,
    Buckets,
    Fdb,
    Flow,
    FlowEntry,
    ForeignObject,
    Forget,
    Forwarding,
    Key,
    Link,
    Namespace,
    NetObject,
    NetState,
    ReplicaMap,
    Ruleset,
    Sysctls,
    Teach,
    bucket_of,
    covered,
    sysctl_keys,
)
from eigw_ns.errors import ForeignError, KernelError, MissingError, kernel_error
from eigw_ns.kernel.fake.checks import check_creation, check_update, hangs_on, is_waiting, kept_while_down
from eigw_ns.kernel.fake.fake_host import FakeHost
from eigw_ns.kernel.fake.fake_namespace import FakeNamespace
from eigw_ns.kernel.protocol import Change, Count, LinkCount, Traffic


class FakeKernel(FakeHost):
    """A `Machine` in memory.

    `writes` counts the changes asked for, also those that fail. The change that makes `writes` equal to `fail_on`
    raises KernelError (EIO) and changes nothing. `before(verb, thing)` is called ahead of each change; for a flush
    the thing is the namespace's name. An exception from it passes through, as if the program died there.
    """

    def __init__(self, *, unknown: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self._unknown = unknown  # the sysctls of protocols that this kernel was built without
        self.writes = 0
        self.fail_on: int | None = None
        self.added: list[ForeignObject] = []  # by users, in namespaces of tenants
        self.table: int | None = 262_144
        self.before: Callable[[str, NetObject | str], None] | None = None
        self._stale_names: set[str] = set()

    def make_foreign(self, name: str) -> None:
        """Make sure that a namespace of this name exists and has no mark of ours, as after `ip netns add`."""
        self.namespaces.setdefault(name, FakeNamespace()).objects.pop(("namespace", name), None)

    def remove_namespace(self, name: str) -> None:
        """Remove a namespace and the far ends of its links, as another program does by `ip netns delete`."""
        for thing in self.namespaces.pop(name, FakeNamespace()).objects.values():
            self._remove_far_end(thing)

    def make_stale_name(self, name: str) -> None:
        """Leave a name without a namespace, as a creation does that is killed halfway."""
        self._stale_names.add(name)

    def observe(self, lab: str, believed: NetState = NOTHING, *, only: Collection[str] | None = None) -> NetState:
        return NetState.of(
            thing
            for name, space in self.namespaces.items()
            if (only is None or name in only) and (ours := _mark(name, space)) is not None and ours.lab == lab
            for thing in space.objects.values()
        )

    def exists(self, namespace: str) -> bool:
        return namespace in self.namespaces

    def additions(self, namespaces: Sequence[str]) -> Sequence[ForeignObject]:
        return [thing for thing in self.added if thing.namespace in namespaces]

    def outline(self, lab: str) -> NetState:
        return NetState.of(thing for thing in self.observe(lab) if isinstance(thing, (Namespace, Forwarding)))

    def missing(self, names: Iterable[str]) -> frozenset[str]:
        return frozenset(names) - self.namespaces.keys() - self._stale_names

    def foreign(self, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(
            sorted(name for name in names if name in self.namespaces and _mark(name, self.namespaces[name]) is None)
        )

    def labs(self) -> tuple[str, ...]:
        marks = (_mark(name, space) for name, space in self.namespaces.items())
        return tuple(sorted({mark.lab for mark in marks if mark is not None}))

    def stale_names(self) -> tuple[str, ...]:
        return tuple(sorted(self._stale_names))

    def remove_stale_names(self, names: Iterable[str]) -> None:
        for name in self._stale_names & set(names):
            self._begin("delete", name)
            self._stale_names.remove(name)

    def stored_in(self, namespace: str) -> str:
        return self.namespaces.get(namespace, FakeNamespace()).stored_in

    def note_stored_in(self, namespace: str, folder: str) -> None:
        if namespace not in self.namespaces:
            raise kernel_error(f"enter the namespace {namespace}", errno.ENOENT)
        self._begin("note", namespace)
        self.namespaces[namespace].stored_in = folder

    def create(self, things: Iterable[NetObject]) -> None:
        wanted = tuple(things)
        by_key = {thing.key: thing for thing in wanted}
        born: set[Key] = set()  # far ends that were created with their near end
        for thing in wanted:
            if thing.key in born:
                continue
            doing = self._begin("create", thing)
            if isinstance(thing, Namespace):
                self._create_namespace(thing, doing)
                continue
            ends = self._with_far_end(thing, by_key, doing)
            for end in ends:
                check_creation(self._space(end.namespace, doing).objects, end, doing)
            for end in ends:
                self.namespaces[end.namespace].put(self._known(end))
            born.update(end.key for end in ends[1:] if end.key in by_key)

    def update(self, changes: Iterable[Change]) -> None:
        for old, new in changes:
            self._update_one(old, new)

    def _update_one(self, old: NetObject, new: NetObject) -> None:
        doing = self._begin("update", new)
        if old.key != new.key:
            raise kernel_error(doing, errno.EINVAL, detail=f"it is not the same object as {old}")
        space = self._space(new.namespace, doing)
        actual = space.objects.get(new.key)
        if actual is None and not isinstance(old, ForeignObject):
            raise kernel_error(doing, errno.ENOENT)
        check_update(space.objects, actual or old, new, doing)
        space.put(self._known(new))
        if isinstance(new, Link) and isinstance(actual, Link):
            _after_link_update(space, actual, new)
        if isinstance(new, Ruleset):
            space.counts = {name: count for name, count in space.counts.items() if name in new.counters}

    def delete(self, things: Iterable[NetObject]) -> None:
        for thing in things:
            doing = self._begin("delete", thing)
            space = self.namespaces.get(thing.namespace)
            if space is None:
                continue
            if isinstance(thing, Namespace):
                if _mark(thing.namespace, space) is None:
                    raise ForeignError(f"{doing}: it does not have our mark")
                self.remove_namespace(thing.namespace)
                continue
            if isinstance(thing, Sysctls):
                continue  # they exist as long as their namespace
            actual = space.objects.get(thing.key)
            if isinstance(thing, ForeignObject) and actual != thing:
                continue  # a route of ours has taken its place
            self._remove_with_dependants(*thing.key)
            if actual is not None:
                self._remove_far_end(actual)
            if isinstance(actual, Ruleset):
                space.counts = {name: count for name, count in space.counts.items() if name not in actual.counters}

    def connection_table(self) -> int | None:
        return self.table

    def counters(self, namespace: str) -> Mapping[str, Count]:
        space = self._space(namespace, f"read the counters of {namespace}")
        return {
            name: space.counts.get(name, Count(0, 0))
            for thing in space.objects.values()
            if isinstance(thing, Ruleset)
            for name in thing.counters
        }

    def traffic(self, namespaces: Iterable[str]) -> Mapping[str, Traffic]:
        """See `Kernel.traffic`. Links carry nothing here."""
        nothing = LinkCount(Count(0, 0), Count(0, 0))
        found: dict[str, Traffic] = {}
        for namespace in namespaces:
            with contextlib.suppress(MissingError):
                space = self._space(namespace, f"read the counters of {namespace}")
                links = {thing.name: nothing for thing in space.objects.values() if isinstance(thing, Link)}
                found[namespace] = Traffic(self.counters(namespace), links | {"lo": nothing}, len(space.flows))
        return found

    def settle(self, namespaces: Iterable[str]) -> None:
        """See `Kernel.settle`. In memory every change is in effect at once."""

    def stop_orphaned_daemons(self, lab: str) -> None:
        """See `Kernel.stop_orphaned_daemons`. No version started daemons on a fake kernel."""

    def teach(self, lessons: Sequence[Teach]) -> int:
        told, missing = 0, list[MissingError]()
        for lesson in lessons:
            doing = self._begin("teach", lesson.namespace)
            try:
                gateway = self._taught_gateway(lesson.namespace, doing)
            except MissingError as error:
                missing.append(error)
                continue
            known = set(gateway.taught)
            for subnet in lesson.subnets:
                for flow in self.namespaces.get(subnet, FakeNamespace()).flows:
                    if covered(lesson.keep, *flow) and _is_in(flow, lesson.buckets, lesson.seed):
                        gateway.taught += [flow] if flow not in known else []
                        known.add(flow)
                        told += 1
        if missing:
            raise missing[0]
        return told

    def forget(self, lesson: Forget) -> int:
        space = self._space(lesson.namespace, f"forget flows of {lesson.namespace}")
        gone = [flow for flow in space.flows if _is_in(flow, lesson.buckets, lesson.seed)]
        if gone:
            self._begin("forget", lesson.namespace)
        space.flows = [flow for flow in space.flows if flow not in gone]
        return len(gone)

    def taught(self, namespace: str) -> Sequence[Flow]:
        return [_flow(flow) for flow in self._space(namespace, f"list the taught flows of {namespace}").taught]

    def age(self, lessons: Sequence[Teach]) -> int:
        gone = 0
        for lesson in lessons:
            space = self.namespaces.get(lesson.namespace, FakeNamespace())
            known = {flow for subnet in lesson.subnets for flow in self.namespaces.get(subnet, FakeNamespace()).flows}
            gone += len(set(space.taught) - known)
            space.taught = [flow for flow in space.taught if flow in known]
        return gone

    def _taught_gateway(self, name: str, doing: str) -> FakeNamespace:
        space = self._space(name, doing)
        rules = space.objects.get(("ruleset", name, "inet"))
        if not isinstance(rules, Ruleset) or not any(item.name == TAUGHT for item in rules.sets):
            raise kernel_error(doing, errno.ENOENT, detail="there is no set of taught flows")
        return space

    def group(self, group: ReplicaMap) -> ReplicaMap | None:
        found = self._space(group.namespace, f"read the {group}").objects.get(group.key)
        return found if isinstance(found, ReplicaMap) else None

    def flows(self, namespace: str) -> Sequence[Flow]:
        space = self._space(namespace, f"list the flows of {namespace}")
        return [_flow(flow) for flow in space.flows]

    def flow_entries(self, namespace: str) -> Sequence[FlowEntry]:
        return [FlowEntry(flow, number, "UNREPLIED", 30) for number, flow in enumerate(self.flows(namespace))]

    def flush_flows(
        self,
        namespace: str,
        keep: Iterable[tuple[str, str, str]] | None,
        ended: Iterable[str] = (),
        gone: Iterable[tuple[str, str, str]] = (),
    ) -> int:
        space = self._space(namespace, f"flush the flows of {namespace}")
        kept, going, over = None if keep is None else [*keep], [*gone], [IPv6Network(each) for each in ended]

        def stays(flow: tuple[str, str]) -> bool:
            ends = any(IPv6Address(end) in block for end in flow for block in over)
            return (kept is None or covered(kept, *flow)) and not covered(going, *flow) and not ends

        before = len(space.flows) + len(space.taught)
        flows, taught = ([flow for flow in found if stays(flow)] for found in (space.flows, space.taught))
        flushed = before - len(flows) - len(taught)
        if flushed:
            self._begin("flush", namespace)
        space.flows, space.taught = flows, taught
        return flushed

    def _begin(self, verb: str, thing: NetObject | str) -> str:
        """Count a change and call the test's `before`. Returns the change in words, for errors."""
        self.writes += 1
        doing = f"{verb} {thing}"
        if self.before is not None:
            self.before(verb, thing)
        if self.writes == self.fail_on:
            raise KernelError(doing, errno.EIO)
        return doing

    def _space(self, name: str, doing: str) -> FakeNamespace:
        if name not in self.namespaces:
            raise kernel_error(doing, errno.ENOENT, detail=f"there is no namespace {name}")
        return self.namespaces[name]

    def _create_namespace(self, thing: Namespace, doing: str) -> None:
        if thing.namespace in self.namespaces:
            raise kernel_error(doing, errno.EEXIST)
        sysctls = self._known(Sysctls(thing.namespace, tuple((key, "0") for key in sysctl_keys(thing.id))))
        self._stale_names.discard(thing.namespace)
        self.namespaces[thing.namespace] = FakeNamespace({thing.key: thing, sysctls.key: sysctls})

    def _known(self, thing: NetObject) -> NetObject:
        if not isinstance(thing, Sysctls):
            return thing
        return replace(thing, values=tuple(each for each in thing.values if each[0] not in self._unknown))

    def _with_far_end(self, thing: NetObject, wanted: Mapping[Key, NetObject], doing: str) -> tuple[NetObject, ...]:
        """Return the objects that are created with `thing`.

        A veth end is created with the other one. If that is not wanted yet, it is down and waits for its settings.
        """
        if not isinstance(thing, Link) or thing.kind == "bridge" or self._waits(thing):
            return (thing,)
        if thing.peer is None:
            raise kernel_error(doing, errno.EINVAL, detail="it is one end of a pair and names no other")
        return (thing, wanted.get(("link", *thing.peer), Link(*thing.peer, "veth", mac="", up=False)))

    def _waits(self, end: Link) -> bool:
        """Return whether the end was created with its far end, and still waits for its settings."""
        space = self.namespaces.get(end.namespace)
        return space is not None and is_waiting(space.objects.get(end.key))

    def _remove_far_end(self, thing: NetObject) -> None:
        """Remove the other end of a veth pair. An end that waits for settings has no peer, but its peer names it."""
        if not isinstance(thing, Link) or thing.kind != "veth":
            return
        if thing.peer is not None:
            self._remove_with_dependants("link", *thing.peer)
            return
        here = (thing.namespace, thing.name)
        for space in self.namespaces.values():
            for other in tuple(space.objects.values()):
                if isinstance(other, Link) and other.peer == here:
                    self._remove_with_dependants(*other.key)

    def _remove_with_dependants(self, *key: str) -> None:
        """Remove the object and everything in its namespace that depends on it. Ports of a bridge leave the bridge."""
        space = self.namespaces.get(key[1])
        thing = space.objects.pop(key, None) if space is not None else None
        if space is None or not isinstance(thing, Link):
            return
        space.fit_bridge(thing.bridge)
        ports = {other.name for other in space.ports(thing.name)}
        for other in tuple(space.objects.values()):
            if isinstance(other, Link) and other.name in ports:
                space.objects[other.key] = replace(other, bridge=None)
            elif hangs_on(other, thing.name) or (isinstance(other, Fdb) and other.link in ports):
                del space.objects[other.key]


def _flow(ends: tuple[str, str]) -> Flow:
    return Flow(*ends, IPPROTO_UDP, (7, 7))


def _is_in(flow: tuple[str, str], buckets: Buckets, seed: int) -> bool:
    bucket = bucket_of(_flow(flow), seed)
    return any(first <= bucket <= last for first, last in buckets)


def _mark(name: str, space: FakeNamespace) -> Namespace | None:
    thing = space.objects.get(("namespace", name))
    return thing if isinstance(thing, Namespace) else None


def _after_link_update(space: FakeNamespace, actual: Link, new: Link) -> None:
    """Remove what Linux removes: a link that goes down loses its layer 3, a port that moves its static entries."""
    for thing in tuple(space.objects.values()):
        moved = isinstance(thing, Fdb) and thing.link == new.name and new.bridge != actual.bridge
        fell = actual.up and not new.up and hangs_on(thing, new.name) and not kept_while_down(thing)
        if moved or fell:
            del space.objects[thing.key]
    space.fit_bridge(actual.bridge)
