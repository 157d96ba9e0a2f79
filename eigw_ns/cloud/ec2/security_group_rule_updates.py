"""DescribeSecurityGroupRules, ModifySecurityGroupRules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv6Network

from eigw_ns.cloud import ids
from eigw_ns.cloud.ec2 import filter_shapes
from eigw_ns.cloud.ec2.checks import invalid, missing, one_of
from eigw_ns.cloud.ec2.describing import Listing
from eigw_ns.cloud.ec2.filters import TAG_FILTERS, KnownFilters
from eigw_ns.cloud.ec2.permissions import permitted, same
from eigw_ns.cloud.ec2.resources import SECURITY_GROUP, SECURITY_GROUP_RULE
from eigw_ns.cloud.ec2.schema import Reply, Request, Shape
from eigw_ns.cloud.ec2.security_group_rules import check_quota
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.model import Cloud, SecurityGroup, SecurityGroupRule
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError

_LISTING = Listing(
    "SecurityGroupRules",
    lambda shape: str(shape["SecurityGroupRuleId"]),
    KnownFilters({"group-id": "GroupId", "security-group-rule-id": "SecurityGroupRuleId", **TAG_FILTERS}),
)

_PEERS: Mapping[str, tuple[str, str]] = {
    "CidrIpv4": ("IpRanges", "CidrIp"),
    "CidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
    "PrefixListId": ("PrefixListIds", "PrefixListId"),
    "ReferencedGroupId": ("UserIdGroupPairs", "GroupId"),
}
"""The members that give the peer of a rule, and where a permission has it."""


def describe(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Describe rules of security groups by id, or describe all."""
    _check_group_ids(request)
    wanted = SECURITY_GROUP_RULE.select(cloud, request.get("SecurityGroupRuleIds", []))
    chosen = {rule.id for rule in wanted}
    shapes = (
        filter_shapes.security_group_rule(group.id, rule)
        for group in cloud.security_groups.values()
        for rule in group.rules
        if rule.id in chosen
    )
    return _LISTING.reply(cloud, shapes, request, settings)


def _check_group_ids(request: Request) -> None:
    """Check the form of the ids that the filter `group-id` gives, as AWS does for this action only."""
    for each in request.get("Filters", []):
        for value in each.get("Values", []) if each.get("Name") == "group-id" else ():
            if ids.kind_of(value) != ids.SECURITY_GROUP and not set(value) & {"*", "?"}:
                message = f"The security group ID '{shorten(value)}' is malformed"
                raise CloudError("InvalidGroupId.Malformed", message)


def modify(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Replace the traffic and the descriptions of rules. They keep their ids, directions and tags.

    The type of a rule's peer cannot change.
    Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRuleRequest.html
    """
    group = SECURITY_GROUP.find(cloud, request["GroupId"])
    changed: dict[str, SecurityGroupRule] = {}
    for each in request["SecurityGroupRules"]:
        rule = _modified(cloud, group, each)
        if rule.id in changed:
            raise invalid(f"The security group rule '{rule.id}' must not appear multiple times")
        changed[rule.id] = rule
    rules = tuple(changed.get(rule.id, rule) for rule in group.rules)
    for twin in _twins(rules):
        raise CloudError("InvalidPermission.Duplicate", f"the specified rule {twin.id} already exists")
    if rules == group.rules:
        return Reply(cloud, {"Return": True})
    new = SECURITY_GROUP.put(cloud, replace(group, rules=rules))
    check_quota(cloud, new, group.id, settings)
    return Reply(new, {"Return": True})


def _modified(cloud: Cloud, group: SecurityGroup, update: Shape) -> SecurityGroupRule:
    """Return the rule that the update names, with the values that it gives."""
    rule_id = update["SecurityGroupRuleId"]
    SECURITY_GROUP_RULE.check_form(rule_id)
    rule = next((each for each in group.rules if each.id == rule_id), None)
    if rule is None:
        raise SECURITY_GROUP_RULE.absent(rule_id)
    given = update.get("SecurityGroupRule")
    if not given:
        raise missing("SecurityGroupRules.SecurityGroupRule")
    peer = one_of(given, *_PEERS)
    if peer != _peer_member(rule):
        raise invalid(f"The type of the rule '{rule_id}' cannot change from {_peer_member(rule)} to {peer}")
    (asked,) = permitted(cloud, group, {"IpPermissions": [_permission(given, peer)]}, egress=rule.egress)
    return replace(asked, id=rule.id, tags=rule.tags)


def _peer_member(rule: SecurityGroupRule) -> str:
    if isinstance(rule.peer, str):
        return "ReferencedGroupId" if rule.referenced_list_id is None else "PrefixListId"
    return "CidrIpv6" if isinstance(rule.peer, IPv6Network) else "CidrIpv4"


def _permission(given: Shape, peer: str) -> Shape:
    """Return the values of an update as a permission with one peer."""
    listed, member = _PEERS[peer]
    kind: Shape = {name: given[name] for name in ("IpProtocol", "FromPort", "ToPort") if name in given}
    return {**kind, listed: [{member: given[peer], "Description": given.get("Description", "")}]}


def _twins(rules: tuple[SecurityGroupRule, ...]) -> Iterator[SecurityGroupRule]:
    """Yield each rule that allows the same traffic as an earlier one."""
    for number, rule in enumerate(rules):
        if any(same(rule, earlier) for earlier in rules[:number]):
            yield rule
