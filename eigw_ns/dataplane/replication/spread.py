"""How flows are spread over the replicas of an egress-only gateway: a hash that both ways agree on, and its buckets.

    subnet ─▶ fabric (bridge)                              internet (router) ─▶ bridge ports
                frames for the gateway                       frames for the gateway, as they leave (netdev egress)
                hash of the flow mod 840 ─▶ @replicas_…      hash of the flow, seen backwards ─▶ @replicas_…
                MAC of the replica that has the bucket       MAC of the replica that has the bucket

TCP is hashed by its tuple (inside, outside, inside's port, outside's port), everything else by its two addresses. Both
directions of a flow meet one replica, and so does an ICMPv6 error about it, which is hashed by the packet that it
quotes. Fragments have ports in the first piece only, so all datagrams of a pair of hosts, whole or in pieces, go one
way. A replicated gateway refuses TCP in fragments (`taught_rules`), since a piece would reach a replica that does not
know the flow, and path MTU discovery makes such pieces needless.

Why not the kernel's multipath routes: they move flows of healthy replicas when another one goes, they send errors about
a flow anywhere, and a change costs a route a subnet. Here a change is one transaction on each side, for any
number of subnets.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby

from eigw_ns.dataplane.compile.ranges import Range
from eigw_ns.dataplane.state import BUCKETS, TCP

Share = tuple[int, int, str]
"""First and last bucket, and the replica that has them: its MAC, or its namespace."""


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
