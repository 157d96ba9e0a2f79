"""The nftables rules that bound what fragments keep waiting in a gateway and in a subnet, before Linux keeps any.

Linux keeps the fragments of a packet until all of them have come, in one memory for the namespace. Fragments that never
become whole packets filled it, for everybody. So fragments are let in at a rate for each instance, and from the
internet only if the instance has begun a flow to their source lately. Ports cannot tell: only the first fragment has
them. Only packets with an extension header meet these rules, and only a packet that begins a flow adds a peer.

This bounds memory and decides nothing else: what has become whole is judged by conntrack as any other packet.
"""

from __future__ import annotations

from typing import Literal

from eigw_ns.dataplane.rulesets.owner_rules import FIRST_ADDRESSES, NUMBER, TYPE, is_owned
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

OWNER_PEERS_SET = NftSet("owner_peers", f"{TYPE} . mark", size=1 << 18, timeout="1d")
"""The same for instances with several addresses, by the number of the instance (`owner_rules`)."""

_OWNER_RATES = "owner_rates"
_DROP = 'counter name "drop_fragment" drop'
_NO_MARK = "meta mark set 0x00000000"


def begun() -> str:
    """Return the rule that adds the peer of a flow that begins here. Changes the packet's mark."""
    return f"{_hashed('daddr')} update @{PEERS} {{ ip6 saddr . meta mark }}"


def begun_by_owner() -> tuple[str, str]:
    """Return the same rules for an instance with several addresses, after `owner_rules.is_owned`.

    A peer of the first address is added by address, too: the instance may have one address again while the flow lives.
    """
    return (
        f"{_hashed('daddr')} update @{OWNER_PEERS_SET.name} {{ {NUMBER} . meta mark }}",
        f"ip6 saddr @{FIRST_ADDRESSES} update @{PEERS} {{ ip6 saddr . meta mark }}",
    )


def from_internet(owned: bool) -> tuple[NftChain, ...]:
    """Return the chains for a fragment from the internet. `owned`: some instances have several addresses.

    They leave no mark on what passes: the kernel may answer a fragment that never becomes whole, and must find no
    route.
    """
    peer = f"ip6 daddr . meta mark != @{PEERS} {_DROP}"
    renewed = f"update @{PEERS} {{ ip6 daddr . meta mark }}"
    passed = f"{_NO_MARK} {within_rate('daddr')} accept"
    if not owned:
        return (NftChain("fragments", rules=(f"{_hashed('saddr')} {peer}", renewed, passed, _DROP)),)
    branch = f"{_hashed('saddr')} {is_owned('daddr')} goto fragments_owner"
    # `peers` has what it began when it had one address, and what replicas are taught
    stranger = f"{NUMBER} . meta mark != @{OWNER_PEERS_SET.name} {peer}"
    owner_renewed = f"update @{OWNER_PEERS_SET.name} {{ {NUMBER} . meta mark }}"
    owner_rules = (stranger, owner_renewed, f"{_NO_MARK} {within_owner_rate()} accept", _DROP)
    return (
        NftChain("fragments", rules=(branch, peer, renewed, passed, _DROP)),  # the branch has set the mark
        NftChain("fragments_owner", rules=owner_rules),
    )


def _hashed(address: Literal["saddr", "daddr"]) -> str:
    """Set the packet's mark to the hash of a peer's address. Without a seed nft takes another one in each rule."""
    return f"meta mark set jhash ip6 {address} mod {PEER_TAGS} seed {PEER_SEED:#x}"


def rates(addresses: int) -> NftSet:
    """Return the set that `within_rate` counts in, for so many addresses. Each has at most three elements."""
    return NftSet("rates", "ifname . ipv6_addr", size=4 * addresses, timeout="1m")


def owner_rates(instances: int) -> NftSet:
    """Return the set that `within_owner_rate` counts in, for so many instances."""
    return NftSet(_OWNER_RATES, f"ifname . {TYPE}", size=4 * instances, timeout="1m")


def within_rate(address: Literal["saddr", "daddr"]) -> str:
    """Match unless too many fragments come from this interface with that address, or the set has no room.

    A burst of 1,000 is kept, and 2,000 a second: 24 Mbit/s of fragments of 1,500 octets.
    """
    return f"update @rates {{ iifname . ip6 {address} {_RATE} }}"


def within_owner_rate() -> str:
    """Match as `within_rate` does, for all addresses of an instance together, after `owner_rules.is_owned`."""
    return f"update @{_OWNER_RATES} {{ iifname . {NUMBER} {_RATE} }}"


_RATE = "limit rate 2000/second burst 1000 packets"
