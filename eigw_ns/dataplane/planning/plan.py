"""From what is to what shall be: a tuple of small steps in an order that never opens a gate too early.

    0 replicas leave      those that go, or are about to be rebuilt, lose their flows to the others (`handover`)
    1 forwarding off      in namespaces that go, so that they stop routing before they lose their rules
    2 namespaces, rules, sysctls made; rules changed (each change one transaction): who leaves an address can send no
                          more before a security group closes over it
      flows               forgotten whose instance goes or gives way: nobody can send from its address
      routes              gone that lead to who gives way: nobody else is let in to its address yet
      rules               who comes to an address can send, and be sent to
    3 links               those in the way first, then the new ones; then the rules that hang on links
    4 configuration       a namespace at a time: addresses, neighbours, bridge entries, routing rules, routes;
                          added and replaced before removed, since flows live on them
    5 links and namespaces that go
    6 forwarding on       where all of the above stands
    7 flows               forgotten if their route is gone: after the routes, so that none is born again
    8 foreign objects     removed: everything of ours is in place, whatever they kept closed
    9 replicas join       once they were told the flows that they are to carry

Killed after any step, nothing that the internet started has a way in, and the next plan leads on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Literal

from eigw_ns.dataplane.compile.names import FABRIC_LINK, UPLINK
from eigw_ns.dataplane.planning import flows
from eigw_ns.dataplane.planning.flows import Flows
from eigw_ns.dataplane.planning.handed_on import handed_on
from eigw_ns.dataplane.replication import handover
from eigw_ns.dataplane.replication.handover import Handover
from eigw_ns.dataplane.rulesets.group_rules import stages
from eigw_ns.dataplane.state import (
    CONNTRACK_SYSCTL,
    OPTIONAL_SYSCTLS,
    Configuration,
    ForeignObject,
    Forget,
    Forwarding,
    Key,
    Link,
    Namespace,
    NetObject,
    NetState,
    Ruleset,
    Sysctls,
    Teach,
    is_tenant,
)
from eigw_ns.frozen import frozen

Verb = Literal["create", "update", "delete", "flush", "teach", "forget"]


@frozen
class Step:
    """One change: what is done to which object, and why. `old` is the object an update replaces."""

    verb: Verb
    object: NetObject | Flows | Teach | Forget
    reason: str
    old: NetObject | None = None

    def __str__(self) -> str:
        return f"{self.verb} {self.object} ({self.reason})"


Plan = tuple[Step, ...]


def make_plan(desired: NetState, actual: NetState, *, forget_flows: bool = False) -> Plan:
    """Return the steps from `actual` to `desired`. It is empty if they agree.

    `forget_flows` sweeps the connection tables, as is due after an unfinished change.
    """
    if desired == actual and not forget_flows:  # most plans: what stands is looked at more often than changed
        return ()
    return tuple(Planner(settable(desired, actual), actual, forget_flows=forget_flows).steps())


def settable(desired: NetState, actual: NetState) -> NetState:
    """Return `desired` without optional sysctls that the kernel does not have."""
    return NetState.of(
        _without(thing, lacking)
        if isinstance(thing, Sysctls) and (lacking := _lacking(actual.objects.get(thing.key)))
        else thing
        for thing in desired
    )


def _lacking(actual: NetObject | None) -> frozenset[str]:
    """Return the optional sysctls that a namespace lacks. Before conntrack is loaded it has none, and may get them."""
    keys = frozenset(dict(actual.values) if isinstance(actual, Sysctls) else ())
    return frozenset(OPTIONAL_SYSCTLS) - keys if CONNTRACK_SYSCTL in keys else frozenset()


def _without(thing: Sysctls, keys: frozenset[str]) -> Sysctls:
    return replace(thing, values=tuple(each for each in thing.values if each[0] not in keys))


class Planner:
    """The differences between two states, sorted into the order above.

    `tables` returns the namespaces with connection tables that stay. Default: those of both states.
    """

    def __init__(
        self,
        desired: NetState,
        actual: NetState,
        *,
        forget_flows: bool,
        tables: Callable[[], Iterable[str]] | None = None,
    ) -> None:
        self._desired = desired
        self._whole = actual
        self._tables = tables or self._standing_tables
        self._forget_flows = forget_flows
        self._leaving = {owner.namespace for owner in actual.namespaces() if owner.key not in desired.objects}
        self._rebuilt = _rebuilt_links(desired, actual)
        self._handed_on = handed_on(desired, actual)
        gone = {thing.key for thing in self._handed_on}
        self._actual = {
            key: thing
            for key, thing in actual.objects.items()
            if not (isinstance(thing, Configuration) and (thing.namespace, _link_of(thing)) in self._rebuilt)
            and key not in gone
        }
        self._created = [thing for key, thing in desired.objects.items() if key not in self._actual]
        self._changed = [
            (old, thing)
            for key, thing in desired.objects.items()
            if (old := self._actual.get(key)) is not None and old != thing
        ]
        self._deleted = [
            thing
            for key, thing in self._actual.items()
            if key not in desired.objects and thing.namespace not in self._leaving
        ]
        self._stages = tuple(
            (old, *stages(old, new))
            for old, new in self._changed
            if isinstance(old, Ruleset) and isinstance(new, Ruleset)
        )
        self._unready = frozenset(thing.namespace for thing in self._created if _is_vital(thing))
        self._unready |= {namespace for namespace, link in self._rebuilt if link in _VITAL_LINKS}
        self._handovers = tuple(handover.handovers(desired, actual, self._unready))
        self._successions = tuple(handover.successions(desired, actual, self._handovers, after_crash=forget_flows))
        going = (owner for owner in actual.namespaces() if owner.namespace in self._leaving)
        # tenants first: one that has wiped its mark is known by its router alone
        self._going = sorted(going, key=lambda owner: not is_tenant(owner.namespace))

    @property
    def moves_flows(self) -> bool:
        """Whether replicas take flows over from others, or are told them."""
        return bool(self._handovers or self._successions)

    def is_unready(self, owner: Namespace) -> bool:
        """Return whether a namespace that stands lacks what it needs to carry packets."""
        return owner.namespace in self._unready and owner.key in self._whole.objects

    @property
    def rebuilds_links(self) -> bool:
        """Whether a pair of links has to be removed and created."""
        return bool(self._rebuilt)

    def steps(self) -> Iterator[Step]:
        """Yield the steps in their order."""
        yield from self._leave()
        yield from self._close()
        yield from self._found()
        yield from self._forget_tenants()
        yield from (Step("delete", thing, "its address is another's now") for thing in self._handed_on)
        yield from self._let_send()
        yield from self._link()
        yield from self._rules_of_links()
        yield from self._configure()
        yield from self._remove()
        yield from self._open()
        yield from self._forget()
        yield from self._clear()
        yield from self._join()

    def _leave(self) -> Iterator[Step]:
        moves = [each.leaving() for each in self._successions]
        yield from (Step("forget", each, _OLD) for forgotten, _ in moves for each in forgotten)
        told = [each for _, lessons in moves for each in lessons]
        yield from (Step("teach", each, "it takes over the flows of those that leave") for each in told)
        for change in self._handovers:
            old, meanwhile = change.actual, change.meanwhile
            if old is not None and change.desired is None and old.namespace not in self._leaving:
                yield Step("delete", old, "one replica is left, and has all flows")
            elif meanwhile is not None and meanwhile != old:
                yield Step("update", meanwhile, "the others carry the flows of those that leave", old)
        yield from (Step("teach", each, _MEANWHILE) for each in told)

    def _close(self) -> Iterator[Step]:
        for thing in self._actual.values():
            if isinstance(thing, Forwarding) and thing.key not in self._desired.objects:
                yield Step("delete", thing, "it is to stop routing before its rules go")

    def _found(self) -> Iterator[Step]:
        for kind in (Namespace, Ruleset, Sysctls):
            yield from (step for step in self._of(kind) if not _hangs_on_links(step.object))

    def _rules_of_links(self) -> Iterator[Step]:
        yield from (step for step in self._of(Ruleset) if _hangs_on_links(step.object))

    def _of(self, kind: type[Namespace | Ruleset | Sysctls]) -> Iterator[Step]:
        yield from (Step("create", thing, "missing") for thing in self._created if isinstance(thing, kind))
        yield from self._change(kind)
        yield from (Step("delete", thing, "not wanted") for thing in self._deleted if isinstance(thing, kind))

    def _change(self, kind: type[Namespace | Ruleset | Sysctls]) -> Iterator[Step]:
        """Yield rules in stages, each of them everywhere before the next, up to the last: see `group_rules.stages`."""
        if kind is Ruleset:
            yield from self._stage(0)
            yield from self._stage(1)
        else:
            yield from (_update(old, new) for old, new in self._changed if isinstance(new, kind))

    def _let_send(self) -> Iterator[Step]:
        """Yield the last stage of the rules, when no instance can meet flows or packets of another one."""
        yield from self._stage(2)

    def _stage(self, number: int) -> Iterator[Step]:
        ways = ((way[number], way[number + 1]) for way in self._stages)
        yield from (_update(old, new) for old, new in ways if old != new)

    def _link(self) -> Iterator[Step]:
        for old in self._actual.values():
            if isinstance(old, Link) and old.key in self._desired.objects and old.key[1:] in self._rebuilt:
                yield Step("delete", old, "it leads elsewhere, or its other end is gone")
        for thing in self._desired:
            if isinstance(thing, Link):
                if thing.key not in self._actual:
                    yield Step("create", thing, "missing")
                elif (thing.namespace, thing.name) in self._rebuilt:
                    yield Step("create", thing, "it led elsewhere, or its other end was gone")
        for old, new in self._changed:  # last: one may become the port of a bridge that was not there
            if isinstance(new, Link) and (new.namespace, new.name) not in self._rebuilt:
                step = _update(old, new)
                yield replace(step, reason=step.reason + _unequal(old, self._actual))

    def _configure(self) -> Iterator[Step]:
        made = [Step("create", thing, "missing") for thing in self._created if isinstance(thing, Configuration)]
        made += [_update(old, new) for old, new in self._changed if isinstance(new, Configuration)]
        yield from sorted(made, key=lambda step: (step.object.namespace, _rank(step)))
        gone = [Step("delete", thing, "not wanted") for thing in self._deleted if isinstance(thing, Configuration)]
        yield from sorted(gone, key=lambda step: (step.object.namespace, -_rank(step)))

    def _remove(self) -> Iterator[Step]:
        for thing in self._deleted:
            if isinstance(thing, Link) and (thing.namespace, thing.name) not in self._rebuilt:
                yield Step("delete", thing, "what it led to is not wanted")
        for owner in self._going:
            yield Step("delete", owner, "not wanted")

    def _open(self) -> Iterator[Step]:
        for thing in self._created:
            if isinstance(thing, Forwarding):
                yield Step("create", thing, "forwarding is off until all it needs stands")

    def _forget_tenants(self) -> Iterator[Step]:
        for stale in flows.of_tenants(self._desired, self._whole, self._tables, after_crash=self._forget_flows):
            yield Step("flush", stale, "flows of an instance that is gone, or gives way, end with it")

    def _standing_tables(self) -> Iterable[str]:
        return (name for name in flows.tables(self._desired) if ("namespace", name) in self._whole.objects)

    def _forget(self) -> Iterator[Step]:
        for stale in flows.of_routes(self._desired, self._whole, after_crash=self._forget_flows):
            yield Step("flush", stale, "flows whose route is gone end at once")
        for stale in flows.of_subnets(self._desired, self._whole):
            yield Step("flush", stale, "flows whose route leads elsewhere end at once")

    def _clear(self) -> Iterator[Step]:
        for thing in self._deleted:
            if isinstance(thing, ForeignObject):
                yield Step("delete", thing, "not ours")

    def _join(self) -> Iterator[Step]:
        """Return what the fabric's group means for flows, around the changes of both groups."""
        moves = [each.joining() for each in self._successions]
        yield from (Step("forget", each, _OLD) for forgotten, _ in moves for each in forgotten)
        told = [each for _, lessons in moves for each in lessons]
        yield from (Step("teach", each, "it is to know the flows that it takes over") for each in told)
        for change in self._handovers:
            yield from _joined(change)
        for succession in self._successions:
            yield from (Step("forget", each, "it was told them instead") for each in succession.outdated())
        yield from (Step("teach", each, _MEANWHILE) for each in told)
        for succession in self._successions:
            yield from (Step("forget", each, "others carry these flows now") for each in succession.losing())


_OLD = "what it remembers of them is old"
_MEANWHILE = "what began meanwhile"


def _joined(change: Handover) -> Iterator[Step]:
    """Return the group as it shall be."""
    if change.desired is None or change.desired == change.meanwhile:
        return
    if change.meanwhile is None:
        yield Step("create", change.desired, "all its replicas stand")
    else:
        yield Step("update", change.desired, "all its replicas stand", change.meanwhile)


_VITAL_LINKS = frozenset({FABRIC_LINK, UPLINK})


def _is_vital(thing: NetObject) -> bool:
    """Return whether a replica that lacks the object carries no packet."""
    if isinstance(thing, Link):
        return thing.name in _VITAL_LINKS
    return isinstance(thing, Namespace | Ruleset | Forwarding)


def _hangs_on_links(thing: object) -> bool:
    """Return whether the object is rules that name an interface, which must exist first."""
    return isinstance(thing, Ruleset) and thing.family == "netdev"


def _rebuilt_links(desired: NetState, actual: NetState) -> frozenset[tuple[str, str]]:
    """Return the ends of veth pairs that cannot be changed in place: both ends, since a pair is rebuilt whole."""
    found: set[tuple[str, str]] = set()
    for thing in desired:
        if not isinstance(thing, Link):
            continue
        old = actual.objects.get(thing.key)
        if isinstance(old, Link) and (old.kind, old.peer) != (thing.kind, thing.peer):
            found.add((thing.namespace, thing.name))
            found.update(end.peer for end in (old, thing) if end.peer is not None)
        elif old is None and thing.peer is not None and ("link", *thing.peer) in actual.objects:
            found.add(thing.peer)
    return frozenset(found)


def _link_of(thing: NetObject) -> str:
    return getattr(thing, "link", "")


def _rank(step: Step) -> int:
    return 0 if isinstance(step.object, Flows | Teach | Forget) else step.object.rank


def _update(old: NetObject, new: NetObject) -> Step:
    return Step("update", new, f"differs: {', '.join(differences(old, new))}", old)


def _unequal(end: NetObject, actual: Mapping[Key, NetObject]) -> str:
    """Return what to add to the reason if the ends of a pair have unequal MTUs; empty if they have not."""
    far = actual.get(("link", *end.peer)) if isinstance(end, Link) and end.peer is not None else None
    if not isinstance(end, Link) or not isinstance(far, Link) or far.mtu == end.mtu:
        return ""
    return f"; the other end has {far.mtu}, so larger packets are lost"


def differences(old: NetObject, new: NetObject) -> Iterable[str]:
    """Return what differs between two objects of one key, in words."""
    if isinstance(old, ForeignObject):
        return [f"there is {old.text}"]
    if isinstance(old, Sysctls) and isinstance(new, Sysctls):
        before = dict(old.values)
        return [f"{key} is {before.get(key)}, not {value}" for key, value in new.values if before.get(key) != value]
    changed = [name for name in new.__dataclass_fields__ if getattr(old, name) != getattr(new, name)]
    if isinstance(new, Ruleset):  # texts of many lines
        return changed
    return [f"{name} {_word(getattr(old, name))} → {_word(getattr(new, name))}" for name in changed]


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if value else "none"
