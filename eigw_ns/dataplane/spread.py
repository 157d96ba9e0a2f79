"""How flows are spread over the replicas of an egress-only gateway: a hash that both ways agree on, and its buckets.

    subnet ─▶ fabric (bridge)                              internet (router) ─▶ bridge ports
                frames for the gateway                       frames for the gateway, as they leave (netdev egress)
                hash of the flow mod 840 ─▶ @replicas_…      hash of the flow, seen backwards ─▶ @replicas_…
                MAC of the replica that has the bucket       MAC of the replica that has the bucket

TCP is hashed by its tuple (inside, outside, inside's port, outside's port), everything else by its two addresses. Both
directions of a flow meet one replica, and so does an ICMPv6 error about it, which is hashed by the packet that it
quotes. Fragments have ports in the first piece only, so all datagrams of a pair of hosts, whole or in pieces, go one
way. A replicated gateway refuses TCP in fragments (`rules`), since a piece would reach a replica that does not know the
flow, and path MTU discovery makes such pieces needless.

Why not the kernel's multipath routes: they move flows of healthy replicas when another one goes, they send errors about
a flow anywhere, and a change costs a route a subnet. Here it is one transaction on either side, whatever the number of
subnets.

840 is the least number that 1 to 8 divide: every replica has an equal share.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from ipaddress import IPv6Address
from itertools import groupby
from zlib import crc32

from eigw_ns.dataplane.ranges import Range
from eigw_ns.dataplane.state import Flow

BUCKETS = 840

TCP = 6
"""The only protocol (IANA number) whose flows are hashed by ports too."""

Share = tuple[int, int, str]
"""First and last bucket, and the replica that has them: its MAC, or its namespace."""


def seed(lab: str) -> int:
    """Return what the hash begins with: the same on both sides, another for each lab, never 0 (random to nft)."""
    return crc32(lab.encode()) | 1


def shares(macs: Sequence[str], alive: Collection[str]) -> tuple[Share, ...]:
    """Return the buckets of each replica that is alive; empty if none is.

    The buckets of a replica that is not alive go to the others in equal parts. No other bucket moves.
    """
    if not alive:
        return ()
    successors = [mac for mac in macs if mac in alive]
    having: list[str] = []
    for index, mac in enumerate(macs):
        size = BUCKETS * (index + 1) // len(macs) - BUCKETS * index // len(macs)
        having += [mac] * size if mac in alive else [successors[at * len(successors) // size] for at in range(size)]
    return _runs(having)


def all_to(member: str) -> tuple[Share, ...]:
    """Return the shares of a gateway of which one member carries everything."""
    return ((0, BUCKETS - 1, member),)


def _runs(having: Sequence[str]) -> tuple[Share, ...]:
    found: list[Share] = []
    first = 0
    for mac, run in groupby(having):
        last = first + len(list(run)) - 1
        found.append((first, last, mac))
        first = last + 1
    return tuple(found)


def members(group: Iterable[Share]) -> frozenset[str]:
    """Return the replicas that have any share."""
    return frozenset(mac for _, _, mac in group)


def lost(before: Iterable[Share], after: Iterable[Share]) -> dict[str, tuple[Range, ...]]:
    """Return the buckets that each replica had before and does not have after, as ranges.

    With its arguments exchanged it returns what each replica gained.
    """
    now = owners(after)
    gone: dict[str, list[int]] = {}
    for bucket, mac in owners(before).items():
        if now.get(bucket) != mac:
            gone.setdefault(mac, []).append(bucket)
    return {mac: tuple(_ranges(buckets)) for mac, buckets in gone.items()}


def owners(group: Iterable[Share]) -> dict[int, str]:
    """Return the replica that has each bucket."""
    return {bucket: mac for first, last, mac in group for bucket in range(first, last + 1)}


def _ranges(buckets: list[int]) -> Iterator[Range]:
    for _, run in groupby(enumerate(sorted(buckets)), key=lambda pair: pair[1] - pair[0]):
        found = [bucket for _, bucket in run]
        yield found[0], found[-1]


# ---- the rules -------------------------------------------------------------------------------------------------------


def rules(group: str, start: int, *, outward: bool) -> tuple[str, ...]:
    """Return the rules that give a frame for the gateway the MAC of the replica that has its flow's bucket.

    If no replica has it (the group is empty while replicas are being made), the first replica keeps it.
    """
    inside, outside = ("saddr", "daddr") if outward else ("daddr", "saddr")
    near, far = ("sport", "dport") if outward else ("dport", "sport")
    addresses, _ = _QUOTED[not outward]
    hashed = f"mod {BUCKETS} seed {start:#x} ether daddr set meta mark map @{group} accept"
    by_ports = f"meta mark set jhash ip6 {inside} . ip6 {outside} . tcp {near} . tcp {far} {hashed}"
    return (
        f"ip6 nexthdr {TCP} {by_ports}",
        f"exthdr frag missing {by_ports}",  # behind destination options; `tcp` is a condition too
        "exthdr frag missing icmpv6 type < echo-request"
        f" @th,112,8 {TCP:#x} meta mark set jhash {quoted_tuple(outward=outward)} {hashed}",
        f"exthdr frag missing icmpv6 type < echo-request meta mark set jhash {addresses} {hashed}",
        f"meta mark set jhash ip6 {inside} . ip6 {outside} {hashed}",
    )


def quoted_tuple(*, outward: bool) -> str:
    """Return the tuple (inside, outside, their ports) of the packet that an ICMPv6 error quotes, as nft writes it."""
    return " . ".join(_QUOTED[not outward])


_QUOTED = (
    ("@th,256,128 . @th,128,128", "@th,400,16 . @th,384,16"),  # outward: it quotes what came in
    ("@th,128,128 . @th,256,128", "@th,384,16 . @th,400,16"),  # inward: it quotes what went out
)
"""Addresses (inside, outside) and ports of the IPv6 packet that an ICMPv6 error quotes, 8 octets in (RFC 4443)."""

TAGS = 0xFFFF_FFFF
"""The number of tags that a flow may have: `mod` of the same hash. The kernel's modulus has 32 bits."""


# ---- the same in Python ----------------------------------------------------------------------------------------------


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
