"""The nftables rules that bound what fragments keep waiting in a gateway and in a subnet, before Linux keeps any.

Linux keeps the fragments of a packet until all of them have come, in one memory for the namespace. Fragments that never
become whole packets filled it, for everybody. So fragments are let in at a rate for each instance, and from the
internet only if the instance has begun a flow to their source lately. Ports cannot tell: only the first fragment has
them. Only packets with an extension header meet these rules, and only a packet that begins a flow adds a peer.

This bounds memory and decides nothing else: what has become whole is judged by conntrack as any other packet.
"""

from __future__ import annotations

from typing import Literal

from eigw_ns.dataplane.state import PEER_SEED, PEER_TAGS, PEERS, NftChain, NftSet

MEMORY, TIMEOUT = 64 << 20, 1
"""Octets of fragments that a namespace keeps, and for how many seconds (RFC 8200 lets a host wait for 60).

Fragments of one packet are sent one after the other. One instance can keep 3,000 of them waiting (`within_rate`). Linux
counts 2.4 KiB for each fragment of 1,400 octets, so that is a ninth of the memory."""

FRAGMENTED = "ip6 nexthdr { 0, 43, 44, 51, 60 }"
"""The first header of a fragment, and of few other packets: `exthdr frag` alone costs more."""

PEERS_SET = NftSet(PEERS, "ipv6_addr . mark", size=1 << 18, timeout="1d")
"""The set of (instance, hash of a peer's address) of flows begun in the last day.

The hash bounds what one instance takes of the set to 4,096 elements, however many peers it has. A source that is not a
peer passes with a chance of 1 in 4,096 for each peer of the instance. A list of the flows of each pair (`ct count`)
would be exact, but Linux walks it for each new flow, which took twice as long with 12,000 flows to one peer."""

_DROP = 'counter name "drop_fragment" drop'


def begun() -> str:
    """Return the rule that adds the peer of a flow that begins here. Changes the packet's mark."""
    return f"{_hashed('daddr')} update @{PEERS} {{ ip6 saddr . meta mark }}"


def from_internet() -> NftChain:
    """Return the chain for a fragment from the internet.

    It leaves no mark on what passes: the kernel may answer a fragment that never becomes whole, and must find no route.
    """
    return NftChain(
        "fragments",
        rules=(
            f"{_hashed('saddr')} ip6 daddr . meta mark != @{PEERS} {_DROP}",
            f"update @{PEERS} {{ ip6 daddr . meta mark }}",
            f"meta mark set 0x00000000 {within_rate('daddr')} accept",
            _DROP,
        ),
    )


def _hashed(address: Literal["saddr", "daddr"]) -> str:
    """Set the packet's mark to the hash of a peer's address. Without a seed nft takes another one in each rule."""
    return f"meta mark set jhash ip6 {address} mod {PEER_TAGS} seed {PEER_SEED:#x}"


def rates(addresses: int) -> NftSet:
    """Return the set that `within_rate` counts in, for so many addresses. Each has at most three elements."""
    return NftSet("rates", "ifname . ipv6_addr", size=4 * addresses, timeout="1m")


def within_rate(address: Literal["saddr", "daddr"], most: int = 1) -> str:
    """Match unless too many fragments come from this interface with that address, or the set has no room.

    A burst of 1,000 is kept, and 2,000 a second: 24 Mbit/s of fragments of 1,500 octets. If an instance has up to
    `most` addresses, each gets its part.
    """
    rate, burst = max(1, 2000 // most), max(1, 1000 // most)
    return f"update @rates {{ iifname . ip6 {address} limit rate {rate}/second burst {burst} packets }}"
