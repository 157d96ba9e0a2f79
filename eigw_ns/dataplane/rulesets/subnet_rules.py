"""The nftables rules of a subnet's namespace: source check, network ACL, security groups, limits.

    spoofed [-450]    from a port: dropped if the source is not the instance's own address
    fragments [-450]  a rate for each instance, from it and to it
    raw [-300]        flows that AWS does not track: those of instances whose groups are open both ways
    conntrack [-200]
    prerouting [0]    from a port:   is an ICMPv6 error about a packet that the sender got?
                                     network ACL (egress) ──▶ known flow? ─▶ groups of the sender ─────▶ its limit
                      within:        ───────────────────────▶ known flow? ─▶ sender's, then receiver's ▶ both limits
                      from the VPC:  network ACL (ingress) ─▶ known flow? ─▶ groups of the receiver ───▶ its limit

The source check comes before conntrack and before fragments become whole. Conntrack follows a packet even if a later
rule drops it: a neighbour that forged a SYN and two resets ended a flow without knowing its sequence numbers.

An ICMPv6 error from an instance must quote a packet whose destination is that instance. Conntrack passes an error by
the packet that it quotes, from any sender: a neighbour ended flows of others and lowered their path MTU. The check is
in the sender's subnet, so it covers every destination. It comes after fragments became whole packets.

Fragments have a rate for each instance, before Linux keeps them. Without it one instance filled the memory for
fragments, and no fragmented datagram of the VPC arrived for minutes. A packet from another subnet was whole there, and
that subnet's router has cut it again. Fragments from the internet are counted by the instance they are for. A fragment
in which another header follows could hide what the packet is, or a second fragment header, with which pieces pass a
subnet without becoming whole: the subnet drops it.

The limits are there because all instances of a subnet share its table of connections. One of them, with a partner
elsewhere, filled it within ten seconds, for five days. AWS too has an allowance for each instance. Packets from the
link-local address that all instances have are not tracked: they would use up the allowance of one of them.

The ACL comes before the known flows, so a change of the ACL cuts flows. The groups come after, so a change of groups
does not. An ACL that allows all cuts nothing. In that case the known flows come first, since most packets belong to
them.

All this is decided before the routing lookup, so the kernel never answers a dropped packet. Security groups are sets
of instances, or of (instance, peer, port), so the number of rules a packet meets does not grow with them:
`group_rules`.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv6Network
from typing import Literal

from eigw_ns.cloud.filtering import (
    ICMPV6,
    TCP,
    UDP,
    network_acl,
)
from eigw_ns.cloud.model import ALL_PROTOCOLS, Instance, NetworkAcl, NetworkAclEntry, Subnet
from eigw_ns.dataplane.compile.names import FABRIC_LINK, PEER_LINK_LOCAL, port_name
from eigw_ns.dataplane.compile.notation import address_text, addresses_text, block_text, blocks_text, numbers_text
from eigw_ns.dataplane.compile.ranges import ALL_NUMBERS, Range, address_range, icmp_numbers
from eigw_ns.dataplane.rulesets import group_rules
from eigw_ns.dataplane.rulesets.fragment_rules import FRAGMENTED, rates, within_rate
from eigw_ns.dataplane.rulesets.gateway_rules import BEFORE_ALL, PREROUTING, limit_lists, plain_set, table, within_limit
from eigw_ns.dataplane.state import NftChain, NftSet, Ruleset

_KNOWN_FLOW = "ct state established,related accept"
_DROP_ERROR = 'counter name "drop_icmpv6_error" drop'
_ERRORS = "icmpv6 type < echo-request jump errors"  # conntrack never takes one for established
# an ICMPv6 error about a flow that is not tracked counts as invalid, and path MTU discovery needs it
_NO_FLOW = f'ct state invalid meta l4proto != {ICMPV6} counter name "drop_invalid" drop'
_IPV4 = 'meta nfproto ipv4 counter name "drop_ipv4" drop'  # none is ever passed, so none belongs to a known flow
_OPEN = ("return",)  # the chain of an ACL that allows all

_RECEIVERS = "receivers"
"""The set `sources` as numbers: (port, address) of the packets that an instance may send errors about.

nft 1.0.6 looks up raw octets of a packet only in a set that is declared by them."""

_QUOTED_DESTINATION = "@th,256,128"
"""The destination of the IPv6 packet that an ICMPv6 error quotes: 8 octets of error and 24 of the packet before it."""

_QUOTED_PROTOCOL = "@th,112,8"
"""The next header of the packet that an ICMPv6 error quotes."""

_UNTRACKED_QUOTES = "untracked_quotes"
"""The flows that are not tracked, as (instance, protocol, peer) of the packets that errors quote."""

_PER_INSTANCE = "per_instance"
"""The set of lists of connections, several for each instance."""


def subnet(
    namespace: str, filters: group_rules.Filters, subject: Subnet, untracked: Iterable[Range], connections: int
) -> Ruleset:
    """Return the whole table.

    `untracked` are the destinations whose flows AWS does not track if all is open. An instance has at most
    `connections` that are tracked, begun by itself and by others. They are counted by address, so each address gets the
    part that is left if an instance has as many addresses as any in this subnet.
    """
    cloud, instances = filters.cloud, filters.instances.get(subject.id, [])
    block = subject.ipv6_cidr_block
    ports = [(port_name(item.id), address) for item in instances for address in item.addresses]
    sources = (f'"{port}" . {address_text(address)}' for port, address in ports)
    receivers = (f'"{port}" . {int(address):#x}' for port, address in ports)
    raw_set, raw_chain = _untracked(filters, instances, tuple(untracked))
    sets = [
        plain_set("router", "ipv6_addr", ("fe80::/10", "ff00::/8", address_text(block[1])), interval=True),
        plain_set(group_rules.SOURCES, "ifname . ipv6_addr", sources),
        plain_set(_RECEIVERS, f"iifname . {_QUOTED_DESTINATION}", receivers),
        *raw_set,
    ]
    acl = network_acl(cloud, subject)
    egress_acl, ingress_acl = _acl(acl, egress=True), _acl(acl, egress=False)
    limited = len(instances) > 1  # a single instance can harm only itself
    open_ways = egress_acl.rules == _OPEN, ingress_acl.rules == _OPEN
    chains = [*_ways(block, *open_ways, limited, all_tracked=not raw_set), *raw_chain]
    most = max((len(item.addresses) for item in instances), default=1)
    chains += _fragments(cloud.vpcs[subject.vpc_id].ipv6_cidr_blocks, limited, most)
    chains += [chain for chain in (egress_acl, ingress_acl) if chain.rules != _OPEN]
    if limited:
        each = max(1, connections // most)
        sets.append(NftSet(_PER_INSTANCE, "ipv6_addr . mark", size=_room(len(ports), each)))
        sets.append(rates(_rounded(len(ports))))
        chains += _counting(each)
    for egress in (True, False):
        group_sets, group_chain = group_rules.chain(filters, instances, egress=egress)
        sets += group_sets
        chains.append(group_chain)
    return table(namespace, sets, chains)


def _ways(
    block: IPv6Network, open_egress: bool, open_ingress: bool, limited: bool, *, all_tracked: bool
) -> tuple[NftChain, ...]:
    """Return the chains that every subnet has: where a packet comes from decides what it has to pass.

    `open_egress`, `open_ingress`: the network ACL allows all that leaves the subnet, or comes to it. `limited`: the
    connections of each instance are counted. `all_tracked`: no instance has flows that are not tracked.
    """
    spoofed = (
        f"{FRAGMENTED} exthdr frag exists jump fragments",
        f'iifname "{FABRIC_LINK}" accept',
        f"iifname . ip6 saddr @{group_rules.SOURCES} accept",
        _IPV4,
        f"ip6 saddr {PEER_LINK_LOCAL} notrack accept",  # groups let it speak to the router only; not counted
        'counter name "drop_source" drop',
    )
    sender, receiver = (("jump count_sender",), ("jump count_receiver",)) if limited else ((), ())
    to_router = "goto to_router" if limited else "accept"
    near = (f"ip6 daddr @router {to_router}", f"ip6 daddr {block_text(block)} goto within")
    fast_out = ("ct state established accept", _ERRORS, "ct state related accept", *near)
    known_out = fast_out if open_egress else (_ERRORS, *near, "jump acl_egress", _KNOWN_FLOW)
    known_in = (_KNOWN_FLOW, _IPV4) if open_ingress else (_IPV4, "jump acl_ingress", _KNOWN_FLOW)
    both = ("jump group_egress", "jump group_ingress", *sender, *receiver)
    about_it = f"@th,64,8 0x60-0x6f iifname . {_QUOTED_DESTINATION} @{_RECEIVERS} return"  # it quotes IPv6
    piece = f"ip6 saddr {PEER_LINK_LOCAL} frag frag-off != 0 return"  # what is not tracked stays in pieces
    errors = (about_it, piece, _DROP_ERROR)
    no_flow = _NO_FLOW, _no_error(all_tracked)
    return (
        NftChain("errors", rules=errors),
        NftChain("from_port", rules=(*known_out, _NO_FLOW, "jump group_egress", *sender, "accept")),
        NftChain("from_vpc", rules=(*known_in, *no_flow, "jump group_ingress", *receiver, "accept")),
        NftChain("prerouting", PREROUTING, (f'iifname "{FABRIC_LINK}" goto from_vpc', "goto from_port")),
        NftChain("spoofed", BEFORE_ALL, spoofed),
        NftChain("within", rules=(_KNOWN_FLOW, *no_flow, *both, "accept")),
    )


def _no_error(all_tracked: bool) -> str:
    """Return the rule that drops an ICMPv6 error about no flow, whatever groups allow.

    About a flow that is not tracked conntrack knows nothing, so such an error must quote one that may be untracked.
    """
    quoted = f"ip6 daddr . {_QUOTED_PROTOCOL} . {_QUOTED_DESTINATION} != @{_UNTRACKED_QUOTES} "
    return f"ct state invalid icmpv6 type < echo-request {'' if all_tracked else quoted}{_DROP_ERROR}"


def _room(addresses: int, connections: int) -> int:
    """Return how many lists there may be: enough for all. Linux makes room for so many at once, and what is counted is
    forgotten when the number changes; so it is a power of two."""
    lists, _ = limit_lists(connections)
    return lists * _rounded(addresses)


def _rounded(number: int) -> int:
    """Return a power of two that is not less."""
    return 1 << max(5, (number - 1).bit_length())


def _fragments(vpc: tuple[IPv6Network, ...], limited: bool, most: int) -> tuple[NftChain, ...]:
    """Return rules that a fragment must pass before Linux keeps it until all of its packet has come.

    `most` is the largest number of addresses of an instance.
    """
    whole = 'frag nexthdr { 0, 43, 44, 51, 60 } counter name "drop_extension_header" drop'
    if not limited:
        return (NftChain("fragments", rules=(f'iifname "{FABRIC_LINK}" return', whole)),)
    drop = 'counter name "drop_fragment" drop'
    outward = (
        f'iifname "{FABRIC_LINK}" goto fragments_in',
        f"iifname . ip6 saddr != @{group_rules.SOURCES} ip6 saddr != {PEER_LINK_LOCAL} return",  # refused as spoofed
        whole,
        f"{within_rate('saddr', most)} return",
        drop,
    )
    inward = (
        f"ip6 saddr {blocks_text(vpc)} accept",
        f"fib daddr type != unicast {drop}",  # no instance has the address
        f"{within_rate('daddr', most)} accept",
        drop,
    )
    return NftChain("fragments", rules=outward), NftChain("fragments_in", rules=inward)


def _count(address: Literal["saddr", "daddr"], connections: int) -> tuple[str, ...]:
    """Return what begins no flow, what follows the packet that began one, and what may begin one more flow."""
    return (
        "ct state != new return",
        "ct status confirmed return",
        f"{within_limit(_PER_INSTANCE, address, connections)} return",
        'counter name "drop_limit_instance" drop',
    )


def _counting(connections: int) -> tuple[NftChain, ...]:
    """Return the chains to which `_ways` refers if connections are counted."""
    return (
        NftChain("count_receiver", rules=_count("daddr", connections)),
        NftChain("count_sender", rules=_count("saddr", connections)),
        NftChain("to_router", rules=("jump count_sender", "accept")),
    )


# ---- network ACL -----------------------------------------------------------------------------------------------------


def _acl(acl: NetworkAcl, *, egress: bool) -> NftChain:
    """Return the entries of one direction, in order. A packet that none matches is denied."""
    name = "acl_egress" if egress else "acl_ingress"
    drop = f'counter name "drop_{name}" drop'
    rules: list[str] = []
    for entry in acl.entries:
        if entry.egress is not egress or not isinstance(entry.cidr_block, IPv6Network):
            continue
        match = _entry_match(entry, entry.cidr_block)
        rules.append(" ".join(part for part in (match, "return" if entry.action == "allow" else drop) if part))
        if not match:
            return NftChain(name, rules=tuple(rules))
    return NftChain(name, rules=(*rules, drop))


def _entry_match(entry: NetworkAclEntry, block: IPv6Network) -> str:
    """Return the entry's conditions as nft lists them. It is empty if the entry matches everything."""
    address = "daddr" if entry.egress else "saddr"
    parts = [f"ip6 {address} {addresses_text(address_range(block))}"] if block.prefixlen else []
    if entry.protocol in (TCP, UDP) and entry.ports not in (None, ALL_NUMBERS):
        assert entry.ports is not None
        parts.append(f"{'tcp' if entry.protocol == TCP else 'udp'} dport {numbers_text(entry.ports)}")
    elif entry.protocol == ICMPV6 and entry.icmp is not None and entry.icmp[0] != -1:
        numbers = numbers_text(icmp_numbers(*entry.icmp))  # nft lists no other form as it is written
        parts.append(f"meta l4proto . th sport {{ {ICMPV6} . {numbers} }}")
    elif entry.protocol != ALL_PROTOCOLS:
        parts.append(f"meta l4proto {entry.protocol}")
    return " ".join(parts)


# ---- what is not tracked ---------------------------------------------------------------------------------------------


def _untracked(
    filters: group_rules.Filters, instances: Iterable[Instance], destinations: tuple[Range, ...]
) -> tuple[list[NftSet], list[NftChain]]:
    """Return the set and the chain of flows that need no tracking.

    AWS does not track TCP and UDP of an instance whose groups are open both ways, save through an egress-only gateway.
    Flows with peers in its own subnet are tracked here, since these share the table of connections with it.
    """
    found = [
        (address_text(address), protocol, peers)
        for item in instances
        for address in item.addresses
        for protocol in (TCP, UDP)
        if filters.open_both_ways(item, protocol)
        for peers in destinations
    ]
    if not found:
        return [], []
    elements = (f"{address} . {protocol} . {addresses_text(peers)}" for address, protocol, peers in found)
    quotes = (f"{address} . {protocol:#x} . {_octets_text(peers)}" for address, protocol, peers in found)
    rules = (
        "ip6 saddr . meta l4proto . ip6 daddr @untracked notrack",
        "ip6 daddr . meta l4proto . ip6 saddr @untracked notrack",
    )
    hook = "type filter hook prerouting priority raw; policy accept;"
    sets = [
        plain_set("untracked", "ipv6_addr . inet_proto . ipv6_addr", elements, interval=True),
        plain_set(_UNTRACKED_QUOTES, f"ip6 daddr . {_QUOTED_PROTOCOL} . {_QUOTED_DESTINATION}", quotes, interval=True),
    ]
    return sets, [NftChain("raw", hook, rules)]


def _octets_text(addresses: Range) -> str:
    """Return addresses as nft lists raw octets of a packet in a set of intervals."""
    first, last = addresses
    return f"{first:#x}-{last:#x}" if first != last else f"{first:#x}"
