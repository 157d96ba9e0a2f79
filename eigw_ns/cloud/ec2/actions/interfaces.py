"""The actions on network interfaces."""

from __future__ import annotations

from collections.abc import Mapping

from eigw_ns.cloud.ec2 import (
    interface_assignment,
    interface_attachments,
    interface_attributes,
    network_interfaces,
)
from eigw_ns.cloud.ec2.schema import (
    CLIENT_TOKEN,
    DRY_RUN,
    TAG_SPECIFICATIONS,
    Action,
    Function,
    Parameter,
    boolean,
    describing,
    integer,
    mutating,
    reading,
    string,
    strings,
    structure,
    structures,
)

_INTERFACE = string("NetworkInterfaceId", "the ID of the network interface", required=True)
_COUNT = "the number of free {} of the subnet to take"
_IPV6_COUNTS = (
    integer("Ipv6AddressCount", _COUNT.format("IPv6 addresses")),
    integer("Ipv6PrefixCount", _COUNT.format("/80 prefixes")),
)
_PRIVATE_COUNT = integer("SecondaryPrivateIpAddressCount", _COUNT.format("IPv4 addresses, which are recorded,"))

IPV6_ADDRESSES = structures(
    "Ipv6Addresses",
    "the IPv6 addresses",
    string("Ipv6Address", "an IPv6 address of the subnet"),
    boolean("IsPrimaryIpv6", "true for the primary one; recorded"),
)
ADDRESSES = (
    *_IPV6_COUNTS,
    IPV6_ADDRESSES,
    structures("Ipv6Prefixes", "the prefixes", string("Ipv6Prefix", "a /80 of the subnet")),
    string("PrivateIpAddress", "the IPv4 address, which is recorded; default: the first free one"),
    structures(
        "PrivateIpAddresses",
        "the IPv4 addresses, which are recorded",
        string("PrivateIpAddress", "an IPv4 address of the subnet"),
        boolean("Primary", "true for the primary one"),
    ),
    _PRIVATE_COUNT,
)
"""The parameters that give a new interface its addresses."""


def _silent(function: Function, text: str, *parameters: Parameter) -> Action:
    """Return an action whose answer does not repeat a ClientToken."""
    return Action(function, text, parameters, mutates=True, echoes_token=False)


INTERFACES: Mapping[str, Action] = {
    "CreateNetworkInterface": mutating(
        network_interfaces.create,
        "Create a network interface, which holds its addresses and moves no packet until an instance has it",
        string("SubnetId", "the ID of the subnet", required=True),
        strings("Groups", "the IDs of the security groups; default: the default group"),
        string("Description", "a description, at most 255 characters"),
        string("InterfaceType", "the type: always interface"),
        boolean("EnablePrimaryIpv6", "whether the first IPv6 address is the primary one; recorded"),
        *ADDRESSES,
        CLIENT_TOKEN,
        TAG_SPECIFICATIONS,
        DRY_RUN,
    ),
    "DeleteNetworkInterface": mutating(
        network_interfaces.delete, "Delete a network interface that no instance has", _INTERFACE, DRY_RUN
    ),
    "DescribeNetworkInterfaces": reading(
        network_interfaces.describe,
        "Describe network interfaces, those of instances and others",
        boolean("IncludeManagedResources", "describe interfaces that AWS manages too; a lab has none"),
        *describing("NetworkInterfaceIds", "network interfaces"),
    ),
    "AttachNetworkInterface": mutating(
        interface_attachments.attach,
        "Attach a network interface to an instance as a further one, which moves no packet",
        _INTERFACE,
        string("InstanceId", "the ID of the instance", required=True),
        integer("DeviceIndex", "its number on the instance, 1 or more", required=True),
        integer("NetworkCardIndex", "always 0"),
        DRY_RUN,
    ),
    "DetachNetworkInterface": mutating(
        interface_attachments.detach,
        "Detach a further network interface from its instance",
        string("AttachmentId", "the ID of the attachment", required=True),
        boolean("Force", "ignored"),
        DRY_RUN,
    ),
    "DescribeNetworkInterfaceAttribute": reading(
        interface_attributes.describe,
        "Describe one attribute of a network interface",
        _INTERFACE,
        string("Attribute", "description, groupSet, sourceDestCheck, attachment or associatePublicIpAddress"),
        DRY_RUN,
    ),
    "ModifyNetworkInterfaceAttribute": mutating(
        interface_attributes.modify,
        "Change one attribute of a network interface, such as its security groups",
        _INTERFACE,
        strings("Groups", "the IDs of all security groups that the interface will have"),
        structure(
            "SourceDestCheck",
            "recorded; the lab checks the sources of every instance",
            boolean("Value", "true or false"),
        ),
        structure("Description", "the description", string("Value", "the text")),
        structure(
            "Attachment",
            "what becomes of the interface with its instance",
            string("AttachmentId", "the ID of the attachment"),
            boolean("DeleteOnTermination", "false keeps the interface and its addresses"),
        ),
        boolean("EnablePrimaryIpv6", "whether the first IPv6 address is the primary one; recorded"),
        DRY_RUN,
    ),
    "ResetNetworkInterfaceAttribute": mutating(
        interface_attributes.reset,
        "Set the source/destination check of a network interface to true",
        _INTERFACE,
        string("SourceDestCheck", "the attribute to reset; any text"),
        DRY_RUN,
    ),
    "AssignIpv6Addresses": _silent(
        interface_assignment.assign_ipv6,
        "Give a network interface further IPv6 addresses or prefixes",
        _INTERFACE,
        *_IPV6_COUNTS,
        strings("Ipv6Addresses", "the addresses"),
        strings("Ipv6Prefixes", "the prefixes"),
    ),
    "UnassignIpv6Addresses": _silent(
        interface_assignment.unassign_ipv6,
        "Take IPv6 addresses or prefixes from a network interface; their flows end",
        _INTERFACE,
        strings("Ipv6Addresses", "the addresses"),
        strings("Ipv6Prefixes", "the prefixes"),
    ),
    "AssignPrivateIpAddresses": _silent(
        interface_assignment.assign_private,
        "Give a network interface secondary IPv4 addresses, which are recorded",
        _INTERFACE,
        strings("PrivateIpAddresses", "the addresses"),
        _PRIVATE_COUNT,
        boolean("AllowReassignment", "take the addresses from another interface that has them as secondary ones"),
    ),
    "UnassignPrivateIpAddresses": _silent(
        interface_assignment.unassign_private,
        "Take secondary IPv4 addresses from a network interface",
        _INTERFACE,
        strings("PrivateIpAddresses", "the addresses"),
    ),
}
"""Every action on network interfaces, by AWS's name for it."""
