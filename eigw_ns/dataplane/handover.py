"""What a plan does about the replicas of a gateway: who leaves its groups first, who joins them last, and in between.

A flow that moves to another replica must find its state there, and one that moves back must not be judged by what that
replica remembers of its window:

    learn     those that stay learn what they do not know of the flows of those that go
    leave     replicas that go, or that are about to be built anew, lose their flows to the others at once
    learn     one that comes (back) forgets all flows and learns them from those that carry them
    join      then it gets its share, on both sides of the gateway
    loosen    the replicas that gave flows away forget their windows: should they come back, they are judged afresh
    learn     what was missed meanwhile, by those whose daemons were away for it and of them
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from eigw_ns.dataplane import spread
from eigw_ns.dataplane.names import FABRIC_LINK, UPLINK
from eigw_ns.dataplane.ranges import Range
from eigw_ns.dataplane.state import Link, NetState, NextHopGroup


@dataclass(frozen=True, slots=True)
class Learn:
    """That a replica learns the flows of its peers (namespaces); `anew`: having forgotten all that it knew."""

    namespace: str
    peers: tuple[str, ...]
    anew: bool

    def __str__(self) -> str:
        return f"flows of {self.namespace}"


@dataclass(frozen=True, slots=True)
class Loosen:
    """That a replica forgets the TCP windows of flows in these buckets, which others carry now."""

    namespace: str
    seed: int
    buckets: tuple[Range, ...]

    def __str__(self) -> str:
        return f"windows of {self.namespace}"


@dataclass(frozen=True, slots=True)
class Handover:
    """What happens to one group: as it is, as it is while work goes on, as it shall be; None where there is none."""

    actual: NextHopGroup | None
    meanwhile: NextHopGroup | None
    desired: NextHopGroup | None

    @property
    def joining(self) -> frozenset[str]:
        """The MACs of the replicas that come (back) at the end."""
        before = self.meanwhile.shares if self.meanwhile is not None else ()
        return spread.members(self.desired.shares if self.desired is not None else ()) - spread.members(before)


def handovers(desired: NetState, actual: NetState, unwell: frozenset[str]) -> Iterator[Handover]:
    """One for each group that changes. `unwell` are namespaces that carry nothing until the plan is done."""
    owners = replicas(desired)
    groups = {thing.key for state in (actual, desired) for thing in state if isinstance(thing, NextHopGroup)}
    for key in sorted(groups):
        old, new = actual.objects.get(key), desired.objects.get(key)
        assert old is None or isinstance(old, NextHopGroup)
        assert new is None or isinstance(new, NextHopGroup)
        found = Handover(old, _meanwhile(old, new, owners, unwell), new)
        if old != new or found.meanwhile != new:
            yield found


def replicas(state: NetState) -> dict[str, str]:
    """The namespace of each replica, by the MACs that it has towards the fabric and the internet."""
    return {
        thing.mac: thing.namespace for thing in state if isinstance(thing, Link) and thing.name in (FABRIC_LINK, UPLINK)
    }


def _meanwhile(
    old: NextHopGroup | None, new: NextHopGroup | None, owners: dict[str, str], unwell: frozenset[str]
) -> NextHopGroup | None:
    """The group without those that leave for good or for a while; as it is where nobody would be left."""
    if old is None or new is None:
        return None
    macs = [mac for _, _, mac in new.shares]
    staying = spread.members(old.shares) & {mac for mac in macs if owners.get(mac) not in unwell}
    if not staying or staying == spread.members(old.shares):
        return old
    return replace(new, shares=spread.shares(macs, staying))


def inheriting(change: Handover, owners: dict[str, str], unwell: frozenset[str]) -> Iterator[Learn]:
    """The replicas that stay, which have to know the flows of those that leave for good and are alive still."""
    if change.actual is None or change.actual.family != "bridge":
        return
    before = spread.members(change.actual.shares)
    after = spread.members(change.desired.shares) if change.desired is not None else _first(change.actual)
    leaving = tuple(sorted(owners[mac] for mac in before - after if mac in owners))
    if leaving:
        staying = sorted(owners[mac] for mac in before & after if mac in owners)
        yield from (Learn(namespace, leaving, anew=False) for namespace in staying if namespace not in unwell)


def _first(group: NextHopGroup) -> frozenset[str]:
    """The first replica, which has all flows where there is no group: the first bucket is its own while it lives."""
    return frozenset({group.shares[0][2]})


def rejoining(change: Handover, owners: dict[str, str], alive: frozenset[str]) -> Iterator[Learn]:
    """The replicas that have to learn flows before they get any; nobody where no flows are, as in a new gateway.

    `alive` are the namespaces that were there all the time: before there was a group, the first replica had all flows.
    """
    if change.desired is None:
        return
    macs = [mac for _, _, mac in change.desired.shares]
    before = spread.members(change.meanwhile.shares) if change.meanwhile is not None else {macs[0]}
    peers = tuple(sorted(owners[mac] for mac in before if owners.get(mac) in alive))
    if peers:
        joining = (owners[mac] for mac in macs if mac in change.joining)
        yield from (Learn(namespace, peers, anew=True) for namespace in joining if namespace not in peers)


def loosening(change: Handover, owners: dict[str, str], seed: int) -> Iterator[Loosen]:
    """What those who gave flows away forget about them."""
    if change.desired is None:
        return
    first = change.desired.shares[0][2]
    before = change.meanwhile.shares if change.meanwhile is not None else ((0, spread.BUCKETS - 1, first),)
    for mac, buckets in sorted(spread.lost(before, change.desired.shares).items()):
        if mac in owners:
            yield Loosen(owners[mac], seed, buckets)


def catching_up(members: Collection[str], away: Collection[str]) -> Iterator[Learn]:
    """What replicas of a gateway (`members`) tell each other after the daemons of some were `away` for a moment."""
    for namespace in sorted(members):
        peers = set(members if namespace in away else away) - {namespace}
        if peers:
            yield Learn(namespace, tuple(sorted(peers)), anew=False)
