"""UpdateSecurityGroupRuleDescriptionsIngress and UpdateSecurityGroupRuleDescriptionsEgress."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from eigw_ns.cloud.ec2.checks import missing, one_of
from eigw_ns.cloud.ec2.group_pairs import requested
from eigw_ns.cloud.ec2.permissions import permitted
from eigw_ns.cloud.ec2.resources import SECURITY_GROUP
from eigw_ns.cloud.ec2.schema import Reply, Request
from eigw_ns.cloud.ec2.security_group_rules import find_by_id, find_by_traffic
from eigw_ns.cloud.ec2.security_groups import check_text
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.model import Cloud, SecurityGroup, SecurityGroupRule

_BY_ID = "SecurityGroupRuleDescriptions"


def update_ingress(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Replace the descriptions of ingress rules, which are given by their traffic or by id."""
    return _update(cloud, request, egress=False)


def update_egress(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Replace the descriptions of egress rules, which are given by their traffic or by id."""
    return _update(cloud, request, egress=True)


def _update(cloud: Cloud, request: Request, *, egress: bool) -> Reply:
    group = requested(cloud, request)
    changed = {rule.id: rule for rule in _described(cloud, group, request, egress=egress)}
    rules = tuple(changed.get(rule.id, rule) for rule in group.rules)
    if rules == group.rules:
        return Reply(cloud, {"Return": True})
    return Reply(SECURITY_GROUP.put(cloud, replace(group, rules=rules)), {"Return": True})


def _described(cloud: Cloud, group: SecurityGroup, request: Request, *, egress: bool) -> Iterator[SecurityGroupRule]:
    """Yield the rules that the request names, with their new descriptions."""
    given = {name: request.get(name) or None for name in ("IpPermissions", _BY_ID)}
    if one_of(given, *given) == "IpPermissions":
        for rule in permitted(cloud, group, request, egress=egress):
            yield replace(find_by_traffic(group, rule), description=rule.description)
        return
    for each in request[_BY_ID]:
        if not each.get("SecurityGroupRuleId"):
            raise missing(f"{_BY_ID}.SecurityGroupRuleId")
        text = check_text(each.get("Description", ""), "rule description")
        yield replace(find_by_id(group, each["SecurityGroupRuleId"], egress=egress), description=text)
