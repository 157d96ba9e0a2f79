"""Make overlapping ranges disjoint: an nftables set of intervals does not accept elements that overlap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv6Address, IPv6Network
from itertools import pairwise

Range = tuple[int, int]
"""First and last number, both included."""

Box = tuple[Range, Range]
"""A range of addresses, and a range of ports (or of ICMPv6 type × 256 + code)."""


ALL_NUMBERS: Range = (0, 65535)
"""Every port, or every ICMPv6 type and code."""


def address_range(block: IPv6Network | IPv6Address) -> Range:
    """Return the addresses of a block, or the single address, as a range of numbers."""
    if isinstance(block, IPv6Address):
        return int(block), int(block)
    return int(block.network_address), int(block.broadcast_address)


def merged(ranges: Iterable[Range]) -> list[Range]:
    """Return the same numbers in as few ranges as possible, ascending."""
    found: list[Range] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found


def disjoint(boxes: Sequence[Box]) -> list[Box]:
    """Return the same area as boxes that do not overlap.

    The addresses are cut at the edges of all boxes, and the ports of each piece are merged.
    """
    edges = sorted({first for (first, _), _ in boxes} | {last + 1 for (_, last), _ in boxes})
    found: list[Box] = []
    pieces: list[tuple[Range, list[Range]]] = []
    for first, following in pairwise(edges):
        ports = merged(port for (low, high), port in boxes if low <= first <= high)
        if pieces and pieces[-1][1] == ports and pieces[-1][0][1] + 1 == first:
            pieces[-1] = ((pieces[-1][0][0], following - 1), ports)
        elif ports:
            pieces.append(((first, following - 1), ports))
    for addresses, ports in pieces:
        found.extend((addresses, port) for port in ports)
    return found


def icmp_numbers(icmp_type: int, icmp_code: int) -> Range:
    """Return ICMPv6 type and code as a range of numbers type × 256 + code; -1 stands for all.

    They are the two octets that are the source port in TCP and UDP.
    """
    if icmp_type == -1:
        return ALL_NUMBERS
    if icmp_code == -1:
        return icmp_type << 8, (icmp_type << 8) + 255
    return (icmp_type << 8) + icmp_code, (icmp_type << 8) + icmp_code
