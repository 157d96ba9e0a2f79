"""The nftables rules of a subnet's namespace: source check, network ACL, security groups.

    raw [-300]        flows that AWS does not track: those of instances whose groups are open both ways
    conntrack [-200]
    prerouting [0]    from a port:   source check ─▶ network ACL (egress) ─▶ known flow? ─▶ groups of the sender
                      within:        source check ─────────────────────────▶ known flow? ─▶ sender's, then receiver's
                      from the VPC:  network ACL (ingress) ────────────────▶ known flow? ─▶ groups of the receiver

The ACL comes before the known flows, so that a change of it cuts them; the groups come after, so that theirs does not.
All of it is decided before the routing lookup: a refused packet is never answered. Security groups are sets of
(instance, peer, port) elements, so the number of rules a packet meets does not grow with instances.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv6Network

from eigw_ns.cloud.filtering import (
    ICMPV6,
    TCP,
    UDP,
    members,
    network_acl,
    open_both_ways,
    security_groups,
)
from eigw_ns.cloud.model import ALL_PROTOCOLS, Cloud, Instance, NetworkAcl, NetworkAclEntry, SecurityGroupRule, Subnet
from eigw_ns.dataplane.names import FABRIC_LINK, PEER_LINK_LOCAL, port_name
from eigw_ns.dataplane.ranges import (
    Box,
    Range,
    address_range,
    addresses_text,
    disjoint,
    merged,
    numbers_text,
)
from eigw_ns.dataplane.rules import PREROUTING, plain_set, table
from eigw_ns.dataplane.state import NftChain, NftSet, Ruleset

_ALL_NUMBERS = (0, 65535)
_KNOWN_FLOW = (
    "ct state established,related accept",
    # an ICMPv6 error about a flow that is not tracked counts as invalid, and path MTU discovery needs it
    f'ct state invalid meta l4proto != {ICMPV6} counter name "drop_invalid" drop',
)


def subnet(namespace: str, filters: Filters, subject: Subnet, untracked: Iterable[Range]) -> Ruleset:
    """The whole table. `untracked` are the destinations whose flows AWS does not track where all is open."""
    cloud, instances = filters.cloud, filters.instances.get(subject.id, [])
    block = subject.ipv6_cidr_block
    sources = (f'"{port_name(item.id)}" . {item.ipv6_address}' for item in instances)
    raw_set, raw_chain = _untracked(cloud, instances, tuple(untracked))
    sets = [
        plain_set("router", "ipv6_addr", ("fe80::/10", "ff00::/8", str(block[1])), interval=True),
        plain_set("sources", "ifname . ipv6_addr", sources),
        *raw_set,
    ]
    chains = [*_ways(block), *raw_chain]
    acl = network_acl(cloud, subject)
    for egress in (True, False):
        group_sets, group_chain = _groups(filters, instances, egress=egress)
        sets += group_sets
        chains += [group_chain, _acl(acl, egress=egress)]
    return table(namespace, sets, chains)


def _ways(block: IPv6Network) -> tuple[NftChain, ...]:
    """The chains that every subnet has: where a packet comes from decides what it has to pass."""
    prerouting = (
        'meta nfproto ipv4 counter name "drop_ipv4" drop',
        f'iifname "{FABRIC_LINK}" goto from_vpc',
        "iifname . ip6 saddr @sources goto from_port",
        f"ip6 saddr {PEER_LINK_LOCAL} accept",  # to the router only: link-local is never forwarded
        'counter name "drop_source" drop',
    )
    from_port = (
        "ip6 daddr @router accept",
        f"ip6 daddr {block} goto within",
        "jump acl_egress",
        *_KNOWN_FLOW,
        "jump group_egress",
        "accept",
    )
    within = (*_KNOWN_FLOW, "jump group_egress", "jump group_ingress", "accept")
    from_vpc = ("jump acl_ingress", *_KNOWN_FLOW, "jump group_ingress", "accept")
    return (
        NftChain("from_port", rules=from_port),
        NftChain("from_vpc", rules=from_vpc),
        NftChain("prerouting", PREROUTING, prerouting),
        NftChain("within", rules=within),
    )


# ---- network ACL -----------------------------------------------------------------------------------------------------


def _acl(acl: NetworkAcl, *, egress: bool) -> NftChain:
    """The entries of one direction, in order; what none matches is denied. An entry that allows all ends the list."""
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
    """The entry's conditions as nft lists them; empty where it matches everything."""
    address = "daddr" if entry.egress else "saddr"
    parts = [f"ip6 {address} {addresses_text(address_range(block))}"] if block.prefixlen else []
    if entry.protocol in (TCP, UDP) and entry.ports not in (None, _ALL_NUMBERS):
        assert entry.ports is not None
        parts.append(f"{'tcp' if entry.protocol == TCP else 'udp'} dport {numbers_text(entry.ports)}")
    elif entry.protocol == ICMPV6 and entry.icmp is not None and entry.icmp[0] != -1:
        numbers = numbers_text(_icmp_numbers(*entry.icmp))  # nft lists no other form as it is written
        parts.append(f"meta l4proto . th sport {{ {ICMPV6} . {numbers} }}")
    elif entry.protocol != ALL_PROTOCOLS:
        parts.append(f"meta l4proto {entry.protocol}")
    return " ".join(parts)


def _icmp_numbers(icmp_type: int, icmp_code: int) -> Range:
    """Type and code as one number: they are the two octets at which other protocols have their source port."""
    if icmp_type == -1:
        return _ALL_NUMBERS
    if icmp_code == -1:
        return icmp_type << 8, (icmp_type << 8) + 255
    return (icmp_type << 8) + icmp_code, (icmp_type << 8) + icmp_code


# ---- security groups -------------------------------------------------------------------------------------------------


def _groups(filters: Filters, instances: Iterable[Instance], *, egress: bool) -> tuple[list[NftSet], NftChain]:
    """The sets of what the instances' groups allow in one direction, and the chain that returns where one matches."""
    way = "egress" if egress else "ingress"
    own, peer = ("saddr", "daddr") if egress else ("daddr", "saddr")
    any_protocol: list[str] = []
    whole_protocol: list[str] = []
    ports: list[str] = []
    icmp: list[str] = []
    for instance in instances:
        allowed = filters.allowed(instance, egress=egress)
        me = f"{instance.ipv6_address} . "
        any_protocol += [me + peers for peers in allowed.any_protocol]
        whole_protocol += [me + peers for peers in allowed.whole_protocol]
        ports += [me + peers for peers in allowed.ports]
        icmp += [me + peers for peers in allowed.icmp]
    shapes = (
        ("any", "ipv6_addr . ipv6_addr", f"ip6 {own} . ip6 {peer}", any_protocol),
        ("protocol", "ipv6_addr . inet_proto . ipv6_addr", f"ip6 {own} . meta l4proto . ip6 {peer}", whole_protocol),
        (
            "ports",
            "ipv6_addr . inet_proto . ipv6_addr . inet_service",
            f"ip6 {own} . meta l4proto . ip6 {peer} . th dport",
            ports,
        ),
        (
            "icmp",
            "ipv6_addr . inet_proto . ipv6_addr . inet_service",
            f"ip6 {own} . meta l4proto . ip6 {peer} . th sport",
            icmp,
        ),
    )
    used = [(f"{way}_{name}", kind, key, elements) for name, kind, key, elements in shapes if elements]
    sets = [plain_set(name, kind, elements, interval=True) for name, kind, _, elements in used]
    rules = [f"{key} @{name} return" for name, _, key, _ in used]
    return sets, NftChain(f"group_{way}", rules=(*rules, f'counter name "drop_group_{way}" drop'))


@dataclass(frozen=True, slots=True)
class _Allowed:
    """What some groups allow together in one direction: the sets' elements, without the instance in front of each."""

    any_protocol: tuple[str, ...]
    whole_protocol: tuple[str, ...]
    ports: tuple[str, ...]
    icmp: tuple[str, ...]


class Filters:
    """What the rules of a cloud's subnets have in common, each worked out once: most instances share their groups."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.instances: dict[str, list[Instance]] = {}
        for instance in cloud.instances.values():
            self.instances.setdefault(instance.subnet_id, []).append(instance)
        self._allowed: dict[tuple[bool, tuple[str, ...]], _Allowed] = {}

    def allowed(self, instance: Instance, *, egress: bool) -> _Allowed:
        """What all groups of the instance allow together."""
        key = (egress, instance.security_group_ids)
        if key not in self._allowed:
            groups = security_groups(self.cloud, instance)
            self._allowed[key] = self._together([rule for group in groups for rule in group.rules], egress)
        return self._allowed[key]

    def _together(self, rules: Iterable[SecurityGroupRule], egress: bool) -> _Allowed:
        mine = [rule for rule in rules if rule.egress is egress]
        protocols = sorted({rule.protocol for rule in mine} - {ALL_PROTOCOLS})
        whole = {protocol: self._whole(mine, protocol) for protocol in (ALL_PROTOCOLS, *protocols)}
        parts = [(protocol, part) for protocol in protocols for part in self._parts(mine, protocol)]
        return _Allowed(
            tuple(map(addresses_text, whole[ALL_PROTOCOLS])),
            tuple(f"{protocol} . {addresses_text(peers)}" for protocol in protocols for peers in whole[protocol]),
            tuple(_part_text(protocol, part) for protocol, part in parts if protocol != ICMPV6),
            tuple(_part_text(protocol, part) for protocol, part in parts if protocol == ICMPV6),
        )

    def _whole(self, rules: Iterable[SecurityGroupRule], protocol: int) -> list[Range]:
        """The peers to which all of the protocol is allowed, as ranges that do not overlap."""
        whole = [rule for rule in rules if rule.protocol == protocol and _numbers(rule) == _ALL_NUMBERS]
        return merged(peers for rule in whole for peers in self._peers(rule))

    def _parts(self, rules: Iterable[SecurityGroupRule], protocol: int) -> list[Box]:
        """The peers, and the ports (or ICMPv6 types and codes) to which only those are allowed."""
        parts = [rule for rule in rules if rule.protocol == protocol and _numbers(rule) != _ALL_NUMBERS]
        return disjoint([(peers, _numbers(rule)) for rule in parts for peers in self._peers(rule)])

    def _peers(self, rule: SecurityGroupRule) -> Iterator[Range]:
        if isinstance(rule.peer, str):
            yield from map(address_range, members(self.cloud, rule.peer))
        elif isinstance(rule.peer, IPv6Network):
            yield address_range(rule.peer)


def _part_text(protocol: int, part: Box) -> str:
    peers, numbers = part
    return f"{protocol} . {addresses_text(peers)} . {numbers_text(numbers)}"


def _numbers(rule: SecurityGroupRule) -> Range:
    if rule.from_port is None or rule.to_port is None or rule.protocol not in (TCP, UDP, ICMPV6):
        return _ALL_NUMBERS
    return _icmp_numbers(rule.from_port, rule.to_port) if rule.protocol == ICMPV6 else (rule.from_port, rule.to_port)


def _untracked(
    cloud: Cloud, instances: Iterable[Instance], destinations: tuple[Range, ...]
) -> tuple[list[NftSet], list[NftChain]]:
    """AWS does not track TCP and UDP of an instance whose groups are open both ways, save through an egress-only
    gateway; the peers in its own subnet are tracked here, since they share the table of connections with it."""
    elements = [
        f"{item.ipv6_address} . {protocol} . {addresses_text(peers)}"
        for item in instances
        for protocol in (TCP, UDP)
        if open_both_ways(cloud, item, protocol)
        for peers in destinations
    ]
    if not elements:
        return [], []
    rules = (
        "ip6 saddr . meta l4proto . ip6 daddr @untracked notrack",
        "ip6 daddr . meta l4proto . ip6 saddr @untracked notrack",
    )
    hook = "type filter hook prerouting priority raw; policy accept;"
    found = plain_set("untracked", "ipv6_addr . inet_proto . ipv6_addr", elements, interval=True)
    return [found], [NftChain("raw", hook, rules)]
