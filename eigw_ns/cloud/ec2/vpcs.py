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

_VPCS = Listing(
    "Vpcs",
    lambda shape: str(shape["VpcId"]),
    KnownFilters(
        {
            **_BLOCKS,
            **dict.fromkeys(("cidr", "cidr-block", "cidr-block-association.association-id"), ABSENT),
            **dict.fromkeys(("cidr-block-association.cidr-block", "cidr-block-association.state"), ABSENT),
            **dict.fromkeys(("dhcp-options-id", "ipv6-cidr-block-association.ipv6-pool"), ABSENT),
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
            **dict.fromkeys(("availability-zone", "availabilityZone", "availability-zone-id"), ABSENT),
            **dict.fromkeys(("availabilityZoneId", "customer-owned-ipv4-pool", "enable-dns64"), ABSENT),
            **dict.fromkeys(("enable-lni-at-device-index", "map-customer-owned-ip-on-launch"), ABSENT),
            "private-dns-name-options-on-launch.hostname-type": ABSENT,
            "private-dns-name-options-on-launch.enable-resource-name-dns-a-record": ABSENT,
            "private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record": ABSENT,
            **dict.fromkeys(("available-ip-address-count", "cidr", "cidr-block", "cidrBlock"), ABSENT),
            **dict.fromkeys(("default-for-az", "defaultForAz", "map-public-ip-on-launch", "outpost-arn"), ABSENT),
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
