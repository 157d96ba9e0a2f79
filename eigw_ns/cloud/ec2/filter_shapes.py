"""Network ACLs and security groups in EC2's shapes. Module `shapes` has the other resources."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network

from eigw_ns.cloud.associations import network_acl_associations
from eigw_ns.cloud.ec2.protocols import group_protocol_text
from eigw_ns.cloud.ec2.schema import Shape
from eigw_ns.cloud.ec2.settings import ACCOUNT_ID
from eigw_ns.cloud.ec2.shapes import arn, tag_list
from eigw_ns.cloud.model import (
    ALL_PROTOCOLS,
    Block,
    Cloud,
    NetworkAcl,
    NetworkAclEntry,
    SecurityGroup,
    SecurityGroupRule,
)

_LAST_ENTRIES = ((32767, IPv4Network("0.0.0.0/0")), (32768, IPv6Network("::/0")))
"""The entries that cannot be removed. They deny every packet that matches no other entry.

AWS shows that for IPv6 if the VPC has IPv6.
"""


def network_acl(cloud: Cloud, acl: NetworkAcl) -> Shape:
    """Return a network ACL as in DescribeNetworkAcls, with the last entries that every ACL has."""
    last = [
        NetworkAclEntry(number, egress, ALL_PROTOCOLS, "deny", block)
        for egress in (False, True)
        for number, block in (_LAST_ENTRIES if cloud.vpcs[acl.vpc_id].ipv6_associations else _LAST_ENTRIES[:1])
    ]
    entries = sorted((*acl.entries, *last), key=lambda entry: (entry.egress, entry.rule_number))
    return {
        "NetworkAclId": acl.id,
        "OwnerId": ACCOUNT_ID,
        "VpcId": acl.vpc_id,
        "IsDefault": acl.default,
        "Associations": [
            {"NetworkAclAssociationId": each.id, "NetworkAclId": acl.id, "SubnetId": each.subnet.id}
            for each in network_acl_associations(cloud)
            if each.acl.id == acl.id
        ],
        "Entries": [_entry(entry) for entry in entries],
        "Tags": tag_list(acl.tags),
    }


def _entry(entry: NetworkAclEntry) -> Shape:
    shape: Shape = {
        "RuleNumber": entry.rule_number,
        "Egress": entry.egress,
        "Protocol": str(entry.protocol),
        "RuleAction": entry.action,
        **_cidr(entry.cidr_block, "CidrBlock", "Ipv6CidrBlock"),
    }
    if entry.ports is not None:
        shape["PortRange"] = {"From": entry.ports[0], "To": entry.ports[1]}
    if entry.icmp is not None:
        shape["IcmpTypeCode"] = {"Type": entry.icmp[0], "Code": entry.icmp[1]}
    return shape


def security_group(group: SecurityGroup) -> Shape:
    """Return a security group as in DescribeSecurityGroups."""
    return {
        "GroupId": group.id,
        "GroupName": group.name,
        "Description": group.description,
        "SecurityGroupArn": arn("security-group", group.id),
        "OwnerId": ACCOUNT_ID,
        "VpcId": group.vpc_id,
        "IpPermissions": ip_permissions(rule for rule in group.rules if not rule.egress),
        "IpPermissionsEgress": ip_permissions(rule for rule in group.rules if rule.egress),
        "Tags": tag_list(group.tags),
    }


def ip_permissions(rules: Iterable[SecurityGroupRule]) -> list[Shape]:
    """Return the rules as IpPermissions. EC2 puts rules that differ only in the peer into one permission."""
    found: dict[tuple[int, int | None, int | None], Shape] = {}
    for rule in rules:
        key = (rule.protocol, rule.from_port, rule.to_port)
        if key not in found:
            ports = {} if rule.from_port is None else {"FromPort": rule.from_port, "ToPort": rule.to_port}
            peers: Shape = {name: [] for name in ("IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs")}
            found[key] = {"IpProtocol": group_protocol_text(rule.protocol), **ports, **peers}
        described = {"Description": rule.description} if rule.description else {}
        if rule.referenced_list_id is not None:
            found[key]["PrefixListIds"].append({"PrefixListId": rule.peer, **described})
        elif isinstance(rule.peer, str):
            found[key]["UserIdGroupPairs"].append({"UserId": ACCOUNT_ID, "GroupId": rule.peer, **described})
        else:
            member = "Ipv6Ranges" if isinstance(rule.peer, IPv6Network) else "IpRanges"
            found[key][member].append({**_cidr(rule.peer, "CidrIp", "CidrIpv6"), **described})
    return list(found.values())


def security_group_rule(group_id: str, rule: SecurityGroupRule) -> Shape:
    """Return a rule as in DescribeSecurityGroupRules, and as AuthorizeSecurityGroupIngress and Egress answer it."""
    peer = _peer(rule)
    if "ReferencedGroupId" in peer:
        peer = {"ReferencedGroupInfo": {"GroupId": rule.peer, "UserId": ACCOUNT_ID}}
    rule_arn = {"SecurityGroupRuleArn": arn("security-group-rule", rule.id)}
    return {**_rule(group_id, rule), "GroupOwnerId": ACCOUNT_ID, **peer, **rule_arn, "Tags": tag_list(rule.tags)}


def revoked_rule(group_id: str, rule: SecurityGroupRule) -> Shape:
    """Return a rule as in the `RevokedSecurityGroupRules` that RevokeSecurityGroupIngress and Egress answer."""
    return {**_rule(group_id, rule), **_peer(rule)}


def _peer(rule: SecurityGroupRule) -> Shape:
    if isinstance(rule.peer, str):
        return {"ReferencedGroupId" if rule.referenced_list_id is None else "PrefixListId": rule.peer}
    return _cidr(rule.peer, "CidrIpv4", "CidrIpv6")


def _rule(group_id: str, rule: SecurityGroupRule) -> Shape:
    """Return the common members of a rule. Ports that do not apply are -1 here; IpPermissions omit them."""
    return {
        "SecurityGroupRuleId": rule.id,
        "GroupId": group_id,
        "IsEgress": rule.egress,
        "IpProtocol": group_protocol_text(rule.protocol),
        "FromPort": -1 if rule.from_port is None else rule.from_port,
        "ToPort": -1 if rule.to_port is None else rule.to_port,
        **({"Description": rule.description} if rule.description else {}),
    }


def _cidr(block: Block, ipv4: str, ipv6: str) -> Shape:
    return {ipv6 if isinstance(block, IPv6Network) else ipv4: str(block)}
