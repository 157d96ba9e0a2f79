"""Choose the addresses and prefixes of network interfaces.

Sources: AWS, API_CreateNetworkInterface, API_RunInstances, "Error codes for the Amazon EC2 API".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from itertools import chain, islice
from typing import TypeVar

from eigw_ns.cloud.addressing import (
    DELEGATED_PREFIX_LENGTH,
    free_addresses,
    free_blocks,
    holds_reserved,
    is_reserved,
)
from eigw_ns.cloud.ec2.checks import invalid
from eigw_ns.cloud.ec2.schema import Request
from eigw_ns.cloud.interface_records import NetworkInterface
from eigw_ns.cloud.interfaces import holders
from eigw_ns.cloud.ipv4_addresses import used
from eigw_ns.cloud.model import Block, Cloud, Subnet
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError
from eigw_ns.frozen import frozen

A = TypeVar("A", IPv4Address, IPv6Address)
T = TypeVar("T")

MOST_ADDRESSES = 50
"""AWS's maximum number of addresses of each family of an interface, of the types that have most.

A prefix counts as an address. Source: AWS, "Prefix delegation for Amazon EC2 network interfaces".
"""


@frozen
class Addresses:
    """The addresses of one interface. The first of each family is the primary one."""

    private: tuple[IPv4Address, ...] = ()
    ipv6: tuple[IPv6Address, ...] = ()
    prefixes: tuple[IPv6Network, ...] = ()


def requested(cloud: Cloud, subnet: Subnet, request: Request, machines: int = 1) -> list[Addresses]:
    """Return the addresses that a request gives each of several new interfaces: its own, or free ones of the subnet.

    Raises CloudError if an address or a prefix is not one of the subnet, or in use, or if too few are free.
    """
    first, further = _private_texts(request)
    ipv6, prefixes = _ipv6_texts(request), [each.get("Ipv6Prefix", "") for each in request.get("Ipv6Prefixes", ())]
    if machines > 1 and (first or further or ipv6 or prefixes):
        message = "Addresses can be given for one instance only, not for several."
        raise CloudError("InvalidParameterCombination", message)
    count, share = request.get("Ipv6AddressCount"), request.get("Ipv6PrefixCount")
    if count is None and not ipv6:
        count = int(_always_ipv6(subnet))
    secondary = request.get("SecondaryPrivateIpAddressCount", 0)
    return [
        Addresses(*each)
        for each in zip(
            _shares(_private(cloud, subnet, first, further, secondary, machines), machines),
            _shares(ipv6_addresses(cloud, subnet, count, ipv6, machines), machines),
            _shares(ipv6_prefixes(cloud, subnet, share, prefixes, machines), machines),
            strict=True,
        )
    ]


def _ipv6_texts(request: Request) -> list[str]:
    """Return the IPv6 addresses of a request, the primary one first."""
    given = sorted(request.get("Ipv6Addresses", ()), key=lambda each: not each.get("IsPrimaryIpv6"))
    return [each.get("Ipv6Address", "") for each in given]


def has_primary_ipv6(request: Request, name: str) -> bool:
    """Return whether the first IPv6 address is to be the primary one: by the parameter `name`, or by its own member."""
    given: bool = request.get(name, False)
    return given or any(each.get("IsPrimaryIpv6") for each in request.get("Ipv6Addresses", ()))


def _shares(found: Sequence[T], machines: int) -> list[tuple[T, ...]]:
    """Return as many parts of equal length as there are machines."""
    length = len(found) // machines
    return [tuple(found[number * length : (number + 1) * length]) for number in range(machines)]


def _private_texts(request: Request) -> tuple[str | None, list[str]]:
    """Return the primary IPv4 address of a request, or None, and the secondary ones."""
    given = request.get("PrivateIpAddresses", [])
    primary = [each.get("PrivateIpAddress", "") for each in given if each.get("Primary")]
    primary += [request["PrivateIpAddress"]] if request.get("PrivateIpAddress") else []
    if len(set(primary)) > 1:
        raise CloudError("InvalidParameterCombination", "Only one primary private IP address can be specified.")
    further = [each.get("PrivateIpAddress", "") for each in given if not each.get("Primary")]
    if further and request.get("SecondaryPrivateIpAddressCount"):
        message = "You may specify secondary addresses or SecondaryPrivateIpAddressCount, but not both."
        raise CloudError("InvalidParameterCombination", message)
    return (primary[0] if primary else None), [each for each in further if each not in primary]


def _private(
    cloud: Cloud, subnet: Subnet, first: str | None, further: list[str], secondary: int, machines: int
) -> list[IPv4Address]:
    """Return the IPv4 addresses of each machine in turn: the primary one, then the secondary ones."""
    if subnet.cidr_block is None:
        if first or further or secondary:
            raise invalid(f"The subnet '{subnet.id}' does not have an IPv4 CIDR block.")
        return []
    if secondary < 0:
        name = "SecondaryPrivateIpAddressCount"
        raise invalid(f"Value ({secondary}) for parameter {name} is invalid. It must not be negative.")
    given = private_addresses(cloud, subnet, [*([first] if first else []), *further])
    missing = (0 if first else 1) + secondary
    check_limit(len(given) + missing, "private IPv4")
    free = free_private(cloud, subnet, missing * machines, given)
    if first or machines > 1:
        return [*given, *free]
    return [*free[:1], *given, *free[1:]]


def private_addresses(cloud: Cloud, subnet: Subnet, given: Sequence[str]) -> list[IPv4Address]:
    """Return the given IPv4 addresses. Raises CloudError if one is not a free one of the subnet."""
    if not given:
        return []
    if subnet.cidr_block is None:
        raise invalid(f"The subnet '{subnet.id}' does not have an IPv4 CIDR block.")
    return _given(IPv4Address, given, subnet.cidr_block, used(cloud, subnet.id).__contains__)


def free_private(cloud: Cloud, subnet: Subnet, count: int, besides: Iterable[IPv4Address] = ()) -> list[IPv4Address]:
    """Return `count` free IPv4 addresses of the subnet. Raises CloudError if it has fewer."""
    block = subnet.cidr_block
    found = [] if block is None else list(islice(free_addresses(block, used(cloud, subnet.id) | {*besides}), count))
    if len(found) < count:
        message = f"There are not enough free addresses in subnet '{subnet.id}' to satisfy the requested number."
        raise CloudError("InsufficientFreeAddressesInSubnet", message)
    return found


def ipv6_addresses(
    cloud: Cloud, subnet: Subnet, count: int | None, given: Sequence[str], machines: int = 1
) -> list[IPv6Address]:
    """Return the given IPv6 addresses, or `count` free ones of the subnet for each of several machines.

    Raises CloudError if an address is not one of the subnet, or in use.
    """
    block = _block_for(subnet, count, given, "Ipv6AddressCount", "Ipv6Addresses")
    if block is None:
        return []
    there = list(holders(cloud, subnet.id))
    if given:
        return _given(IPv6Address, given, block, lambda each: any(one.owns(each) for one in there))
    taken = {address for each in there for address in each.ipv6_addresses}
    return list(islice(free_addresses(block, taken), (count or 0) * machines))


def ipv6_prefixes(
    cloud: Cloud, subnet: Subnet, count: int | None, given: Sequence[str], machines: int = 1
) -> list[IPv6Network]:
    """Return the given prefixes, or `count` free ones of the subnet for each of several machines.

    Raises CloudError if a prefix is not a /80 of the subnet, or if a part of it is in use.
    """
    block = _block_for(subnet, count, given, "Ipv6PrefixCount", "Ipv6Prefixes")
    if block is None:
        return []
    taken = [IPv6Network(each) for one in holders(cloud, subnet.id) for each in one.blocks]
    if given:
        return _given_prefixes(given, block, taken)
    # AWS reserves addresses of the first and of the last prefix, so these two are never free
    ends = [IPv6Network((int(block[position]), 128)) for position in (0, -1)]
    return list(islice(free_blocks(block, chain(taken, ends), DELEGATED_PREFIX_LENGTH), (count or 0) * machines))


def _block_for(
    subnet: Subnet, count: int | None, given: Sequence[str], counted: str, listed: str
) -> IPv6Network | None:
    """Return the block of the subnet, or None if the request wants nothing of it. Raises CloudError."""
    if count and given:
        message = f"You may specify {counted} or {listed}, but not both."
        raise CloudError("InvalidParameterCombination", message)
    if (count or 0) < 0:
        raise invalid(f"Value ({count}) for parameter {counted} is invalid. It must not be negative.")
    if not count and not given:
        return None
    check_limit(count or len(given), "IPv6")
    if subnet.ipv6_association is None:
        raise invalid(f"The subnet '{subnet.id}' does not have an IPv6 CIDR block.")
    return subnet.ipv6_cidr_block


def _given_prefixes(given: Sequence[str], block: IPv6Network, taken: Sequence[IPv6Network]) -> list[IPv6Network]:
    found = [parsed_prefix(text) for text in given]
    for number, prefix in enumerate(found):
        if not prefix.subnet_of(block):
            raise invalid(f"Prefix {prefix} does not fall within the subnet's address range")
        if holds_reserved(block, prefix):
            raise invalid(f"Prefix {prefix} is in subnet's reserved address range")
        if any(prefix.overlaps(each) for each in (*taken, *found[:number])):
            raise CloudError("InvalidIPAddress.InUse", f"A part of the prefix {prefix} is in use.")
    return found


def parsed_prefix(text: str) -> IPv6Network:
    """Return the prefix in `text`. Raises CloudError if it is not a /80."""
    try:
        prefix = IPv6Network(text)
    except ValueError:
        raise invalid(f"Value ({shorten(text)}) for parameter ipv6Prefix is invalid. Invalid IPv6 prefix.") from None
    if prefix.prefixlen != DELEGATED_PREFIX_LENGTH:
        length = f"It must be a /{DELEGATED_PREFIX_LENGTH}."
        raise invalid(f"Value ({prefix}) for parameter ipv6Prefix is invalid. {length}")
    return prefix


def _given(family: Callable[[str], A], given: Sequence[str], block: Block, is_taken: Callable[[A], bool]) -> list[A]:
    """Return the given addresses. Raises CloudError if one is not in the subnet's `block`, reserved or in use."""
    found = [parsed(family, text) for text in given]
    for number, address in enumerate(found):
        if address not in block:
            raise invalid(f"Address {address} does not fall within the subnet's address range")
        if is_reserved(block, address):
            raise invalid(f"Address {address} is in subnet's reserved address range")
        if is_taken(address) or address in found[:number]:
            raise CloudError("InvalidIPAddress.InUse", f"Address {address} is in use.")
    return found


def parsed(family: Callable[[str], A], text: str) -> A:
    """Return the address in `text`. Raises CloudError if it is not one of the family."""
    try:
        if "%" not in text:
            return family(text)
    except ValueError:
        pass
    raise invalid(f"Value ({shorten(text)}) for parameter address is invalid. Invalid IP address.")


def check_limit(count: int, family: str) -> None:
    """Raise CloudError if an interface cannot have that many addresses and prefixes of a family."""
    if count > MOST_ADDRESSES:
        message = f"An interface has at most {MOST_ADDRESSES} {family} addresses."
        raise CloudError("PrivateIpAddressLimitExceeded", message)


def check_routable(interface: NetworkInterface) -> None:
    """Raise CloudError if the interface could not be the one of an instance: it has prefixes and no address."""
    if interface.ipv6_prefixes and not interface.ipv6_addresses:
        message = f"Prefixes of {interface.id} are routed to its address. The interface of an instance keeps one."
        raise CloudError("UnsupportedOperation", message, hint="assign it an IPv6 address first, by Ipv6AddressCount")


def _always_ipv6(subnet: Subnet) -> bool:
    """Return whether an interface of the subnet has an IPv6 address without asking for one."""
    asked = subnet.attributes.assign_ipv6_address_on_creation or subnet.cidr_block is None
    return asked and subnet.ipv6_association is not None
