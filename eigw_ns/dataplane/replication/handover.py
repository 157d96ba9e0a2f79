"""The steps of a plan for the replicas of a gateway: which replicas leave first, and which join last.

A replica judges only the flows that it saw begin. Its subnets remember every flow. So a replica that takes flows over
is told their tuples (`taught_rules`), and forgets what it may know of these flows from before:

    forget    a replica that gains flows forgets them: what its conntrack has of their windows is old
    teach     the replica is told the flows
    share     the group changes: one transaction on each side of the gateway
    teach     the replica is told the flows that began meanwhile
    forget    a replica that lost flows forgets them

A plan does this twice. It begins with the flows of replicas that leave or are rebuilt. It ends with the flows of
replicas that join or come back. A gateway of one replica that lost its table is told its flows at the end too. The
agent does the same if a replica dies, but changes the group first: until then all packets of the replica's flows are
lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TypeGuard

from eigw_ns.cloud.ids import EGRESS_ONLY_INTERNET_GATEWAY
from eigw_ns.dataplane.compile.names import FABRIC_LINK, UPLINK
from eigw_ns.dataplane.planning.flows import common, subnets_by_gateway
from eigw_ns.dataplane.replication import spread
from eigw_ns.dataplane.replication.spread import Share
from eigw_ns.dataplane.rulesets.kept_flows import kept_flows
from eigw_ns.dataplane.state import (
    EVERY_BUCKET,
    TAUGHT,
    TCP,
    Buckets,
    Forget,
    Idle,
    Kept,
    Link,
    NetState,
    NftSet,
    ReplicaMap,
    Ruleset,
    Sysctls,
    Teach,
    seed,
)
from eigw_ns.dataplane.state.naming import gateway_of, group_name, kind_of
from eigw_ns.frozen import frozen

Shares = tuple[Share, ...]
"""Which replica of a gateway, by its namespace, has which buckets."""


_UDP, _SCTP = 17, 132
_TIMEOUTS = (
    (TCP, "tcp_timeout_established", ("tcp_timeout_fin_wait", "tcp_timeout_unacknowledged")),
    (_UDP, "udp_timeout_stream", ("udp_timeout",)),
    (_SCTP, "sctp_timeout_established", ("sctp_timeout_shutdown_sent",)),
)
"""The protocols whose flows are taught: the timeout of established flows, and the longest ones of all others."""


# ---- groups ----------------------------------------------------------------------------------------------------------


@frozen
class Handover:
    """One group before the plan, while the plan works, and after it; None if the group does not exist."""

    actual: ReplicaMap | None
    meanwhile: ReplicaMap | None
    desired: ReplicaMap | None


def handovers(desired: NetState, actual: NetState, unready: frozenset[str]) -> Iterator[Handover]:
    """Return one for each group that changes. `unready` are namespaces that carry no flows until the plan is done."""
    owners = replicas(desired)
    groups = {thing.key for state in (actual, desired) for thing in state if isinstance(thing, ReplicaMap)}
    for key in sorted(groups):
        old, new = actual.objects.get(key), desired.objects.get(key)
        assert old is None or isinstance(old, ReplicaMap)
        assert new is None or isinstance(new, ReplicaMap)
        found = Handover(old, _meanwhile(old, new, owners, unready), new)
        if old != new or found.meanwhile != new:
            yield found


def replicas(state: NetState) -> dict[str, str]:
    """Return the namespace of each replica, by the MACs that it has towards the fabric and the internet."""
    return {
        thing.mac: thing.namespace for thing in state if isinstance(thing, Link) and thing.name in (FABRIC_LINK, UPLINK)
    }


def _meanwhile(
    old: ReplicaMap | None, new: ReplicaMap | None, owners: dict[str, str], unready: frozenset[str]
) -> ReplicaMap | None:
    """Return the group without those that leave for good or for a while; as it is if none would be left."""
    if old is None or new is None:
        return None
    macs = [mac for _, _, mac in new.shares]
    staying = spread.members(old.shares) & {mac for mac in macs if owners.get(mac) not in unready}
    if not staying or staying == spread.members(old.shares):
        return old
    return replace(new, shares=spread.shares(macs, staying))


# ---- who is told what ------------------------------------------------------------------------------------------------


@frozen
class Succession:
    """Which replicas of one gateway carry which flows: before a plan, while it works, and after it.

    `lesson` is what each of them is told, except the buckets. `early` covers the flows that may be told before routes
    change. `standing` are the namespaces that exist before the plan, `able` those of them that can be told flows then.
    `fresh` are the replicas whose own conntrack cannot be trusted: they are told all their flows.
    """

    lesson: Teach
    early: Kept
    before: Shares
    meanwhile: Shares
    after: Shares
    standing: frozenset[str]
    able: frozenset[str]
    fresh: frozenset[str]

    def leaving(self) -> tuple[tuple[Forget, ...], tuple[Teach, ...]]:
        """Return what the replicas that stay forget, and what they are told, before others leave."""
        gained = {name: each for name, each in spread.lost(self.meanwhile, self.before).items() if name in self.able}
        return self._forget(gained), self._teach(gained, self.early)

    def joining(self) -> tuple[tuple[Forget, ...], tuple[Teach, ...]]:
        """Return what replicas forget, and what they are told, before they get their share."""
        gained, whole = spread.lost(self.after, self.meanwhile), spread.lost(self.after, ())
        told = gained | {name: each for name, each in whole.items() if name in self.fresh}
        forgotten = gained | {name: EVERY_BUCKET for name in gained if name in self.fresh}
        return self._forget(forgotten), self._teach(told, self.lesson.keep)

    def outdated(self) -> tuple[Forget, ...]:
        """Return what `fresh` replicas that carry flows throughout forget: all, after they were told.

        Their conntrack may have copies of flows, which versions before 0.2 made.
        """
        there, here = spread.owners(self.after), spread.owners(self.meanwhile)
        kept = {name for at, name in here.items() if there.get(at) == name and name in self.fresh}
        return self._forget(dict.fromkeys(kept, EVERY_BUCKET))

    def losing(self) -> tuple[Forget, ...]:
        """Return what replicas that stay forget at the end, because others carry it."""
        lost, staying = spread.lost(self.meanwhile, self.after), self.able | self.fresh
        return self._forget({name: each for name, each in lost.items() if name in staying})

    def _forget(self, buckets: dict[str, Buckets]) -> tuple[Forget, ...]:
        known = self.standing
        return tuple(Forget(name, self.lesson.seed, each) for name, each in sorted(buckets.items()) if name in known)

    def _teach(self, buckets: dict[str, Buckets], keep: Kept) -> tuple[Teach, ...]:
        told = ((name, each) for name, each in sorted(buckets.items()) if keep)
        return tuple(replace(self.lesson, namespace=name, buckets=each, keep=keep) for name, each in told)


def successions(
    desired: NetState, actual: NetState, changes: Iterable[Handover], *, after_crash: bool
) -> Iterator[Succession]:
    """Return one for each egress-only gateway that subnets had a route to.

    `after_crash`: an earlier change is unfinished, so the state does not show what replicas know.
    """
    subnets = subnets_by_gateway(desired, actual)
    if not subnets:
        return
    meanwhile = {there.name: change for change in changes if _outward(there := change.desired or change.actual)}
    owners = replicas(actual) | replicas(desired)
    for gateway, members in egress_only_gateways(desired).items():
        if gateway in subnets:
            first = members[0].namespace
            before, after = (_shares(gateway, first, state, owners) for state in (actual, desired))
            between = _between(meanwhile.get(group_name(gateway)), before, after, owners)
            able = frozenset(each.namespace for each in members if _can_be_told(each, actual))
            fresh = frozenset(each.namespace for each in members if after_crash or each.namespace not in able)
            if fresh or not before == between == after:
                standing = frozenset(owner.namespace for owner in actual.namespaces())
                told, early = lesson(gateway, desired, subnets[gateway]), _early(members, actual)
                yield Succession(told, early, before, between, after, standing, able, fresh)


def egress_only_gateways(state: NetState) -> dict[str, list[Ruleset]]:
    """Return the rules of each egress-only gateway's replicas, in their order, by the gateway's id."""
    found: dict[str, list[Ruleset]] = {}
    for owner in state.namespaces():
        rules = state.objects.get(("ruleset", owner.namespace, "inet"))
        if kind_of(owner.id) == EGRESS_ONLY_INTERNET_GATEWAY and isinstance(rules, Ruleset):
            found.setdefault(gateway_of(owner.id), []).append(rules)
    return found


def lesson(gateway: str, state: NetState, subnets: tuple[str, ...]) -> Teach:
    """Return what the gateway's first replica would be told if it carried everything."""
    first = egress_only_gateways(state)[gateway][0]
    keep = kept_flows(first)
    assert keep is not None
    idle = tuple(_idle(state, subnets[0], first.namespace)) if subnets else ()
    start = seed(next(state.namespaces()).lab)
    told = _taught_set(first)
    assert told is not None
    return Teach(first.namespace, start, EVERY_BUCKET, subnets, keep, told.size, idle)


def _idle(state: NetState, subnet: str, gateway: str) -> Iterator[Idle]:
    """Yield how much sooner the gateway forgets idle flows of each protocol than the subnet does."""
    remembered, kept = _timeouts(state, subnet), _timeouts(state, gateway)
    for protocol, established, transitory in _TIMEOUTS:
        if established in remembered:
            most = max(remembered[key] for key in transitory)
            yield Idle(protocol, most, max(0, remembered[established] - kept[established]))


def _timeouts(state: NetState, namespace: str) -> dict[str, int]:
    """Return the timeouts of the namespace's connection table, in seconds, by the end of the sysctl's name."""
    found = state.objects["sysctls", namespace]
    assert isinstance(found, Sysctls)
    prefix = "net.netfilter.nf_conntrack_"
    return {key.removeprefix(prefix): int(value) for key, value in found.values if key.startswith(prefix)}


def _outward(group: ReplicaMap | None) -> TypeGuard[ReplicaMap]:
    """Return whether this is the group on the fabric's side; the one on the internet's side repeats it."""
    return group is not None and group.side == "fabric"


def _shares(gateway: str, first: str, state: NetState, owners: dict[str, str]) -> Shares:
    """Return which replicas carry what; without a group the first carries everything, if it is there."""
    for thing in state:
        if isinstance(thing, ReplicaMap) and _outward(thing) and thing.name == group_name(gateway):
            return _by_namespace(thing, owners)
    return spread.all_to(first) if ("namespace", first) in state.objects else ()


def _by_namespace(group: ReplicaMap, owners: dict[str, str]) -> Shares:
    return tuple((first, last, owners.get(mac, mac)) for first, last, mac in group.shares)


def _between(change: Handover | None, before: Shares, after: Shares, owners: dict[str, str]) -> Shares:
    """Return the shares while the plan works: a group that is deleted goes first, a new one comes last."""
    if change is None:
        return before
    if change.meanwhile is not None:
        return _by_namespace(change.meanwhile, owners)
    return after if change.desired is None else before


def _early(members: Iterable[Ruleset], actual: NetState) -> Kept:
    """Return the flows that may be told before routes change: those that may live before the plan and after it."""
    for each in members:
        old = actual.objects.get(each.key)
        before, after = kept_flows(old) if isinstance(old, Ruleset) else None, kept_flows(each)
        if before is not None and after is not None:
            return common(before, after)
    return ()


def _can_be_told(rules: Ruleset, actual: NetState) -> bool:
    """Return whether the replica has the set of taught flows, and keeps it: versions before 0.2 made none."""
    old = actual.objects.get(rules.key)
    return isinstance(old, Ruleset) and _taught_set(old) == _taught_set(rules)


def _taught_set(rules: Ruleset) -> NftSet | None:
    return next((item for item in rules.sets if item.name == TAUGHT), None)
