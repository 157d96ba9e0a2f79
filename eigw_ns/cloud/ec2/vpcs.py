"""DescribeVpcs, DescribeSubnets, DescribeInstances, and ModifyInstanceAttribute for security groups."""

from __future__ import annotations

from dataclasses import replace

from eigw_ns.cloud import ids
from eigw_ns.cloud.ec2 import shapes
from eigw_ns.cloud.ec2.describing import Listing
from eigw_ns.cloud.ec2.filters import ABSENT, TAG_FILTERS, KnownFilters
from eigw_ns.cloud.ec2.instance_filters import INSTANCE_FILTERS
from eigw_ns.cloud.ec2.resources import INSTANCE, SECURITY_GROUP, SUBNET, VPC
from eigw_ns.cloud.ec2.schema import Reply, Request, Shape
from eigw_ns.cloud.ec2.settings import ACCOUNT_ID, Settings
from eigw_ns.cloud.model import Cloud, Instance
from eigw_ns.errors import CloudError

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

_INSTANCES = Listing(
    "Reservations",
    lambda shape: str(shape["Instances"][0]["InstanceId"]),
    KnownFilters(INSTANCE_FILTERS, tags=("Instances", "Tags")),
)


def describe_vpcs(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Describe VPCs."""
    found = VPC.select(cloud, request.get("VpcIds", []))
    return _VPCS.reply(cloud, map(shapes.vpc, found), request, settings)


def describe_subnets(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Describe subnets."""
    found = SUBNET.select(cloud, request.get("SubnetIds", []))
    return _SUBNETS.reply(cloud, (shapes.subnet(cloud, each) for each in found), request, settings)


def describe_instances(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Describe instances. Each instance is in a separate reservation."""
    found = INSTANCE.select(cloud, request.get("InstanceIds", []))
    reservations = (_reservation(shapes.instance(cloud, each)) for each in found)
    return _INSTANCES.reply(cloud, reservations, request, settings)


def _reservation(instance: Shape) -> Shape:
    reservation_id = ids.make_id("r", instance["InstanceId"])
    return {"ReservationId": reservation_id, "OwnerId": ACCOUNT_ID, "Groups": [], "Instances": [instance]}


def modify_instance_attribute(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Replace the security groups of an instance with the given groups."""
    instance = INSTANCE.find(cloud, request["InstanceId"])
    group_ids = tuple(dict.fromkeys(request["Groups"]))
    _check_groups(cloud, instance, group_ids)
    quota = settings.quotas.security_groups_per_interface
    if len(group_ids) > quota:
        message = f"The maximum number of security groups per interface has been reached ({quota})."
        raise CloudError("SecurityGroupsPerInterfaceLimitExceeded", message)
    if group_ids == instance.security_group_ids:
        return Reply(cloud, {})
    return Reply(INSTANCE.put(cloud, replace(instance, security_group_ids=group_ids)), {})


def _check_groups(cloud: Cloud, instance: Instance, group_ids: tuple[str, ...]) -> None:
    vpc_id = cloud.subnets[instance.subnet_id].vpc_id
    for group in SECURITY_GROUP.select(cloud, group_ids):
        if group.vpc_id != vpc_id:
            message = f"Security group {group.id} and subnet {instance.subnet_id} belong to different networks."
            raise CloudError("InvalidParameter", message)
