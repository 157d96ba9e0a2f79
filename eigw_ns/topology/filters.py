"""Network ACLs and security groups of a VPC, converted to plain data and back.

A direction that is left out has the rules that AWS creates. For the default ACL and the default group, these are AWS's
default rules. Another group allows all egress and no ingress. Another ACL denies all traffic. The default ACL and the
default group exist also if the file does not name them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from eigw_ns.cloud import ids
from eigw_ns.cloud.defaults import DEFAULT_ACL, default_network_acl, default_security_group, open_egress, rule_id
from eigw_ns.cloud.filtering import DEFAULT_GROUP
from eigw_ns.cloud.model import (
    ALL_PROTOCOLS,
    Block,
    Cloud,
    NetworkAcl,
    NetworkAclEntry,
    SecurityGroup,
    SecurityGroupRule,
    Vpc,
)
from eigw_ns.topology import traffic
from eigw_ns.topology.data import DIRECTIONS, Data, Scope, body_of, key_of, named, tags_of
from eigw_ns.topology.prefix_lists import prefix_list_id, prefix_list_key

Rule = TypeVar("Rule", NetworkAclEntry, SecurityGroupRule)


def network_acls(data: Mapping[str, Any], scope: Scope, vpc: Vpc) -> dict[str, NetworkAcl]:
    """Return the ACLs of the VPC that `data` describes, including the default ACL, by id."""
    default = default_network_acl(scope[0], vpc)
    acls = {default.id: default}
    for acl_id, name, body in named(data, "network_acls", ids.NETWORK_ACL, scope):
        initial = default if name == DEFAULT_ACL else NetworkAcl(acl_id, name, vpc.id)
        entries: list[NetworkAclEntry] = []
        for key, egress in DIRECTIONS:
            written = (_entry(entry, egress) for entry in body.get(key, ()))
            kept = (entry for entry in initial.entries if entry.egress is egress)
            entries += sorted(written if key in body else kept, key=lambda entry: entry.rule_number)
        acls[acl_id] = NetworkAcl(acl_id, name, vpc.id, initial.default, tuple(entries), tags_of(body))
    return acls


def _entry(body: Mapping[str, Any], egress: bool) -> NetworkAclEntry:
    protocol = traffic.protocol(str(body["protocol"]))
    limits = traffic.span(protocol, body)
    return NetworkAclEntry(
        body["rule"],
        egress,
        protocol,
        body["action"],
        traffic.block(body["cidr"]),
        ports=limits if protocol in traffic.WITH_PORTS else None,
        icmp=limits if protocol in traffic.WITH_TYPES else None,
    )


def network_acls_data(cloud: Cloud, scope: Scope, vpc: Vpc) -> Data:
    """Return the ACLs of a VPC as plain data, the inverse of `network_acls`.

    The default ACL is left out if it is as AWS creates it.
    """
    default = default_network_acl(scope[0], vpc)
    bodies = {}
    for acl in cloud.network_acls.values():
        if acl.vpc_id == vpc.id and acl != default:
            initial = default.entries if acl.default else ()
            body = _directions(acl.entries, initial, _entry_data)
            bodies[acl_key(scope, acl)] = body | body_of(tags=dict(acl.tags))
    return dict(sorted(bodies.items()))


def acl_key(scope: Scope, acl: NetworkAcl) -> str:
    """Return the key of the ACL in the file."""
    return DEFAULT_ACL if acl.default else key_of(ids.NETWORK_ACL, scope, acl.id, acl.name)


def _entry_data(entry: NetworkAclEntry) -> Data:
    kind = traffic.spelt(entry.protocol, entry.ports or entry.icmp)
    return {"rule": entry.rule_number, **kind, "cidr": str(entry.cidr_block), "action": entry.action}


def security_groups(data: Mapping[str, Any], scope: Scope, vpc: Vpc) -> dict[str, SecurityGroup]:
    """Return the groups of the VPC that `data` describes, including the default group, by id."""
    default = default_security_group(scope[0], vpc)
    groups = {default.id: default}
    for group_id, name, body in named(data, "security_groups", ids.SECURITY_GROUP, scope):
        initial = default if name == DEFAULT_GROUP else _new_group(group_id, name, vpc)
        rules: list[SecurityGroupRule] = []
        taken = {rule["id"] for key, _ in DIRECTIONS for rule in body.get(key, ()) if "id" in rule}
        for key, egress in DIRECTIONS:
            written = (_rule(rule, scope, group_id, egress, taken) for rule in body.get(key, ()))
            rules += written if key in body else (rule for rule in initial.rules if rule.egress is egress)
        description = body.get("description", initial.description)
        groups[group_id] = SecurityGroup(
            group_id, body.get("group_name", name), description, vpc.id, tuple(rules), tags_of(body)
        )
    return groups


def _new_group(group_id: str, name: str, vpc: Vpc) -> SecurityGroup:
    return SecurityGroup(group_id, name, "", vpc.id, open_egress(group_id, ipv6=bool(vpc.ipv6_associations)))


def _rule(
    body: Mapping[str, Any], scope: Scope, group_id: str, egress: bool, taken: Collection[str]
) -> SecurityGroupRule:
    """Return a rule with its own id, or with one that is computed from its traffic.

    `taken` are the ids that the group's rules have of their own. A rule keeps its id if its traffic is modified, so the
    computed id of another rule can be among them.
    """
    protocol = traffic.protocol(str(body["protocol"]))
    first, last = traffic.span(protocol, body) or (None, None)
    rule = SecurityGroupRule(
        "", egress, protocol, first, last, _peer(body, scope), body.get("description", ""), tags_of(body)
    )
    computed = derived_rule_id(group_id, rule)
    if computed in taken:
        computed = rule_id(group_id, egress, computed, "again")
    return replace(rule, id=body.get("id", computed))


def _peer(body: Mapping[str, Any], scope: Scope) -> Block | str:
    if "group" in body:
        return ids.make_id(ids.SECURITY_GROUP, *scope, body["group"])
    if "prefix_list" in body:
        return prefix_list_id(scope[0], body["prefix_list"])
    return traffic.block(body["cidr"])


def derived_rule_id(group_id: str, rule: SecurityGroupRule) -> str:
    """Return the id of a rule whose id the file does not give.

    The rules that AWS creates with a group get the same ids.
    """
    peer = "self" if rule.peer == group_id else str(rule.peer)
    kind = () if rule.protocol == ALL_PROTOCOLS else (str(rule.protocol), str(rule.from_port), str(rule.to_port))
    return rule_id(group_id, rule.egress, *kind, peer)


def security_groups_data(cloud: Cloud, scope: Scope, vpc: Vpc) -> Data:
    """Return the groups of a VPC as plain data, the inverse of `security_groups`.

    The default group is left out if it is as AWS creates it.
    """
    default = default_security_group(scope[0], vpc)
    keys = group_keys(cloud, scope, vpc.id)
    bodies = {}
    for group in cloud.security_groups.values():
        if group.vpc_id == vpc.id and group != default:
            key = keys[group.id]
            initial = default if group.id == default.id else _new_group(group.id, key, vpc)
            bodies[key] = _group_data(cloud, group, key, initial, keys)
    return dict(sorted(bodies.items()))


def group_keys(cloud: Cloud, scope: Scope, vpc_id: str) -> dict[str, str]:
    """Return the keys of the groups of a VPC in the file, by id."""
    return {
        group.id: key_of(ids.SECURITY_GROUP, scope, group.id, group.name)
        for group in cloud.security_groups.values()
        if group.vpc_id == vpc_id
    }


def _group_data(cloud: Cloud, group: SecurityGroup, key: str, initial: SecurityGroup, keys: Mapping[str, str]) -> Data:
    return {
        **body_of(
            group_name=group.name if group.name != key else None,
            description=group.description if group.description != initial.description else None,
        ),
        **_directions(group.rules, initial.rules, lambda rule: _rule_data(cloud, rule, group.id, keys)),
        **body_of(tags=dict(group.tags)),
    }


def _rule_data(cloud: Cloud, rule: SecurityGroupRule, group_id: str, keys: Mapping[str, str]) -> Data:
    limits = None if rule.from_port is None or rule.to_port is None else (rule.from_port, rule.to_port)
    if rule.referenced_list_id is not None:
        peer = {"prefix_list": prefix_list_key(cloud, rule.referenced_list_id)}
    else:
        peer = {"group": keys[rule.peer]} if isinstance(rule.peer, str) else {"cidr": str(rule.peer)}
    return {
        **({} if rule.id == derived_rule_id(group_id, rule) else {"id": rule.id}),
        **traffic.spelt(rule.protocol, limits),
        **peer,
        **body_of(description=rule.description or None, tags=dict(rule.tags)),
    }


def _directions(rules: Iterable[Rule], initial: Iterable[Rule], form: Callable[[Rule], Data]) -> Data:
    """Return the directions whose rules differ from the initial ones, also if they have no rules."""
    data: Data = {}
    for key, egress in DIRECTIONS:
        here = [rule for rule in rules if rule.egress is egress]
        if here != [rule for rule in initial if rule.egress is egress]:
            data[key] = [form(rule) for rule in here]
    return data
