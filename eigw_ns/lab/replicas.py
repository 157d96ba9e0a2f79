"""How the replicas of a gateway are: who is in service, what each carries, what each has counted."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from eigw_ns.dataplane import spread
from eigw_ns.dataplane.state import Daemon
from eigw_ns.errors import MissingError
from eigw_ns.kernel import health
from eigw_ns.kernel.protocol import Count, Kernel
from eigw_ns.lab.agent.scene import Gateway, Replica


@dataclass(frozen=True, slots=True)
class Report:
    """One replica. `flows` are those that it carries, `copies` those that it knows of from others.

    `ailment` says what is wrong with it, or with its sharing of flows; empty where nothing is seen.
    """

    number: int
    in_service: bool
    ailment: str
    flows: int
    copies: int
    counters: Mapping[str, Count]


def examine(kernel: Kernel, gateway: Gateway) -> tuple[Report, ...]:
    """The replicas, in their order. Raises MissingError where the VPC's own namespace is gone."""
    outward = next(group for group in gateway.groups if group.family == "bridge")
    found = kernel.group(outward)
    first = ((0, spread.BUCKETS - 1, outward.shares[0][2]),)  # without a group the first has all
    owners = spread.owners(found.shares if found is not None else first)
    return tuple(
        _report(kernel, gateway, number, replica, owners) for number, replica in enumerate(gateway.replicas, start=1)
    )


def totals(reports: tuple[Report, ...]) -> dict[str, Count]:
    """What the replicas have counted together."""
    summed: dict[str, Count] = {}
    for report in reports:
        for name, count in report.counters.items():
            before = summed.get(name, Count(0, 0))
            summed[name] = Count(before.packets + count.packets, before.bytes + count.bytes)
    return summed


def _report(kernel: Kernel, gateway: Gateway, number: int, replica: Replica, owners: Mapping[int, str]) -> Report:
    serves = replica.inner.mac in owners.values()
    try:
        flows = [flow for flow in kernel.flows(replica.namespace) if flow.source != gateway.source]
        counters = kernel.counters(replica.namespace)
    except MissingError:
        return Report(number, serves, "its namespace is gone", 0, 0, {})
    carried = sum(owners.get(spread.bucket_of(flow, gateway.seed)) == replica.inner.mac for flow in flows)
    return Report(number, serves, _ailment(kernel, replica), carried, len(flows) - carried, counters)


def _ailment(kernel: Kernel, replica: Replica) -> str:
    ports = [(leg.namespace, leg.link) for leg in (replica.inner, replica.outer)]
    found = health.ailment(replica.namespace, replica.holds, ports)
    if found or not any(isinstance(thing, Daemon) for thing in replica.holds):
        return found
    daemon = kernel.open_daemon(replica.namespace)
    if daemon is None:
        return "conntrackd does not run"
    os.close(daemon)
    return ""
