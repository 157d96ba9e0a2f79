"""Assign- and UnassignIpv6Addresses, Assign- and UnassignPrivateIpAddresses: further addresses of an interface.

Sources: AWS, API_AssignIpv6Addresses, API_AssignPrivateIpAddresses, "Error codes for the Amazon EC2 API".
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

from eigw_ns.cloud.ec2.checks import invalid
from eigw_ns.cloud.ec2.interface_addresses import (
    check_limit,
    check_routable,
    free_private,
    ipv6_addresses,
    ipv6_prefixes,
    parsed,
    parsed_prefix,
    private_addresses,
)
from eigw_ns.cloud.ec2.resources import NETWORK_INTERFACE
from eigw_ns.cloud.ec2.schema import Reply, Request
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.interface_records import NetworkInterface
from eigw_ns.cloud.interfaces import holders, is_primary
from eigw_ns.cloud.model import Cloud
from eigw_ns.errors import CloudError


def assign_ipv6(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Give an interface further IPv6 addresses or prefixes: the given ones, or the first free ones."""
    interface = NETWORK_INTERFACE.find(cloud, request["NetworkInterfaceId"])
    names = ("Ipv6AddressCount", "Ipv6Addresses", "Ipv6PrefixCount", "Ipv6Prefixes")
    if not any(request.get(name) for name in names):
        raise CloudError("MissingParameter", f"The request must contain {', '.join(names[:-1])} or {names[-1]}")
    subnet = cloud.subnets[interface.subnet_id]
    addresses = ipv6_addresses(cloud, subnet, request.get(names[0]), request.get(names[1], []))
    held = NETWORK_INTERFACE.put(cloud, replace(interface, ipv6_addresses=(*interface.ipv6_addresses, *addresses)))
    prefixes = ipv6_prefixes(held, subnet, request.get(names[2]), request.get(names[3], []))
    after = replace(
        interface,
        ipv6_addresses=(*interface.ipv6_addresses, *addresses),
        ipv6_prefixes=(*interface.ipv6_prefixes, *prefixes),
    )
    check_limit(len(after.blocks), "IPv6")
    answer = {"AssignedIpv6Addresses": list(map(str, addresses)), "AssignedIpv6Prefixes": list(map(str, prefixes))}
    return Reply(_put(cloud, after), {"NetworkInterfaceId": interface.id, **answer})


def unassign_ipv6(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Take IPv6 addresses or prefixes from an interface. Their flows end."""
    interface = NETWORK_INTERFACE.find(cloud, request["NetworkInterfaceId"])
    given = list(dict.fromkeys(parsed(IPv6Address, text) for text in request.get("Ipv6Addresses", ())))
    prefixes = list(dict.fromkeys(parsed_prefix(text) for text in request.get("Ipv6Prefixes", ())))
    if not given and not prefixes:
        raise CloudError("MissingParameter", "The request must contain Ipv6Addresses or Ipv6Prefixes")
    for each in (*given, *prefixes):
        if each not in interface.blocks:
            raise invalid(f"Some of the specified addresses are not assigned to interface {interface.id}: {each}")
    after = replace(
        interface,
        ipv6_addresses=tuple(each for each in interface.ipv6_addresses if each not in given),
        ipv6_prefixes=tuple(each for each in interface.ipv6_prefixes if each not in prefixes),
    )
    answer = {"UnassignedIpv6Addresses": list(map(str, given)), "UnassignedIpv6Prefixes": list(map(str, prefixes))}
    return Reply(_put(cloud, after), {"NetworkInterfaceId": interface.id, **answer})


def _put(cloud: Cloud, after: NetworkInterface) -> Cloud:
    if is_primary(after):
        check_routable(after)
    return NETWORK_INTERFACE.put(cloud, after)


def assign_private(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Give an interface secondary IPv4 addresses, which are recorded: the given ones, or the first free ones."""
    interface = NETWORK_INTERFACE.find(cloud, request["NetworkInterfaceId"])
    count, given = request.get("SecondaryPrivateIpAddressCount"), request.get("PrivateIpAddresses", [])
    if count and given:
        message = "You may specify PrivateIpAddresses or SecondaryPrivateIpAddressCount, but not both."
        raise CloudError("InvalidParameterCombination", message)
    if (count or 0) < 1 and not given:
        message = "The request must contain PrivateIpAddresses or SecondaryPrivateIpAddressCount"
        raise CloudError("MissingParameter", message)
    if request.get("AllowReassignment"):
        cloud = _released(cloud, interface, {parsed(IPv4Address, text) for text in given})
    subnet = cloud.subnets[interface.subnet_id]
    wanted = [text for text in given if parsed(IPv4Address, text) not in interface.private_ip_addresses]
    check_limit(len(interface.ipv4_addresses) + (count or len(wanted)), "private IPv4")
    new = private_addresses(cloud, subnet, wanted) if given else free_private(cloud, subnet, count or 0)
    if interface.private_ip_address is None:
        raise invalid(f"The interface '{interface.id}' has no primary IPv4 address.")
    after = replace(interface, private_ip_addresses=(*interface.private_ip_addresses, *new))
    answer = {
        "NetworkInterfaceId": interface.id,
        "AssignedPrivateIpAddresses": [{"PrivateIpAddress": str(each)} for each in new],
        "AssignedIpv4Prefixes": [],
    }
    return Reply(NETWORK_INTERFACE.put(cloud, after), answer)


def _released(cloud: Cloud, interface: NetworkInterface, wanted: set[IPv4Address]) -> Cloud:
    """Return the cloud in which no other interface of the subnet has one of the addresses as a secondary one."""
    for other in list(holders(cloud, interface.subnet_id)):
        kept = tuple(each for each in other.private_ip_addresses if each not in wanted)
        if other.id != interface.id and kept != other.private_ip_addresses:
            cloud = NETWORK_INTERFACE.put(cloud, replace(other, private_ip_addresses=kept))
    return cloud


def unassign_private(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Take secondary IPv4 addresses from an interface."""
    interface = NETWORK_INTERFACE.find(cloud, request["NetworkInterfaceId"])
    given = {parsed(IPv4Address, text) for text in request.get("PrivateIpAddresses", ())}
    if not given:
        raise CloudError("MissingParameter", "The request must contain PrivateIpAddresses")
    if interface.private_ip_address in given:
        raise invalid(f"The primary address {interface.private_ip_address} of {interface.id} cannot be unassigned.")
    for each in sorted(given):
        if each not in interface.private_ip_addresses:
            raise invalid(f"Some of the specified addresses are not assigned to interface {interface.id}: {each}")
    kept = tuple(each for each in interface.private_ip_addresses if each not in given)
    return Reply(NETWORK_INTERFACE.put(cloud, replace(interface, private_ip_addresses=kept)), {})
