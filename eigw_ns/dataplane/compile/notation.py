"""Write addresses and numbers as Linux and nft do, so that desired and listed objects compare equal.

Python writes some addresses that embed an IPv4 address (RFC 4291 section 2.5.5) differently; which ones depends on its
version. Python's `::102:304` is `::1.2.3.4` to inet_ntop(3).
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from eigw_ns.dataplane.compile.ranges import Range, address_range, merged
from eigw_ns.dataplane.state.addresses import to_text


def address_text(address: IPv4Address | IPv6Address | int) -> str:
    """Return an address as text. A number is an IPv6 address."""
    return to_text(address.to_bytes(16) if isinstance(address, int) else address.packed)


def block_text(block: IPv4Network | IPv6Network) -> str:
    """Return a block with its prefix length, also if it is a single address, as in routes."""
    return f"{address_text(block.network_address)}/{block.prefixlen}"


def blocks_text(blocks: Sequence[IPv6Network]) -> str:
    """Return one block, or several as nft lists an anonymous set: blocks side by side are one range."""
    texts = [addresses_text(each) for each in merged(map(address_range, blocks))]
    return texts[0] if len(texts) == 1 else f"{{ {', '.join(texts)} }}"


def addresses_text(addresses: Range) -> str:
    """Return a range of addresses as nft prints it in a set of intervals: one address, a prefix, or first-last."""
    first, last = addresses
    beyond = last - first  # all bits 1 if the range has the size of a prefix
    if beyond & (beyond + 1) or beyond & first:
        return f"{address_text(first)}-{address_text(last)}"
    return f"{address_text(first)}/{128 - beyond.bit_length()}" if beyond else address_text(first)


def numbers_text(numbers: Range) -> str:
    """Return a range of ports as text: one port, or first-last."""
    return str(numbers[0]) if numbers[0] == numbers[1] else f"{numbers[0]}-{numbers[1]}"


def duration_text(seconds: int) -> str:
    """Return a duration as nft lists it, such as `1d3h46m40s`."""
    parts = ((seconds // 86400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number)
