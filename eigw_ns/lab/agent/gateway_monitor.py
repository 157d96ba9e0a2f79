"""Watch one gateway: send heartbeats through each replica, judge the replicas, and move the flows of a dead one.

Two nft transactions give a dead replica's flows to the others. The agent does this without the lab's lock, because the
flows cannot wait. A plan that is carried out at the same time may put the replica back for at most a second. The last
replica is never taken out. All other changes take the lock.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import replace
from functools import partial
from typing import Protocol

from eigw_ns.dataplane.compile.names import HEARTBEAT_DESTINATION, HEARTBEAT_PORT
from eigw_ns.dataplane.replication import spread
from eigw_ns.dataplane.replication.watched_gateways import Gateway, Replica
from eigw_ns.dataplane.state import EVERY_BUCKET, Forget, ReplicaMap
from eigw_ns.errors import EigwError, MissingError
from eigw_ns.kernel.protocol import Heartbeats, Host, Machine
from eigw_ns.lab.agent.events import CannotTeach, EventSink, ReplicaBack, ReplicaDead
from eigw_ns.lab.agent.failure_detector import Pulse, can_stand_in

_SILENCE = "no heartbeat comes through, though all looks well"


class ReplicaMonitor:
    """Watches one replica: its pulse, and the sockets of its heartbeats. They are open while its ports exist."""

    def __init__(self, host: Host, replica: Replica, source: str) -> None:
        self.replica = replica
        self.pulse = Pulse(carries=True)
        self._host, self._source = host, source
        self._heart: Heartbeats | None = None
        self._expected = 0

    def beat(self) -> None:
        """Send the next heartbeat, through new sockets if the ports are new."""
        try:
            if self._heart is None:
                ends = self._source, HEARTBEAT_DESTINATION, HEARTBEAT_PORT
                self._heart = self._host.heartbeats(self.replica.inner, self.replica.outer, *ends)
            self._heart.beat()
            self._expected = self._heart.sent
        except MissingError:
            self._let_go()

    def hear(self, ready: Collection[int]) -> None:
        """Read the heartbeats that have come back. `ready` are the descriptors that are readable."""
        if self._heart is not None and any(number in ready for number in self._heart.descriptors()):
            try:
                self._heart.hear()
            except MissingError:
                self._let_go()

    def judge(self) -> None:
        """Count the last beat as answered or missed."""
        answered = self._heart is not None and self._heart.answered >= self._expected
        self.pulse = self.pulse.after(answered=answered)

    def descriptors(self) -> tuple[int, ...]:
        """Return the descriptors that become readable when a beat comes."""
        return self._heart.descriptors() if self._heart is not None else ()

    def fault(self, *, changing: bool = False) -> str:
        """Return its first visible fault; empty if it has none. See `Host.fault`."""
        return self._host.fault(self.replica.namespace, self.replica.holds, self.replica.ports, changing=changing)

    def reason(self) -> str:
        """Return why it carries no flows, or should carry none."""
        return self.fault() or (_SILENCE if self.pulse.missed else "it answers again, but was not put back")

    def close(self) -> None:
        """Close the sockets."""
        self._let_go()

    def _let_go(self) -> None:
        if self._heart is not None:
            self._heart.close()
            self._heart = None


class Wanted(Protocol):
    """What other programs do to the lab at this moment."""

    def stale(self) -> bool:
        """Return whether another topology is wanted than the one that a monitor was made from."""

    def changing(self) -> bool:
        """Return whether another program is changing the lab."""


class GatewayMonitor:
    """Watches the replicas of one gateway, and moves their flows. `say` receives their events."""

    def __init__(self, kernel: Machine, gateway: Gateway, wanted: Wanted, say: EventSink) -> None:
        self._kernel, self._gateway, self._wanted, self._say = kernel, gateway, wanted, say
        self.replicas = tuple(ReplicaMonitor(kernel, replica, gateway.source) for replica in gateway.replicas)
        self.look()
        carrying = [each for each in self.replicas if each.pulse.carries]
        if carrying and not self.whole:  # an agent may have died before it could tell them
            self._teach(list(self.replicas), carrying)

    @property
    def whole(self) -> bool:
        """Whether every replica carries flows."""
        return all(each.pulse.carries for each in self.replicas)

    def look(self) -> None:
        """Read from the kernel which replicas carry flows. Other programs may have changed that."""
        for monitor, carries in zip(self.replicas, self._carrying(), strict=True):
            if monitor.pulse.carries != carries:
                monitor.pulse = Pulse(carries)

    def judge(self) -> list[ReplicaMonitor]:
        """Judge each replica by its last heartbeat, and take out the dead ones.

        Returns the replicas that are well enough to come back.
        """
        for monitor in self.replicas:
            monitor.judge()
            if monitor.pulse.carries and not self._kernel.exists(monitor.replica.namespace):
                monitor.pulse = replace(monitor.pulse, missed=max(1, monitor.pulse.missed))  # it may work on, nameless
        for monitor in self.replicas:
            if monitor.pulse.verdict in ("suspect", "dead"):
                self._suspect(monitor)
        return [monitor for monitor in self.replicas if monitor.pulse.verdict == "recovered" and not monitor.fault()]

    def _suspect(self, monitor: ReplicaMonitor) -> None:
        fault = self._fault(monitor)
        if not fault and monitor.pulse.verdict != "dead":
            return
        if self._wanted.stale():  # our shares may name replicas that are gone
            return
        self.look()  # another program may have put one back a moment ago
        others = [each for each in self.replicas if each.pulse.carries and each is not monitor]
        if not can_stand_in(((not each.pulse.missed, partial(self._sound, each)) for each in others), bool(fault)):
            return
        before = [each for each in self.replicas if each.pulse.carries]
        self._share(others)
        monitor.pulse = Pulse(False)
        reason = fault or _SILENCE
        self._say(ReplicaDead(monitor.replica.label, reason))
        self._teach(before, others)

    def _fault(self, monitor: ReplicaMonitor) -> str:
        """Return what is visibly wrong with it; empty if nothing is, or if another program may be changing it."""
        fault = monitor.fault()
        return monitor.fault(changing=True) if fault and self._wanted.changing() else fault

    def _sound(self, monitor: ReplicaMonitor) -> bool:
        return not self._fault(monitor)

    def put_back(self, monitor: ReplicaMonitor) -> None:
        """Tell a replica the flows that it takes over, and give it its share. The caller holds the lock."""
        before = [each for each in self.replicas if each.pulse.carries]
        after = [*before, monitor]
        self._kernel.forget(Forget(monitor.replica.namespace, self._gateway.lesson.seed, EVERY_BUCKET))
        self._teach(before, after)
        self._share(after)
        monitor.pulse = Pulse(True)
        self._say(ReplicaBack(monitor.replica.label))
        self._teach(before, after)
        for name, buckets in spread.lost(self._shares(before), self._shares(after)).items():
            self._kernel.forget(Forget(name, self._gateway.lesson.seed, buckets))

    def _teach(self, before: list[ReplicaMonitor], after: list[ReplicaMonitor]) -> None:
        """Tell each replica the flows of the buckets that it gains."""
        gained = spread.lost(self._shares(after), self._shares(before))
        lesson = self._gateway.lesson
        try:
            self._kernel.teach([replace(lesson, namespace=name, buckets=each) for name, each in gained.items()])
        except EigwError as error:  # one that died a moment ago will be seen to be dead
            self._say(CannotTeach(self._gateway.label, describe(error)))

    def _shares(self, carrying: list[ReplicaMonitor]) -> tuple[spread.Share, ...]:
        """Return which replica, by its namespace, has which buckets if these carry flows."""
        names = [each.namespace for each in self._gateway.replicas]
        return spread.shares(names, {each.replica.namespace for each in carrying})

    def age(self) -> None:
        """Delete the taught flows that the subnets do not remember any more."""
        with contextlib.suppress(EigwError):  # the next heartbeats show what is wrong
            names = [each.namespace for each in self._gateway.replicas]
            self._kernel.age([replace(self._gateway.lesson, namespace=name) for name in names])

    def _share(self, carrying: list[ReplicaMonitor]) -> None:
        """Give these replicas all flows. If a namespace is gone, so is its group, and nothing passes the gateway."""
        with contextlib.suppress(MissingError):
            self._kernel.update((group, self._group(group, carrying)) for group in self._gateway.groups)

    def _group(self, group: ReplicaMap, carrying: list[ReplicaMonitor]) -> ReplicaMap:
        alive = {leg.mac for each in carrying for leg in (each.replica.inner, each.replica.outer)}
        macs = [mac for _, _, mac in group.shares]
        return replace(group, shares=spread.shares(macs, alive & set(macs)))

    def _carrying(self) -> list[bool]:
        macs = [(each.inner.mac, each.outer.mac) for each in self._gateway.replicas]
        try:
            shares = [self._kernel.group(group) for group in self._gateway.groups]
        except MissingError:  # a side of the gateway is gone, so no replica carries flows
            return [False for _ in macs]
        members = [spread.members(found.shares) if found is not None else frozenset(macs[0]) for found in shares]
        return [all(any(mac in group for group in members) for mac in pair) for pair in macs]

    def close(self) -> None:
        """Close all sockets."""
        for monitor in self.replicas:
            monitor.close()


def describe(error: EigwError) -> str:
    """Return an error as the log has it."""
    return f"{error.message} ({error.hint})" if error.hint else error.message
