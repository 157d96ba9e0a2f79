"""Describe rules of network ACLs and security groups in words: `allows tcp 443 from ::/0`."""

from __future__ import annotations

from eigw_ns.cloud import protocols
from eigw_ns.cloud.filtering import ICMPV6, TCP, UDP
from eigw_ns.cloud.model import ALL_PROTOCOLS, Cloud, NetworkAclEntry, SecurityGroupRule

_ALL_PORTS = (0, 65535)


def way(egress: bool) -> str:
    """Return the name of the direction in rules."""
    return "egress" if egress else "ingress"


def entry(rule: NetworkAclEntry) -> str:
    """Return an entry in words: `100 denies tcp 22 from ::/0`."""
    verb = "allows" if rule.action == "allow" else "denies"
    kind = _kind(rule.protocol, rule.ports or rule.icmp)
    return f"{rule.rule_number} {verb} {kind} {_beside(rule.egress)} {rule.cidr_block}"


def group_rule(rule: SecurityGroupRule, peer: str) -> str:
    """Return a rule in words: `tcp 443 from ::/0`. `peer` is the block, or the name of the group, of the rule."""
    limits = None if rule.from_port is None or rule.to_port is None else (rule.from_port, rule.to_port)
    return f"{_kind(rule.protocol, limits)} {_beside(rule.egress)} {peer}"


def of_list(cloud: Cloud, list_id: str | None) -> str:
    """Return the prefix list that has a block, to be added to the block; "" if the block is of no list."""
    return "" if list_id is None else f" of prefix list {cloud.prefix_lists[list_id].name}"


def protocol(number: int) -> str:
    """Return the protocol's name; its number if it has no name here."""
    if number == ALL_PROTOCOLS:
        return "all"
    name = protocols.name(number)
    return f"protocol {number}" if name.isdigit() else name


def not_icmpv6(rule: str) -> str:
    """Return a remark about a rule that would match if ICMP were ICMPv6, to be added to a sentence."""
    return f"; {rule} is about icmp, which is IPv4's (protocol 1): IPv6 has icmpv6 (58)"


def _beside(egress: bool) -> str:
    return "to" if egress else "from"


def _kind(number: int, limits: tuple[int, int] | None) -> str:
    """Return the protocol, with the ports or the ICMPv6 type and code to which it is limited."""
    if number == ICMPV6:
        return _icmp(*(limits or (-1, -1)))
    if limits is None or limits == _ALL_PORTS or number not in (TCP, UDP):
        return protocol(number)
    first, last = limits
    return f"{protocol(number)} {first}" if first == last else f"{protocol(number)} {first}-{last}"


def _icmp(icmp_type: int, icmp_code: int) -> str:
    if icmp_type == -1:
        return protocol(ICMPV6)
    code = "" if icmp_code == -1 else f" code {icmp_code}"
    return f"{protocol(ICMPV6)} type {icmp_type}{code}"
