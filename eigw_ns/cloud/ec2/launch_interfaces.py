"""The network interfaces of RunInstances: those that the request describes, and those that exist already.

The interface with device index 0 moves packets. All others are recorded.
Sources: AWS, API_InstanceNetworkInterfaceSpecification, "Error codes for the Amazon EC2 API".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address
from itertools import islice

from eigw_ns.cloud.ec2 import network_interfaces
from eigw_ns.cloud.ec2.interface_addresses import check_routable, has_primary_ipv6, requested
from eigw_ns.cloud.ec2.interface_attachments import check_available, with_attached
from eigw_ns.cloud.ec2.interface_texts import check_description
from eigw_ns.cloud.ec2.resources import NETWORK_INTERFACE
from eigw_ns.cloud.ec2.schema import Request
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.interface_records import Attachment, NetworkInterface
from eigw_ns.cloud.interfaces import attachment_id, primary, with_primary
from eigw_ns.cloud.ipv4_addresses import free_public, public_in_use
from eigw_ns.cloud.model import Cloud, Instance, Subnet, Tags
from eigw_ns.errors import CloudError
from eigw_ns.frozen import frozen

_OF_INTERFACE = {
    "SubnetId": "an instance-level subnet ID",
    "SecurityGroupIds": "instance-level security groups",
    "SecurityGroups": "instance-level security groups",
    "PrivateIpAddress": "an instance-level private IP address",
    "Ipv6Addresses": "instance-level IPv6 addresses",
    "Ipv6AddressCount": "an instance-level IPv6 address count",
    "EnablePrimaryIpv6": "an instance-level primary IPv6 address",
}
"""Parameters that belong to the interface if the request describes one, in the words of AWS's message."""

_OF_PREPARED = {
    "SubnetId": "a subnet",
    "Groups": "security groups",
    "PrivateIpAddress": "a private IP address",
    "PrivateIpAddresses": "private IP addresses",
    "SecondaryPrivateIpAddressCount": "secondary private IP addresses",
    "Ipv6Addresses": "IPv6 addresses",
    "Ipv6AddressCount": "an IPv6 address count",
    "Ipv6Prefixes": "IPv6 prefixes",
    "Ipv6PrefixCount": "an IPv6 prefix count",
    "PrimaryIpv6": "a primary IPv6 address",
    "Description": "a description",
    "AssociatePublicIpAddress": "an associated public IP address",
    "DeleteOnTermination": "delete on termination as true",
}
"""Members that an interface has itself, so that a request must not have them beside its id."""


@frozen
class Interfaces:
    """What a request says about the interfaces of each instance: device 0, and the others by device index.

    `prepared` is the interface that device 0 is, if it exists already.
    """

    first: Request
    others: tuple[Request, ...]
    prepared: NetworkInterface | None


def described(cloud: Cloud, request: Request, count: int) -> Interfaces:
    """Return the interfaces that the request describes, in NetworkInterfaces or by parameters of its own.

    Raises CloudError if they contradict each other, or if an interface that they name is in use.
    """
    given = request.get("NetworkInterfaces") or []
    if not given:
        own = {
            **request,
            "Groups": request.get("SecurityGroupIds", []),
            "PrimaryIpv6": request.get("EnablePrimaryIpv6"),
        }
        return Interfaces({name: value for name, value in own.items() if value is not None}, (), None)
    for name, words in _OF_INTERFACE.items():
        if request.get(name):
            message = f"Network interfaces and {words} may not be specified on the same request"
            raise CloudError("InvalidParameterCombination", message)
    ordered = sorted(({"DeviceIndex": 0, **each} for each in given), key=lambda each: int(each["DeviceIndex"]))
    if len({each["DeviceIndex"] for each in ordered}) < len(ordered):
        message = "Each network interface requires a unique device index."
        raise CloudError("InvalidParameterValue", message)
    if ordered[0]["DeviceIndex"] != 0:
        message = "When specifying network interfaces, you must include a device at index 0."
        raise CloudError("UnsupportedOperation", message)
    for each in ordered:
        _check_specification(each, count, alone=len(ordered) == 1)
    prepared = _prepared(cloud, ordered)
    return Interfaces(ordered[0], tuple(ordered[1:]), prepared[0] if ordered[0].get("NetworkInterfaceId") else None)


def _check_specification(given: Request, count: int, *, alone: bool) -> None:
    if given.get("NetworkInterfaceId"):
        for name, words in _OF_PREPARED.items():
            if given.get(name):
                message = f"A network interface may not specify a network interface ID and {words}"
                raise CloudError("InvalidParameterCombination", message)
        if count > 1:
            message = "Network interface IDs cannot be specified when launching more than one instance."
            raise CloudError("InvalidParameterCombination", message)
    if given.get("AssociatePublicIpAddress") and not alone:
        message = "The associatePublicIPAddress parameter cannot be specified when launching with multiple interfaces."
        raise CloudError("InvalidParameterCombination", message)


def _prepared(cloud: Cloud, ordered: Sequence[Request]) -> list[NetworkInterface]:
    """Return the interfaces that the request names by id. Each must be available, and named once."""
    wanted = [each["NetworkInterfaceId"] for each in ordered if each.get("NetworkInterfaceId")]
    if len(set(wanted)) < len(wanted):
        raise CloudError("InvalidParameterCombination", "A network interface may not be specified twice.")
    found = [NETWORK_INTERFACE.find(cloud, each) for each in wanted]
    for interface in found:
        check_available(interface)
    return found


def launched_on(cloud: Cloud, prepared: NetworkInterface, instance: Instance) -> tuple[Cloud, Instance]:
    """Return the new instance with the interface as its primary one, and the cloud without the interface."""
    check_routable(prepared)
    attached = Attachment(attachment_id(instance.id), instance.id, 0, delete_on_termination=False)
    return NETWORK_INTERFACE.without(cloud, prepared.id), with_primary(instance, replace(prepared, attachment=attached))


def with_new_interfaces(
    cloud: Cloud, subnet: Subnet, given: Request, new: Sequence[Instance], tagged: Tags
) -> list[Instance]:
    """Return the new instances, each with an interface of its own as the request describes it."""
    public = _public(cloud, subnet, given, len(new))
    addresses = requested(cloud, subnet, given, len(new))
    made = []
    for number, instance in enumerate(new):
        found = addresses[number]
        interface = replace(
            primary(instance),
            private_ip_address=found.private[0] if found.private else None,
            private_ip_addresses=found.private[1:],
            ipv6_addresses=found.ipv6,
            ipv6_prefixes=found.prefixes,
            description=check_description(given.get("Description", "")),
            primary_ipv6=has_primary_ipv6(given, "PrimaryIpv6"),
            public_ip_address=public[number],
            attachment=Attachment(attachment_id(instance.id), instance.id, 0, given.get("DeleteOnTermination", True)),
            tags=tagged,
        )
        check_routable(interface)
        made.append(with_primary(instance, interface))
    return made


def _public(cloud: Cloud, subnet: Subnet, given: Request, count: int) -> list[IPv4Address | None]:
    """Return a public IPv4 address for each new instance, which is recorded, if the request asks for one."""
    if not given.get("AssociatePublicIpAddress"):
        return [None] * count
    if subnet.cidr_block is None:
        message = f"The subnet '{subnet.id}' does not have an IPv4 CIDR block."
        raise CloudError("InvalidParameterCombination", message)
    found = list(islice(free_public(public_in_use(cloud)), count))
    if len(found) < count:
        raise CloudError("InsufficientAddressCapacity", "Not enough public IPv4 addresses are available")
    return [*found]


def with_others(
    cloud: Cloud, instance: Instance, given: Sequence[Request], tagged: Sequence[Request], settings: Settings
) -> Cloud:
    """Return the cloud with the further interfaces of a new instance, which move no packet."""
    for each in given:
        if each.get("NetworkInterfaceId"):
            interface = NETWORK_INTERFACE.find(cloud, each["NetworkInterfaceId"])
        else:
            wanted = {
                **each,
                "SubnetId": each.get("SubnetId") or instance.subnet_id,
                "EnablePrimaryIpv6": each.get("PrimaryIpv6", False),
                "TagSpecifications": tagged,
            }
            reply = network_interfaces.create(cloud, wanted, settings)
            cloud, made = reply.cloud, reply.answer["NetworkInterface"]["NetworkInterfaceId"]
            interface = NETWORK_INTERFACE.find(cloud, made)
        kept = bool(each.get("NetworkInterfaceId"))
        goes = each.get("DeleteOnTermination", not kept)
        cloud, _ = with_attached(cloud, interface, instance, each["DeviceIndex"], settings, delete_on_termination=goes)
    return cloud
