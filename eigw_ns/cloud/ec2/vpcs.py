"""DescribeVpcs, DescribeSubnets."""

from __future__ import annotations

from eigw_ns.cloud.ec2 import shapes
from eigw_ns.cloud.ec2.describing import Listing
from eigw_ns.cloud.ec2.filters import ABSENT, TAG_FILTERS, KnownFilters
from eigw_ns.cloud.ec2.resources import SUBNET, VPC
from eigw_ns.cloud.ec2.schema import Reply, Request
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.model import Cloud

_BLOCKS = {
    "ipv6-cidr-block-association.association-id": "Ipv6CidrBlockAssociationSet.AssociationId",
    "ipv6-cidr-block-association.ipv6-cidr-block": "Ipv6CidrBlockAssociationSet.Ipv6CidrBlock",
    "ipv6-cidr-block-association.state": "Ipv6CidrBlockAssociationSet.Ipv6CidrBlockState.State",
}

_HOSTNAMES = "PrivateDnsNameOptionsOnLaunch"

_VPCS = Listing(
    "Vpcs",
    lambda shape: str(shape["VpcId"]),
    KnownFilters(
        {
            **_BLOCKS,
            **dict.fromkeys(("cidr", "cidr-block", "cidrBlock"), "CidrBlock"),
            "cidr-block-association.association-id": "CidrBlockAssociationSet.AssociationId",
            "cidr-block-association.cidr-block": "CidrBlockAssociationSet.CidrBlock",
            "cidr-block-association.state": "CidrBlockAssociationSet.CidrBlockState.State",
            "dhcp-options-id": "DhcpOptionsId",
            "ipv6-cidr-block-association.ipv6-pool": "Ipv6CidrBlockAssociationSet.Ipv6Pool",
            "is-default": "IsDefault",
            "owner-id": "OwnerId",
            "state": "State",
            **TAG_FILTERS,
            "vpc-id": "VpcId",
        }
    ),
)

_SUBNETS = Listing(
    "Subnets",
    lambda shape: str(shape["SubnetId"]),
    KnownFilters(
        {
            **_BLOCKS,
            **dict.fromkeys(("availability-zone", "availabilityZone"), "AvailabilityZone"),
            **dict.fromkeys(("availability-zone-id", "availabilityZoneId"), "AvailabilityZoneId"),
            "available-ip-address-count": "AvailableIpAddressCount",
            **dict.fromkeys(("cidr", "cidr-block", "cidrBlock"), "CidrBlock"),
            **dict.fromkeys(("customer-owned-ipv4-pool", "enable-lni-at-device-index", "outpost-arn"), ABSENT),
            **dict.fromkeys(("default-for-az", "defaultForAz"), "DefaultForAz"),
            "enable-dns64": "EnableDns64",
            "map-customer-owned-ip-on-launch": "MapCustomerOwnedIpOnLaunch",
            "map-public-ip-on-launch": "MapPublicIpOnLaunch",
            "private-dns-name-options-on-launch.hostname-type": f"{_HOSTNAMES}.HostnameType",
            "private-dns-name-options-on-launch.enable-resource-name-dns-a-record": (
                f"{_HOSTNAMES}.EnableResourceNameDnsARecord"
            ),
            "private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record": (
                f"{_HOSTNAMES}.EnableResourceNameDnsAAAARecord"
            ),
            "ipv6-native": "Ipv6Native",
            "owner-id": "OwnerId",
            "state": "State",
            "subnet-arn": "SubnetArn",
            "subnet-id": "SubnetId",
            **TAG_FILTERS,
            "vpc-id": "VpcId",
        }
    ),
)


def describe_vpcs(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Describe VPCs."""
    found = VPC.select(cloud, request.get("VpcIds", []))
    return _VPCS.reply(cloud, map(shapes.vpc, found), request, settings)


def describe_subnets(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Describe subnets."""
    found = SUBNET.select(cloud, request.get("SubnetIds", []))
    return _SUBNETS.reply(cloud, (shapes.subnet(cloud, each) for each in found), request, settings)
