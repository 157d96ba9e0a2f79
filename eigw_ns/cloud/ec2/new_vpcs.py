"""New VPCs: what AWS creates with every VPC, and the default VPC of an account in a Region.

Source: AWS, "Default VPCs", https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc.html
"""

from __future__ import annotations

from ipaddress import IPv4Network

from eigw_ns.cloud import ids
from eigw_ns.cloud.defaults import default_network_acl, default_security_group
from eigw_ns.cloud.ec2 import zones
from eigw_ns.cloud.ec2.resources import INTERNET_GATEWAY, NETWORK_ACL, ROUTE_TABLE, SECURITY_GROUP, SUBNET, VPC
from eigw_ns.cloud.ec2.settings import REGION, Settings
from eigw_ns.cloud.model import (
    B,
    BlockAssociation,
    Cloud,
    InternetGateway,
    Ipv4Route,
    RouteTable,
    Subnet,
    SubnetAttributes,
    Vpc,
    VpcAttributes,
)

_DEFAULT_BLOCK, DEFAULT_SUBNETS = IPv4Network("172.31.0.0/16"), 20
_EVERYWHERE = IPv4Network("0.0.0.0/0")


def associated(kind: str, block: B, settings: Settings) -> BlockAssociation[B]:
    """Return a new association of a block. Its id is new also if the block was associated before."""
    return BlockAssociation(f"{kind}-{settings.new_id()}", block)


def with_vpc(cloud: Cloud, vpc: Vpc, settings: Settings) -> Cloud:
    """Return the cloud with the VPC, its main route table, its default network ACL and its default group."""
    table_id = ROUTE_TABLE.new_id(cloud, settings)
    cloud = ROUTE_TABLE.put(VPC.put(cloud, vpc), RouteTable(table_id, table_id, vpc.id, main=True))
    cloud = NETWORK_ACL.put(cloud, default_network_acl(cloud.lab, vpc))
    return SECURITY_GROUP.put(cloud, default_security_group(cloud.lab, vpc))


def default_vpc(cloud: Cloud) -> Vpc | None:
    """Return the default VPC, or None."""
    return next((vpc for vpc in cloud.vpcs.values() if vpc.attributes.is_default), None)


def with_default_vpc(cloud: Cloud, settings: Settings) -> Cloud:
    """Return the cloud with a default VPC; the same cloud if it has one.

    It has a subnet in each zone, and its main route table leads to an internet gateway.
    """
    if default_vpc(cloud) is not None:
        return cloud
    vpc_id, gateway_id = VPC.new_id(cloud, settings), INTERNET_GATEWAY.new_id(cloud, settings)
    attributes = VpcAttributes(enable_dns_hostnames=True, is_default=True)
    block = associated(ids.VPC_BLOCK, _DEFAULT_BLOCK, settings)
    cloud = with_vpc(cloud, Vpc(vpc_id, vpc_id, ipv4_associations=(block,), attributes=attributes), settings)
    cloud = INTERNET_GATEWAY.put(cloud, InternetGateway(gateway_id, gateway_id, vpc_id))
    (table,) = (each for each in cloud.route_tables.values() if each.vpc_id == vpc_id)
    routed = RouteTable(table.id, table.name, vpc_id, main=True, ipv4_routes=(Ipv4Route(_EVERYWHERE, gateway_id),))
    return SUBNET.put(ROUTE_TABLE.put(cloud, routed), *_default_subnets(cloud, vpc_id, settings))


def _default_subnets(cloud: Cloud, vpc_id: str, settings: Settings) -> list[Subnet]:
    blocks = _DEFAULT_BLOCK.subnets(new_prefix=DEFAULT_SUBNETS)
    return [
        default_subnet(SUBNET.new_id(cloud, settings), vpc_id, zone, block)
        for zone, block in zip(zones.zone_names(REGION), blocks, strict=False)
    ]


def default_subnet(subnet_id: str, vpc_id: str, zone: str, block: IPv4Network) -> Subnet:
    """Return the default subnet of a zone, with this IPv4 block."""
    attributes = SubnetAttributes(availability_zone=zone, map_public_ip_on_launch=True, default_for_az=True)
    return Subnet(subnet_id, subnet_id, vpc_id, None, cidr_block=block, attributes=attributes)
