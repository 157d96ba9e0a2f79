"""How the replicas of a gateway are: who is in service, what each carries, what each has counted."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from eigw_ns.dataplane.replication import spread
from eigw_ns.dataplane.replication.watched_gateways import Gateway, Replica
from eigw_ns.errors import MissingError
from eigw_ns.frozen import frozen
from eigw_ns.kernel.protocol import Count, Machine


@frozen
class Report:
    """One replica. `flows` is the number of flows that it has seen begin, `taught` of those that it was told of.

    `ailment` says what is wrong with it; empty if nothing is seen.
    """

    number: int
    in_service: bool
    ailment: str
    flows: int
    taught: int
    counters: Mapping[str, Count]


def examine(kernel: Machine, gateway: Gateway) -> tuple[Report, ...]:
    """Return the replicas, in their order. Raises MissingError if the VPC's own namespace is gone."""
    outward = next(group for group in gateway.groups if group.side == "fabric")
    found = kernel.group(outward)
    first = spread.all_to(outward.shares[0][2])  # without a group the first has all
    serving = spread.members(found.shares if found is not None else first)
    return tuple(_report(kernel, number, replica, serving) for number, replica in enumerate(gateway.replicas, start=1))


def totals(reports: tuple[Report, ...]) -> dict[str, Count]:
    """Return what the replicas have counted together."""
    summed: dict[str, Count] = {}
    for report in reports:
        for name, count in report.counters.items():
            before = summed.get(name, Count(0, 0))
            summed[name] = Count(before.packets + count.packets, before.bytes + count.bytes)
    return summed


def _report(kernel: Machine, number: int, replica: Replica, serving: Collection[str]) -> Report:
    serves = replica.inner.mac in serving
    try:
        flows, taught = len(kernel.flows(replica.namespace)), len(kernel.taught(replica.namespace))
        counters = kernel.counters(replica.namespace)
    except MissingError:
        return Report(number, serves, "its namespace is gone", 0, 0, {})
    fault = kernel.fault(replica.namespace, replica.holds, replica.ports)
    return Report(number, serves, fault, flows, taught, counters)
