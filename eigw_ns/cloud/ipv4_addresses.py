"""IPv4 addresses that a lab records: elastic IP addresses, and addresses in the IPv4 blocks of subnets."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from ipaddress import IPv4Address, IPv4Network

from eigw_ns.cloud import ids
from eigw_ns.cloud.addressing import is_reserved
from eigw_ns.cloud.interfaces import holders, interfaces
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.recorded import ElasticIp

PUBLIC = (IPv4Network("203.0.113.0/24"), IPv4Network("198.51.100.0/24"))
"""The blocks of elastic IP addresses: TEST-NET-3 and TEST-NET-2 (RFC 5737), which no network on the internet has."""


def public_in_use(cloud: Cloud) -> set[IPv4Address]:
    """Return the public IPv4 addresses that are allocated, or that Amazon has given to an interface."""
    of_interfaces = (each.public_ip_address for each in interfaces(cloud).values())
    return {each.public_ip for each in cloud.elastic_ips.values()} | {each for each in of_interfaces if each}


def free_public(taken: Collection[IPv4Address]) -> Iterator[IPv4Address]:
    """Yield the elastic IP addresses that are not in `taken`, in order."""
    return (address for block in PUBLIC for address in block.hosts() if address not in taken)


def used(cloud: Cloud, subnet_id: str) -> set[IPv4Address]:
    """Return the addresses in the IPv4 block of a subnet that a resource has."""
    gateways = (each for each in cloud.nat_gateways.values() if each.subnet_id == subnet_id)
    of_gateways = {each.private_ip_address for each in gateways if each.private_ip_address}
    return of_gateways | {address for each in holders(cloud, subnet_id) for address in each.ipv4_addresses}


def free_from_the_end(block: IPv4Network, taken: Collection[IPv4Address]) -> Iterator[IPv4Address]:
    """Yield the free addresses of a subnet's block, the highest first: instances get the lowest ones."""
    every = (block[offset] for offset in range(block.num_addresses - 1, -1, -1))
    return (address for address in every if address not in taken and not is_reserved(block, address))


def association_id(cloud: Cloud, address: ElasticIp) -> str | None:
    """Return the id of the association of an elastic IP address with an instance or a NAT gateway, or None."""
    if address.association is not None:
        return address.association.id
    gateway_id = nat_gateway_id(cloud, address)
    return None if gateway_id is None else nat_association_id(gateway_id)


def nat_gateway_id(cloud: Cloud, address: ElasticIp) -> str | None:
    """Return the id of the NAT gateway that has the elastic IP address, or None."""
    return next((each.id for each in cloud.nat_gateways.values() if each.allocation_id == address.id), None)


def nat_association_id(gateway_id: str) -> str:
    """Return the id of the association of a NAT gateway with its elastic IP address."""
    return ids.make_id(ids.ELASTIC_IP_ASSOCIATION, gateway_id)


def has_public_addresses(cloud: Cloud, vpc_id: str) -> bool:
    """Return whether a NAT gateway or an instance of the VPC has a public IPv4 address."""
    gateways = (each.vpc_id for each in cloud.nat_gateways.values() if each.allocation_id is not None)
    owners = (each.association.instance_id for each in cloud.elastic_ips.values() if each.association is not None)
    instances = (cloud.subnets[cloud.instances[owner].subnet_id].vpc_id for owner in owners)
    of_amazon = (each for each in cloud.instances.values() if each.interface.public_ip_address is not None)
    return vpc_id in (*gateways, *instances, *(cloud.subnets[each.subnet_id].vpc_id for each in of_amazon))
