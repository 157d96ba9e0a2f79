"""Exposure: what the internet can reach after a change of a cloud, and could not reach before.

A packet of the internet arrives in a subnet if the subnet's route table leads to its source through an internet
gateway, and the ingress rules of the network ACL allow it. An instance takes it if a security group allows it, too.
Route tables, ACLs and groups decide alike about all packets between the limits that their rules name. So one packet
for each combination of such parts shows everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network
from itertools import product

from eigw_ns.cloud.addressing import GLOBAL_UNICAST
from eigw_ns.cloud.families import ipv6_part
from eigw_ns.cloud.filtering import (
    EVERYWHERE,
    ICMPV6,
    TCP,
    UDP,
    Packet,
    acl_entry,
    network_acl,
    rule_matches,
    security_groups,
)
from eigw_ns.cloud.model import (
    ALL_PROTOCOLS,
    Cloud,
    Instance,
    NetworkAcl,
    SecurityGroupRule,
    Subnet,
)
from eigw_ns.cloud.routing import effective_route_table, target_gateway
from eigw_ns.dataplane.compile.gateways import kind_of
from eigw_ns.frozen import frozen

_EVERYTHING = SecurityGroupRule("", False, ALL_PROTOCOLS, None, None, EVERYWHERE)
"""A rule of no group, which stands for the absence of groups in front of a subnet."""


@frozen
class Exposure:
    """A subnet or instance that takes packets of the internet which it did not take before.

    `rules` are the security group rules that let them in; none for a subnet. `further` tells that the resource took
    other packets of the internet before.
    """

    id: str
    rules: tuple[SecurityGroupRule, ...]
    further: bool


@frozen
class _Inbound:
    """What decides about packets of the internet: a value, so that equal decisions are made once."""

    blocks: tuple[IPv6Network, ...]
    routes: tuple[tuple[IPv6Network, bool], ...]  # whether it leads to a gateway that is open both ways
    acl: NetworkAcl
    rules: tuple[SecurityGroupRule, ...]

    def takes(self, packet: Packet) -> bool:
        return self.routed(packet.source) and self.filtered(packet)

    def routed(self, source: IPv6Address) -> bool:
        matching = [(prefix.prefixlen, leads) for prefix, leads in self.routes if source in prefix]
        return not any(source in block for block in self.blocks) and max(matching, default=(0, False))[1]

    def filtered(self, packet: Packet) -> bool:
        entry = acl_entry(self.acl, packet, egress=False)
        allowed = entry is not None and entry.action == "allow"
        return allowed and any(packet.source in _block(rule) and rule_matches(rule, packet) for rule in self.rules)


_NOTHING = _Inbound((EVERYWHERE,), (), NetworkAcl("", "", ""), ())


def exposed(before: Cloud | None, after: Cloud) -> Iterator[Exposure]:
    """Yield the subnets, then the instances, that the internet reaches by more packets than `before`.

    Nothing is reachable in a cloud that does not exist (None). A subnet is named only if it was not reachable at all.
    """
    earlier = dict(_all_inbound(before)) if before else {}
    known: dict[tuple[_Inbound, _Inbound], tuple[SecurityGroupRule, ...]] = {}

    def opened(old: _Inbound, new: _Inbound) -> tuple[SecurityGroupRule, ...]:
        if (old, new) not in known:
            known[old, new] = tuple(rule for rule in new.rules if old != new and _opens(old, new, rule))
        return known[old, new]

    for resource_id, new in _all_inbound(after):
        old = earlier.get(resource_id, _NOTHING)
        rules = opened(old, new)
        further = bool(rules and opened(_NOTHING, old))
        if rules and resource_id in after.instances:
            yield Exposure(resource_id, rules, further)
        elif rules and not further:
            yield Exposure(resource_id, (), further)


def _all_inbound(cloud: Cloud) -> Iterator[tuple[str, _Inbound]]:
    cloud = ipv6_part(cloud)
    subnets = {subnet.id: _subnet_inbound(cloud, subnet) for subnet in cloud.subnets.values()}
    yield from subnets.items()
    for instance in cloud.instances.values():
        yield instance.id, replace(subnets[instance.subnet_id], rules=_ingress(cloud, instance))


def _subnet_inbound(cloud: Cloud, subnet: Subnet) -> _Inbound:
    table = effective_route_table(cloud, subnet)
    targets = [(route.destination, target_gateway(cloud, table, route)) for route in table.routes]
    routes = tuple((prefix, gateway is not None and not kind_of(gateway).stateful) for prefix, gateway in targets)
    entries = tuple(entry for entry in network_acl(cloud, subnet).entries if not entry.egress)
    blocks = cloud.vpcs[subnet.vpc_id].ipv6_cidr_blocks
    return _Inbound(blocks, routes, NetworkAcl("", "", "", entries=entries), (_EVERYTHING,))


def _ingress(cloud: Cloud, instance: Instance) -> tuple[SecurityGroupRule, ...]:
    """Return the ingress rules of the instance with an IPv6 block, without what decides about no packet."""
    rules = (rule for group in security_groups(cloud, instance) for rule in group.rules)
    plain = (replace(rule, id="", description="", tags=()) for rule in rules)
    return tuple(dict.fromkeys(rule for rule in plain if not rule.egress and isinstance(rule.peer, IPv6Network)))


def _opens(old: _Inbound, new: _Inbound, rule: SecurityGroupRule) -> bool:
    """Return whether the rule lets in a packet that is taken now and was not taken before."""
    both = (old, new)
    alone = replace(new, rules=(rule,))
    for source in _sources(both, rule):
        if not new.routed(source):
            continue
        for protocol, port, icmp_type, icmp_code in _kinds(both, rule):
            packet = Packet(protocol, source, new.blocks[0][0], 0, port, icmp_type, icmp_code)
            if alone.filtered(packet) and not old.takes(packet):
                return True
    return False


def _block(rule: SecurityGroupRule) -> IPv6Network:
    assert isinstance(rule.peer, IPv6Network)
    return rule.peer


def _sources(both: Iterable[_Inbound], rule: SecurityGroupRule) -> Iterator[IPv6Address]:
    """Yield an address of the internet in each part of the rule's block that routes, entries or rules set apart."""
    named: set[IPv6Network] = set()
    for each in both:
        named |= {prefix for prefix, _ in each.routes} | set(map(_block, each.rules)) | set(each.blocks)
        named |= {entry.cidr_block for entry in each.acl.entries if isinstance(entry.cidr_block, IPv6Network)}
    whole = _on_the_internet(_block(rule))
    parts = {part for part in map(_on_the_internet, named) if part and whole and part.subnet_of(whole)}
    for part in sorted(parts | ({whole} if whole else set())):
        address = _outside(part, (other for other in parts if other != part and other.subnet_of(part)))
        if address is not None:
            yield address


def _on_the_internet(block: IPv6Network) -> IPv6Network | None:
    if block.supernet_of(GLOBAL_UNICAST):
        return GLOBAL_UNICAST
    return block if block.subnet_of(GLOBAL_UNICAST) else None


def _outside(block: IPv6Network, holes: Iterable[IPv6Network]) -> IPv6Address | None:
    """Return the first address of the block that is in no hole; None if holes cover the block."""
    cursor = int(block.network_address)
    for hole in sorted(holes):
        if int(hole.network_address) > cursor:
            break
        cursor = max(cursor, int(hole.broadcast_address) + 1)
    return IPv6Address(cursor) if cursor <= int(block.broadcast_address) else None


Kind = tuple[int, int, int, int]
"""A protocol, a destination port, and an ICMPv6 type and code, as in `Packet`."""


def _kinds(both: tuple[_Inbound, ...], rule: SecurityGroupRule) -> Iterator[Kind]:
    """Yield a kind of packet for each part of the rule's traffic that entries or rules set apart."""
    spans = list(_spans(both))
    mentioned = {protocol for protocol, _ in spans} - {ALL_PROTOCOLS}
    protocols = {TCP, UDP, ICMPV6} | mentioned | {_unused(mentioned)}
    for protocol in sorted(protocols if rule.protocol == ALL_PROTOCOLS else {rule.protocol}):
        named = [span for number, span in spans if number == protocol and span]
        if protocol in (TCP, UDP):
            ports = {0} | {port for first, last in named for port in (first, last + 1) if port <= 65535}
            yield from ((protocol, port, -1, -1) for port in sorted(ports))
        elif protocol == ICMPV6:
            types = {first for first, _ in named if first >= 0}
            codes = {second for _, second in named if second >= 0}
            yield from ((protocol, 0, *each) for each in product(types | {_unused(types)}, codes | {_unused(codes)}))
        else:
            yield protocol, 0, -1, -1


def _spans(both: Iterable[_Inbound]) -> Iterator[tuple[int, tuple[int, int] | None]]:
    for each in both:
        yield from ((entry.protocol, entry.ports or entry.icmp) for entry in each.acl.entries)
        for rule in each.rules:
            ranged = rule.from_port is not None and rule.to_port is not None
            yield rule.protocol, (rule.from_port or 0, rule.to_port or 0) if ranged else None


def _unused(numbers: Iterable[int]) -> int:
    """Return a number of 0 to 255 that is not among `numbers`; 0 if all are."""
    return min(set(range(256)) - set(numbers) - {TCP, UDP, ICMPV6}, default=0)
