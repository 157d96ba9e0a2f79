"""Choose the addresses of an instance's interface, and AssignIpv6Addresses and UnassignIpv6Addresses.

Sources: AWS, API_AssignIpv6Addresses, API_RunInstances, "Error codes for the Amazon EC2 API".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from itertools import islice
from typing import TypeVar

from eigw_ns.cloud.addressing import free_addresses, is_reserved
from eigw_ns.cloud.ec2.checks import invalid
from eigw_ns.cloud.ec2.interface_shapes import owner_of
from eigw_ns.cloud.ec2.resources import INSTANCE
from eigw_ns.cloud.ec2.schema import Reply, Request
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.ids import NETWORK_INTERFACE, kind_of
from eigw_ns.cloud.ipv4_addresses import used
from eigw_ns.cloud.model import Block, Cloud, Instance, Subnet
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError

A = TypeVar("A", IPv4Address, IPv6Address)

MOST_ADDRESSES = 50
"""AWS's maximum number of IPv6 addresses of an interface, of the types that have most."""


def assign(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Give the interface of an instance further IPv6 addresses: the given ones, or the first free ones."""
    instance = interface_owner(cloud, request["NetworkInterfaceId"])
    count, texts = request.get("Ipv6AddressCount"), request.get("Ipv6Addresses", [])
    if not count and not texts:
        raise CloudError("MissingParameter", "The request must contain Ipv6AddressCount or Ipv6Addresses")
    found = ipv6_addresses(cloud, cloud.subnets[instance.subnet_id], count, texts)
    if len(instance.addresses) + len(found) > MOST_ADDRESSES:
        raise _too_many()
    answer = {"NetworkInterfaceId": request["NetworkInterfaceId"], "AssignedIpv6Addresses": list(map(str, found))}
    return Reply(INSTANCE.put(cloud, with_ipv6(instance, (*instance.addresses, *found))), answer)


def unassign(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Take IPv6 addresses from the interface of an instance. Their flows end."""
    instance = interface_owner(cloud, request["NetworkInterfaceId"])
    given = list(dict.fromkeys(_parsed(IPv6Address, text) for text in request["Ipv6Addresses"]))
    for address in given:
        if address not in instance.addresses:
            raise invalid(f"Some of the specified addresses are not assigned to interface: {address}")
    kept = tuple(each for each in instance.addresses if each not in given)
    if instance.ipv6_prefixes and not kept:
        message = f"Prefixes of {instance.id} are routed to its address. An instance with prefixes keeps one address."
        raise CloudError("UnsupportedOperation", message)
    answer = {"NetworkInterfaceId": request["NetworkInterfaceId"], "UnassignedIpv6Addresses": list(map(str, given))}
    return Reply(INSTANCE.put(cloud, with_ipv6(instance, kept)), answer)


def interface_owner(cloud: Cloud, wanted: str) -> Instance:
    """Return the instance whose interface has the id `wanted`. Raises CloudError with AWS's code."""
    if kind_of(wanted) != NETWORK_INTERFACE:
        message = f'Invalid id: "{shorten(wanted)}" (expecting "{NETWORK_INTERFACE}-...")'
        raise CloudError("InvalidNetworkInterfaceId.Malformed", message)
    found = owner_of(cloud, wanted)
    if found is None:
        raise CloudError("InvalidNetworkInterfaceID.NotFound", f"The networkInterface ID '{wanted}' does not exist")
    return found


def with_ipv6(instance: Instance, addresses: Sequence[IPv6Address]) -> Instance:
    """Return the instance with these IPv6 addresses. The first is its primary one."""
    first = addresses[0] if addresses else None
    return replace(instance, ipv6_address=first, ipv6_addresses=tuple(addresses[1:]))


def ipv6_addresses(
    cloud: Cloud, subnet: Subnet, count: int | None, texts: Sequence[str], machines: int = 1
) -> list[IPv6Address]:
    """Return the addresses in `texts`, or `count` free ones of the subnet for each of several machines.

    Raises CloudError if an address is not one of the subnet, or in use.
    """
    if count and texts:
        message = "You may specify Ipv6AddressCount or Ipv6Addresses, but not both."
        raise CloudError("InvalidParameterCombination", message)
    if not count and not texts:
        return []
    if (count or len(texts)) > MOST_ADDRESSES:
        raise _too_many()
    if subnet.ipv6_association is None:
        raise invalid(f"The subnet '{subnet.id}' does not have an IPv6 CIDR block.")
    block = subnet.ipv6_cidr_block
    if texts:
        return _given(IPv6Address, texts, block, lambda each: any(one.owns(each) for one in cloud.instances.values()))
    taken = {address for each in cloud.instances.values() for address in each.addresses}
    return list(islice(free_addresses(block, taken), (count or 0) * machines))


def ipv4_addresses(cloud: Cloud, subnet: Subnet, text: str | None, machines: int) -> list[IPv4Address | None]:
    """Return the IPv4 address in `text`, or a free one of the subnet for each machine; None if the subnet has no IPv4.

    Raises CloudError if the address is not one of the subnet, or in use, or if too few are free.
    """
    if subnet.cidr_block is None:
        if text:
            raise invalid(f"The subnet '{subnet.id}' does not have an IPv4 CIDR block.")
        return [None] * machines
    taken = used(cloud, subnet.id)
    if text:
        return [*_given(IPv4Address, [text], subnet.cidr_block, taken.__contains__)]
    found = list(islice(free_addresses(subnet.cidr_block, taken), machines))
    if len(found) < machines:
        message = f"There are not enough free addresses in subnet '{subnet.id}' to satisfy the requested number."
        raise CloudError("InsufficientFreeAddressesInSubnet", message)
    return [*found]


def _given(family: Callable[[str], A], texts: Sequence[str], block: Block, is_taken: Callable[[A], bool]) -> list[A]:
    """Return the addresses in `texts`. Raises CloudError if one is not in the subnet's `block`, reserved or in use."""
    found = [_parsed(family, text) for text in texts]
    for number, address in enumerate(found):
        if address not in block:
            raise invalid(f"Address {address} does not fall within the subnet's address range")
        if is_reserved(block, address):
            raise invalid(f"Address {address} is in subnet's reserved address range")
        if is_taken(address) or address in found[:number]:
            raise CloudError("InvalidIPAddress.InUse", f"Address {address} is in use.")
    return found


def _parsed(family: Callable[[str], A], text: str) -> A:
    try:
        if "%" not in text:
            return family(text)
    except ValueError:
        pass
    raise invalid(f"Value ({shorten(text)}) for parameter address is invalid. Invalid IP address.")


def _too_many() -> CloudError:
    return CloudError("PrivateIpAddressLimitExceeded", f"An interface has at most {MOST_ADDRESSES} IPv6 addresses.")
