"""The nftables rules that let taught flows through a gateway: flows that it has not seen begin.

A replica that takes over flows has not seen them begin, and nothing can give its conntrack their TCP windows. An entry
without windows takes them from the next segment of each direction, which may be an attacker's. So the replica is told
only the tuples, and looks them up last:

    TCP, SCTP   A packet in the middle of an unknown flow is `invalid` to conntrack (no pick-up), and only such packets
                look their tuple up. The subnet has tracked the flow from its first packet, and judges what passes so.
                For the same reason a stale element is harmless. Traffic from inside renews it.
    UDP         has no such state. A datagram from outside that finds its tuple is not tracked, so that no entry is born
                in the wrong direction. The instance's next datagram begins the flow under all checks, and takes the
                element away. Nothing renews it, and it is told no longer than the flow has left in the subnet: the
                subnet would take a datagram of a flow that it has forgotten for a new one.
    errors      about TCP and SCTP find their flow by the hash of the tuple that they quote: nft 1.0.6 takes no raw part
                of a packet in a tuple. The subnet knows the flow itself, and decides.
    the rest    begins with the instance's next packet.
"""

from __future__ import annotations

from eigw_ns.dataplane.compile.names import FABRIC_LINK, UPLINK
from eigw_ns.dataplane.compile.notation import duration_text
from eigw_ns.dataplane.replication import spread
from eigw_ns.dataplane.state import TAGS, TAUGHT, TAUGHT_ERRORS, TCP, NftChain, NftSet

_UDP, _SCTP = 17, 132
_JUDGED = f"meta l4proto {{ {TCP}, {_SCTP} }}"
_KEY_TYPE = "inet_proto . ipv6_addr . inet_service . ipv6_addr . inet_service"
_FROM_INSIDE = "meta l4proto . ip6 saddr . th sport . ip6 daddr . th dport"
_FROM_OUTSIDE = "meta l4proto . ip6 daddr . th dport . ip6 saddr . th sport"

UNTRACKED = f'iifname "{UPLINK}" ct state untracked meta l4proto {_UDP} goto told'
"""The verdict on UDP of taught flows. Neighbour discovery is untracked too, hence the protocol."""

BEGUN = f"delete @{TAUGHT} {{ {_FROM_INSIDE} }}"
"""What happens when a flow begins here: from then on it is this gateway's own, whatever it was told of its tuple."""

IN_PIECES = tuple(
    f'{tcp} counter name "drop_tcp_fragment" drop'
    for tcp in (f"frag nexthdr {TCP}", f"exthdr frag exists meta l4proto {TCP}")
)
"""Refuse TCP in fragments: any piece whose fragment header says TCP, and a first piece with options before the TCP
header, without which the others never become whole. They go by addresses, to a replica that may not know the flow."""


_ROOM = 1 << 17
_DEFAULT_TIMEOUT = "5d"


def sets(connections: int) -> tuple[NftSet, ...]:
    """Return the sets of a gateway that has so many connections at most: one replica may take over all of them.

    They are the same for all usual limits, and so is their default timeout, which every element overrides: a set that
    differs is deleted and created, and the flows in it are lost.
    """
    size = max(_ROOM, connections)
    return (
        NftSet(TAUGHT, _KEY_TYPE, size=size, timeout=_DEFAULT_TIMEOUT),
        NftSet(TAUGHT_ERRORS, "mark", size=size, timeout=_DEFAULT_TIMEOUT),
    )


def chains(seed: int, seconds: int, checked: str, verdict: str) -> tuple[NftChain, ...]:
    """Return the chains. `checked` looks at extension headers, `verdict` lets a packet pass.

    Traffic from inside lets a taught flow live for `seconds` more.
    """
    timeout = f"timeout {duration_text(seconds)}"
    tag = f"meta mark set jhash ip6 saddr . ip6 daddr . th sport . th dport mod {TAGS} seed {seed:#x}"
    renewed = (
        f"update @{TAUGHT} {{ {_FROM_INSIDE} {timeout} }}",
        f"{tag} update @{TAUGHT_ERRORS} {{ meta mark {timeout} }}",
        "goto told",
    )
    return (
        NftChain(
            "answers",
            "type filter hook prerouting priority raw; policy accept;",
            (f'iifname "{UPLINK}" {_FROM_OUTSIDE.replace("th ", "udp ")} @{TAUGHT} notrack',),
        ),
        NftChain("renew", rules=renewed),
        NftChain("told", rules=(checked, f'counter name "allowed_taught" {verdict}')),
    )


def asked_last(seed: int) -> tuple[str, ...]:
    """Return the rules for what conntrack calls invalid, before it is refused."""
    return (
        f'iifname "{FABRIC_LINK}" ct state invalid {_JUDGED} {_FROM_INSIDE} @{TAUGHT} goto renew',
        f'iifname "{UPLINK}" ct state invalid {_JUDGED} {_FROM_OUTSIDE} @{TAUGHT} goto told',
        *(_error(link, seed, outward=link == FABRIC_LINK) for link in (FABRIC_LINK, UPLINK)),
    )


def _error(link: str, seed: int, *, outward: bool) -> str:
    tag = f"meta mark set jhash {spread.quoted_tuple(outward=outward)} mod {TAGS} seed {seed:#x}"
    quoted = f"@th,112,8 {{ {TCP:#x}, {_SCTP:#x} }}"
    error = f'iifname "{link}" ct state invalid icmpv6 type < echo-request {quoted}'
    return f"{error} {tag} meta mark @{TAUGHT_ERRORS} goto related"
