"""Findings about security groups and network ACLs: rules for one family that the other does not have.

Only rules about the whole internet (`0.0.0.0/0`, `::/0`) are compared. ICMP is not: the two families need other types.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv6Network, ip_network

from eigw_ns.cloud.filtering import ICMP, ICMPV6, TCP, UDP
from eigw_ns.cloud.model import ALL_PROTOCOLS, Block
from eigw_ns.cloud.protocols import name
from eigw_ns.frozen import frozen
from eigw_ns.importing.design import Design, DesignAclEntry, DesignGroup, DesignGroupRule, Key, Label, Link, Outside
from eigw_ns.importing.findings import ports
from eigw_ns.importing.findings.finding import Finding, found
from eigw_ns.importing.messages import Place
from eigw_ns.importing.resolve.index import Index

_ANY4, _ANY6 = ip_network("0.0.0.0/0"), ip_network("::/0")


@frozen
class _Rule:
    """A rule of a group or an ACL about what comes in."""

    place: Place
    peer: Block | Link
    protocol: int
    decision: ports.Decision


def filter_findings(design: Design, names: Mapping[Key, str]) -> Iterator[Finding]:
    """Yield what is wrong with the groups and ACLs of VPCs with both families. `names` are those in the lab."""
    both = _of_both_families(design)
    index = Index(design)
    for group in design.groups:
        if index.vpc_of(group.label.key) in both:
            rules = [each for each in design.group_rules if each.group == group.label.key]
            yield from _one_way_out(group, rules, names)
            ingress = tuple(_of_group(each) for each in rules if not each.egress)
            yield from _open_to_ipv6("security group", group.label, ingress, names)
    for acl in design.acls:
        if index.vpc_of(acl.label.key) in both:
            yield from _open_to_ipv6("network ACL", acl.label, _of_acl(design, acl.label.key), names)


def _of_both_families(design: Design) -> frozenset[Link]:
    return frozenset(vpc.label.key for vpc in design.vpcs if vpc.ipv4_blocks and vpc.ipv6_blocks)


def _one_way_out(group: DesignGroup, rules: Iterable[DesignGroupRule], names: Mapping[Key, str]) -> Iterator[Finding]:
    """Yield EIGW004 if members reach the internet over IPv4 only."""
    egress = [each for each in rules if each.egress]
    ipv4 = next((each for each in egress if each.peer == _ANY4), None)
    if ipv4 is None or any(_may_be_ipv6(each.peer) for each in egress):
        return
    subject = names.get(group.label.key, group.label.name)
    what = f"security group {subject} lets out IPv4 and no IPv6: its members reach nothing over IPv6"
    remedy = "add an egress rule for ::/0"
    yield found("EIGW004", ipv4.place, subject, group.label.place.address, what, remedy)


def _may_be_ipv6(peer: Block | Link) -> bool:
    """Return whether the peer is an IPv6 block, or a list or group of which nobody knows the families."""
    return isinstance(peer, IPv6Network | Outside)


def _open_to_ipv6(what: str, label: Label, rules: tuple[_Rule, ...], names: Mapping[Key, str]) -> Iterator[Finding]:
    """Yield EIGW007 for each rule that opens a port to the whole internet over IPv6 and not over IPv4."""
    told: set[Place] = set()
    for protocol in _protocols(rules):
        more = ports.beyond(*(_allowed(rules, block, protocol) for block in (_ANY6, _ANY4)))
        rule = next((each for each in rules if each.peer == _ANY6 and _opens(each, protocol, more)), None)
        if rule is not None and rule.place not in told:
            told.add(rule.place)
            subject = names.get(label.key, label.name)
            traffic = f"{name(protocol)} {ports.text(more)}" if protocol in (TCP, UDP) else name(protocol)
            text = f"{what} {subject} opens {traffic} to ::/0 and not to 0.0.0.0/0"
            remedy = "remove the rule for ::/0, or open the same to 0.0.0.0/0"
            yield found("EIGW007", rule.place, subject, label.place.address, text, remedy)


def _protocols(rules: Iterable[_Rule]) -> tuple[int, ...]:
    """Return the protocols that rules can tell apart. TCP stands for those that no rule mentions."""
    mentioned = {each.protocol for each in rules} - {ALL_PROTOCOLS, ICMP, ICMPV6, TCP}
    return (TCP, *sorted(mentioned))


def _allowed(rules: Iterable[_Rule], block: Block, protocol: int) -> tuple[ports.Range, ...]:
    return ports.allowed(each.decision for each in rules if each.peer == block and _concerns(each, protocol))


def _concerns(rule: _Rule, protocol: int) -> bool:
    return rule.protocol in (ALL_PROTOCOLS, protocol)


def _opens(rule: _Rule, protocol: int, more: tuple[ports.Range, ...]) -> bool:
    return _concerns(rule, protocol) and rule.decision.allow and more != ports.beyond(more, (rule.decision.ports,))


def _of_group(rule: DesignGroupRule) -> _Rule:
    limited = rule.protocol in (TCP, UDP) and rule.from_port is not None and rule.to_port is not None
    span = (rule.from_port or 0, rule.to_port or 0) if limited else ports.ALL
    return _Rule(rule.place, rule.peer, rule.protocol, ports.Decision(span, allow=True))


def _of_acl(design: Design, acl: Key) -> tuple[_Rule, ...]:
    entries = [each for each in design.acl_entries if each.acl == acl and not each.egress]
    return tuple(map(_of_entry, sorted(entries, key=lambda each: each.rule_number)))


def _of_entry(entry: DesignAclEntry) -> _Rule:
    span = entry.ports if entry.protocol in (TCP, UDP) and entry.ports else ports.ALL
    return _Rule(entry.place, entry.cidr_block, entry.protocol, ports.Decision(span, entry.action == "allow"))
