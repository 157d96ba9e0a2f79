"""Filters of describe actions, compared with those that botocore's model of EC2 documents."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest

from eigw_ns.cloud.ec2.actions import ACTIONS
from eigw_ns.cloud.ec2.actions.empty_lists import EMPTY_LISTS
from eigw_ns.cloud.ec2.settings import Settings
from tests.support.ec2_model import operation
from tests.support.small_cloud import GONE, GROUP, INSTANCE, REFERRED_GROUP, SPARE_GROUP, SUBNET, VPC, WEB_RULE, Account

READING = tuple(
    name
    for name, action in ACTIONS.items()
    if not action.mutates and {"Filter", "Filters"} & {parameter.name for parameter in action.parameters}
)
SELECTS_NOTHING = {"DescribeImages"}  # a lab's one image is found, whatever is asked for
IGNORES_UNKNOWN = "DescribeEgressOnlyInternetGateways"
ITEMS_WITHOUT_TAGS = {"DescribeInstanceStatus"}  # its filters read the tags of the instances
WITHOUT_TAGS = {
    "DescribeAvailabilityZones",
    "DescribeRegions",
    "DescribeImages",
    "DescribeInstanceTypes",
    "DescribeVolumes",
    "DescribeIamInstanceProfileAssociations",
    "DescribeInstanceCreditSpecifications",
}
WITH_TAGS = tuple(name for name in READING if name not in {*EMPTY_LISTS, *WITHOUT_TAGS})
TAGS_NOT_DOCUMENTED = {"DescribeManagedPrefixLists"}  # Terraform's data source selects by tags
NEVER_TAGGED = {"DescribeNetworkInterfaces"}
WITHOUT_TAG_VALUE = {"DescribeTags", *WITHOUT_TAGS}  # the items of DescribeTags are tags: it has `value`

_ITEM = re.compile(r"<li>\s*<p>\s*<code>([^<]+)</code>(.*?)</li>", re.DOTALL)
_ALSO = re.compile(r"You can also use (.*?) as the filter name")
_CODE = re.compile(r"<code>([^<]+)</code>")


def documented(action: str) -> Iterator[str]:
    """Yield the names of the filters that AWS documents, with their other spellings. `tag` means `tag:KEY`."""
    for name, text in _ITEM.findall(operation(action).input_shape.members[parameter(action)].documentation):
        also = _ALSO.search(text)
        for each in (name, *(_CODE.findall(also[1]) if also else ())):
            yield re.sub(r"^tag(:<key>)?$", "tag:Owner", html.unescape(each).strip())


def parameter(action: str) -> str:
    """Return the name of the parameter that takes the filters of an action."""
    return "Filter" if "Filter" in operation(action).input_shape.members else "Filters"


NAMES = {action: tuple(documented(action)) for action in READING}


def test_the_documentation_is_read() -> None:
    assert len(NAMES["DescribeInstances"]) >= 136
    assert {"availability-zone", "availabilityZone", "cidrBlock", "tag:Owner"} <= set(NAMES["DescribeSubnets"])
    assert all("tag:Owner" in NAMES[action] for action in set(WITH_TAGS) - ITEMS_WITHOUT_TAGS - TAGS_NOT_DOCUMENTED)


def select(action: str, name: str, *values: str, account: Account | None = None) -> list[Any]:
    """Return the items that a filter selects, after a check that it is not ignored."""
    asked = {parameter(action): [{"Name": name, "Values": list(values)}]}
    reply = (account or Account()).reply(action, **asked)
    assert reply.warnings == ()
    return next(list(items) for items in reply.answer.values() if isinstance(items, list))


@pytest.mark.parametrize("action", READING)
def test_every_documented_filter_selects(action: str) -> None:
    for name in NAMES[action]:
        nothing = f"sg-{GONE}" if name == "group-id" else "a value that nothing has"
        assert action in SELECTS_NOTHING or select(action, name, nothing) == [], name


@pytest.mark.parametrize("action", sorted(set(WITH_TAGS) - WITHOUT_TAG_VALUE - NEVER_TAGGED))
def test_tags_are_found_by_key_and_by_value(action: str) -> None:
    account = tagged()
    for name, value in (("tag-key", "Owner"), ("tag-value", "Team*"), ("tag:Owner", "TeamA")):
        (found,) = select(action, name, value, account=account)
        assert action in ITEMS_WITHOUT_TAGS or "TeamA" in str(found), name
    assert select(action, "tag-value", "Owner", account=account) == []


def tagged() -> Account:
    """Return an account in which one resource of each kind has the tag Owner=TeamA."""
    account = Account()
    account.do("CreateKeyPair", KeyName="admin")
    for kind in ("vpcs", "subnets", "route_tables", "egress_only_internet_gateways", "internet_gateways",
                 "network_acls", "security_groups", "instances", "nat_gateways", "elastic_ips",
                 "dhcp_options", "key_pairs", "prefix_lists"):  # fmt: skip
        first = min(getattr(account.cloud, kind))
        account.do("CreateTags", Resources=[first], Tags=[{"Key": "Owner", "Value": "TeamA"}])
    account.do("CreateTags", Resources=[WEB_RULE], Tags=[{"Key": "Owner", "Value": "TeamA"}])
    return account


@pytest.mark.parametrize("action", sorted(set(READING) - {IGNORES_UNKNOWN}))
def test_an_unknown_filter_is_refused(action: str) -> None:
    error = Account().refuse(action, **{parameter(action): [{"Name": "vpcid", "Values": [VPC]}]})
    assert (error.code, error.message) == ("InvalidParameterValue", "The filter 'vpcid' is invalid")


def test_one_action_ignores_unknown_filters_with_a_warning_unless_strict() -> None:
    wanted = [{"Name": "attachment.vpc-id", "Values": [VPC]}]
    reply = Account().reply(IGNORES_UNKNOWN, Filters=wanted)
    assert len(reply.answer["EgressOnlyInternetGateways"]) == 1
    assert "attachment.vpc-id" in reply.warnings[0]
    strict = Account(settings=Settings(strict_filters=True)).refuse(IGNORES_UNKNOWN, Filters=wanted)
    assert strict.code == "InvalidParameterValue"


def test_the_hint_names_the_filter_that_was_meant() -> None:
    def hint(name: str) -> str:
        return Account().refuse("DescribeSubnets", Filters=[{"Name": name, "Values": ["x"]}]).hint

    assert hint("vpcid").startswith("did you mean vpc-id")
    assert hint("tag") == "write tag:KEY"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("network-interface.subnet-id", SUBNET),
        ("network-interface.vpc-id", VPC),
        ("network-interface.group-id", GROUP),
        ("network-interface.group-name", "web"),
        ("network-interface.ipv6-address", "2600:1f16:aa0:5501::10"),
        ("network-interface.ipv6-addresses.ipv6-address", "2600:1f16:aa0:5501::10"),
        ("network-interface.attachment.instance-id", INSTANCE),
        ("network-interface.attachment.instance-owner-id", "000000000000"),
        ("network-interface.owner-id", "000000000000"),
        ("network-interface.source-dest-check", "true"),
        ("owner-id", "000000000000"),
        ("reservation-id", "r-*"),
        ("ipv6-address", "2600:1f16:aa0:5501::10"),
        ("instance-state-code", "16"),
    ],
)
def test_an_instance_is_found_by_what_it_has(name: str, value: str) -> None:
    (reservation,) = select("DescribeInstances", name, value)
    assert reservation["Instances"][0]["InstanceId"] == INSTANCE
    assert select("DescribeInstances", name, f"not {value}") == []


def test_a_group_is_found_by_the_name_of_a_group_in_its_rules() -> None:
    account = Account()
    (found,) = select("DescribeSecurityGroups", "ip-permission.group-name", "referred", account=account)
    assert found["GroupId"] == GROUP
    assert "GroupName" not in found["IpPermissions"][0]["UserIdGroupPairs"][0]
    pair = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": REFERRED_GROUP}]}
    account.do("AuthorizeSecurityGroupEgress", GroupId=SPARE_GROUP, IpPermissions=[pair])
    (found,) = select("DescribeSecurityGroups", "egress.ip-permission.group-name", "referred", account=account)
    assert found["GroupId"] == SPARE_GROUP
