"""Answers of describe actions go back into the actions that take the same shapes, by botocore's model of EC2."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest

from eigw_ns.cloud.ec2.api import ACTIONS
from eigw_ns.cloud.ec2.checks import checked
from eigw_ns.cloud.ec2.schema import Parameter
from tests.support.ec2_model import operation
from tests.support.small_cloud import (
    ACL,
    DEFAULT_GROUP,
    EIGW,
    GONE,
    GROUP,
    IGW,
    INSTANCE,
    PREFIX_LIST,
    PRIVATE_TABLE,
    REFERRED_GROUP,
    SPARE_GROUP,
    SPARE_TABLE,
    VPC,
    WEB_RULE,
    Account,
    Request,
)

READING = tuple(
    name
    for name, action in ACTIONS.items()
    if not action.mutates and not any(parameter.required for parameter in action.parameters)
)
UNUSED = {"BlockDeviceMapping", "EbsBlockDevice"}
"""Structures that AWS answers and a lab does not: it has no volumes."""


def rich() -> Account:
    """Return an account in which every member of every shape is used that an action could take again."""
    account = Account()
    everyone = {"IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [{"CidrIpv6": "::/0", "Description": "all"}]}
    pairs = {"UserIdGroupPairs": [{"GroupId": GROUP, "Description": "ours"}, {"GroupName": "REFERRED"}]}
    kinds: tuple[Request, ...] = (
        {"IpProtocol": "-1"},
        {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22},
        {"IpProtocol": "icmpv6", "FromPort": 128, "ToPort": -1},
        {"IpProtocol": "132"},
    )
    lists = {"PrefixListIds": [{"PrefixListId": PREFIX_LIST, "Description": "listed"}]}
    asked = [{**kind, **everyone, **pairs, **lists} for kind in kinds]
    account.do("AuthorizeSecurityGroupIngress", GroupId=SPARE_GROUP, IpPermissions=asked)
    account.do("AuthorizeSecurityGroupEgress", GroupId=SPARE_GROUP, IpPermissions=asked[1:])
    entry = {"NetworkAclId": ACL, "Egress": False, "RuleAction": "deny"}
    entries: tuple[Request, ...] = (
        {"Protocol": "6", "PortRange": {"From": 1, "To": 2}, "Ipv6CidrBlock": "::/0"},
        {"Protocol": "58", "IcmpTypeCode": {"Type": 128, "Code": -1}, "Ipv6CidrBlock": "::/0"},
        {"Protocol": "58", "CidrBlock": "10.0.0.0/8"},
        {"Protocol": "-1", "CidrBlock": "10.0.0.0/8"},
    )
    for number, given in enumerate(entries, start=1):
        account.do("CreateNetworkAclEntry", **entry, RuleNumber=number, **given)
    account.do("CreateRoute", RouteTableId=SPARE_TABLE, DestinationIpv6CidrBlock="2001:db8::/32", GatewayId=IGW)
    account.do("CreateTags", Resources=[WEB_RULE], Tags=[{"Key": "Name", "Value": "rule"}])
    tags = [{"Key": "Name", "Value": "a b"}, {"Key": "Empty", "Value": ""}]
    account.do("CreateTags", Resources=[VPC, INSTANCE, SPARE_GROUP, ACL, EIGW, SPARE_TABLE], Tags=tags)
    return account


def structures(shape: Any, outer: tuple[str, ...] = ()) -> Iterator[Any]:
    """Yield the structures in a shape, at any depth."""
    if shape.type_name == "list":
        yield from structures(shape.member, outer)
    elif shape.type_name == "structure" and shape.name not in outer:
        yield shape
        for member in shape.members.values():
            yield from structures(member, (*outer, shape.name))


@cache
def answered() -> frozenset[str]:
    """Return the names of the structures that the answers of AWS's describe actions have."""
    return frozenset(shape.name for action in READING for shape in structures(operation(action).output_shape))


def taken(parameters: tuple[Parameter, ...], shape: Any, path: str) -> Iterator[tuple[str, Parameter, Any]]:
    """Yield the path, the parameter and the shape of each structure that an action takes."""
    for parameter in parameters:
        member = shape.members[parameter.name]
        of_item = member.member if member.type_name == "list" else member
        if parameter.members:
            yield f"{path}.{parameter.name}", parameter, of_item
            yield from taken(parameter.members, of_item, f"{path}.{parameter.name}")


@pytest.mark.parametrize("action", ACTIONS)
def test_a_structure_that_aws_also_answers_is_taken_with_every_member(action: str) -> None:
    for path, parameter, shape in taken(ACTIONS[action].parameters, operation(action).input_shape, action):
        if shape.name in answered():
            assert {member.name for member in parameter.members} == set(shape.members), path


def values(value: Any, shape: Any) -> Iterator[tuple[str, Any]]:
    """Yield each structure in an answer, with the name of its shape."""
    if shape.type_name == "list":
        for item in value:
            yield from values(item, shape.member)
    elif shape.type_name == "structure":
        yield shape.name, value
        for name, member in value.items():
            yield from values(member, shape.members[name])


@cache
def described() -> Mapping[str, list[Any]]:
    """Return the structures that our describe actions answer about the rich account, by the name of their shape."""
    account = rich()
    found: dict[str, list[Any]] = {}
    for action in READING:
        for name, value in values(account.do(action), operation(action).output_shape):
            found.setdefault(name, []).append(value)
    return found


def test_every_structure_that_is_answered_and_taken_is_described_and_accepted() -> None:
    seen = set()
    for action, description in ACTIONS.items():
        for path, parameter, shape in taken(description.parameters, operation(action).input_shape, action):
            for value in described().get(shape.name, ()):
                checked(parameter.members, value)
                seen.add(shape.name)
            if shape.name in answered() - UNUSED:
                assert shape.name in seen, path
    assert {"IpPermission", "UserIdGroupPair", "Tag", "PortRange", "IcmpTypeCode"} <= seen


@pytest.mark.parametrize("group", [DEFAULT_GROUP, GROUP, SPARE_GROUP])
@pytest.mark.parametrize(("way", "member"), [("Ingress", "IpPermissions"), ("Egress", "IpPermissionsEgress")])
def test_described_permissions_are_revoked_and_authorized(group: str, way: str, member: str) -> None:
    account = rich()
    before = _group(account, group)[member]
    account.do(f"RevokeSecurityGroup{way}", GroupId=group, IpPermissions=before)
    assert _group(account, group)[member] == []
    account.do(f"AuthorizeSecurityGroup{way}", GroupId=group, IpPermissions=before)
    assert _group(account, group)[member] == before


def _group(account: Account, group: str) -> Any:
    return account.do("DescribeSecurityGroups", GroupIds=[group])["SecurityGroups"][0]


def test_answers_about_rules_are_revoked() -> None:
    account = rich()
    asked = [{"IpProtocol": "udp", "FromPort": 1, "ToPort": 1, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}]
    made = account.do("AuthorizeSecurityGroupIngress", GroupName="Spare", IpPermissions=asked)["SecurityGroupRules"]
    rule_ids = [rule["SecurityGroupRuleId"] for rule in made]
    revoked = account.do("RevokeSecurityGroupIngress", GroupName="spare", SecurityGroupRuleIds=rule_ids)
    assert [rule["SecurityGroupRuleId"] for rule in revoked["RevokedSecurityGroupRules"]] == rule_ids


@pytest.mark.parametrize("group", [DEFAULT_GROUP, GROUP, SPARE_GROUP])
def test_described_rules_are_modified_without_a_change(group: str) -> None:
    """The names of an answer's members are those of the request, but for the group that a rule refers to."""
    account = rich()
    taken_names = set(operation("ModifySecurityGroupRules").input_shape.members["SecurityGroupRules"].member.members[
        "SecurityGroupRule"].members)  # fmt: skip
    before = account.do("DescribeSecurityGroupRules", Filters=[{"Name": "group-id", "Values": [group]}])
    updates = []
    for rule in before["SecurityGroupRules"]:
        again = {name: rule[name] for name in rule.keys() & taken_names}
        if "ReferencedGroupInfo" in rule:
            again["ReferencedGroupId"] = rule["ReferencedGroupInfo"]["GroupId"]
        updates.append({"SecurityGroupRuleId": rule["SecurityGroupRuleId"], "SecurityGroupRule": again})
    cloud = account.cloud
    assert account.do("ModifySecurityGroupRules", GroupId=group, SecurityGroupRules=updates) == {"Return": True}
    assert account.cloud is cloud


def test_a_described_group_is_deleted_by_name_and_created() -> None:
    account = rich()
    account.do("RevokeSecurityGroupIngress", GroupId=GROUP, IpPermissions=_group(account, GROUP)["IpPermissions"])
    for way, member in (("Ingress", "IpPermissions"), ("Egress", "IpPermissionsEgress")):
        asked = _group(account, SPARE_GROUP)[member]
        account.do(f"RevokeSecurityGroup{way}", GroupId=SPARE_GROUP, IpPermissions=asked)
    before = _group(account, REFERRED_GROUP)
    account.do("DeleteSecurityGroup", GroupName=before["GroupName"])
    again = {"GroupName": before["GroupName"], "VpcId": before["VpcId"], "Description": "again"}
    made = account.do("CreateSecurityGroup", **again)["GroupId"]
    assert {name: _group(account, made)[name] for name in again} == again


def test_described_entries_are_replaced_deleted_and_created() -> None:
    account = rich()
    before = _entries(account)
    for entry in before:
        account.do("ReplaceNetworkAclEntry", NetworkAclId=ACL, **entry)
    assert _entries(account) == before
    for entry in before:
        account.do("DeleteNetworkAclEntry", NetworkAclId=ACL, RuleNumber=entry["RuleNumber"], Egress=entry["Egress"])
        account.do("CreateNetworkAclEntry", NetworkAclId=ACL, **entry)
    assert _entries(account) == before


def _entries(account: Account) -> list[Any]:
    """Return the entries that can be changed: not the last ones, with the numbers 32767 and 32768."""
    entries = account.do("DescribeNetworkAcls", NetworkAclIds=[ACL])["NetworkAcls"][0]["Entries"]
    return [entry for entry in entries if entry["RuleNumber"] < 32767]


@pytest.mark.parametrize("table", [PRIVATE_TABLE, SPARE_TABLE])
def test_described_routes_are_replaced_deleted_and_created(table: str) -> None:
    account = rich()
    before = _routes(account, table)
    assert before
    for route in before:
        destination = {"DestinationIpv6CidrBlock": route["DestinationIpv6CidrBlock"]}
        account.do("ReplaceRoute", RouteTableId=table, **route)
        account.do("DeleteRoute", RouteTableId=table, **destination)
        account.do("CreateRoute", RouteTableId=table, **route)
    assert _routes(account, table) == before


def _routes(account: Account, table: str) -> list[Any]:
    """Return the destinations and targets of the routes that can be changed: not the local one."""
    routes = account.do("DescribeRouteTables", RouteTableIds=[table])["RouteTables"][0]["Routes"]
    targets = set(operation("CreateRoute").input_shape.members)
    return [
        {name: route[name] for name in route.keys() & targets} for route in routes if route["Origin"] == "CreateRoute"
    ]


def test_described_tags_are_deleted_and_created() -> None:
    account = rich()
    before = _group(account, SPARE_GROUP)["Tags"]
    account.do("DeleteTags", Resources=[SPARE_GROUP], Tags=before)
    assert _group(account, SPARE_GROUP)["Tags"] == []
    account.do("CreateTags", Resources=[SPARE_GROUP, GROUP], Tags=before)
    assert _group(account, SPARE_GROUP)["Tags"] == _group(account, GROUP)["Tags"] == before


PAIRS = [
    ("of another account", {"GroupId": GROUP, "UserId": "999999999999"}, "InvalidGroup.NotFound"),
    ("of another VPC", {"GroupId": GROUP, "VpcId": "vpc-0000000000000000b"}, "InvalidGroup.NotFound"),
    ("unknown name", {"GroupName": "nobody"}, "InvalidGroup.NotFound"),
    ("another's name", {"GroupId": GROUP, "GroupName": "spare"}, "InvalidParameterValue"),
    ("malformed peering", {"GroupId": GROUP, "VpcPeeringConnectionId": "x"}, "InvalidVpcPeeringConnectionId.Malformed"),
    ("peering", {"VpcPeeringConnectionId": "pcx-0000000000000000a"}, "InvalidVpcPeeringConnectionID.NotFound"),
    ("nothing", {"UserId": "000000000000"}, "MissingParameter"),
]


@pytest.mark.parametrize(("pair", "code"), [pytest.param(pair, code, id=what) for what, pair, code in PAIRS])
def test_a_pair_that_names_no_group_of_the_vpc_is_refused(pair: Request, code: str) -> None:
    asked = [{"IpProtocol": "-1", "UserIdGroupPairs": [pair]}]
    assert Account().refuse("AuthorizeSecurityGroupIngress", GroupId=SPARE_GROUP, IpPermissions=asked).code == code


@pytest.mark.parametrize(
    ("prefix_list", "code"),
    [(f"pl-{GONE}", "InvalidPrefixListID.NotFound"), ("x", "InvalidPrefixListId.Malformed"), ("", "MissingParameter")],
)
def test_a_permission_needs_a_prefix_list_that_exists(prefix_list: str, code: str) -> None:
    asked = [{"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": prefix_list}]}]
    assert Account().refuse("RevokeSecurityGroupIngress", GroupId=SPARE_GROUP, IpPermissions=asked).code == code


def test_a_group_name_must_be_unique_and_without_an_id() -> None:
    account = Account()
    ambiguous = account.refuse("DeleteSecurityGroup", GroupName="Web")
    assert ambiguous.code == "InvalidParameterValue" and GROUP in ambiguous.message
    assert account.refuse("DeleteSecurityGroup", GroupName="nobody").code == "InvalidGroup.NotFound"
    assert account.refuse("DeleteSecurityGroup").code == "MissingParameter"
    both = account.refuse("DeleteSecurityGroup", GroupId=SPARE_GROUP, GroupName="spare")
    assert both.code == "InvalidParameterCombination"
