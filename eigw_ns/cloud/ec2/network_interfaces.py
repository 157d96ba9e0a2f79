"""DescribeNetworkInterfaces. Each instance has one network interface, which exists as long as the instance.

Source: AWS, API_NetworkInterface.
"""

from __future__ import annotations

from eigw_ns.cloud import ids
from eigw_ns.cloud.ec2.describing import Listing
from eigw_ns.cloud.ec2.filters import ABSENT, KnownFilters
from eigw_ns.cloud.ec2.interface_shapes import interface_id, network_interface
from eigw_ns.cloud.ec2.schema import Reply, Request
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError

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
    shown = (network_interface(cloud, each) for name, each in known.items() if not wanted or name in wanted)
    return _LISTING.reply(cloud, shown, request, settings)
