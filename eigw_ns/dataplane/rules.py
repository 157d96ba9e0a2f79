"""The nftables rules of gateways and of the fabric, written as nft lists them; `subnet_rules` has the subnets'.

Hooks, in the order a packet meets them (priorities in brackets); what is not drawn has no rule of ours:

    fabric (bridge)  prerouting [filter: -200] the VPC's implicit router: destination prefix → MAC of its subnet
    egress-only gw   conntrack  [-200] ──▶ prerouting [filter: 0] ──▶ route, marked packets only ──▶ uplink or fabric
                                              │ 1 (interface, direction, state) in @verdicts: established first, O(1)
                                              │ 2 new from inside: chain begin, all checks that only a new flow needs
                                              └ 3 the rest: chain refuse, a counter for each reason, dropped
                     input      [filter: 0]   policy drop: the gateway itself answers nobody
    internet gw      prerouting [filter: 0]   subnets whose table leads here, both ways; no state

Why before the routing decision: after it, the kernel may already have answered a refused packet (hop limit, size,
no route). Why a mark: only marked packets find a route in a gateway (`compile`), so that a gateway whose rules were
flushed, or whose namespace is being torn down, forwards nothing at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv6Network
from typing import Literal

from eigw_ns.dataplane.names import FABRIC_LINK, ROUTER_MAC, UPLINK
from eigw_ns.dataplane.ranges import Range, addresses_text
from eigw_ns.dataplane.state import NftChain, NftSet, Ruleset

PASSED = 0x1
"""The packet mark (fwmark) of what an egress-only gateway lets pass."""

ROUTED = "routed"
"""The set that says which destinations each subnet reaches through a gateway: (prefix . range) elements."""

_COUNTED = re.compile(r'counter name "(\w+)"')
PREROUTING = "type filter hook prerouting priority filter; policy drop;"
_CLOSED_INPUT = NftChain(
    "input",
    "type filter hook input priority filter; policy drop;",
    ('counter name "drop_to_gateway" drop',),
)
_NEVER_ON_THE_INTERNET = ("::/8", "100::/64", "fc00::/7", "fe80::/10", "ff00::/8")  # RFC 6890, RFC 4291, RFC 6666
_NEVER_BEYOND_THE_LINK = ("::/8", "fe80::/10", "ff00::/8")

Routed = tuple[str, Range]
"""A subnet's prefix, and a range of destinations that it reaches through a gateway."""


_LINK_CHATTER = 'ip6 saddr fe80::/10 counter name "drop_link_local" drop'
"""Neighbour discovery and multicast reports of the routers next door: no attack, so they have their own counter."""

_PASS = "meta mark set 0x00000001 accept"
_VERDICTS = NftSet(
    "verdicts",
    "ifname . ct_dir . ct_state",
    (
        (f'"{FABRIC_LINK}" . original . established', "goto pass"),
        (f'"{FABRIC_LINK}" . original . new', "goto begin"),
        (f'"{FABRIC_LINK}" . original . related', "goto pass"),
        (f'"{UPLINK}" . reply . established', "goto pass"),
        (f'"{UPLINK}" . reply . related', "goto pass"),
    ),
    data_type="verdict",
)
_REFUSE = NftChain(
    "refuse",
    rules=(
        'meta nfproto ipv4 counter name "drop_ipv4" drop',
        _LINK_CHATTER,
        f'iifname "{UPLINK}" ip6 saddr @never_sources counter name "drop_source" drop',
        'icmpv6 type < echo-request counter name "drop_icmpv6_error" drop',
        'ct state invalid counter name "drop_invalid" drop',
        f'iifname "{UPLINK}" counter name "drop_inbound" drop',
        'counter name "drop_not_opening" drop',
    ),
)


def egress_only_gateway(namespace: str, vpc_prefix: str, routed: Iterable[Routed]) -> Ruleset:
    """Passes flows that a routed subnet began and their answers, and nothing else.

    RFC 6092 (simple security) with AWS's stricter reading: a reply must match the whole tuple.
    """
    chains = (
        NftChain("begin", rules=_begin(vpc_prefix)),
        _CLOSED_INPUT,
        NftChain("pass", rules=(f'counter name "allowed_established" {_PASS}',)),
        NftChain("prerouting", PREROUTING, ("iifname . ct direction . ct state vmap @verdicts", "goto refuse")),
        _REFUSE,
    )
    sets = (
        plain_set("never_sources", "ipv6_addr", (*_NEVER_ON_THE_INTERNET, vpc_prefix), interval=True),
        plain_set("never_targets", "ipv6_addr", _NEVER_BEYOND_THE_LINK, interval=True),
        plain_set(ROUTED, "ipv6_addr . ipv6_addr", map(_routed_element, routed), interval=True),
        _VERDICTS,
    )
    return table(namespace, sets, chains)


def _begin(vpc_prefix: str) -> tuple[str, ...]:
    """What a packet that begins a flow must be; only those pay for these checks."""
    return (
        'meta nfproto ipv4 counter name "drop_ipv4" drop',
        'tcp flags != syn / fin,syn,rst,ack counter name "drop_not_opening" drop',
        f'ip6 daddr {vpc_prefix} counter name "drop_hairpin" drop',
        'ip6 daddr @never_targets counter name "drop_destination" drop',
        f'ip6 saddr . ip6 daddr @{ROUTED} counter name "allowed_new" {_PASS}',
        'counter name "drop_not_routed" drop',
    )


def internet_gateway(namespace: str, vpc_prefix: str, routed: Iterable[Routed]) -> Ruleset:
    """Passes both ways, without state, what the route tables of the VPC's subnets send through it."""
    sets = (
        plain_set("never_sources", "ipv6_addr", (*_NEVER_ON_THE_INTERNET, vpc_prefix), interval=True),
        plain_set("never_targets", "ipv6_addr", (*_NEVER_BEYOND_THE_LINK, vpc_prefix), interval=True),
        plain_set(ROUTED, "ipv6_addr . ipv6_addr", map(_routed_element, routed), interval=True),
    )
    rules = (
        'meta nfproto ipv4 counter name "drop_ipv4" drop',
        _LINK_CHATTER,
        f'iifname "{UPLINK}" ip6 saddr @never_sources counter name "drop_source" drop',
        f'iifname "{UPLINK}" ip6 daddr . ip6 saddr @{ROUTED} counter name "allowed_in" accept',
        f'iifname "{FABRIC_LINK}" ip6 daddr @never_targets counter name "drop_destination" drop',
        f'iifname "{FABRIC_LINK}" ip6 saddr . ip6 daddr @{ROUTED} counter name "allowed_out" accept',
        'counter name "drop_not_routed" drop',
    )
    return table(namespace, sets, (_CLOSED_INPUT, NftChain("prerouting", PREROUTING, rules)))


def fabric(namespace: str, subnets: Iterable[tuple[str, str]]) -> Ruleset:
    """The VPC's implicit router: frames to the router's MAC get the MAC of the subnet, by (prefix, MAC).

    Done in the bridge so that a subnet needs one `local` route, as AWS's own table has, whatever the VPC's size.
    A frame for VPC space without a subnet finds no MAC and is dropped and counted.
    """
    prefixes = NftSet("subnets", "ipv6_addr", tuple(sorted(subnets)), data_type="ether_addr", interval=True)
    rules = (
        f"ether daddr {ROUTER_MAC} ether daddr set ip6 daddr map @subnets accept",
        f'ether daddr {ROUTER_MAC} counter name "drop_no_subnet" drop',
    )
    hook = "type filter hook prerouting priority filter; policy accept;"
    return table(namespace, (prefixes,), (NftChain("prerouting", hook, rules),), family="bridge")


def table(
    namespace: str,
    sets: Iterable[NftSet],
    chains: Iterable[NftChain],
    *,
    family: Literal["inet", "bridge"] = "inet",
) -> Ruleset:
    """The table, its objects in order of name, with a counter for every name that a rule counts by."""
    ordered = tuple(sorted(chains, key=lambda chain: chain.name))
    named = {name for chain in ordered for rule in chain.rules for name in _COUNTED.findall(rule)}
    return Ruleset(namespace, family, tuple(sorted(named)), tuple(sorted(sets, key=lambda item: item.name)), ordered)


def kept_flows(gateway: Ruleset) -> tuple[tuple[str, str, str], ...] | None:
    """The flows that may live in an egress-only gateway, as (source prefix, first, last destination).

    None where the namespace keeps no connections: a subnet, a fabric, an internet gateway.
    """
    if not any(item.name == "verdicts" for item in gateway.sets):
        return None
    routed = next(item for item in gateway.sets if item.name == ROUTED)
    return tuple(_flows_of(element) for element, _ in routed.elements)


def _flows_of(element: str) -> tuple[str, str, str]:
    prefix, _, destinations = element.partition(" . ")
    first, _, last = destinations.partition("-")
    if last:
        return prefix, first, last
    network = IPv6Network(first)
    return prefix, str(network[0]), str(network[-1])


def plain_set(name: str, key_type: str, elements: Iterable[str], *, interval: bool = False) -> NftSet:
    """A set (no map) of these elements."""
    return NftSet(name, key_type, tuple(sorted((element, "") for element in elements)), interval=interval)


def _routed_element(routed: Routed) -> str:
    subnet_prefix, destinations = routed
    return f"{subnet_prefix} . {addresses_text(destinations)}"
