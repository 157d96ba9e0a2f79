"""Hosts on the internet for routes that lead only a part of it to a subnet: one visitor would not see them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network

from eigw_ns.cloud import ids
from eigw_ns.cloud.addressing import GLOBAL_UNICAST, INFRASTRUCTURE
from eigw_ns.cloud.model import Cloud, InternetHost, Route
from eigw_ns.cloud.routing import effective_route_table
from eigw_ns.cloud.subnet_class import DecidingRoute, deciding_ipv6_routes
from eigw_ns.importing.resolve.expectations import HTTPS, SSH
from eigw_ns.importing.resolve.imported import ImportedSubnet
from eigw_ns.topology import Expectation, Topology

_NAME = "visitor-{}"


def with_visitors(topology: Topology, subnets: tuple[ImportedSubnet, ...]) -> Topology:
    """Return the topology with a host in each route to a gateway that no host is in, and expectations about it.

    Without a visitor in it, nobody would see what a route for a part of the internet does.
    """
    for subnet in subnets:
        if subnet.probe and not subnet.unknown:
            for route in _ways(topology.cloud, subnet):
                topology = _visited(topology, subnet, route)
    return topology


def _ways(cloud: Cloud, subnet: ImportedSubnet) -> Iterator[DecidingRoute[Route]]:
    """Yield the routes that lead to a gateway and that no host is in."""
    hosts = [host.ipv6_address for host in cloud.hosts.values()]
    for each in deciding_ipv6_routes(cloud, effective_route_table(cloud, cloud.subnets[subnet.id])):
        if each.gives in ("public", "egress-only") and not any(host in each.route.destination for host in hosts):
            yield each


def _visited(topology: Topology, subnet: ImportedSubnet, way: DecidingRoute[Route]) -> Topology:
    cloud = topology.cloud
    address = _address(cloud, way.route.destination)
    if address is None:
        return topology
    name = _NAME.format(len(cloud.hosts) + 1)
    host = InternetHost(ids.make_id(ids.INTERNET_HOST, cloud.lab, name), name, address)
    flows = tuple(_flows(subnet, name, way))
    cloud = replace(cloud, hosts={**cloud.hosts, host.id: host})
    return replace(topology, cloud=cloud, expectations=(*topology.expectations, *flows))


def _address(cloud: Cloud, destination: IPv6Network) -> IPv6Address | None:
    """Return an address in the destination that a host on the internet can have: outside all VPCs."""
    blocks = [block for vpc in cloud.vpcs.values() for block in vpc.ipv6_cidr_blocks]
    taken = (*blocks, INFRASTRUCTURE)
    size = destination.num_addresses
    candidates = (destination[number] for number in (min(1, size - 1), size - 1, size // 2, size // 4, 3 * size // 4))
    free = (each for each in candidates if not any(each in block for block in taken))
    return next((each for each in free if each in GLOBAL_UNICAST), None)


def _flows(subnet: ImportedSubnet, visitor: str, way: DecidingRoute[Route]) -> Iterator[Expectation]:
    intent, probe = subnet.intent, subnet.probe or ""
    inbound = way.gives == "public" and (intent is None or intent.inbound)
    outbound = intent is None or intent.outbound
    yield Expectation(probe, visitor, "tcp", HTTPS, "allowed" if outbound else "blocked")
    yield Expectation(visitor, probe, "tcp", SSH, "allowed" if inbound else "blocked")
