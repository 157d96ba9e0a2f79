"""Extension headers before what a packet carries. Its checksum stays as it is: correct for the outermost address."""

from __future__ import annotations

import itertools
import socket
from dataclasses import dataclass
from pathlib import Path

HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION, MOBILITY, NO_NEXT = 0, 43, 44, 51, 60, 135, 59
DCCP = 33
_FIXED = 40  # octets of the IPv6 header (RFC 8200)


@dataclass(frozen=True)
class Header:
    """An extension header: its number, and its octets after next header and length (6, 14, 22, … of them)."""

    number: int
    data: bytes = b"\x01\x04\0\0\0\0"  # PadN: options that do nothing

    def before(self, following: int) -> bytes:
        """Return the octets of the header if the header of that number follows."""
        octets = 2 + len(self.data)
        length = octets // 4 - 2 if self.number == AUTHENTICATION else octets // 8 - 1
        return bytes([following, length]) + self.data


def conntrack_knows_dccp() -> bool:
    """Return whether conntrack parses DCCP, as in Linux 6.1 and not in 6.18. It must be loaded already."""
    return Path("/proc/sys/net/netfilter/nf_conntrack_dccp_loose").exists()


def behind(packet: bytes, *headers: Header) -> bytes:
    """Return the packet with these headers, in this order, before what it carries."""
    following, carried = packet[6], packet[_FIXED:]
    for header in reversed(headers):
        carried = header.before(following) + carried
        following = header.number
    return packet[:4] + len(carried).to_bytes(2) + bytes([following]) + packet[7:_FIXED] + carried


def routing(kind: int, left: int) -> Header:
    """Return a routing header of that type by way of one address, with that many segments left."""
    return Header(ROUTING, bytes([kind, left]) + bytes(4) + socket.inet_pton(socket.AF_INET6, "2001:db8:77::1"))


def option(kind: int) -> bytes:
    """Return the octets of a header with one option of this type.

    The two highest bits of the type say what a node does if it does not know the option (RFC 8200 section 4.2).
    """
    return bytes([kind, 4, 0, 0, 0, 0])


def fragment(number: int, offset: int = 0, more: bool = False) -> Header:
    """Return a fragment header. `offset` is in octets, a multiple of 8."""
    return Header(FRAGMENT, (offset | more).to_bytes(2) + number.to_bytes(4))


def fragments(packet: bytes, number: int, *cuts: int) -> list[bytes]:
    """Return the fragments of a packet, cut at these octets of its payload (multiples of 8)."""
    edges = (0, *cuts, len(packet) - _FIXED)
    return [piece(packet, number, first, last, more=last != edges[-1]) for first, last in itertools.pairwise(edges)]


def piece(packet: bytes, number: int, first: int, last: int, *, more: bool) -> bytes:
    """Return one fragment: the octets from `first` to `last` of what the packet carries."""
    part = packet[:_FIXED] + packet[_FIXED:][first:last]
    return behind(part, fragment(number, first, more))
