"""The hash by which flows are spread over the replicas of a gateway, as the kernel computes it.

TCP is hashed by its tuple (inside, outside, inside's port, outside's port), everything else by its two addresses. The
rules that compute it are in `dataplane.replication.spread`.

Source: include/linux/jhash.h, nft_jhash_eval in net/netfilter/nft_hash.c.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Sequence
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


# ---- many at once ----------------------------------------------------------------------------------------------------


def hashes(keys: bytes, size: int, words: Sequence[int], start: int) -> Sequence[int]:
    """Return the 32-bit hash of each key. All have `size` octets; `words` are the offsets of the words to hash.

    `FlowHash` takes 5 µs a flow, and 20,000 flows are hashed while connections wait. Here an integer holds a word of
    each key, in lanes of 64 bits, so that an operation of Python's is one on all keys: 0.2 µs a flow.
    """
    lanes = _Lanes(len(keys) // size)
    rest = [lanes.word(keys, size, at) for at in words]
    a = b = c = lanes.all_of((_INITIAL + 4 * len(words) + start) & _WORD)
    while len(rest) > 3:
        a, b, c = lanes.mixed(lanes.sum(a, rest[0]), lanes.sum(b, rest[1]), lanes.sum(c, rest[2]))
        rest = rest[3:]
    rest += [0, 0]
    return lanes.numbers(lanes.final(lanes.sum(a, rest[0]), lanes.sum(b, rest[1]), lanes.sum(c, rest[2])))


class _Lanes:
    """Arithmetic modulo 2^32 in lanes. No operation reaches the next lane: none needs more than 64 bits."""

    _MIX, _FINAL = (4, 6, 8, 16, 19, 4), (14, 11, 25, 16, 4, 14, 24)
    """Rotations of __jhash_mix and __jhash_final."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._ones = int.from_bytes(b"\1\0\0\0\0\0\0\0" * number, "little")
        self._mask = self.all_of(_WORD)
        self._above = self.all_of(_WORD + 1)

    def all_of(self, value: int) -> int:
        """Return lanes that all hold this."""
        return self._ones * value

    def word(self, keys: bytes, size: int, at: int) -> int:
        """Return the word at this offset of each key, as the machine reads it."""
        lanes = bytearray(8 * self._number)
        for octet, place in enumerate((0, 1, 2, 3) if sys.byteorder == "little" else (3, 2, 1, 0)):
            lanes[place::8] = keys[at + octet :: size]
        return int.from_bytes(lanes, "little")

    def numbers(self, lanes: int) -> Sequence[int]:
        """Return what each lane holds."""
        return struct.unpack(f"<{self._number}Q", lanes.to_bytes(8 * self._number, "little"))

    def sum(self, one: int, other: int) -> int:
        """Return one + other."""
        return one + other & self._mask

    def _difference(self, one: int, other: int) -> int:
        return one + self._above - other & self._mask

    def _rotated(self, lanes: int, bits: int) -> int:
        moved = lanes << bits
        return moved & self._mask | moved >> 32 & self._mask

    def mixed(self, a: int, b: int, c: int) -> tuple[int, int, int]:
        """See `_mixed`. Each step does to (b, c, a) what the step before did to (a, b, c)."""
        for bits in self._MIX:
            a, c = self._difference(a, c) ^ self._rotated(c, bits), self.sum(c, b)
            a, b, c = b, c, a
        return a, b, c

    def final(self, a: int, b: int, c: int) -> int:
        """See `_final`."""
        for bits in self._FINAL:
            a, b, c = b, self._difference(c ^ b, self._rotated(b, bits)), a
        return b
