"""The nftables rules that let the agent's heartbeats through a replica of a gateway, and nothing in their place.

A beat is known by its source MAC. Every tenant and every internet host is behind a router, and a router writes its own
MAC, so no packet of theirs passes for a beat. Whatever else is for one of the two addresses of a beat is dropped before
conntrack: it would end in the agent's sockets, or look like an answer to a beat.

Beats skip conntrack, so they need no place in the connection table and count against no limit: tenants may fill both.
They still need the gateway's rules, which mark them, and its routes. Their rules come after the verdicts on flows.
"""

from __future__ import annotations

from eigw_ns.dataplane.compile.names import FABRIC_LINK, HEARTBEAT_DESTINATION, HEARTBEAT_PORT, UPLINK
from eigw_ns.dataplane.state import NftChain
from eigw_ns.frozen import frozen


@frozen
class Heartbeats:
    """What the replicas of a gateway know the agent's beats by: their source MAC, and their address in the VPC."""

    mac: str
    inside: str


def untracked(heartbeats: Heartbeats, before_conntrack: str) -> tuple[NftChain, ...]:
    """Return the chains that keep beats out of conntrack and drop what else is for their addresses.

    `before_conntrack`: the hook of the second. It may come before fragments are reassembled: a beat is never one.
    """
    known = (*(f"{match} notrack accept" for match in _matches(heartbeats)), 'counter name "drop_heartbeat" drop')
    ends = (HEARTBEAT_DESTINATION, heartbeats.inside)
    return (
        NftChain("heartbeat", rules=known),
        NftChain("heartbeats", before_conntrack, tuple(f"ip6 daddr {end} goto heartbeat" for end in ends)),
    )


def passing(heartbeats: Heartbeats, verdict: str) -> tuple[str, ...]:
    """Return the rules that give beats the verdict of what passes, counted apart from flows."""
    counted = f'counter name "allowed_heartbeat" {verdict}'
    return tuple(f"ct state untracked {match} {counted}" for match in _matches(heartbeats))


def _matches(heartbeats: Heartbeats) -> tuple[str, str]:
    """Match a beat on its way out, and on its way back."""
    return (
        f'iifname "{FABRIC_LINK}" {_beat(heartbeats.mac, heartbeats.inside, HEARTBEAT_DESTINATION)}',
        f'iifname "{UPLINK}" {_beat(heartbeats.mac, HEARTBEAT_DESTINATION, heartbeats.inside)}',
    )


def _beat(mac: str, source: str, destination: str) -> str:
    return f"ether saddr {mac} ip6 saddr {source} ip6 daddr {destination} udp dport {HEARTBEAT_PORT}"
