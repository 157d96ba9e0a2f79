"""How flows are spread over the replicas of an egress-only gateway: a hash that both ways agree on, and who has which.

    subnet ─▶ fabric (bridge)                              internet (router) ─▶ bridge ports
                frames for the gateway                       frames for the gateway, as they leave (netdev egress)
                hash of the flow mod 840 ─▶ @replicas_…      hash of the flow, seen backwards ─▶ @replicas_…
                MAC of the replica that has the bucket       MAC of the replica that has the bucket

Both ways hash (inside, outside, inside's port, outside's port), so that both directions of a flow meet one replica, and
so does an ICMPv6 error about it, which is hashed by the packet that it quotes. Fragments have ports in the first piece
only: they go by addresses, as all else does that has no ports.

Why not the kernel's multipath routes: they cannot keep the flows of healthy replicas where they are when one goes (and
a replica that gets a flow back has an old idea of its window), they send errors about a flow anywhere, and a change
costs a route a subnet. Here it is one transaction on either side, whatever the number of subnets.

840 is the least number that 1 to 8 divide: every replica has an equal share.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Iterator, Sequence
from ipaddress import IPv6Address
from itertools import groupby
from zlib import crc32

from eigw_ns.dataplane.ranges import Range
from eigw_ns.dataplane.state import Flow

BUCKETS = 840

_PORTED = (6, 17, 33, 132, 136)
"""Protocols whose header begins with two ports: TCP, UDP, DCCP, SCTP, UDP-Lite."""

Share = tuple[int, int, str]
"""First and last bucket, and the MAC of the replica that has them."""


def seed(lab: str) -> int:
    """What the hash begins with: the same on both sides, another for each lab, never 0 (which nft takes for random)."""
    return crc32(lab.encode()) | 1


def shares(macs: Sequence[str], alive: Collection[str]) -> tuple[Share, ...]:
    """Who has which buckets. Those of a replica that is not alive go to the others in equal parts; no other moves.

    Empty where none is alive.
    """
    if not alive:
        return ()
    heirs = [mac for mac in macs if mac in alive]
    having: list[str] = []
    for index, mac in enumerate(macs):
        size = BUCKETS * (index + 1) // len(macs) - BUCKETS * index // len(macs)
        having += [mac] * size if mac in alive else [heirs[at * len(heirs) // size] for at in range(size)]
    return _runs(having)


def _runs(having: Sequence[str]) -> tuple[Share, ...]:
    found: list[Share] = []
    first = 0
    for mac, run in groupby(having):
        last = first + len(list(run)) - 1
        found.append((first, last, mac))
        first = last + 1
    return tuple(found)


def members(group: Iterable[Share]) -> frozenset[str]:
    """The MACs of the replicas that have any share."""
    return frozenset(mac for _, _, mac in group)


def lost(before: Iterable[Share], after: Iterable[Share]) -> dict[str, tuple[Range, ...]]:
    """The buckets that each replica had before and has no more, as ranges, by MAC."""
    now = owners(after)
    gone: dict[str, list[int]] = {}
    for bucket, mac in owners(before).items():
        if now.get(bucket) != mac:
            gone.setdefault(mac, []).append(bucket)
    return {mac: tuple(_ranges(buckets)) for mac, buckets in gone.items()}


def owners(group: Iterable[Share]) -> dict[int, str]:
    """The MAC of the replica that has each bucket."""
    return {bucket: mac for first, last, mac in group for bucket in range(first, last + 1)}


def _ranges(buckets: list[int]) -> Iterator[Range]:
    for _, run in groupby(enumerate(sorted(buckets)), key=lambda pair: pair[1] - pair[0]):
        found = [bucket for _, bucket in run]
        yield found[0], found[-1]


# ---- the rules -------------------------------------------------------------------------------------------------------


def rules(group: str, start: int, *, outward: bool) -> tuple[str, ...]:
    """Give a frame for the gateway the MAC of the replica that has its flow's bucket.

    Where nobody has it (the group is empty, as while replicas are being made), the first replica keeps it.
    """
    inside, outside = ("saddr", "daddr") if outward else ("daddr", "saddr")
    near, far = ("sport", "dport") if outward else ("dport", "sport")
    addresses, ports = _QUOTED[not outward]
    hashed = f"mod {BUCKETS} seed {start:#x} ether daddr set meta mark map @{group} accept"
    by_ports = f"meta mark set jhash ip6 {inside} . ip6 {outside} . th {near} . th {far} {hashed}"
    ported, quoted = ", ".join(map(str, _PORTED)), ", ".join(map(hex, _PORTED))
    return (
        f"ip6 nexthdr {{ {ported} }} {by_ports}",  # nearly all; the others are looked at more closely
        f"exthdr frag missing meta l4proto {{ {ported} }} {by_ports}",
        "exthdr frag missing icmpv6 type < echo-request"
        f" @th,112,8 {{ {quoted} }} meta mark set jhash {addresses} . {ports} {hashed}",
        f"exthdr frag missing icmpv6 type < echo-request meta mark set jhash {addresses} {hashed}",
        f"meta mark set jhash ip6 {inside} . ip6 {outside} {hashed}",
    )


_QUOTED = (
    ("@th,256,128 . @th,128,128", "@th,400,16 . @th,384,16"),  # outward: it quotes what came in
    ("@th,128,128 . @th,256,128", "@th,384,16 . @th,400,16"),  # inward: it quotes what went out
)
"""Addresses (inside, outside) and ports of the IPv6 packet that an ICMPv6 error quotes, 8 octets in (RFC 4443)."""


# ---- the same in Python ----------------------------------------------------------------------------------------------


def bucket(inside: IPv6Address, outside: IPv6Address, ports: tuple[int, int] | None, start: int) -> int:
    """The bucket that the kernel puts a flow in. `ports` are the inside's and the outside's, None where it has none."""
    key = inside.packed + outside.packed
    if ports is not None:
        key += struct.pack("!HxxHxx", *ports)  # nft pads each part of a key to four octets
    return _jhash(key, start) * BUCKETS >> 32  # reciprocal_scale(), include/linux/math.h


def bucket_of(flow: Flow, start: int) -> int:
    """The bucket of a flow that an instance began, as a gateway's connection table shows it."""
    ports = flow.ports if flow.protocol in _PORTED else None
    return bucket(IPv6Address(flow.source), IPv6Address(flow.destination), ports, start)


_WORD = 0xFFFF_FFFF


def _rotated(value: int, by: int) -> int:
    return (value << by | value >> (32 - by)) & _WORD


def _jhash(key: bytes, start: int) -> int:
    """Bob Jenkins's lookup3 as include/linux/jhash.h has it, for keys of a multiple of four octets, little-endian."""
    words = struct.unpack(f"={len(key) // 4}I", key)
    a = b = c = (0xDEAD_BEEF + len(key) + start) & _WORD
    at = 0
    while len(words) - at > 3:
        a, b, c = (a + words[at]) & _WORD, (b + words[at + 1]) & _WORD, (c + words[at + 2]) & _WORD
        a, b, c = _mixed(a, b, c)
        at += 3
    rest = (*words[at:], 0, 0)
    return _final((a + rest[0]) & _WORD, (b + rest[1]) & _WORD, (c + rest[2]) & _WORD)


def _mixed(a: int, b: int, c: int) -> tuple[int, int, int]:
    for by in (4, 6, 8, 16, 19, 4):
        a = ((a - c) & _WORD) ^ _rotated(c, by)
        c = (c + b) & _WORD
        a, b, c = b, c, a
    return a, b, c


def _final(a: int, b: int, c: int) -> int:
    for by in (14, 11, 25, 16, 4, 14, 24):
        c = ((c ^ b) - _rotated(b, by)) & _WORD
        a, b, c = b, c, a
    return b
