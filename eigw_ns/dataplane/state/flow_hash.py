"""The hash by which flows are spread over the replicas of a gateway, as the kernel computes it.

TCP is hashed by its tuple (inside, outside, inside's port, outside's port), everything else by its two addresses. The
rules that compute it are in `dataplane.replication.spread`.

Source: include/linux/jhash.h, nft_jhash_eval in net/netfilter/nft_hash.c.
"""

from __future__ import annotations

import struct
import sys
from ipaddress import IPv6Address
from zlib import crc32

from eigw_ns.dataplane.state.objects import Flow

BUCKETS = 840
"""Into how many buckets flows are hashed: the least number that 1 to 8 divide, so every replica has an equal share."""

TCP = 6
"""The only protocol (IANA number) whose flows are hashed by ports too."""

TAGS = 0xFFFF_FFFF
"""The number of tags that a flow may have: `mod` of the same hash. The kernel's modulus has 32 bits."""


def seed(lab: str) -> int:
    """Return what the hash begins with: the same on both sides, another for each lab, never 0 (random to nft)."""
    return crc32(lab.encode()) | 1


class FlowHash:
    """The hash of many flows of one lab. Addresses are 16 octets each, ports 2 octets each, in network byte order.

    Source: include/linux/jhash.h, nft_jhash_eval in net/netfilter/nft_hash.c. nft pads each part of a key to four
    octets. What the addresses of a pair contribute is computed once, since flows of one pair come by the thousand.
    """

    def __init__(self, start: int) -> None:
        self._start = start
        self._pairs: dict[tuple[bytes, bytes], tuple[int, int, int, int, int]] = {}

    def of_tuple(self, inside: bytes, outside: bytes, near: bytes, far: bytes) -> int:
        """Return the 32-bit hash of a flow with ports."""
        found = self._pairs.get((inside, outside))
        if found is None:
            found = self._pairs[inside, outside] = self._begun(inside, outside)
        a, b, c, seventh, eighth = found
        a, b, c = _mixed(a + seventh & _WORD, b + eighth & _WORD, c + _word(near) & _WORD)
        return _final(a + _word(far) & _WORD, b, c)

    def of_addresses(self, inside: bytes, outside: bytes) -> int:
        """Return the 32-bit hash of a flow without ports."""
        return _jhash(inside + outside, self._start)

    def _begun(self, inside: bytes, outside: bytes) -> tuple[int, int, int, int, int]:
        """Return the state after six of the ten words of a tuple, and the seventh and eighth word."""
        words = struct.unpack("=8I", inside + outside)
        a = b = c = (_INITIAL + 40 + self._start) & _WORD
        for at in (0, 3):
            a, b, c = (a + words[at]) & _WORD, (b + words[at + 1]) & _WORD, (c + words[at + 2]) & _WORD
            a, b, c = _mixed(a, b, c)
        return a, b, c, words[6], words[7]


PEER_TAGS, PEER_SEED = 4096, 1
"""The number of tags of peers, and what their hash begins with: the same for all labs."""


def peer_tag(address: bytes) -> int:
    """Return the tag of an internet host (16 octets) by which a gateway knows whose fragments to let in."""
    return scaled(_jhash(address, PEER_SEED), PEER_TAGS)


def scaled(hashed: int, size: int) -> int:
    """Return the hash as a number below `size`, as reciprocal_scale() of include/linux/math.h does."""
    return hashed * size >> 32


def bucket_of(flow: Flow, start: int) -> int:
    """Return the bucket of a flow that an instance began, as a connection table shows it."""
    inside, outside = IPv6Address(flow.source).packed, IPv6Address(flow.destination).packed
    if flow.protocol != TCP or flow.ports is None:
        return scaled(FlowHash(start).of_addresses(inside, outside), BUCKETS)
    near, far = (port.to_bytes(2) for port in flow.ports)
    return scaled(FlowHash(start).of_tuple(inside, outside, near, far), BUCKETS)


def _word(port: bytes) -> int:
    return int.from_bytes(port + b"\0\0", sys.byteorder)


_WORD = 0xFFFF_FFFF
_INITIAL = 0xDEAD_BEEF  # JHASH_INITVAL


def _jhash(key: bytes, start: int) -> int:
    """Return Bob Jenkins's lookup3 as include/linux/jhash.h has it, for keys of a multiple of four octets."""
    words = struct.unpack(f"={len(key) // 4}I", key)
    a = b = c = (_INITIAL + len(key) + start) & _WORD
    at = 0
    while len(words) - at > 3:
        a, b, c = (a + words[at]) & _WORD, (b + words[at + 1]) & _WORD, (c + words[at + 2]) & _WORD
        a, b, c = _mixed(a, b, c)
        at += 3
    rest = (*words[at:], 0, 0)
    return _final((a + rest[0]) & _WORD, (b + rest[1]) & _WORD, (c + rest[2]) & _WORD)


def _mixed(a: int, b: int, c: int) -> tuple[int, int, int]:
    """Mix three words (__jhash_mix), written out since 20,000 flows are hashed while connections wait."""
    a = (a - c & _WORD) ^ (c << 4 & _WORD | c >> 28)
    c = c + b & _WORD
    b = (b - a & _WORD) ^ (a << 6 & _WORD | a >> 26)
    a = a + c & _WORD
    c = (c - b & _WORD) ^ (b << 8 & _WORD | b >> 24)
    b = b + a & _WORD
    a = (a - c & _WORD) ^ (c << 16 & _WORD | c >> 16)
    c = c + b & _WORD
    b = (b - a & _WORD) ^ (a << 19 & _WORD | a >> 13)
    a = a + c & _WORD
    c = (c - b & _WORD) ^ (b << 4 & _WORD | b >> 28)
    b = b + a & _WORD
    return a, b, c


def _final(a: int, b: int, c: int) -> int:
    """Mix three words at the end (__jhash_final)."""
    c = (c ^ b) - (b << 14 & _WORD | b >> 18) & _WORD
    a = (a ^ c) - (c << 11 & _WORD | c >> 21) & _WORD
    b = (b ^ a) - (a << 25 & _WORD | a >> 7) & _WORD
    c = (c ^ b) - (b << 16 & _WORD | b >> 16) & _WORD
    a = (a ^ c) - (c << 4 & _WORD | c >> 28) & _WORD
    b = (b ^ a) - (a << 14 & _WORD | a >> 18) & _WORD
    return (c ^ b) - (b << 24 & _WORD | b >> 8) & _WORD
