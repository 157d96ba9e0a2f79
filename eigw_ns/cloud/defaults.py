"""The resources that AWS creates with every VPC: the default network ACL and the default security group.

Sources: AWS, "Default network ACL" and "Default security groups for your VPCs" in the VPC user guide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network

from eigw_ns.cloud import ids
from eigw_ns.cloud.filtering import DEFAULT_GROUP
from eigw_ns.cloud.model import (
    ALL_PROTOCOLS,
    Block,
    NetworkAcl,
    NetworkAclEntry,
    SecurityGroup,
    SecurityGroupRule,
    Vpc,
)

DEFAULT_ACL = "default"


def default_network_acl(lab: str, vpc: Vpc) -> NetworkAcl:
    """Return the ACL of subnets that are associated with no other. It allows all traffic in both directions."""
    entries = tuple(
        NetworkAclEntry(number, egress, ALL_PROTOCOLS, "allow", block)
        for egress in (False, True)
        for number, block in _everywhere(bool(vpc.ipv6_associations))
    )
    return NetworkAcl(ids.make_id(ids.NETWORK_ACL, lab, vpc.name, DEFAULT_ACL), DEFAULT_ACL, vpc.id, True, entries)


def default_security_group(lab: str, vpc: Vpc) -> SecurityGroup:
    """Return the group of instances that name no other group.

    It allows ingress from its own members and egress to every address.
    """
    group_id = ids.make_id(ids.SECURITY_GROUP, lab, vpc.name, DEFAULT_GROUP)
    ingress = SecurityGroupRule(rule_id(group_id, False, "self"), False, ALL_PROTOCOLS, None, None, group_id)
    rules = ingress, *open_egress(group_id, ipv6=bool(vpc.ipv6_associations))
    description = "default VPC security group"
    return SecurityGroup(group_id, DEFAULT_GROUP, description, vpc.id, rules)


def with_ipv6(acl: NetworkAcl, group: SecurityGroup) -> tuple[NetworkAcl, SecurityGroup]:
    """Return the default ACL and the default group of a VPC that gets its first IPv6 block.

    AWS adds the entries and the rule for IPv6. It leaves out a direction of the ACL, or the egress of the group, whose
    entries or rules are not the initial ones for IPv4.
    """
    (_, ipv4), (number, ipv6) = _everywhere(ipv6=True)
    open_to_ipv4 = [(ALL_PROTOCOLS, "allow", ipv4)]
    entries = list(acl.entries)
    for egress in (False, True):
        found = [(each.protocol, each.action, each.cidr_block) for each in acl.entries if each.egress is egress]
        if found == open_to_ipv4:
            entries.append(NetworkAclEntry(number, egress, ALL_PROTOCOLS, "allow", ipv6))
    entries.sort(key=lambda entry: (entry.egress, entry.rule_number))
    found_rules = [(rule.protocol, rule.peer) for rule in group.rules if rule.egress]
    rule = open_egress(group.id)[-1]
    rules = (*group.rules, rule) if found_rules == [(ALL_PROTOCOLS, ipv4)] else group.rules
    return replace(acl, entries=tuple(entries)), replace(group, rules=rules)


def open_egress(group_id: str, *, ipv6: bool = True) -> tuple[SecurityGroupRule, ...]:
    """Return the egress rules that every new group has: all protocols, to every IPv4 and IPv6 address.

    In a VPC without IPv6 there is no rule for it.
    """
    return tuple(
        SecurityGroupRule(rule_id(group_id, True, str(block)), True, ALL_PROTOCOLS, None, None, block)
        for _, block in _everywhere(ipv6)
    )


def _everywhere(ipv6: bool) -> Iterator[tuple[int, Block]]:
    """Yield the number of an ACL's entry, and the block, for each family. Every VPC has IPv4 in AWS."""
    yield 100, IPv4Network("0.0.0.0/0")
    if ipv6:
        yield 101, IPv6Network("::/0")


def rule_id(group_id: str, egress: bool, *what: str) -> str:
    """Return the id of a group's rule. Equal arguments always give the same id."""
    return ids.make_id(ids.SECURITY_GROUP_RULE, group_id, "egress" if egress else "ingress", *what)
