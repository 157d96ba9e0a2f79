"""DescribeNetworkInterfaces. Each instance has one network interface, which exists as long as the instance.

Source: AWS, API_NetworkInterface.
"""

from __future__ import annotations

from eigw_ns.cloud import ids
from eigw_ns.cloud.ec2 import zones
from eigw_ns.cloud.ec2.describing import Listing
from eigw_ns.cloud.ec2.filters import ABSENT, KnownFilters
from eigw_ns.cloud.ec2.schema import Reply, Request, Shape
from eigw_ns.cloud.ec2.settings import ACCOUNT_ID, Settings
from eigw_ns.cloud.macs import mac
from eigw_ns.cloud.model import Cloud, Instance
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError

_LINK = "eth0"
"""The name of the interface in the instance's namespace."""

_LISTING = Listing(
    "NetworkInterfaces",
    lambda shape: str(shape["NetworkInterfaceId"]),
    KnownFilters(
        {
            **dict.fromkeys(("addresses.association.owner-id", "addresses.association.public-ip"), ABSENT),
            "addresses.primary": "PrivateIpAddresses.Primary",
            "addresses.private-ip-address": "PrivateIpAddresses.PrivateIpAddress",
            **dict.fromkeys(("association.allocation-id", "association.association-id"), ABSENT),
            **dict.fromkeys(("association.ip-owner-id", "association.public-dns-name"), ABSENT),
            "association.public-ip": ABSENT,
            "attachment.attach-time": "Attachment.AttachTime",
            "attachment.attachment-id": "Attachment.AttachmentId",
            "attachment.delete-on-termination": "Attachment.DeleteOnTermination",
            "attachment.device-index": "Attachment.DeviceIndex",
            "attachment.instance-id": "Attachment.InstanceId",
            "attachment.instance-owner-id": "Attachment.InstanceOwnerId",
            "attachment.status": "Attachment.Status",
            "availability-zone": "AvailabilityZone",
            "availability-zone-id": "AvailabilityZoneId",
            "description": "Description",
            "group-id": "Groups.GroupId",
            "group-name": "Groups.GroupName",
            "interface-type": "InterfaceType",
            "ipv6-addresses.ipv6-address": "Ipv6Addresses.Ipv6Address",
            "mac-address": "MacAddress",
            "network-interface-id": "NetworkInterfaceId",
            "operator.managed": "Operator.Managed",
            "operator.principal": ABSENT,
            "owner-id": "OwnerId",
            "private-dns-name": "PrivateDnsName",
            "private-ip-address": "PrivateIpAddress",
            "requester-id": ABSENT,
            "requester-managed": "RequesterManaged",
            "source-dest-check": "SourceDestCheck",
            "status": "Status",
            "subnet-id": "SubnetId",
            "tag-key": "TagSet.Key",
            "tag-value": "TagSet.Value",
            "vpc-id": "VpcId",
        },
        tags=("TagSet",),
    ),
)


def interface_id(instance_id: str) -> str:
    """Return the id of the network interface of an instance."""
    return ids.make_id(ids.NETWORK_INTERFACE, instance_id)


def describe(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Describe network interfaces by id, or describe all."""
    wanted = request.get("NetworkInterfaceIds", [])
    known = {interface_id(each.id): each for each in cloud.instances.values()}
    for text in wanted:
        if ids.kind_of(text) != ids.NETWORK_INTERFACE:
            message = f'Invalid id: "{shorten(text)}" (expecting "{ids.NETWORK_INTERFACE}-...")'
            raise CloudError("InvalidNetworkInterfaceId.Malformed", message)
        if text not in known:
            message = f"The networkInterface ID '{text}' does not exist"
            raise CloudError("InvalidNetworkInterfaceID.NotFound", message)
    shown = (_shape(cloud, each) for name, each in known.items() if not wanted or name in wanted)
    return _LISTING.reply(cloud, shown, request, settings)


def _shape(cloud: Cloud, instance: Instance) -> Shape:
    subnet = cloud.subnets[instance.subnet_id]
    groups = (cloud.security_groups[group_id] for group_id in instance.security_group_ids)
    return {
        "NetworkInterfaceId": interface_id(instance.id),
        "OwnerId": ACCOUNT_ID,
        "VpcId": subnet.vpc_id,
        "SubnetId": subnet.id,
        "AvailabilityZone": zones.of_subnet(subnet),
        "AvailabilityZoneId": zones.zone_id(zones.of_subnet(subnet)),
        "Description": "",
        "InterfaceType": "interface",
        "Status": "in-use",
        "Attachment": {
            "AttachmentId": ids.make_id(ids.NETWORK_INTERFACE_ATTACHMENT, instance.id),
            "InstanceId": instance.id,
            "InstanceOwnerId": ACCOUNT_ID,
            "DeleteOnTermination": True,
            "DeviceIndex": 0,
            "NetworkCardIndex": 0,
            "Status": "attached",
        },
        "SourceDestCheck": True,
        "RequesterManaged": False,
        "Operator": {"Managed": False},
        "DenyAllIgwTraffic": False,
        "Ipv6Native": subnet.cidr_block is None,
        "MacAddress": mac(cloud.lab, instance.id, _LINK),
        "Groups": [{"GroupId": group.id, "GroupName": group.name} for group in groups],
        "PrivateIpAddresses": [],
        **({} if instance.ipv6_address is None else {"Ipv6Address": str(instance.ipv6_address)}),
        "Ipv6Addresses": [{"Ipv6Address": str(each), "IsPrimaryIpv6": False} for each in instance.addresses],
        "Ipv6Prefixes": [{"Ipv6Prefix": str(each)} for each in instance.ipv6_prefixes],
        "TagSet": [],
    }
