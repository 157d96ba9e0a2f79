"""Follow by its whole tuple what conntrack follows by addresses alone: protocols whose header begins with two ports.

Conntrack stores no ports of a protocol that it does not know (nf_conntrack_proto_generic.c): DCCP in Linux 6.18, and
others that a kernel was built without. One packet from an instance would then open each of its ports to that host.

    headers (`rules`) ─▶ ports ─▶ tuples     conntrack's entry has no ports
                                    ├─▶ from outside: the tuple must be in the set `tuples`
                                    └─▶ from inside: own_tuple ─▶ renew_tuple   it is added to the set, or renewed
    related (`rules`) ─▶ quoted              an error from outside: the tuple that it quotes must be in `quoted_tuples`

The kernel itself tells which protocols these are: it holds 0 for both ports of such an entry. So the same rules fit all
kernels, and no packet meets them that conntrack follows by ports.
"""

from __future__ import annotations

from collections.abc import Iterable

from eigw_ns.dataplane.compile.names import UPLINK
from eigw_ns.dataplane.compile.notation import duration_text
from eigw_ns.dataplane.rulesets.owner_rules import NUMBER, TYPE, is_owned
from eigw_ns.dataplane.state import NftChain, NftSet

PORTED = (33, 113, 132, 136, 146)
"""DCCP, PGM, SCTP, UDP-Lite, Homa: the protocols besides TCP and UDP whose header begins with two ports."""

PORTS_ELSEWHERE = (20, 27, 28, 30, 40)
"""HMP, RDP, IRTP, NETBLT, IL (RFC 869, 908, 938, 998; Plan 9): their ports stand elsewhere, and conntrack reads none.

All are historic. None is let out, so no answer of theirs can come in from another port."""

_TUPLES, _QUOTED_TUPLES = "tuples", "quoted_tuples"
_TUPLE_RATES, _OWNER_TUPLE_RATES = "tuple_rates", "owner_tuple_rates"
_SIZE = 1 << 14
_TUPLE_TYPE = "ipv6_addr . inet_service . ipv6_addr . inet_service . mark"


def sets(seconds: int) -> tuple[NftSet, ...]:
    """Return the sets. An element lives for `seconds`, as long as an idle entry of conntrack's.

    `tuples` has the flows: inside, its port, outside, its port, mark of the conntrack entry. What finds no room is
    refused. Linux takes memory for the whole size at once: 512 KiB. Only packets from inside add an element or renew
    it. The mark is a random number for each entry. It stands for the protocol, since nft takes no sixth field, and an
    element ends with its entry: the next instance that has the address inherits none.

    `quoted_tuples` has the same flows for ICMPv6 errors: both ports in one number, since nft looks a quoted port up in
    no other type. `tuple_rates` has how fast each source adds elements to `tuples`.
    """
    timeout = duration_text(seconds)
    return (
        NftSet(_TUPLES, _TUPLE_TYPE, size=_SIZE, timeout=timeout),
        NftSet(_QUOTED_TUPLES, "ipv6_addr . ipv6_addr . mark . mark", size=_SIZE, timeout=timeout),
        NftSet(_TUPLE_RATES, "ipv6_addr", size=1 << 12, timeout=timeout),
    )


def owner_rates(seconds: int) -> NftSet:
    """Return the set of how fast each instance with several addresses adds elements to `tuples`."""
    return NftSet(_OWNER_TUPLE_RATES, TYPE, size=1 << 12, timeout=duration_text(seconds))


_AUTHENTICATION = 51
_NO_PORTS = "ct original proto-src 0 ct original proto-dst 0"
_OUTSIDE_IN = "ip6 daddr . th dport . ip6 saddr . th sport . ct mark"
_INSIDE_OUT = "ip6 saddr . th sport . ip6 daddr . th dport . ct mark"
_TO_BE_QUOTED = "ip6 saddr . ip6 daddr . meta mark . ct mark"
_QUOTED = "ct original ip6 saddr . ct original ip6 daddr . meta mark . ct mark"


def numbers(values: Iterable[int]) -> str:
    """Return an anonymous set in nft's notation."""
    return f"{{ {', '.join(map(str, sorted(values)))} }}"


IN_HEADERS = (
    f'ct protocol {numbers(PORTS_ELSEWHERE)} counter name "drop_not_opening" drop',
    f"ct protocol {numbers(PORTED)} goto ports",
)
"""Rules for packets whose first next header is one of the above, or an extension header."""

IN_RELATED = (f'iifname "{UPLINK}" ct protocol {numbers(PORTED)} meta l4proto 58 {_NO_PORTS} jump quoted',)
"""Rules for ICMPv6 errors about a flow. Errors from inside pass by the addresses of the flow."""


def chains(per_source: int, seconds: int, *, owned: bool) -> tuple[NftChain, ...]:
    """Return the chains. `per_source` is how many connections a source may have, `seconds` how long an element lives.

    `owned`: some instances have several addresses, which are one source.

    It may have about as many elements, but not more than an eighth of the set: half of them at once, the rest within an
    element's life. nft lists no burst of 5, its default.
    """
    most = min(per_source, _SIZE // 8)
    rate = f"limit rate {max(1, most * 1800 // seconds)}/hour burst {max(6, most // 2)} packets"
    drop = 'counter name "drop_limit_source" drop'
    of_owner = f"update @{_OWNER_TUPLE_RATES} {{ {NUMBER} {rate} }} goto renew_tuple"
    return (
        *((NftChain("owner_tuple", rules=(of_owner, drop)),) if owned else ()),
        # Conntrack looks behind an authentication header and nft does not, so no port can be read there.
        NftChain(
            "ports", rules=tuple(f"meta l4proto {each} {_NO_PORTS} goto tuples" for each in (*PORTED, _AUTHENTICATION))
        ),
        NftChain(
            "tuples",
            rules=(
                f'meta l4proto {_AUTHENTICATION} counter name "drop_extension_header" drop',
                f'iifname "{UPLINK}" {_OUTSIDE_IN} @{_TUPLES} return',
                f'iifname "{UPLINK}" counter name "drop_inbound" drop',
                "meta mark set @th,0,32 goto own_tuple",  # both ports, for `quoted_tuples`
                'counter name "drop_not_opening" drop',  # too short for ports
            ),
        ),
        NftChain(
            "own_tuple",
            rules=(
                "ct mark 0x00000000 ct mark set numgen random mod 4294967295 offset 1",
                f"{_INSIDE_OUT} @{_TUPLES} goto renew_tuple",
                *((f"{is_owned('saddr')} goto owner_tuple",) if owned else ()),
                f"update @{_TUPLE_RATES} {{ ip6 saddr {rate} }} goto renew_tuple",
                drop,
            ),
        ),
        NftChain(
            "renew_tuple",
            rules=(
                f"update @{_TUPLES} {{ {_INSIDE_OUT} }} update @{_QUOTED_TUPLES} {{ {_TO_BE_QUOTED} }} return",
                'counter name "drop_limit_gateway" drop',
            ),
        ),
        NftChain(
            "quoted",
            rules=(
                # A packet with an extension header has its ports elsewhere; no error about such a one comes in.
                f"@th,112,8 {{ {', '.join(map(hex, PORTED))} }} meta mark set @th,384,32"
                f" {_QUOTED} @{_QUOTED_TUPLES} return",
                'counter name "drop_icmpv6_error" drop',
            ),
        ),
    )
