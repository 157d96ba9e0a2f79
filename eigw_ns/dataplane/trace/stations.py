"""The namespaces that a packet between two machines may meet, in order. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from eigw_ns.cloud import ids, nodes
from eigw_ns.cloud.families import ipv6_part
from eigw_ns.cloud.model import Cloud, Subnet, Vpc
from eigw_ns.cloud.nodes import Node, internet_id
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.dataplane.state import Family
from eigw_ns.dataplane.trace.model import Hop, Reason
from eigw_ns.frozen import frozen


@frozen
class Station:
    """A namespace on the way. `id` is that of the component: all replicas of a gateway have the gateway's.

    `rank` is its place on the way; gateways of one VPC have the same. `family` is that of the rules that see packets
    there; None for the two machines, whose namespaces belong to tenants.
    """

    id: str
    name: str
    namespace: str
    rank: int
    family: Family | None


def stations(cloud: Cloud, source_id: str, destination_id: str) -> tuple[Station, ...]:
    """Return the stations between two machines, and the machines."""
    named = {node.id: node for node in nodes.nodes(cloud)}
    there, back = _subnet(cloud, source_id), _subnet(cloud, destination_id)
    if there is not None and back is not None and there.vpc_id == back.vpc_id:
        between: list[list[_Place]] = [*_within(cloud, named, there, back)]
    else:
        between = [*_outwards(cloud, named, there), [named[internet_id(cloud.lab)]]]
        between += reversed([*_outwards(cloud, named, back)])
    way: list[list[_Place]] = [[named[source_id]], *between, [named[destination_id]]]
    ends = source_id, destination_id
    return tuple(_station(cloud, each, rank, ends) for rank, found in enumerate(way) for each in found)


def _subnet(cloud: Cloud, machine_id: str) -> Subnet | None:
    instance = cloud.instances.get(machine_id)
    return cloud.subnets[instance.subnet_id] if instance else None


_Place = Node | Vpc
"""A node, or a VPC, whose fabric is not a node."""


def _within(cloud: Cloud, named: dict[str, Node], there: Subnet, back: Subnet) -> Iterator[list[_Place]]:
    """Yield the stations inside the VPC that both machines are in."""
    yield [named[there.id]]
    if there.id != back.id:
        yield [cloud.vpcs[there.vpc_id]]
        yield [named[back.id]]


def _outwards(cloud: Cloud, named: dict[str, Node], subnet: Subnet | None) -> Iterator[list[_Place]]:
    """Yield the stations from a machine to the internet. An internet host is on it already."""
    if subnet is None:
        return
    yield [named[subnet.id]]
    yield [cloud.vpcs[subnet.vpc_id]]
    eigws, igws = cloud.egress_only_internet_gateways.values(), cloud.internet_gateways.values()
    inside = {each.id for each in eigws if each.vpc_id == subnet.vpc_id}
    inside |= {each.id for each in igws if each.vpc_id == subnet.vpc_id}
    yield [node for node in named.values() if _owner(node) in inside]


def _owner(node: Node) -> str:
    """Return the id of the component: that of a replica's gateway, or the node's own."""
    return node.id.partition(".")[0]


def _station(cloud: Cloud, place: _Place, rank: int, ends: tuple[str, str]) -> Station:
    namespace = namespace_name(cloud.lab, place.id)
    if isinstance(place, Vpc):
        return Station(place.id, f"{place.name} (fabric)", namespace, rank, "bridge")
    gateway = cloud.egress_only_internet_gateways.get(place.id)
    suffix = "#1" if gateway is not None and gateway.replicas > 1 else ""
    family: Family | None = None if place.id in ends else "inet"
    return Station(_owner(place), place.qualified + suffix, namespace, rank, family)


_AT_THE_PORT = frozenset({Reason.ENI_SG_RULES_MISMATCH, Reason.SG_HAS_NO_RULES})
"""Security groups are checked in the subnet's namespace, at the instance's port."""

_IN_THE_SUBNET = frozenset({ids.NETWORK_ACL, ids.SECURITY_GROUP, ids.ROUTE_TABLE})


def station_id(cloud: Cloud, hop: Hop) -> str:
    """Return the id of the station that decided a hop: that of the subnet for ACLs, groups and route tables."""
    if ids.kind_of(hop.id) not in _IN_THE_SUBNET and hop.reason not in _AT_THE_PORT:
        return hop.id
    address = hop.packet.source if hop.outwards else hop.packet.destination
    return next(each.id for each in ipv6_part(cloud).subnets.values() if address in each.ipv6_cidr_block)
