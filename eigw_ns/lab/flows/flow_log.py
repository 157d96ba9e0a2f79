"""A flow log of a running lab: listen to its gateways and subnets, and hand on the records of each interval.

Accepted packets are those that egress-only gateways have counted: `Ledger` takes the difference of two dumps of their
connection tables, and events of the flows that end in between. Refused packets come from the rules of gateways and
subnets (`dataplane.rulesets.logged_rules`).
"""

from __future__ import annotations

import contextlib
import select
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from eigw_ns.cloud import ids
from eigw_ns.cloud.families import ipv6_part
from eigw_ns.cloud.flow_logs import TrafficType
from eigw_ns.cloud.model import Cloud
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.dataplane.rulesets.logged_rules import LOG_GROUP, UNLOGGED
from eigw_ns.errors import EigwError, ExistsError, MissingError
from eigw_ns.frozen import frozen
from eigw_ns.kernel.netlink import listener
from eigw_ns.kernel.protocol import Kernel
from eigw_ns.kernel.traffic.sockets import close_all, descriptors
from eigw_ns.lab.flows.interfaces import Interfaces, Place
from eigw_ns.lab.flows.ledger import Growth, Ledger
from eigw_ns.lab.flows.records import Key, Sum, Sums, added, records

_LOOK = 0.5  # seconds between two looks at signals and namespaces
_DESCRIPTORS = 1 << 16  # as many open files as this process asks for: two for each namespace
_MOST = 100_000
"""Sums that are kept in an interval: an attacker can make a new one with each packet."""

Record = dict[str, object]


@frozen
class Scope:
    """The VPCs whose flow logs record what passes, and those whose flow logs record what is refused, by id."""

    accepted: frozenset[str]
    rejected: frozenset[str]

    @property
    def vpcs(self) -> frozenset[str]:
        """All these VPCs."""
        return self.accepted | self.rejected


def require(cloud: Cloud, traffic: TrafficType) -> None:
    """Raise EigwError if no VPC has what a log of this traffic needs."""
    if not scope(cloud, traffic).vpcs:
        raise EigwError(
            f"no VPC of {cloud.lab} has a flow log of {traffic} traffic",
            hint="add `flow_logs: {audit: {}}` to a VPC in the topology file, and apply it",
        )


def scope(cloud: Cloud, traffic: TrafficType) -> Scope:
    """Return the VPCs that have what a log of this traffic needs."""
    gateways = cloud.egress_only_internet_gateways.values()
    accepted = {each.vpc_id for each in gateways if each.flow_accounting}
    accepted |= {each.vpc_id for each in cloud.flow_logs.values() if each.accepted}
    rejected = {each.vpc_id for each in cloud.flow_logs.values() if each.rejected}
    return Scope(
        frozenset(accepted) if traffic != "REJECT" else frozenset(),
        frozenset(rejected) if traffic != "ACCEPT" else frozenset(),
    )


@frozen
class _Task:
    """A namespace to listen in, and to what."""

    namespace: str
    place: Place
    accepted: bool
    rejected: bool


def _tasks(cloud: Cloud, wanted: Scope) -> Iterator[_Task]:
    cloud = ipv6_part(cloud)
    for gateway in cloud.egress_only_internet_gateways.values():
        accepted, rejected = gateway.vpc_id in wanted.accepted, gateway.vpc_id in wanted.rejected
        if accepted or rejected:
            for number in range(1, gateway.replicas + 1):
                name = namespace_name(cloud.lab, ids.replica_id(gateway.id, number))
                yield _Task(name, Place(gateway.id, number), accepted, rejected)
    for igw in cloud.internet_gateways.values():
        if igw.vpc_id in wanted.rejected:
            yield _Task(namespace_name(cloud.lab, igw.id), Place(igw.id), False, True)
    for subnet in cloud.subnets.values():
        if subnet.vpc_id in wanted.rejected:
            yield _Task(namespace_name(cloud.lab, subnet.id), Place(subnet=subnet.id), False, True)


class _Ear:
    """The sockets in one namespace, and what was counted there."""

    def __init__(self, kernel: Kernel, task: _Task) -> None:
        self.task, self.namespace, self.place = task, task.namespace, task.place
        self.identity = listener.identity(task.namespace)
        self._kernel = kernel
        self.ends = listener.open_ends(task.namespace) if task.accepted else None
        try:
            self.refusals = listener.open_refusals(task.namespace, LOG_GROUP) if task.rejected else None
        except BaseException:
            close_all(filter(None, (self.ends,)))
            raise
        self.sockets = tuple(filter(None, (self.ends, self.refusals)))
        try:
            self.ledger = Ledger(kernel.flow_entries(task.namespace) if self.ends else ())
            self._unlogged = self._count()
        except BaseException:
            self.close()
            raise

    def skipped(self) -> bool:
        """Return whether rules have refused packets without logging them since the last call."""
        before, self._unlogged = self._unlogged, self._count()
        return self._unlogged > before

    def _count(self) -> int:
        count = self._kernel.counters(self.namespace).get(UNLOGGED) if self.refusals else None
        return count.packets if count else 0

    def close(self) -> None:
        """Close the sockets."""
        close_all(self.sockets)


class FlowLog:
    """Listens in the namespaces of a lab. Use it as a context manager: it closes its sockets.

    `load` returns the cloud as it is now. Raises ExistsError if another process listens to refused packets.
    """

    def __init__(self, kernel: Kernel, load: Callable[[], Cloud], traffic: TrafficType) -> None:
        self._kernel, self._load, self._traffic = kernel, load, traffic
        self._ears: dict[str, _Ear] = {}
        self._open = contextlib.ExitStack()
        self._open.enter_context(descriptors(_DESCRIPTORS))
        self._ready = self._open.enter_context(select.epoll())
        self._owners: dict[int, _Ear] = {}  # by the descriptors of their sockets
        self._sums: Sums = {}
        self._lost = False
        self._start = time.time()
        try:
            self._follow()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> FlowLog:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the sockets."""
        for ear in self._ears.values():
            ear.close()
        self._open.close()

    @property
    def places(self) -> int:
        """The number of namespaces that are listened to."""
        return len(self._ears)

    def run(
        self, write: Callable[[Sequence[Record]], None], interval: float, stopped: Callable[[], bool], *, strict: bool
    ) -> None:
        """Give the records of each interval to `write`, until `stopped()` or no namespace is left to listen in."""
        while not stopped() and self._ears:
            end = time.monotonic() + interval
            while not stopped() and self._ears and (left := end - time.monotonic()) > 0:
                self._listen(min(left, _LOOK))
                self._drop_stale()
            write(self._taken(strict=strict))
            self._keep_up()

    def _listen(self, seconds: float) -> None:
        found = (self._owners[number] for number, _ in self._ready.poll(seconds))
        for ear in {ear.namespace: ear for ear in found}.values():
            self._read(ear)

    def _read(self, ear: _Ear) -> None:
        now = time.time()
        for entry in listener.ends(ear.ends) if ear.ends else ():
            self._lost = self._lost or entry is None
            if entry is not None:
                self._accept(ear, ear.ledger.ended(entry), now)
        for refusal in listener.refusals(ear.refusals) if ear.refusals else ():
            self._lost = self._lost or refusal is None
            if refusal is not None:
                self._add(self._interfaces.refused(refusal.packet, refusal.reason, ear.place, now))

    def _accept(self, ear: _Ear, grown: Iterable[Growth], now: float) -> None:
        for growth in grown:
            self._add(self._interfaces.accepted(growth, ear.place, (self._start, now)))

    def _add(self, more: Iterable[tuple[Key, Sum]]) -> None:
        if not added(self._sums, more, _MOST):
            self._lost = True

    def _taken(self, *, strict: bool) -> Sequence[Record]:
        """Return the records of the interval that ends now, and begin another one."""
        for ear in tuple(self._ears.values()):
            try:
                self._look(ear)
            except MissingError:
                self._forget(ear)
        now, sums, lost = time.time(), self._sums, self._lost
        found = list(records(sums, self._interfaces.all, (self._start, now), skipped=lost, strict=strict))
        self._start, self._sums, self._lost = now, {}, False
        return found

    def _look(self, ear: _Ear) -> None:
        self._read(ear)
        if ear.ends:
            self._accept(ear, ear.ledger.looked(self._kernel.flow_entries(ear.namespace)), time.time())
            self._read(ear)  # the events of flows that ended before the dump, and so are not in it
        self._lost = ear.skipped() or self._lost

    def _keep_up(self) -> None:
        """Follow a change of the lab. What cannot be listened to any more is skipped data."""
        try:
            self._follow()
        except EigwError:  # the store has no such lab, or another process listens
            self._lost = True

    def _follow(self) -> None:
        """Listen in the namespaces of the lab as it is now."""
        cloud = self._load()
        wanted = scope(cloud, self._traffic)
        self._interfaces = Interfaces(cloud, wanted.vpcs)
        tasks = {task.namespace: task for task in _tasks(cloud, wanted)}
        for ear in [ear for ear in self._ears.values() if tasks.get(ear.namespace) != ear.task]:
            self._forget(ear)
        for task in tasks.values():
            if task.namespace not in self._ears:
                self._listen_in(task)

    def _listen_in(self, task: _Task) -> None:
        try:
            ear = _Ear(self._kernel, task)
        except ExistsError as error:
            raise ExistsError(
                f"listen to refused packets in {task.namespace}",
                detail="another process listens to them",
                hint="end the other flow log of this lab, or add --traffic ACCEPT",
            ) from error
        except MissingError:
            return  # it is not built, or somebody has removed it
        self._ears[task.namespace] = ear
        for each in ear.sockets:
            self._ready.register(each, select.EPOLLIN)
            self._owners[each.fileno()] = ear

    def _drop_stale(self) -> None:
        """Let go of namespaces that have been removed: our sockets would keep them alive."""
        for ear in tuple(self._ears.values()):
            if listener.identity(ear.namespace) != ear.identity:
                self._read(ear)
                self._forget(ear)
                self._lost = True
                if listener.identity(ear.namespace) is not None:  # it was built again
                    self._keep_up()

    def _forget(self, ear: _Ear) -> None:
        for each in ear.sockets:
            self._ready.unregister(each)
            del self._owners[each.fileno()]
        ear.close()
        del self._ears[ear.namespace]
