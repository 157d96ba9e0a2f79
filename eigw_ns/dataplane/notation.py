"""Addresses and numbers as Linux and nft write them: what is wanted is compared with what they list.

Python writes some that embed an address of IPv4 (RFC 4291 section 2.5.5) in another way, which ones depends on its
version: its `::102:304` is `::1.2.3.4` to inet_ntop(3).
"""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network
from socket import AF_INET6, inet_ntop

from eigw_ns.dataplane.ranges import Range


def address_text(address: IPv6Address | int) -> str:
    """An IPv6 address, given as such or as its number."""
    return inet_ntop(AF_INET6, int(address).to_bytes(16))


def block_text(block: IPv6Network) -> str:
    """A block with its length, also where that is 128, as routes have it."""
    return f"{address_text(block.network_address)}/{block.prefixlen}"


def addresses_text(addresses: Range) -> str:
    """Addresses as nft prints them in a set of intervals: one address, a prefix, or first-last."""
    first, last = addresses
    beyond = last - first  # all ones where they are as many as a prefix has
    if beyond & (beyond + 1) or beyond & first:
        return f"{address_text(first)}-{address_text(last)}"
    return f"{address_text(first)}/{128 - beyond.bit_length()}" if beyond else address_text(first)


def numbers_text(numbers: Range) -> str:
    """A range of ports."""
    return str(numbers[0]) if numbers[0] == numbers[1] else f"{numbers[0]}-{numbers[1]}"


def duration_text(seconds: int) -> str:
    """Return a duration as nft lists it, such as `1d3h46m40s`."""
    parts = ((seconds // 86400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number)
