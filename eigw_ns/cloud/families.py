"""The part of a cloud that carries packets. The lab forwards IPv6 only, so what has no IPv6 block is recorded alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from eigw_ns.cloud import ids
from eigw_ns.cloud.list_references import expanded
from eigw_ns.cloud.model import UNKNOWN, Cloud
from eigw_ns.cloud.routing import ROUTE_TARGETS

R = TypeVar("R")


def ipv6_part(cloud: Cloud) -> Cloud:
    """Return the cloud with only those resources that carry IPv6; the same object if all do and no list is in use.

    They are VPCs and subnets with an IPv6 block, running instances with an address, and gateways whose VPC has a block.
    A stopped instance has no link at all: its tenant could set a link up again that is down. Routes and rules have the
    entries of prefix lists in place of references to them.
    """
    cloud = expanded(cloud)
    vpcs = {vpc.id for vpc in cloud.vpcs.values() if vpc.ipv6_associations}
    subnets = {subnet.id for subnet in cloud.subnets.values() if subnet.ipv6_association and subnet.vpc_id in vpcs}
    linked = (each for each in cloud.instances.values() if each.addresses and each.state == "running")
    instances = {each.id for each in linked if each.subnet_id in subnets}
    if (len(vpcs), len(subnets), len(instances)) == (len(cloud.vpcs), len(cloud.subnets), len(cloud.instances)):
        return cloud
    eigws = {each.id for each in cloud.egress_only_internet_gateways.values() if each.vpc_id in vpcs}
    igws = {each.id for each in cloud.internet_gateways.values() if each.vpc_id in vpcs}
    return replace(
        cloud,
        vpcs=_only(cloud.vpcs, vpcs),
        subnets=_only(cloud.subnets, subnets),
        instances=_only(cloud.instances, instances),
        egress_only_internet_gateways=_only(cloud.egress_only_internet_gateways, eigws),
        internet_gateways=_only(cloud.internet_gateways, igws),
    )


def recorded(cloud: Cloud) -> tuple[str, ...]:
    """Return in words what the cloud records although the lab moves no packet for it."""
    blocks = any(vpc.ipv4_associations for vpc in cloud.vpcs.values())
    tables = cloud.route_tables.values()
    targets = {route.target_id for table in tables for route in table.routes}
    targets |= {route.target_id for table in tables for route in table.prefix_list_routes}
    elsewhere = any(target == UNKNOWN or ids.kind_of(target) in ROUTE_TARGETS for target in targets)
    found = {
        "elastic IP addresses": bool(cloud.elastic_ips),
        "NAT gateways": bool(cloud.nat_gateways),
        "network interfaces that are not the primary one of an instance": bool(cloud.network_interfaces),
        "DHCP options": bool(cloud.dhcp_options),
        "IPv4 blocks": blocks,
        "IPv4 routes": any(table.ipv4_routes for table in tables),
        "IPv4 prefix lists": any(each.ip_version == 4 for each in cloud.prefix_lists.values()),
        "routes to other targets than gateways, which drop packets": elsewhere,
    }
    return tuple(words for words, there in found.items() if there)


def recorded_note(words: Iterable[str]) -> str:
    """Return the note about what `recorded` returned."""
    return f"recorded only, and moves no packet: {', '.join(words)}"


def _only(resources: Mapping[str, R], chosen: set[str]) -> dict[str, R]:
    return {resource_id: each for resource_id, each in resources.items() if resource_id in chosen}
