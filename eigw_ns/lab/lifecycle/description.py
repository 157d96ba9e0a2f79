"""What `describe` reads from the kernel: which routers are counted, what they counted, and how replicas are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import field

from eigw_ns.cloud.families import ipv6_part
from eigw_ns.cloud.model import Cloud, EgressOnlyInternetGateway, InternetGateway, Subnet, Tags
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.dataplane.replication.watched_gateways import gateways
from eigw_ns.errors import MissingError
from eigw_ns.frozen import frozen
from eigw_ns.kernel.protocol import Count, Machine
from eigw_ns.lab.agent import replica_reports
from eigw_ns.lab.agent.replica_reports import Report

_SUBNETS, _EGRESS_ONLY, _INTERNET = "Subnets", "EgressOnlyInternetGateways", "InternetGateways"


@frozen
class Readings:
    """What the kernel says about routers, by the ids of gateways and subnets.

    The counters of a gateway with replicas are the sums of theirs. `gone` are routers without a namespace, so without
    counters. `gone_gateways` are the labels of gateways whose replicas cannot be examined, for the same reason.
    """

    counters: Mapping[str, Mapping[str, Count]] = field(default_factory=dict)
    replicas: Mapping[str, tuple[Report, ...]] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    gone_gateways: tuple[str, ...] = ()


def counted_routers(cloud: Cloud, kinds: Collection[str], tags: Tags = ()) -> tuple[str, ...]:
    """Return the ids of the routers whose counters belong to a description of these kinds (EC2's names of answers).

    These are the attached gateways that have all of `tags`. Subnets are counted only in a description of nothing else,
    because there may be hundreds.
    """
    cloud = ipv6_part(cloud)
    found: list[Subnet | EgressOnlyInternetGateway | InternetGateway] = []
    if set(kinds) == {_SUBNETS}:
        found += cloud.subnets.values()
    if _EGRESS_ONLY in kinds:
        found += cloud.egress_only_internet_gateways.values()
    if _INTERNET in kinds:
        found += (each for each in cloud.internet_gateways.values() if each.vpc_id is not None)
    return tuple(each.id for each in found if set(tags) <= set(each.tags))


def read(kernel: Machine, cloud: Cloud, routers: Iterable[str]) -> Readings:
    """Return the counters of these routers, and reports on the replicas of those that are gateways with several."""
    wanted = tuple(routers)
    replicas: dict[str, tuple[Report, ...]] = {}
    gone_gateways: list[str] = []
    for gateway in (each for each in gateways(cloud, kernel.connection_table()) if each.id in wanted):
        try:
            replicas[gateway.id] = replica_reports.examine(kernel, gateway)
        except MissingError:
            gone_gateways.append(gateway.label)
    counters: dict[str, Mapping[str, Count]] = {}
    gone: list[str] = []
    for router in wanted:
        reports = replicas.get(router)
        try:
            found = replica_reports.totals(reports) if reports else kernel.counters(namespace_name(cloud.lab, router))
        except MissingError:
            gone.append(router)
        else:
            counters[router] = found
    return Readings(counters, replicas, tuple(gone), tuple(gone_gateways))
