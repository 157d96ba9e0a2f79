"""IPv6 arithmetic of VPCs: what AWS reserves, what is free, what overlaps.

Source: AWS, "Subnet sizing for IPv6", https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from ipaddress import IPv6Address, IPv6Network
from typing import TypeVar

Key = TypeVar("Key")

GLOBAL_UNICAST = IPv6Network("2000::/3")
"""What IANA hands out as global unicast space (RFC 4291 section 2.4); the documentation prefixes lie in it."""

INFRASTRUCTURE = IPv6Network("3fff:fff:ffff::/48")
"""Addresses of gateways and of the internet router, used only as sources of their ICMPv6 errors.

Taken from the documentation prefix 3fff::/20 (RFC 9637), so that no user's block can be meant by it.
"""

_NEVER_ROUTED = {
    "ff00::/8": "multicast",
    "fe80::/10": "link-local",
    "::1/128": "loopback",
    "::ffff:0:0/96": "IPv4-mapped",  # as RFC 4291 writes it; Python 3.13 does not
    "fd00:ec2::/32": "AWS's own services",  # AWS refuses routes to it or into it
}
NEVER_ROUTED = {IPv6Network(text): f"{text} ({word})" for text, word in _NEVER_ROUTED.items()}
"""Where no route may lead, each in words."""

SUBNET_PREFIX_LENGTH = 64

_RESERVED_AT_THE_START = 4


def is_reserved(block: IPv6Network, address: IPv6Address) -> bool:
    """Whether AWS keeps `address` of the subnet's `block` to itself: the first four (::1 routes) and the last."""
    offset = int(address) - int(block.network_address)
    return offset < _RESERVED_AT_THE_START or address == block[-1]


def free_addresses(block: IPv6Network, taken: Collection[IPv6Address]) -> Iterator[IPv6Address]:
    """The addresses of a subnet's `block` that an instance may have, lowest first, without those `taken`."""
    for offset in range(_RESERVED_AT_THE_START, block.num_addresses - 1):
        address = block[offset]
        if address not in taken:
            yield address


def free_blocks(space: IPv6Network, taken: Iterable[IPv6Network]) -> Iterator[IPv6Network]:
    """The /64 blocks of `space` that overlap none of `taken`, lowest first."""
    step = 1 << (128 - SUBNET_PREFIX_LENGTH)
    cursor, end = int(space.network_address), int(space.broadcast_address) + 1
    for block in sorted(taken):
        while cursor < min(int(block.network_address), end):
            yield IPv6Network((cursor, SUBNET_PREFIX_LENGTH))
            cursor += step
        cursor = max(cursor, int(block.broadcast_address) + 1)
    while cursor < end:
        yield IPv6Network((cursor, SUBNET_PREFIX_LENGTH))
        cursor += step


def overlaps(blocks: Iterable[tuple[Key, IPv6Network]]) -> Iterator[tuple[Key, Key]]:
    """Pairs of keys whose blocks overlap: each block that overlaps an earlier one, with that one.

    Prefixes nest or are apart, so among blocks sorted by address one look at the widest open block is enough.
    """
    widest: tuple[Key, IPv6Network] | None = None
    for key, block in sorted(blocks, key=lambda item: item[1]):
        if widest is not None and block.overlaps(widest[1]):
            yield widest[0], key
        else:
            widest = key, block
