"""AuthorizeSecurityGroupIngress and Egress, RevokeSecurityGroupIngress and Egress."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import product

from eigw_ns.cloud import ids
from eigw_ns.cloud.ec2 import filter_shapes, tags
from eigw_ns.cloud.ec2.checks import invalid
from eigw_ns.cloud.ec2.group_pairs import requested
from eigw_ns.cloud.ec2.permissions import permitted, same
from eigw_ns.cloud.ec2.protocols import group_protocol_text
from eigw_ns.cloud.ec2.resources import SECURITY_GROUP, SECURITY_GROUP_RULE
from eigw_ns.cloud.ec2.schema import Reply, Request
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.list_references import rules_counted
from eigw_ns.cloud.model import Cloud, SecurityGroup, SecurityGroupRule
from eigw_ns.errors import CloudError


def authorize_ingress(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Add ingress rules to a security group: one rule for each peer of each permission."""
    return _authorize(cloud, request, settings, egress=False)


def authorize_egress(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Add egress rules to a security group: one rule for each peer of each permission."""
    return _authorize(cloud, request, settings, egress=True)


def revoke_ingress(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Remove ingress rules that are given by permission or by rule id. Descriptions are not compared."""
    return _revoke(cloud, request, egress=False)


def revoke_egress(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Remove egress rules that are given by permission or by rule id. Descriptions are not compared."""
    return _revoke(cloud, request, egress=True)


def _authorize(cloud: Cloud, request: Request, settings: Settings, *, egress: bool) -> Reply:
    group = requested(cloud, request)
    tagged = tags.specified(request, SECURITY_GROUP_RULE, settings)
    asked = permitted(cloud, group, request, egress=egress)
    for number, rule in enumerate(asked):
        if any(same(rule, other) for other in asked[:number]):
            raise invalid("The same permission must not appear multiple times")
        if any(same(rule, existing) for existing in group.rules):
            raise CloudError("InvalidPermission.Duplicate", f"the specified rule {_words(rule)} already exists")
    taken = set(SECURITY_GROUP_RULE.all(cloud))
    new: list[SecurityGroupRule] = []
    for rule in asked:
        new.append(replace(rule, id=_new_id(taken, settings), tags=tagged))
        taken.add(new[-1].id)
    changed = _with(cloud, group, (*group.rules, *new))
    check_quota(cloud, changed, group.id, settings)
    answer = {"Return": True, "SecurityGroupRules": [filter_shapes.security_group_rule(group.id, rule) for rule in new]}
    return Reply(changed, answer)


def _new_id(taken: Iterable[str], settings: Settings) -> str:
    while (found := f"{ids.SECURITY_GROUP_RULE}-{settings.new_id()}") in taken:
        pass
    return found


def check_quota(before: Cloud, after: Cloud, group_id: str, settings: Settings) -> None:
    """Raise RulesPerSecurityGroupLimitExceeded if the group gets too many rules of a direction and an IP version."""
    quota = settings.quotas.rules_per_security_group
    for egress, version in product((False, True), (4, 6)):
        old, new = (_count(cloud, group_id, version, egress=egress) for cloud in (before, after))
        if new > max(old, quota):
            message = f"The maximum number of rules per security group has been reached ({quota})."
            raise CloudError("RulesPerSecurityGroupLimitExceeded", message)


def _count(cloud: Cloud, group_id: str, version: int, *, egress: bool) -> int:
    rules = cloud.security_groups[group_id].rules
    return sum(rules_counted(cloud, rule, version) for rule in rules if rule.egress is egress)


def _revoke(cloud: Cloud, request: Request, *, egress: bool) -> Reply:
    group = requested(cloud, request)
    wanted = request.get("SecurityGroupRuleIds", [])
    if wanted and request.get("IpPermissions"):
        message = "The parameters SecurityGroupRuleIds and IpPermissions cannot be used together"
        raise CloudError("InvalidParameterCombination", message)
    if wanted:
        removed = [find_by_id(group, rule_id, egress=egress) for rule_id in wanted]
    else:
        removed = [find_by_traffic(group, rule) for rule in permitted(cloud, group, request, egress=egress)]
    kept = tuple(rule for rule in group.rules if rule not in removed)
    revoked = [filter_shapes.revoked_rule(group.id, rule) for rule in group.rules if rule in removed]
    return Reply(_with(cloud, group, kept), {"Return": True, "RevokedSecurityGroupRules": revoked})


def find_by_id(group: SecurityGroup, rule_id: str, *, egress: bool) -> SecurityGroupRule:
    """Return the rule of the group with this id and direction. Raises CloudError if it has none."""
    SECURITY_GROUP_RULE.check_form(rule_id)
    for rule in group.rules:
        if rule.id == rule_id and rule.egress is egress:
            return rule
    raise SECURITY_GROUP_RULE.absent(rule_id)


def find_by_traffic(group: SecurityGroup, rule: SecurityGroupRule) -> SecurityGroupRule:
    """Return the rule of the group that allows the same traffic. Raises CloudError if it has none."""
    for existing in group.rules:
        if same(rule, existing):
            return existing
    message = f"The specified rule {_words(rule)} does not exist in this security group."
    raise CloudError("InvalidPermission.NotFound", message)


def _words(rule: SecurityGroupRule) -> str:
    """Return the text for a rule in AWS's messages."""
    protocol = group_protocol_text(rule.protocol).upper().replace("-1", "ALL")
    ports = "" if rule.from_port is None else f", from port: {rule.from_port}, to port: {rule.to_port}"
    return f'"peer: {rule.peer}, {protocol}{ports}, ALLOW"'


def _with(cloud: Cloud, group: SecurityGroup, rules: Iterable[SecurityGroupRule]) -> Cloud:
    """Return the cloud with these rules in the group, ingress before egress."""
    ordered = tuple(sorted(rules, key=lambda rule: rule.egress))
    return SECURITY_GROUP.put(cloud, replace(group, rules=ordered))
