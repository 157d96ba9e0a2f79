"""The nftables rules of gateways and of the fabric, written as nft lists them. `subnet_rules` has those of subnets.

Hooks in the order in which a packet meets them, with priorities in brackets. Hooks that are not drawn have no rule of
ours:

    fabric (bridge)  prerouting [filter: -200] the VPC's implicit router: destination prefix → MAC of its subnet;
                     frames for a gateway of several replicas: hash of the flow → MAC of one of them (`spread`)
    internet (netdev) egress    [filter: 0]    the same, of frames that leave for the gateway
    egress-only gw   spoofed    [-450]   from the internet with an address of the VPC: dropped before conntrack;
                                         TCP in fragments, if the gateway has several replicas
                     fragments  [-450]   from the internet: to instances from their peers, at a rate (`fragment_rules`)
                     heartbeats [-450]   of several replicas: the agent's beats skip conntrack (`heartbeat_rules`)
                     (kernel)   [-400]   fragments become whole packets
                     answers    [raw: -300] datagrams of taught flows: not tracked
                     (kernel)   [-200]   conntrack
                     prerouting [filter: 0]
                        │ by interface, direction and state; established first, which nearly all are
                        ├─▶ pass     of a flow that was begun: marked
                        ├─▶ begin    new, from inside: all checks that only a new flow needs, then marked
                        ├─▶ related  ICMPv6 errors about a flow: those that RFC 4890 wants, then marked
                        ├─▶ told     datagrams of taught flows: marked
                        ├─▶ (beats)  not tracked, so no limit and no full table stops them: marked
                        └─▶ refuse   the rest: TCP and SCTP of taught flows, and errors about those, leave it again;
                                     for all others a counter for each reason, dropped
                     (kernel)            route, marked packets only ──▶ uplink or fabric
                     input      [filter: 0]   policy drop: the gateway itself answers nothing
    internet gw      prerouting [filter: 0]   subnets whose table leads here, both ways; no state

Why before the routing decision: after it, the kernel may already have answered a refused packet (hop limit, size,
no route).

Why a mark: only marked packets find a route in a gateway (`compile`). So a gateway forwards nothing if its rules were
flushed, or while its namespace is torn down. The kernel gives its own ICMPv6 errors the mark of the packet that they
quote (`fwmark_reflect`). The kernel refuses some packets before any rule sees them (a hop-by-hop option that wants an
answer, a fragment that never became whole). These have no mark, so the kernel's answer finds no route either.

Why `spoofed`: conntrack follows a packet before prerouting can drop it. A forged reset with the address of an instance
would end that instance's flow, although prerouting drops it. At -450 it is dropped before conntrack, and before such
fragments can fill the memory for fragments.

Linux counts more packets as `established` or `related` than this gateway passes. The chain `headers` checks packets
with extension headers, and `related` checks errors. tests/packets/CONFORMANCE.md has each packet's test.

Conntrack follows some protocols by addresses alone although they have ports: the chain `tuples` follows their ports.
A flow that began in another replica passes if this replica was told of it: `taught_rules`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network

from eigw_ns.cloud.model import ConnectionTracking
from eigw_ns.dataplane.compile.names import FABRIC_LINK, ROUTER_MAC, UPLINK
from eigw_ns.dataplane.compile.notation import addresses_text
from eigw_ns.dataplane.compile.ranges import Range
from eigw_ns.dataplane.replication import spread
from eigw_ns.dataplane.rulesets import fragment_rules, heartbeat_rules, owner_rules, taught_rules, tuple_rules
from eigw_ns.dataplane.rulesets.limit_rules import limit_lists, within_limit, within_owner_limit
from eigw_ns.dataplane.state import Family, NftChain, NftSet, Ruleset
from eigw_ns.dataplane.state.naming import group_name
from eigw_ns.frozen import frozen

PASSED = 0x1
"""The packet mark (fwmark) of what an egress-only gateway lets pass."""

ROUTED = "routed"
"""The set that says which destinations each subnet reaches through a gateway: (prefix . range) elements."""

_COUNTED = re.compile(r'counter name "(\w+)"')
PREROUTING = "type filter hook prerouting priority filter; policy drop;"
BEFORE_ALL = "type filter hook prerouting priority -450; policy accept;"
"""Before fragments become whole (-400) and before conntrack (-200): where forged sources are dropped."""

_CLOSED_INPUT = NftChain(
    "input",
    "type filter hook input priority filter; policy drop;",
    ('counter name "drop_to_gateway" drop',),
)
_LINK_CHATTER = 'ip6 saddr fe80::/10 counter name "drop_link_local" drop'
"""Neighbour discovery and multicast reports of the routers next door: no attack, so they have their own counter."""

_GLOBAL = "2000::/3"
"""All that IANA has given out as unicast (RFC 4291): not unspecified, loopback, mapped, discard, unique-local,
link-local or multicast. The documentation prefixes lie in it."""

Routed = tuple[str, Range]
"""A subnet's prefix, and a range of destinations that it reaches through a gateway."""


_PASS = "meta mark set 0x00000001 accept"
_OUTWARD, _INWARD = f'iifname "{FABRIC_LINK}" ct direction original', f'iifname "{UPLINK}" ct direction reply'
_VERDICTS = (
    f"{_OUTWARD} ct state established goto pass",
    f"{_INWARD} ct state established goto pass",
    f"{_OUTWARD} ct state new goto begin",
    f"{_OUTWARD} ct state related goto related",
    f"{_INWARD} ct state related goto related",
)
"""One after the other, since a lookup by all three costs more than the comparisons that an established flow meets."""

_EXTENSION_HEADERS = (0, 43, 44, 51, 60, 135)
"""Hop-by-hop, routing, fragment, authentication, destination, mobility."""

_LOOKED_AT = tuple_rules.numbers((*_EXTENSION_HEADERS, *tuple_rules.PORTED, *tuple_rules.PORTS_ELSEWHERE))
_EXTENDED = f"ip6 nexthdr {_LOOKED_AT} jump headers"
"""What may stand first in a packet that `headers` looks at.

One lookup in a bitmap for all other packets. TCP and UDP meet no further rule."""

_PER_SOURCE = NftSet("per_source", "ipv6_addr . mark", size=1 << 18)
"""A list for each source and hash that has connections: more than the default of connections in all, so it is never
full before the gateway is. Where a larger limit is set, what finds no list is refused, since nobody would count it."""

_PER_OWNER = NftSet("per_owner", f"{owner_rules.TYPE} . mark", size=1 << 18)
"""The same for each instance with several addresses (`owner_rules`)."""

PER_GATEWAY = NftSet("per_gateway", "mark", size=256)
"""The lists of all connections of a gateway. Only an egress-only gateway has them."""

_HEADERS = NftChain(
    "headers",
    rules=(
        'exthdr rt exists counter name "drop_extension_header" drop',  # RFC 5095; and it hides where the packet goes
        'exthdr frag exists counter name "drop_extension_header" drop',  # a fragment in a fragment: one was undone
        f'iifname "{UPLINK}" exthdr hbh exists counter name "drop_extension_header" drop',
        f'iifname "{UPLINK}" exthdr mh exists counter name "drop_extension_header" drop',
        *tuple_rules.IN_HEADERS,
    ),
)


def _refuse(seed: int) -> NftChain:
    return NftChain(
        "refuse",
        rules=(
            'meta nfproto ipv4 counter name "drop_ipv4" drop',
            _LINK_CHATTER,
            f'iifname "{UPLINK}" ip6 saddr != {_GLOBAL} counter name "drop_source" drop',
            *taught_rules.asked_last(seed),
            'icmpv6 type < echo-request counter name "drop_icmpv6_error" drop',
            'ct state invalid counter name "drop_invalid" drop',
            f'iifname "{UPLINK}" counter name "drop_inbound" drop',
            'counter name "drop_not_opening" drop',
        ),
    )


@frozen
class Replicated:
    """A gateway of several replicas as its neighbours see it: frames for `mac`, the first one's, are spread.

    `link` is what they leave by on the internet's side; `seed` is what the hash begins with.
    """

    gateway_id: str
    mac: str
    link: str
    seed: int

    @property
    def group(self) -> str:
        """The map that says which replica has which flows."""
        return group_name(self.gateway_id)


def egress_only_gateway(
    namespace: str,
    vpc_blocks: str,
    routed: Iterable[Routed],
    tracking: ConnectionTracking,
    *,
    seed: int,
    replicas: int = 1,
    heartbeats: heartbeat_rules.Heartbeats | None = None,
    owners: tuple[NftSet, ...] = (),
) -> Ruleset:
    """Return rules that pass the flows that a routed subnet began and their answers, and nothing else.

    RFC 6092 (simple security) with AWS's stricter reading: a reply must match the whole tuple. Each of several
    `replicas` has its part of the limits. `seed` is what the hash of flows begins with. `heartbeats` pass through each
    of several replicas, uncounted by any limit. `owners` are the sets of
    `owner_rules.for_gateway`.
    """
    taught = taught_rules.sets(tracking.max_connections)
    tracking = replace(
        tracking,
        max_connections=-(-tracking.max_connections // replicas),
        max_connections_per_source=-(-tracking.max_connections_per_source // replicas),
    )
    forged = f'iifname "{UPLINK}" ip6 saddr {vpc_blocks} counter name "drop_source" drop'
    beats = heartbeat_rules.passing(heartbeats, _PASS) if heartbeats else ()
    in_pieces = f'iifname "{UPLINK}" {fragment_rules.FRAGMENTED} exthdr frag exists goto fragments'
    refused = taught_rules.IN_PIECES if replicas > 1 else ()
    chains = [
        *_begin(vpc_blocks, tracking, owned=bool(owners)),
        *(heartbeat_rules.untracked(heartbeats, BEFORE_ALL) if heartbeats else ()),
        _HEADERS,
        _CLOSED_INPUT,
        NftChain("pass", rules=(_EXTENDED, f'counter name "allowed_established" {_PASS}')),
        NftChain("prerouting", PREROUTING, (*_VERDICTS, *beats, taught_rules.UNTRACKED, "goto refuse")),
        NftChain("related", rules=_related(vpc_blocks)),
        *tuple_rules.chains(tracking.max_connections_per_source, tracking.generic_timeout, owned=bool(owners)),
        NftChain("spoofed", BEFORE_ALL, (forged, *refused, in_pieces)),
        *fragment_rules.from_internet(owned=bool(owners)),
        _refuse(seed),
        *taught_rules.chains(seed, tracking.tcp_established_timeout, _EXTENDED, _PASS),
    ]
    sets = (
        plain_set(ROUTED, "ipv6_addr . ipv6_addr", _routed_elements(routed), interval=True),
        PER_GATEWAY,
        _PER_SOURCE,
        *taught,
        *tuple_rules.sets(tracking.generic_timeout),
        fragment_rules.PEERS_SET,
        fragment_rules.rates(_SENDERS),
        *(_of_owners(owners, tracking.generic_timeout) if owners else ()),
    )
    return table(namespace, sets, chains)


_SENDERS = 1 << 12


def _of_owners(owners: tuple[NftSet, ...], seconds: int) -> tuple[NftSet, ...]:
    """Return the sets that a gateway has for instances with several addresses, beside those by address."""
    rates = fragment_rules.owner_rates(_SENDERS)
    return (*owners, _PER_OWNER, fragment_rules.OWNER_PEERS_SET, rates, tuple_rules.owner_rates(seconds))


def _begin(vpc_blocks: str, tracking: ConnectionTracking, *, owned: bool) -> tuple[NftChain, ...]:
    """Return rules for packets that begin a flow. Only those pay for these checks.

    A destination that is never valid on the internet is refused, so that no established flow has such a peer. Linux
    calls a flow new until its first answer: what follows the packet that began it (a confirmed flow) has been checked.
    `owned`: some instances have several addresses.
    """
    by_owner = (f"{owner_rules.is_owned('saddr')} goto begin_owner",) if owned else ()
    rules = (
        "ct status confirmed goto pass",
        'meta nfproto ipv4 counter name "drop_ipv4" drop',
        'tcp flags != syn / fin,syn,rst,ack counter name "drop_not_opening" drop',
        'icmpv6 type != echo-request counter name "drop_not_opening" drop',
        'fib daddr type local counter name "drop_to_gateway" drop',
        f'ip6 daddr {vpc_blocks} counter name "drop_hairpin" drop',
        f'ip6 daddr != {_GLOBAL} counter name "drop_destination" drop',
        f'ip6 saddr . ip6 daddr != @{ROUTED} counter name "drop_not_routed" drop',
        _EXTENDED,  # last: it remembers the tuple
    )
    limit = tracking.max_connections_per_source
    of_source, of_owner = within_limit(_PER_SOURCE.name, "saddr", limit), within_owner_limit(_PER_OWNER.name, limit)
    of_gateway, noted = _within_gateway(tracking.max_connections), fragment_rules.begun_by_owner()
    return (
        *_counted("begin", (*rules, *by_owner), of_source, of_gateway, (fragment_rules.begun(),)),
        *(_counted("begin_owner", (), of_owner, of_gateway, noted) if owned else ()),
    )


def _counted(
    name: str, rules: tuple[str, ...], of_source: str, of_gateway: str, noted: tuple[str, ...]
) -> tuple[NftChain, NftChain, NftChain]:
    """Return the chains for a new flow: its source's limit, the gateway's limit, and what a flow begins with."""
    counted, begun = name.replace("begin", "counted"), name.replace("begin", "begun")
    return (
        NftChain(begun, rules=(taught_rules.BEGUN, *noted, f'counter name "allowed_new" {_PASS}')),
        NftChain(name, rules=(*rules, f"{of_source} goto {counted}", 'counter name "drop_limit_source" drop')),
        NftChain(counted, rules=(f"{of_gateway} goto {begun}", 'counter name "drop_limit_gateway" drop')),
    )


def _within_gateway(connections: int) -> str:
    """Return a match: the gateway has at most so many connections."""
    lists, each = limit_lists(connections)
    return f"add @{PER_GATEWAY.name} {{ {owner_rules.FLOW} mod {lists} ct count {each} }}"


def _related(vpc_blocks: str) -> tuple[str, ...]:
    """Return the errors about a flow that pass (RFC 4890 section 4.3). Conntrack takes every type below 128 for one.

    They come from any router on the way, so the source proves nothing, but it must be one that can be there.
    """
    counted = f'counter name "allowed_related" {_PASS}'
    return (
        f'ip6 saddr != {_GLOBAL} counter name "drop_source" drop',
        f'iifname "{FABRIC_LINK}" ip6 saddr != {vpc_blocks} counter name "drop_source" drop',
        _EXTENDED,
        *tuple_rules.IN_RELATED,
        f"icmpv6 type {{ packet-too-big, parameter-problem }} {counted}",
        f"icmpv6 type destination-unreachable icmpv6 code 0-8 {counted}",
        f"icmpv6 type time-exceeded icmpv6 code 0-1 {counted}",
        'counter name "drop_icmpv6_error" drop',
    )


def internet_gateway(namespace: str, vpc_blocks: str, routed: Iterable[Routed]) -> Ruleset:
    """Return rules that pass both ways, without state, what the VPC's route tables send through the gateway."""
    sets = (plain_set(ROUTED, "ipv6_addr . ipv6_addr", _routed_elements(routed), interval=True),)
    rules = (
        'meta nfproto ipv4 counter name "drop_ipv4" drop',
        _LINK_CHATTER,
        f'iifname "{UPLINK}" ip6 saddr {vpc_blocks} counter name "drop_source" drop',
        f'iifname "{UPLINK}" ip6 saddr != {_GLOBAL} counter name "drop_source" drop',
        f'iifname "{UPLINK}" ip6 daddr . ip6 saddr @{ROUTED} counter name "allowed_in" accept',
        f'iifname "{FABRIC_LINK}" ip6 daddr {vpc_blocks} counter name "drop_hairpin" drop',
        f'iifname "{FABRIC_LINK}" ip6 daddr != {_GLOBAL} counter name "drop_destination" drop',
        f'iifname "{FABRIC_LINK}" ip6 saddr . ip6 daddr @{ROUTED} counter name "allowed_out" accept',
        'counter name "drop_not_routed" drop',
    )
    return table(namespace, sets, (_CLOSED_INPUT, NftChain("prerouting", PREROUTING, rules)))


def fabric(
    namespace: str, subnets: Iterable[tuple[str, str]], replicated: Iterable[Replicated], heartbeats: str
) -> Ruleset:
    """Return the VPC's implicit router: frames to the router's MAC get the MAC of the subnet, by (prefix, MAC).

    Done in the bridge so that a subnet needs one `local` route, as AWS's own table has, whatever the VPC's size.
    A frame for VPC space without a subnet finds no MAC and is dropped and counted. Frames for a gateway of several
    replicas go to one of them; what answers `heartbeats`, the address, ends here: before the subnets only if one covers
    the address, since every frame within the VPC would meet the rule.
    """
    prefixes = NftSet("subnets", "ipv6_addr", tuple(sorted(subnets)), data_type="ether_addr", interval=True)
    several = tuple(replicated)
    ends = (f"ether daddr {ROUTER_MAC} ip6 daddr {heartbeats} drop",) if several else ()
    covered = bool(several) and any(IPv6Address(heartbeats) in IPv6Network(prefix) for prefix, _ in prefixes.elements)
    rules = (
        *(ends if covered else ()),
        f"ether daddr {ROUTER_MAC} ether daddr set ip6 daddr map @subnets accept",
        *(() if covered else ends),
        f'ether daddr {ROUTER_MAC} counter name "drop_no_subnet" drop',
        *(f"ether daddr {gateway.mac} goto {_SPREAD}{gateway.group}" for gateway in several),
    )
    hook = "type filter hook prerouting priority filter; policy accept;"
    chains = (NftChain("prerouting", hook, rules), *(_spread_chain(gateway, outward=True) for gateway in several))
    return table(namespace, (prefixes, *map(_group, several)), chains, family="bridge")


def internet(namespace: str, replicated: Iterable[Replicated]) -> Ruleset:
    """Return rules on the internet's side of gateways with replicas: frames to a gateway go to one of its replicas."""
    several = tuple(replicated)
    hooks = (
        NftChain(
            f"to_{gateway.group}",
            f'type filter hook egress device "{gateway.link}" priority filter; policy accept;',
            (f"ether daddr {gateway.mac} meta protocol ip6 goto {_SPREAD}{gateway.group}",),
        )
        for gateway in several
    )
    chains = (*hooks, *(_spread_chain(gateway, outward=False) for gateway in several))
    return table(namespace, map(_group, several), chains, family="netdev")


_SPREAD = "to_one_of_"


def _spread_chain(gateway: Replicated, *, outward: bool) -> NftChain:
    return NftChain(f"{_SPREAD}{gateway.group}", rules=spread.rules(gateway.group, gateway.seed, outward=outward))


def _group(gateway: Replicated) -> NftSet:
    return NftSet(gateway.group, "mark", data_type="ether_addr", interval=True)


def table(namespace: str, sets: Iterable[NftSet], chains: Iterable[NftChain], *, family: Family = "inet") -> Ruleset:
    """Return the table, its objects in order of name, with a counter for every name that a rule counts by."""
    ordered = tuple(sorted(chains, key=lambda chain: chain.name))
    named = {name for chain in ordered for rule in chain.rules if "counter" in rule for name in _COUNTED.findall(rule)}
    return Ruleset(namespace, family, tuple(sorted(named)), tuple(sorted(sets, key=lambda item: item.name)), ordered)


def plain_set(name: str, key_type: str, elements: Iterable[str], *, interval: bool = False) -> NftSet:
    """Return a set (not a map) of these elements."""
    return NftSet(name, key_type, tuple(sorted((element, "") for element in elements)), interval=interval)


def _routed_elements(routed: Iterable[Routed]) -> Iterator[str]:
    texts: dict[Range, str] = {}  # most subnets reach the same destinations
    for prefix, destinations in routed:
        if destinations not in texts:
            texts[destinations] = addresses_text(destinations)
        yield f"{prefix} . {texts[destinations]}"
