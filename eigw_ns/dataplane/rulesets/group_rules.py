"""Compile the security groups of a subnet's instances to nftables sets, and to the chain that looks them up.

A rule whose peer is a block becomes an element. Instances that may communicate with every address are in a set without
peers.

A rule whose peer is a group stands for the group's members. A VPC may have hundreds of them in as many subnets. If each
subnet listed them all, each new subnet would make all others slower. So for ingress, one element (a span) covers all
members that follow each other with no other instance between them. No other node can send from the addresses between
them: a subnet's source check passes only its instances' addresses, and no gateway lets the VPC's addresses in. The
exceptions are the subnets' routers (`::1`), which the rule excludes. For egress, a sender may try the addresses between
members, so each member is an element.

While rules change, an instance that leaves must be unable to send before a span covers its address: see `stages`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import IPv6Network
from itertools import groupby
from operator import itemgetter

from eigw_ns.cloud.filtering import ICMPV6, TCP, UDP, are_open, members
from eigw_ns.cloud.model import ALL_PROTOCOLS, Cloud, Instance, SecurityGroupRule
from eigw_ns.dataplane.compile.memo import Memo
from eigw_ns.dataplane.compile.notation import addresses_text, numbers_text
from eigw_ns.dataplane.compile.ranges import ALL_NUMBERS, Box, Range, address_range, disjoint, icmp_numbers, merged
from eigw_ns.dataplane.rulesets import owner_rules
from eigw_ns.dataplane.rulesets.gateway_rules import plain_set
from eigw_ns.dataplane.state import NftChain, NftSet, Ruleset
from eigw_ns.frozen import frozen

SOURCES = "sources"
"""Name of the set of the (port, address) pairs from which instances may send."""

PREFIX_SOURCES = "prefix_sources"
"""Name of the set of the (port, prefix) pairs from which instances may send."""

SENDING = frozenset({SOURCES, PREFIX_SOURCES})

_SORTED, _ALLOWED = 1, 3
"""Ranks of results (`compile.memo`): instances in order, and what groups allow."""

_EGRESS, _INGRESS = "egress", "ingress"
_MEMBERS = "_members"
_INTERFACE_ID = (1 << 64) - 1
_ROUTER = 1  # the interface id of a subnet's router in its first /64
_EVERYBODY = (0, (1 << 128) - 1)
_ALL = "all"
"""Name of the set of instances that may communicate with every address, as a group's default rules allow. It needs no
ranges, and saves most subnets a set of pairs with ranges (pipapo), which takes Linux as long to make as a veth pair."""

_ALL_PREFIXES = "all_prefixes"
"""Name of the set of the prefixes of such instances."""

_Sender = tuple[int, int, Instance]
"""The first and the last address of a range from which an instance may send, and the instance."""

_NOT_A_ROUTER = "ip6 saddr & ::ffff:ffff:ffff:ffff != ::1 "


def chain(filters: Filters, instances: Iterable[Instance], *, egress: bool) -> tuple[list[NftSet], NftChain]:
    """Return the sets of what the instances' groups allow in one direction, and the chain that looks them up.

    The chain returns if a set matches, and drops otherwise.
    """
    way = _EGRESS if egress else _INGRESS
    known = [(text, *filters.allowed(item, egress=egress)) for item in instances for text in owner_rules.texts(item)]
    found = [*_sets(way, "", "", [(me, peers) for me, peers, _ in known])]
    found += _sets(way, _MEMBERS, _NOT_A_ROUTER, [(me, spans) for me, _, spans in known])
    rules = (*(rule for _, rule in found), f'counter name "drop_group_{way}" drop')
    return [item for item, _ in found], NftChain(f"group_{way}", rules=rules)


def _sets(way: str, suffix: str, condition: str, known: Iterable[tuple[str, _Allowed]]) -> Iterator[tuple[NftSet, str]]:
    """Yield each set that has elements, with the rule that looks it up."""
    known = tuple(known)
    own, peer = ("saddr", "daddr") if way == _EGRESS else ("daddr", "saddr")
    short, long = "ipv6_addr . inet_proto . ipv6_addr", "ipv6_addr . inet_proto . ipv6_addr . inet_service"
    key = f"ip6 {own} . meta l4proto . ip6 {peer}"
    shapes = (
        (_ALL, "ipv6_addr", f"ip6 {own}", [me for me, may in known if may.all and "/" not in me]),
        (_ALL_PREFIXES, "ipv6_addr", f"ip6 {own}", [me for me, may in known if may.all and "/" in me]),
        ("any", "ipv6_addr . ipv6_addr", f"ip6 {own} . ip6 {peer}", _pairs((me, may.any) for me, may in known)),
        ("protocol", short, key, _pairs((me, may.protocol) for me, may in known)),
        ("ports", long, f"{key} . th dport", _pairs((me, may.ports) for me, may in known)),
        ("icmp", long, f"{key} . th sport", _pairs((me, may.icmp) for me, may in known)),
    )
    for shape, kind, packet, elements in shapes:
        if elements:
            name = f"{way}_{shape}{suffix}"
            yield plain_set(name, kind, elements, interval=shape != _ALL), f"{condition}{packet} @{name} return"


def _pairs(allowed: Iterable[tuple[str, tuple[str, ...]]]) -> list[str]:
    return [f"{me} . {to}" for me, peers in allowed for to in peers]


# ---- what groups allow -----------------------------------------------------------------------------------------------


@frozen
class _Allowed:
    """Whether everything is allowed; if not, the elements of the other four sets, without the instance's address."""

    all: bool
    any: tuple[str, ...]
    protocol: tuple[str, ...]
    ports: tuple[str, ...]
    icmp: tuple[str, ...]


class Filters:
    """What the group rules of a cloud's subnets share. Each combination of groups is compiled once."""

    def __init__(self, cloud: Cloud, memo: Memo) -> None:
        self.cloud, self._memo = cloud, memo

    def instances(self, subnet_id: str) -> tuple[Instance, ...]:
        """Return the instances of the subnet, in the order of their addresses."""
        return self._memo.recall(_SORTED + 1, self._of_subnet, subnet_id)

    def owners(self, vpc_id: str) -> tuple[NftSet, ...]:
        """See `owner_rules.for_gateway`, for the instances of a VPC in the order of their addresses."""
        return self._memo.recall(_ALLOWED, self._owners, vpc_id)

    def allowed(self, instance: Instance, *, egress: bool) -> tuple[_Allowed, _Allowed]:
        """Return what all groups of the instance allow together: first for exact peers, then for spans of members."""
        return self._memo.recall(_ALLOWED, self._allowed, egress, instance.security_group_ids)

    def open_both_ways(self, instance: Instance, protocol: int) -> bool:
        """See `cloud.filtering.open_both_ways`."""
        return self._memo.recall(_ALLOWED, self._open, protocol, instance.security_group_ids)

    def _of_subnet(self, subnet_id: str) -> tuple[Instance, ...]:
        return self._memo.recall(_SORTED, self._by_subnet).get(subnet_id, ())

    def _by_subnet(self) -> dict[str, tuple[Instance, ...]]:
        found: dict[str, list[Instance]] = {}
        for instance in sorted(self.cloud.instances.values(), key=lambda item: item.addresses):
            found.setdefault(instance.subnet_id, []).append(instance)
        return {subnet_id: tuple(instances) for subnet_id, instances in found.items()}

    def _senders(self, vpc_id: str) -> list[_Sender]:
        """Return the addresses from which instances of the VPC may send, ascending."""
        here = {subnet.id for subnet in self.cloud.subnets.values() if subnet.vpc_id == vpc_id}
        found = (instance for instance in self.cloud.instances.values() if instance.subnet_id in here)
        senders = ((*ends, instance) for instance in found for ends in map(address_range, instance.blocks))
        return sorted(senders, key=itemgetter(0))

    def _owners(self, vpc_id: str) -> tuple[NftSet, ...]:
        found = (self.instances(subnet.id) for subnet in self.cloud.subnets.values() if subnet.vpc_id == vpc_id)
        return owner_rules.for_gateway([instance for instances in found for instance in instances])

    def _allowed(self, egress: bool, group_ids: tuple[str, ...]) -> tuple[_Allowed, _Allowed]:
        rules = [rule for rule in self._rules(group_ids) if rule.egress is egress]
        peers = _together((rule, list(self._peers(rule))) for rule in rules)
        return peers, _together((rule, self._spans(rule)) for rule in rules)

    def _open(self, protocol: int, group_ids: tuple[str, ...]) -> bool:
        return are_open(self._rules(group_ids), protocol)

    def _rules(self, group_ids: Iterable[str]) -> list[SecurityGroupRule]:
        return [rule for each in group_ids for rule in self.cloud.security_groups[each].rules]

    def _peers(self, rule: SecurityGroupRule) -> Iterator[Range]:
        """Yield the exact peers of a rule: its block, or those members of its group that no span covers."""
        if isinstance(rule.peer, IPv6Network):
            yield address_range(rule.peer)
        elif isinstance(rule.peer, str):
            ranges = (address_range(block) for item in members(self.cloud, rule.peer) for block in item.blocks)
            yield from ranges if rule.egress else _routers(ranges)

    def _spans(self, rule: SecurityGroupRule) -> list[Range]:
        """Return the spans of an ingress rule's group: runs of members with no other instance of the VPC between."""
        if rule.egress or not isinstance(rule.peer, str):
            return []
        vpc_id = self.cloud.security_groups[rule.peer].vpc_id
        known = self._memo.recall(_SORTED, self._senders, vpc_id)
        senders = [each for each in known if each[1] & _INTERFACE_ID != _ROUTER]
        runs = groupby(senders, lambda each: rule.peer in each[2].security_group_ids)
        ends = [(is_member, *_ends(run)) for is_member, run in runs]
        before = [-1, *(last for _, _, last in ends)]
        after = [*(first for _, first, _ in ends[1:]), 1 << 128]
        return [
            _widened((first, last), previous, following)
            for (is_member, first, last), previous, following in zip(ends, before, after, strict=False)
            if is_member
        ]


def _widened(span: Range, before: int, after: int) -> Range:
    """Widen a span of several /64 blocks to the edges of its first and last /64.

    It is not widened over `before` and `after`, the addresses of the neighbouring instances.
    """
    first, last = span[0] & ~_INTERFACE_ID, span[1] | _INTERFACE_ID
    if last - first == _INTERFACE_ID:
        return span
    return first if before < first else span[0], last if after > last else span[1]


def _ends(run: Iterable[_Sender]) -> Range:
    """Return the first and the last address of a run that is sorted by address."""
    ranges = [(first, last) for first, last, _ in run]
    return ranges[0][0], ranges[-1][1]


def _routers(ranges: Iterable[Range]) -> Iterator[Range]:
    """Yield the addresses in ranges of at most a /64 that a subnet's router would have, if one were in this /64."""
    for first, last in ranges:
        router = first & ~_INTERFACE_ID | _ROUTER
        if first <= router <= last:
            yield router, router


def _together(given: Iterable[tuple[SecurityGroupRule, list[Range]]]) -> _Allowed:
    """Return what rules with these peers allow together, as elements that do not overlap."""
    rules = [(rule.protocol, _numbers(rule), peers) for rule, peers in given if peers]
    protocols = sorted({protocol for protocol, _, _ in rules} - {ALL_PROTOCOLS})
    whole = {
        wanted: merged(each for protocol, numbers, peers in rules for each in peers if (protocol, numbers) == wanted)
        for wanted in ((protocol, ALL_NUMBERS) for protocol in (ALL_PROTOCOLS, *protocols))
    }
    parts = [(wanted, part) for wanted in protocols for part in _parts(rules, wanted)]
    peers_of_all = whole[ALL_PROTOCOLS, ALL_NUMBERS]
    if peers_of_all == [_EVERYBODY]:
        return _Allowed(True, (), (), (), ())
    return _Allowed(
        False,
        tuple(map(addresses_text, peers_of_all)),
        tuple(f"{proto} . {addresses_text(peers)}" for proto in protocols for peers in whole[proto, ALL_NUMBERS]),
        tuple(_part_text(protocol, part) for protocol, part in parts if protocol != ICMPV6),
        tuple(_part_text(protocol, part) for protocol, part in parts if protocol == ICMPV6),
    )


def _parts(rules: Iterable[tuple[int, Range, list[Range]]], wanted: int) -> list[Box]:
    """Return boxes of peers and ports (or ICMPv6 types and codes) for the rules that do not allow all ports."""
    found = [(numbers, peers) for protocol, numbers, peers in rules if protocol == wanted and numbers != ALL_NUMBERS]
    return disjoint([(each, numbers) for numbers, peers in found for each in peers])


def _part_text(protocol: int, part: Box) -> str:
    peers, numbers = part
    return f"{protocol} . {addresses_text(peers)} . {numbers_text(numbers)}"


def _numbers(rule: SecurityGroupRule) -> Range:
    if rule.from_port is None or rule.to_port is None or rule.protocol not in (TCP, UDP, ICMPV6):
        return ALL_NUMBERS
    return icmp_numbers(rule.from_port, rule.to_port) if rule.protocol == ICMPV6 else (rule.from_port, rule.to_port)


# ---- stages of a change ----------------------------------------------------------------------------------------------

_Element = tuple[str, str]


def stages(old: Ruleset, new: Ruleset) -> tuple[Ruleset, Ruleset, Ruleset]:
    """Return the three rulesets through which a namespace goes from `old` to `new`.

    All namespaces reach a stage before any of them goes on, so that no span ever covers a sender that it does not mean:

    1. Instances that leave can no longer send.
    2. The spans are the new ones.
    3. Instances that came or moved can send from their new place.

    Instances that came and that moved are treated alike: after a change that was interrupted behind stage 1, the rules
    no longer show which instances could send before. Before stage 3, no flow to these instances is let in either, since
    packets to the address may still reach its previous owner. Between stages 2 and 3, `plan` ends that, and the
    previous owner's flows.
    """
    before, after = _sources(old), _sources(new)
    staying = before & after
    spans = {item.name: item for item in old.sets if item.name.endswith(_MEMBERS)}
    first = _held_back(new, staying, spans) if before - after else old
    return first, _held_back(new, staying, None), new


def _held_back(rules: Ruleset, staying: set[_Element], spans: dict[str, NftSet] | None) -> Ruleset:
    """Return `rules` with only the sources `staying`, and with the given spans (None keeps its own)."""
    arriving = {source.partition(" . ")[2] for source, _ in _sources(rules) - staying}
    sets = []
    for item in rules.sets:
        if item.name in SENDING:
            item = replace(item, elements=tuple(each for each in item.elements if each in staying))
        elif spans is not None and item.name.endswith(_MEMBERS):
            item = replace(item, elements=spans[item.name].elements if item.name in spans else ())
        if arriving and item.name.startswith(_INGRESS):
            kept = (each for each in item.elements if each[0].partition(" . ")[0] not in arriving)
            item = replace(item, elements=tuple(kept))
        sets.append(item)
    return replace(rules, sets=tuple(sets))


def _sources(rules: Ruleset) -> set[_Element]:
    return {element for item in rules.sets if item.name in SENDING for element in item.elements}
