"""Network ACLs and security groups as AWS reads them: which entry or rule decides about a packet.

Sources: AWS, "Control subnet traffic with network access control lists",
https://docs.aws.amazon.com/vpc/latest/userguide/vpc-network-acls.html, and "Security group connection tracking",
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv6Address, IPv6Network

from eigw_ns.cloud.model import (
    ALL_PROTOCOLS,
    Cloud,
    Instance,
    NetworkAcl,
    NetworkAclEntry,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
)

TCP, UDP, ICMPV6 = 6, 17, 58
ECHO_REQUEST, ECHO_REPLY = 128, 129  # RFC 4443
DEFAULT_GROUP = "default"
EVERYWHERE = IPv6Network("::/0")


@dataclass(frozen=True, slots=True)
class Packet:
    """What a filter looks at. Ports are 0 where the protocol has none; type and code are ICMPv6's, else -1."""

    protocol: int
    source: IPv6Address
    destination: IPv6Address
    source_port: int = 0
    destination_port: int = 0
    icmp_type: int = -1
    icmp_code: int = -1

    def answer(self) -> Packet:
        """The packet that answers this one: everything the other way round."""
        return replace(
            self,
            source=self.destination,
            destination=self.source,
            source_port=self.destination_port,
            destination_port=self.source_port,
            icmp_type=ECHO_REPLY if self.icmp_type == ECHO_REQUEST else self.icmp_type,
        )


def network_acl(cloud: Cloud, subnet: Subnet) -> NetworkAcl:
    """The ACL that is associated with the subnet: its own, else the VPC's default one."""
    if subnet.network_acl_id is not None:
        return cloud.network_acls[subnet.network_acl_id]
    return next(acl for acl in cloud.network_acls.values() if acl.vpc_id == subnet.vpc_id and acl.default)


def acl_entry(acl: NetworkAcl, packet: Packet, *, egress: bool) -> NetworkAclEntry | None:
    """The entry that decides about a packet crossing the subnet's edge; None is the last one, `*`, which denies."""
    return next((entry for entry in acl.entries if entry.egress is egress and _entry_matches(entry, packet)), None)


def _entry_matches(entry: NetworkAclEntry, packet: Packet) -> bool:
    peer = packet.destination if entry.egress else packet.source
    if entry.protocol not in (ALL_PROTOCOLS, packet.protocol) or peer not in entry.cidr_block:
        return False
    if entry.ports is not None and entry.protocol in (TCP, UDP):
        return entry.ports[0] <= packet.destination_port <= entry.ports[1]
    if entry.icmp is not None and entry.protocol == ICMPV6:
        return entry.icmp[0] in (-1, packet.icmp_type) and entry.icmp[1] in (-1, packet.icmp_code)
    return True


def security_groups(cloud: Cloud, instance: Instance) -> tuple[SecurityGroup, ...]:
    """The groups whose rules, all together, apply to the instance."""
    return tuple(cloud.security_groups[group_id] for group_id in instance.security_group_ids)


def members(cloud: Cloud, group_id: str) -> tuple[IPv6Address, ...]:
    """The addresses that a reference to the group means: those of the instances in it, and no others."""
    return tuple(item.ipv6_address for item in cloud.instances.values() if group_id in item.security_group_ids)


def group_rule(cloud: Cloud, instance: Instance, packet: Packet, *, egress: bool) -> SecurityGroupRule | None:
    """A rule of the instance's groups that lets the packet begin a flow; None where no rule does."""
    peer = packet.destination if egress else packet.source
    for group in security_groups(cloud, instance):
        for rule in group.rules:
            if rule.egress is egress and _rule_matches(rule, packet) and _is_peer(cloud, rule, peer):
                return rule
    return None


def _rule_matches(rule: SecurityGroupRule, packet: Packet) -> bool:
    if rule.protocol == ALL_PROTOCOLS:
        return True
    if rule.protocol != packet.protocol:
        return False
    if rule.from_port is None or rule.to_port is None:
        return True
    if rule.protocol == ICMPV6:
        return rule.from_port in (-1, packet.icmp_type) and rule.to_port in (-1, packet.icmp_code)
    return rule.from_port <= packet.destination_port <= rule.to_port


def _is_peer(cloud: Cloud, rule: SecurityGroupRule, address: IPv6Address) -> bool:
    if isinstance(rule.peer, str):
        return address in members(cloud, rule.peer)
    return address in rule.peer


def open_both_ways(cloud: Cloud, instance: Instance, protocol: int) -> bool:
    """Whether the instance's groups allow all of TCP or UDP from and to everywhere.

    Such flows are not tracked, unless they pass an egress-only gateway; what a rule stops is then cut at once.
    """
    rules = [rule for group in security_groups(cloud, instance) for rule in group.rules]
    return all(any(_is_open(rule, protocol) and rule.egress is egress for rule in rules) for egress in (True, False))


def _is_open(rule: SecurityGroupRule, protocol: int) -> bool:
    if rule.peer != EVERYWHERE or rule.protocol not in (ALL_PROTOCOLS, protocol):
        return False
    return rule.protocol == ALL_PROTOCOLS or (rule.from_port, rule.to_port) == (0, 65535)
