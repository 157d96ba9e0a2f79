"""The nftables rules of a subnet's namespace: source check, network ACL, security groups, limits.

    spoofed [-450]    from a port: dropped if the source is not the instance's own, an address or in a prefix
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
elsewhere, filled it within ten seconds, for five days. AWS too has an allowance for each instance. Limits count by
address, and by instance if it has several (`owner_rules`). Packets from the link-local address that all instances have
are not tracked: they would use up the allowance of one of them.

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
from eigw_ns.dataplane.rulesets import group_rules, owner_rules
from eigw_ns.dataplane.rulesets.fragment_rules import FRAGMENTED, owner_rates, rates, within_owner_rate, within_rate
from eigw_ns.dataplane.rulesets.gateway_rules import BEFORE_ALL, PREROUTING, plain_set, table
from eigw_ns.dataplane.rulesets.limit_rules import limit_lists, within_limit, within_owner_limit
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

_PREFIX_RECEIVERS = "prefix_receivers"
"""The same of prefixes, as ranges."""

_QUOTED_DESTINATION = "@th,256,128"
"""The destination of the IPv6 packet that an ICMPv6 error quotes: 8 octets of error and 24 of the packet before it."""

_QUOTED_PROTOCOL = "@th,112,8"
"""The next header of the packet that an ICMPv6 error quotes."""

_UNTRACKED_QUOTES = "untracked_quotes"
"""The flows that are not tracked, as (instance, protocol, peer) of the packets that errors quote."""

_PER_INSTANCE = "per_instance"
"""The set of lists of connections, several for each instance with one address."""

_PER_OWNER = "per_owner"
"""The same for each instance with several addresses (`owner_rules`)."""

_DROP_LIMIT = 'counter name "drop_limit_instance" drop'
_SOURCE = "ifname . ipv6_addr"


def subnet(
    namespace: str, filters: group_rules.Filters, subject: Subnet, untracked: Iterable[Range], connections: int
) -> Ruleset:
    """Return the whole table.

    `untracked` are the destinations whose flows AWS does not track if all is open. An instance has at most
    `connections` that are tracked, begun by itself and by others.
    """
    cloud, instances = filters.cloud, filters.instances(subject.id)
    block = subject.ipv6_cidr_block
    raw_set, raw_chain = _untracked(filters, instances, tuple(untracked))
    sets = [
        plain_set("router", "ipv6_addr", ("fe80::/10", "ff00::/8", address_text(block[1])), interval=True),
        *_sources(instances),
        *raw_set,
    ]
    acl = network_acl(cloud, subject)
    egress_acl, ingress_acl = _acl(acl, egress=True), _acl(acl, egress=False)
    limited = len(instances) > 1  # a single instance can harm only itself
    open_ways = egress_acl.rules == _OPEN, ingress_acl.rules == _OPEN
    delegated = any(item.ipv6_prefixes for item in instances)
    chains = [*_ways(block, *open_ways, limited, all_tracked=not raw_set, delegated=delegated), *raw_chain]
    owners = owner_rules.owners(instances) if limited else ()
    vpc_blocks = cloud.vpcs[subject.vpc_id].ipv6_cidr_blocks
    chains += _fragments(vpc_blocks, limited, owned=bool(owners), delegated=delegated)
    chains += [chain for chain in (egress_acl, ingress_acl) if chain.rules != _OPEN]
    if limited:
        sets += _counted(len(instances), connections, owners)
        chains += _counting(connections, owned=bool(owners))
    for egress in (True, False):
        group_sets, group_chain = group_rules.chain(filters, instances, egress=egress)
        sets += group_sets
        chains.append(group_chain)
    return table(namespace, sets, chains)


def _sources(instances: Iterable[Instance]) -> list[NftSet]:
    """Return the sets of what each port may be the source of, and of what errors from it may be about.

    Prefixes have their own sets, since sets of ranges are slower: nearly all packets meet only the sets of addresses.
    """
    addresses = [(port_name(item.id), address) for item in instances for address in item.addresses]
    prefixes = [(port_name(item.id), prefix) for item in instances for prefix in item.ipv6_prefixes]
    receiver = f"iifname . {_QUOTED_DESTINATION}"
    sets = [
        plain_set(group_rules.SOURCES, _SOURCE, (f'"{port}" . {address_text(address)}' for port, address in addresses)),
        plain_set(_RECEIVERS, receiver, (f'"{port}" . {int(address):#x}' for port, address in addresses)),
    ]
    if prefixes:
        sources = (f'"{port}" . {block_text(prefix)}' for port, prefix in prefixes)
        quoted = (f'"{port}" . {_octets_text(address_range(prefix))}' for port, prefix in prefixes)
        sets.append(plain_set(group_rules.PREFIX_SOURCES, _SOURCE, sources, interval=True))
        sets.append(plain_set(_PREFIX_RECEIVERS, receiver, quoted, interval=True))
    return sets


def _ways(
    block: IPv6Network, open_egress: bool, open_ingress: bool, limited: bool, *, all_tracked: bool, delegated: bool
) -> tuple[NftChain, ...]:
    """Return the chains that every subnet has: where a packet comes from decides what it has to pass.

    `open_egress`, `open_ingress`: the network ACL allows all that leaves the subnet, or comes to it. `limited`: the
    connections of each instance are counted. `all_tracked`: no instance has flows that are not tracked. `delegated`:
    some instances have prefixes.
    """
    by_prefix = (f"iifname . ip6 saddr @{group_rules.PREFIX_SOURCES} accept",) if delegated else ()
    spoofed = (
        f"{FRAGMENTED} exthdr frag exists jump fragments",
        f'iifname "{FABRIC_LINK}" accept',
        f"iifname . ip6 saddr @{group_rules.SOURCES} accept",
        *by_prefix,
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
    receivers = (_RECEIVERS, _PREFIX_RECEIVERS) if delegated else (_RECEIVERS,)
    quoting = f"@th,64,8 0x60-0x6f iifname . {_QUOTED_DESTINATION}"  # it quotes IPv6
    about_it = (f"{quoting} @{each} return" for each in receivers)
    piece = f"ip6 saddr {PEER_LINK_LOCAL} frag frag-off != 0 return"  # what is not tracked stays in pieces
    errors = (*about_it, piece, _DROP_ERROR)
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


def _counted(instances: int, connections: int, owners: tuple[NftSet, ...]) -> list[NftSet]:
    """Return the sets of connections and rates of so many instances. `owners`: see `owner_rules.owners`."""
    sets = [
        NftSet(_PER_INSTANCE, "ipv6_addr . mark", size=_room(instances, connections)),
        rates(_rounded(instances)),
    ]
    if owners:
        several = owner_rules.count(owners)
        sets += owners
        sets.append(NftSet(_PER_OWNER, f"{owner_rules.TYPE} . mark", size=_room(several, connections)))
        sets.append(owner_rates(_rounded(several)))
    return sets


def _room(instances: int, connections: int) -> int:
    """Return how many lists there may be: enough for all. Linux makes room for so many at once, and what is counted is
    forgotten when the number changes; so it is a power of two."""
    lists, _ = limit_lists(connections)
    return lists * _rounded(instances)


def _rounded(number: int) -> int:
    """Return a power of two that is not less."""
    return 1 << max(5, (number - 1).bit_length())


def _fragments(vpc: tuple[IPv6Network, ...], limited: bool, *, owned: bool, delegated: bool) -> tuple[NftChain, ...]:
    """Return rules that a fragment must pass before Linux keeps it until all of its packet has come.

    `owned`: some instances have several addresses; `delegated`: some have prefixes.
    """
    whole = 'frag nexthdr { 0, 43, 44, 51, 60 } counter name "drop_extension_header" drop'
    if not limited:
        return (NftChain("fragments", rules=(f'iifname "{FABRIC_LINK}" return', whole)),)
    drop = 'counter name "drop_fragment" drop'
    not_its_own = f"iifname . ip6 saddr != @{group_rules.SOURCES}"
    not_its_own += f" iifname . ip6 saddr != @{group_rules.PREFIX_SOURCES}" if delegated else ""
    outward = (
        f'iifname "{FABRIC_LINK}" goto fragments_in',
        f"{not_its_own} ip6 saddr != {PEER_LINK_LOCAL} return",  # refused as spoofed
        whole,
        *_by_owner("saddr", "fragments_owner", owned),
        f"{within_rate('saddr')} return",
        drop,
    )
    inward = (
        f"ip6 saddr {blocks_text(vpc)} accept",
        f"fib daddr type != unicast {drop}",  # no instance has the address
        *_by_owner("daddr", "fragments_owner", owned),
        f"{within_rate('daddr')} accept",
        drop,
    )
    by_owner = NftChain("fragments_owner", rules=(f"{within_owner_rate()} accept", drop))
    return (
        NftChain("fragments", rules=outward),
        NftChain("fragments_in", rules=inward),
        *((by_owner,) if owned else ()),
    )


def _by_owner(address: Literal["saddr", "daddr"], chain: str, owned: bool) -> tuple[str, ...]:
    """Return the rule that counts an instance with several addresses in `chain`, if there are such instances."""
    return (f"{owner_rules.is_owned(address)} goto {chain}",) if owned else ()


def _count(address: Literal["saddr", "daddr"], connections: int, owned: bool) -> tuple[str, ...]:
    """Return what begins no flow, what follows the packet that began one, and what may begin one more flow."""
    return (
        "ct state != new return",
        "ct status confirmed return",
        *_by_owner(address, "count_owner", owned),
        f"{within_limit(_PER_INSTANCE, address, connections)} return",
        _DROP_LIMIT,
    )


def _counting(connections: int, *, owned: bool) -> tuple[NftChain, ...]:
    """Return the chains to which `_ways` refers if connections are counted."""
    by_owner = NftChain("count_owner", rules=(f"{within_owner_limit(_PER_OWNER, connections)} return", _DROP_LIMIT))
    return (
        *((by_owner,) if owned else ()),
        NftChain("count_receiver", rules=_count("daddr", connections, owned)),
        NftChain("count_sender", rules=_count("saddr", connections, owned)),
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
        (text, protocol, peers)
        for item in instances
        for text in owner_rules.texts(item)
        for protocol in (TCP, UDP)
        if filters.open_both_ways(item, protocol)
        for peers in destinations
    ]
    if not found:
        return [], []
    elements = (f"{text} . {protocol} . {addresses_text(peers)}" for text, protocol, peers in found)
    quotes = (f"{text} . {protocol:#x} . {_octets_text(peers)}" for text, protocol, peers in found)
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
