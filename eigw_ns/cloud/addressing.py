"""IPv6 arithmetic of VPCs: reserved addresses, free blocks and addresses, overlapping blocks.

Source: AWS, "Subnet sizing for IPv6", https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, TypeVar, overload

from eigw_ns.cloud.model import B

Key = TypeVar("Key")

GLOBAL_UNICAST = IPv6Network("2000::/3")
"""The global unicast space that IANA allocates (RFC 4291 section 2.4). It includes the documentation prefixes."""

INFRASTRUCTURE = IPv6Network("3fff:fff:ffff::/48")
"""Addresses of gateways and of the internet router. They are used only as source addresses of ICMPv6 errors.

The block is part of the documentation prefix 3fff::/20 (RFC 9637), so that it cannot be a real network's block.
"""

_NEVER_ROUTED = {
    "ff00::/8": "multicast",
    "fe80::/10": "link-local",
    "::1/128": "loopback",
    "::ffff:0:0/96": "IPv4-mapped",  # RFC 4291 spells it this way; Python 3.13 spells it differently
    "fd00:ec2::/32": "AWS's own services",  # AWS refuses routes to this block or to a part of it
}
NEVER_ROUTED = {IPv6Network(text): f"{text} ({word})" for text, word in _NEVER_ROUTED.items()}
"""The blocks that a route must not have as its destination, each with its text for messages."""

SUBNET_PREFIX_LENGTH = 64

DELEGATED_PREFIX_LENGTH = 80
"""The length of a prefix of an instance: AWS, "Prefix delegation for Amazon EC2 network interfaces",
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-prefix-eni.html
"""

VPC_LENGTHS = range(44, 61, 4)
SUBNET_LENGTHS = range(44, 65, 4)
"""The prefix lengths of IPv6 blocks in AWS. Amazon itself provides /56."""

IPV4_LENGTHS = range(16, 29)
"""The prefix lengths of IPv4 blocks of VPCs and subnets in AWS."""

AMAZON_POOL = IPv6Network("2600:1f16:a00::/40")
"""The space from which a VPC gets the block that Amazon provides. It is a part of AWS's own space."""

AMAZON_PREFIX_LENGTH = 56
"""The length of the blocks that Amazon provides."""

_RESERVED_AT_THE_START = 4


def is_reserved(block: IPv4Network | IPv6Network, address: IPv4Address | IPv6Address) -> bool:
    """Return True if AWS reserves `address` in the subnet's `block`.

    AWS reserves the first four addresses (the second is the router) and the last one, in both families.
    """
    offset = int(address) - int(block.network_address)
    return offset < _RESERVED_AT_THE_START or address == block[-1]


def holds_reserved(block: IPv6Network, prefix: IPv6Network) -> bool:
    """Return True if AWS reserves an address of the subnet's `block` that is in `prefix`, a part of the block."""
    return is_reserved(block, prefix[0]) or is_reserved(block, prefix[-1])


@overload
def free_addresses(block: IPv6Network, taken: Collection[IPv6Address]) -> Iterator[IPv6Address]: ...
@overload
def free_addresses(block: IPv4Network, taken: Collection[IPv4Address]) -> Iterator[IPv4Address]: ...
def free_addresses(block: Any, taken: Collection[Any]) -> Iterator[Any]:
    """Yield the addresses in a subnet's `block` that an instance can use, lowest first, except those in `taken`.

    The first 2^48 IPv6 addresses are in no instance's prefix, since the block's first /80 has reserved addresses.
    """
    for offset in range(_RESERVED_AT_THE_START, block.num_addresses - 1):
        address = block[offset]
        if address not in taken:
            yield address


def free_blocks(
    space: IPv6Network, taken: Iterable[IPv6Network], length: int = SUBNET_PREFIX_LENGTH
) -> Iterator[IPv6Network]:
    """Yield the blocks of prefix `length` in `space` that do not overlap a block in `taken`, lowest first."""
    step = 1 << (128 - length)
    cursor, end = int(space.network_address), int(space.broadcast_address) + 1
    for block in sorted(taken):
        while cursor + step <= min(int(block.network_address), end):
            yield IPv6Network((cursor, length))
            cursor += step
        after = max(cursor, int(block.broadcast_address) + 1)
        cursor = after + -after % step
    while cursor < end:
        yield IPv6Network((cursor, length))
        cursor += step


def overlaps(blocks: Iterable[tuple[Key, B]]) -> Iterator[tuple[Key, Key]]:
    """Yield pairs of keys whose blocks overlap: the key of the wider block first.

    Two prefixes either nest or are disjoint. In blocks sorted by address, a comparison with the widest block so far is
    therefore enough.
    """
    widest: tuple[Key, B] | None = None
    for key, block in sorted(blocks, key=lambda item: item[1]):
        if widest is not None and block.overlaps(widest[1]):
            yield widest[0], key
        else:
            widest = key, block
