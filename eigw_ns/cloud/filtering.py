"""Evaluation of network ACLs and security groups as AWS does it: which entry or rule decides about a packet.

Sources: AWS, "Control subnet traffic with network access control lists",
https://docs.aws.amazon.com/vpc/latest/userguide/vpc-network-acls.html, and "Security group connection tracking",
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
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
from eigw_ns.frozen import frozen

TCP, UDP, ICMPV6 = 6, 17, 58
ICMP = 1
"""IPv4's ICMP. A rule about it matches no IPv6 packet, whatever its block."""

ECHO_REQUEST, ECHO_REPLY = 128, 129  # RFC 4443
DEFAULT_GROUP = "default"
EVERYWHERE = IPv6Network("::/0")


@frozen
class Packet:
    """The fields of a packet that a filter reads.

    Ports are 0 if the protocol has no ports. `icmp_type` and `icmp_code` are -1 if the protocol is not ICMPv6.
    """

    protocol: int
    source: IPv6Address
    destination: IPv6Address
    source_port: int = 0
    destination_port: int = 0
    icmp_type: int = -1
    icmp_code: int = -1

    def answer(self) -> Packet:
        """Return the answer to this packet: addresses and ports swapped, an echo reply for an echo request."""
        return replace(
            self,
            source=self.destination,
            destination=self.source,
            source_port=self.destination_port,
            destination_port=self.source_port,
            icmp_type=ECHO_REPLY if self.icmp_type == ECHO_REQUEST else self.icmp_type,
        )


def network_acl(cloud: Cloud, subnet: Subnet) -> NetworkAcl:
    """Return the ACL that the subnet is associated with: its own, or the default ACL of the VPC."""
    if subnet.network_acl_id is not None:
        return cloud.network_acls[subnet.network_acl_id]
    return next(acl for acl in cloud.network_acls.values() if acl.vpc_id == subnet.vpc_id and acl.default)


def acl_entry(acl: NetworkAcl, packet: Packet, *, egress: bool) -> NetworkAclEntry | None:
    """Return the entry that decides about a packet that enters or leaves the subnet.

    Returns None if no entry matches: AWS's last entry, `*`, then denies the packet.
    """
    return next((entry for entry in acl.entries if entry.egress is egress and _entry_matches(entry, packet)), None)


def ipv4_icmp_entry(acl: NetworkAcl, packet: Packet, *, egress: bool) -> NetworkAclEntry | None:
    """Return the entry about IPv4's ICMP that would decide about an ICMPv6 packet if it were about ICMPv6, or None."""
    return acl_entry(acl, replace(packet, protocol=ICMP), egress=egress) if packet.protocol == ICMPV6 else None


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
    """Return the groups of the instance. The rules of all of them apply together."""
    return tuple(cloud.security_groups[group_id] for group_id in instance.security_group_ids)


def members(cloud: Cloud, group_id: str) -> tuple[Instance, ...]:
    """Return the instances in the group. A reference to the group allows all their addresses and prefixes."""
    return tuple(item for item in cloud.instances.values() if group_id in item.security_group_ids)


def group_rule(cloud: Cloud, instance: Instance, packet: Packet, *, egress: bool) -> SecurityGroupRule | None:
    """Return the first rule in the instance's groups that allows the packet to begin a flow, or None."""
    peer = packet.destination if egress else packet.source
    for group in security_groups(cloud, instance):
        for rule in group.rules:
            if rule.egress is egress and rule_matches(rule, packet) and _is_peer(cloud, rule, peer):
                return rule
    return None


def ipv4_icmp_rule(cloud: Cloud, instance: Instance, packet: Packet, *, egress: bool) -> SecurityGroupRule | None:
    """Return the rule about IPv4's ICMP that would allow an ICMPv6 packet if it were about ICMPv6, or None."""
    if packet.protocol != ICMPV6:
        return None
    return group_rule(cloud, instance, replace(packet, protocol=ICMP), egress=egress)


def rule_matches(rule: SecurityGroupRule, packet: Packet) -> bool:
    """Return whether the packet is of the rule's traffic, whatever its peer is."""
    if rule.protocol == ALL_PROTOCOLS:
        return True
    if rule.protocol != packet.protocol:
        return False
    if rule.from_port is None or rule.to_port is None or rule.protocol not in (TCP, UDP, ICMPV6):
        return True
    if rule.protocol == ICMPV6:
        return rule.from_port in (-1, packet.icmp_type) and rule.to_port in (-1, packet.icmp_code)
    return rule.from_port <= packet.destination_port <= rule.to_port


def _is_peer(cloud: Cloud, rule: SecurityGroupRule, address: IPv6Address) -> bool:
    if isinstance(rule.peer, str):
        return any(item.owns(address) for item in members(cloud, rule.peer))
    return address in rule.peer


def open_both_ways(cloud: Cloud, instance: Instance, protocol: int) -> bool:
    """Return True if the instance's groups allow all of TCP or UDP from and to every IPv6 address.

    AWS does not track such flows, unless they pass an egress-only gateway. If the rules change and no longer allow an
    untracked flow, it stops immediately.
    """
    return are_open([rule for group in security_groups(cloud, instance) for rule in group.rules], protocol)


def are_open(rules: Sequence[SecurityGroupRule], protocol: int) -> bool:
    """Return whether rules allow all of TCP or UDP from and to every IPv6 address."""
    return all(any(_is_open(rule, protocol) and rule.egress is egress for rule in rules) for egress in (True, False))


def _is_open(rule: SecurityGroupRule, protocol: int) -> bool:
    if rule.peer != EVERYWHERE or rule.protocol not in (ALL_PROTOCOLS, protocol):
        return False
    return rule.protocol == ALL_PROTOCOLS or (rule.from_port, rule.to_port) == (0, 65535)
