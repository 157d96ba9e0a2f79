"""CreateNetworkInterface, DeleteNetworkInterface, DescribeNetworkInterfaces.

An interface holds its addresses whether an instance has it or not. The lab moves packets only for the primary interface
of an instance.
Source: AWS, API_CreateNetworkInterface, API_DeleteNetworkInterface, API_NetworkInterface.
"""

from __future__ import annotations

from eigw_ns.cloud.ec2 import tags
from eigw_ns.cloud.ec2.checks import invalid
from eigw_ns.cloud.ec2.describing import Listing
from eigw_ns.cloud.ec2.filters import ABSENT, KnownFilters
from eigw_ns.cloud.ec2.interface_addresses import has_primary_ipv6, requested
from eigw_ns.cloud.ec2.interface_attachments import ended
from eigw_ns.cloud.ec2.interface_groups import requested_groups
from eigw_ns.cloud.ec2.interface_shapes import network_interface, owned_attachment
from eigw_ns.cloud.ec2.interface_texts import check_description
from eigw_ns.cloud.ec2.resources import NETWORK_INTERFACE, SUBNET
from eigw_ns.cloud.ec2.schema import Reply, Request, Shape
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.interface_records import NetworkInterface
from eigw_ns.cloud.interfaces import interfaces
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError

_ATTACHMENT = "attachment.attachment-id"
_ONLY_TYPE = "interface"
_OTHER_TYPES = frozenset({"branch", "efa", "efa-only", "trunk"})

_LISTING = Listing(
    "NetworkInterfaces",
    lambda shape: str(shape["NetworkInterfaceId"]),
    KnownFilters(
        {
            "addresses.association.owner-id": "PrivateIpAddresses.Association.IpOwnerId",
            "addresses.association.public-ip": "PrivateIpAddresses.Association.PublicIp",
            "addresses.primary": "PrivateIpAddresses.Primary",
            "addresses.private-ip-address": "PrivateIpAddresses.PrivateIpAddress",
            **dict.fromkeys(("association.allocation-id", "association.association-id"), ABSENT),
            "association.ip-owner-id": "Association.IpOwnerId",
            "association.public-dns-name": "Association.PublicDnsName",
            "association.public-ip": "Association.PublicIp",
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


def create(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Create a network interface in a subnet. It holds its addresses, and moves no packet until an instance has it."""
    subnet = SUBNET.find(cloud, request["SubnetId"])
    _check_type(request.get("InterfaceType") or _ONLY_TYPE)
    tagged = tags.specified(request, NETWORK_INTERFACE, settings)
    found = interfaces(cloud)
    quota = settings.quotas.network_interfaces_per_region
    if len(found) >= quota:
        message = f"The maximum number of network interfaces has been reached ({quota})."
        raise CloudError("NetworkInterfaceLimitExceeded", message)
    (addresses,) = requested(cloud, subnet, request)
    interface_id = NETWORK_INTERFACE.new_id(cloud, settings)
    interface = NetworkInterface(
        interface_id,
        interface_id,
        subnet.id,
        requested_groups(cloud, subnet, request.get("Groups", []), settings),
        addresses.private[0] if addresses.private else None,
        addresses.private[1:],
        addresses.ipv6,
        addresses.prefixes,
        check_description(request.get("Description", "")),
        primary_ipv6=has_primary_ipv6(request, "EnablePrimaryIpv6"),
        tags=tagged,
    )
    after = NETWORK_INTERFACE.put(cloud, interface)
    return Reply(after, {"NetworkInterface": network_interface(after, interface)})


def _check_type(given: str) -> None:
    if given in _OTHER_TYPES:
        message = f"The interface type '{given}' is not supported. A lab has interfaces of the type {_ONLY_TYPE}."
        raise CloudError("UnsupportedOperation", message)
    if given != _ONLY_TYPE:
        raise invalid(f"Value ({shorten(given)}) for parameter InterfaceType is invalid. It must be {_ONLY_TYPE}.")


def delete(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Delete a network interface that no instance has. Its addresses are free again."""
    interface = NETWORK_INTERFACE.find(cloud, request["NetworkInterfaceId"])
    if interface.attachment is not None:
        raise invalid(f"Network interface '{interface.id}' is currently in use.")
    return Reply(NETWORK_INTERFACE.without(cloud, interface.id), {})


def describe(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Describe network interfaces by id, or describe all."""
    found = NETWORK_INTERFACE.select(cloud, request.get("NetworkInterfaceIds", []))
    detached = _detached(cloud, request, settings)
    shapes = (network_interface(cloud, each) | detached.get(each.id, {}) for each in found)
    return _LISTING.reply(cloud, shapes, request, settings)


def _detached(cloud: Cloud, request: Request, settings: Settings) -> dict[str, Shape]:
    """Return the members of interfaces that a filter names by an attachment that ended, by the interface's id."""
    given = (each.get("Values", []) for each in request.get("Filters", []) if each.get("Name") == _ATTACHMENT)
    wanted = {text for values in given for text in values}
    return {
        each.network_interface_id: {"Attachment": {**owned_attachment(each.attachment), "Status": "detached"}}
        for each in ended(cloud, settings)
        if each.attachment.id in wanted
    }
