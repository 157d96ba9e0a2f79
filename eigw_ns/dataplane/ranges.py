"""Ranges that may overlap, made disjoint: sets of intervals in nftables take no two elements that overlap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv6Address, IPv6Network
from itertools import pairwise

Range = tuple[int, int]
"""First and last, both included."""

Box = tuple[Range, Range]
"""A range of addresses, and a range of ports (or of ICMPv6 type × 256 + code)."""


ALL_NUMBERS: Range = (0, 65535)
"""Every port, or every ICMPv6 type and code."""


def address_range(block: IPv6Network | IPv6Address) -> Range:
    """The addresses of a block, or the one address, as numbers."""
    if isinstance(block, IPv6Address):
        return int(block), int(block)
    return int(block.network_address), int(block.broadcast_address)


def merged(ranges: Iterable[Range]) -> list[Range]:
    """The same numbers in as few ranges as can be, ascending."""
    found: list[Range] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found


def disjoint(boxes: Sequence[Box]) -> list[Box]:
    """The same area in boxes that do not overlap: cut along the addresses, the ports of each piece merged."""
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
    """Type and code as one number: they are the two octets at which other protocols have their source port."""
    if icmp_type == -1:
        return ALL_NUMBERS
    if icmp_code == -1:
        return icmp_type << 8, (icmp_type << 8) + 255
    return (icmp_type << 8) + icmp_code, (icmp_type << 8) + icmp_code
