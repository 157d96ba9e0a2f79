"""Hosts on the internet for routes that lead only a part of it to a subnet: one visitor would not see them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv6Address

from eigw_ns.cloud import ids
from eigw_ns.cloud.addressing import INFRASTRUCTURE
from eigw_ns.cloud.model import Cloud, InternetHost
from eigw_ns.cloud.routing import effective_route_table
from eigw_ns.cloud.subnet_class import deciding_ipv6_routes
from eigw_ns.importing.resolve.expectations import SSH
from eigw_ns.importing.resolve.imported import ImportedSubnet
from eigw_ns.topology import Expectation, Result, Topology

_NAME = "visitor-{}"


def with_visitors(topology: Topology, subnets: tuple[ImportedSubnet, ...]) -> Topology:
    """Return the topology with a host in each public route that no host is in, and expectations about it."""
    for subnet in subnets:
        if subnet.probe and not subnet.unknown:
            for address in _missing(topology.cloud, subnet):
                topology = _visited(topology, subnet, address)
    return topology


def _missing(cloud: Cloud, subnet: ImportedSubnet) -> Iterator[IPv6Address]:
    """Yield an address in each route that makes the subnet public, unless a host is in it."""
    table = effective_route_table(cloud, cloud.subnets[subnet.id])
    hosts = [host.ipv6_address for host in cloud.hosts.values()]
    for each in deciding_ipv6_routes(cloud, table):
        destination = each.route.destination
        if each.gives == "public" and not any(host in destination for host in hosts):
            yield destination.network_address + (1 if destination.prefixlen < destination.max_prefixlen else 0)


def _visited(topology: Topology, subnet: ImportedSubnet, address: IPv6Address) -> Topology:
    cloud = topology.cloud
    blocks = [block for vpc in cloud.vpcs.values() for block in vpc.ipv6_cidr_blocks]
    if any(address in block for block in (*blocks, INFRASTRUCTURE)):
        return topology
    name = _NAME.format(len(cloud.hosts) + 1)
    host = InternetHost(ids.make_id(ids.INTERNET_HOST, cloud.lab, name), name, address)
    wanted: Result = "blocked" if subnet.intent and not subnet.intent.inbound else "allowed"
    expectation = Expectation(name, subnet.probe or "", "tcp", SSH, wanted)
    cloud = replace(cloud, hosts={**cloud.hosts, host.id: host})
    return replace(topology, cloud=cloud, expectations=(*topology.expectations, expectation))
