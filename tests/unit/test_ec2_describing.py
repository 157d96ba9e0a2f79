"""Describe actions: ids, filters with wildcards, warnings, pages."""

from __future__ import annotations

import fnmatch
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eigw_ns.cloud.ec2.filters import pattern
from eigw_ns.cloud.ec2.settings import Quotas, Settings
from tests.support.small_cloud import (
    ACL,
    BARE_GROUP,
    BARE_SUBNET,
    BARE_TABLE,
    BARE_VPC,
    EIGW,
    GONE,
    GROUP,
    IGW,
    INSTANCE,
    MAIN_TABLE,
    PLAIN_SUBNET,
    PRIVATE_TABLE,
    SPARE_TABLE,
    SUBNET,
    VPC,
    Account,
    counting,
)

ID_OF = {
    "DescribeEgressOnlyInternetGateways": ("EgressOnlyInternetGateways", "EgressOnlyInternetGatewayId"),
    "DescribeInternetGateways": ("InternetGateways", "InternetGatewayId"),
    "DescribeNetworkAcls": ("NetworkAcls", "NetworkAclId"),
    "DescribeRouteTables": ("RouteTables", "RouteTableId"),
    "DescribeSecurityGroups": ("SecurityGroups", "GroupId"),
    "DescribeSubnets": ("Subnets", "SubnetId"),
    "DescribeVpcs": ("Vpcs", "VpcId"),
}


def found(account: Account, action: str, **request: Any) -> list[str]:
    """Return the ids in the answer of a describe action."""
    if action == "DescribeInstances":
        return [each["Instances"][0]["InstanceId"] for each in account.do(action, **request)["Reservations"]]
    member, name = ID_OF[action]
    return [each[name] for each in account.do(action, **request)[member]]


def filters(**wanted: str | list[str]) -> list[dict[str, Any]]:
    """Return filters from keywords. `tag__Team` becomes `tag:Team`; otherwise `__` becomes a dot and `_` a hyphen."""
    return [
        {
            "Name": name.replace("tag__", "tag:").replace("__", ".").replace("_", "-"),
            "Values": values if isinstance(values, list) else [values],
        }
        for name, values in wanted.items()
    ]


@pytest.mark.parametrize("action", [*ID_OF, "DescribeInstances"])
def test_all_resources_are_sorted_by_id(action: str) -> None:
    everything = found(Account(), action)
    assert everything
    assert everything == sorted(everything)


def test_by_id() -> None:
    account = Account()
    assert found(account, "DescribeVpcs", VpcIds=[BARE_VPC]) == [BARE_VPC]
    assert found(account, "DescribeVpcs", VpcIds=[BARE_VPC, VPC, VPC]) == [VPC, BARE_VPC]
    assert found(account, "DescribeVpcs", VpcIds=[]) == [VPC, BARE_VPC]


def test_an_unknown_egress_only_gateway_is_left_out() -> None:
    account = Account()
    action = "DescribeEgressOnlyInternetGateways"
    assert found(account, action, EgressOnlyInternetGatewayIds=[f"eigw-{GONE}"]) == []
    assert found(account, action, EgressOnlyInternetGatewayIds=[EIGW, "eigw-deadbeef"]) == [EIGW]


@pytest.mark.parametrize(
    ("action", "wanted", "ids"),
    [
        ("DescribeSubnets", filters(vpc_id=VPC), [SUBNET, PLAIN_SUBNET]),
        ("DescribeSubnets", filters(vpc_id=[VPC, BARE_VPC], subnet_id=[BARE_SUBNET]), [BARE_SUBNET]),
        ("DescribeSubnets", filters(vpc_id=VPC, subnet_id=BARE_SUBNET), []),
        ("DescribeSubnets", filters(ipv6_native="true"), [SUBNET, PLAIN_SUBNET, BARE_SUBNET]),
        ("DescribeSubnets", filters(availability_zone="us-east-1a"), [SUBNET, PLAIN_SUBNET, BARE_SUBNET]),
        ("DescribeSubnets", filters(availability_zone="us-east-1b"), []),
        ("DescribeVpcs", filters(ipv6_cidr_block_association__ipv6_cidr_block="2600:1f16:b*"), [BARE_VPC]),
        ("DescribeVpcs", filters(cidr="*"), []),
        ("DescribeVpcs", filters(owner_id="0*0"), [VPC, BARE_VPC]),
        ("DescribeRouteTables", filters(association__main="true"), [MAIN_TABLE, BARE_TABLE]),
        ("DescribeRouteTables", filters(association__subnet_id=SUBNET), [PRIVATE_TABLE]),
        ("DescribeRouteTables", filters(route__egress_only_internet_gateway_id=EIGW), [PRIVATE_TABLE]),
        ("DescribeRouteTables", filters(route__gateway_id="local", vpc_id=BARE_VPC), [BARE_TABLE]),
        ("DescribeRouteTables", filters(route__state="blackhole"), []),
        ("DescribeInternetGateways", filters(attachment__state="available"), [IGW]),
        ("DescribeInternetGateways", filters(attachment__vpc_id=VPC), [IGW]),
        ("DescribeNetworkAcls", filters(association__subnet_id=SUBNET), [ACL]),
        ("DescribeNetworkAcls", filters(entry__rule_number="101", default="false"), []),
        ("DescribeSecurityGroups", filters(group_name="web"), [GROUP, BARE_GROUP]),
        ("DescribeSecurityGroups", filters(ip_permission__from_port="443"), [GROUP]),
        ("DescribeInstances", filters(instance__group_id=GROUP), [INSTANCE]),
        ("DescribeInstances", filters(instance_state_name="stopped"), []),
    ],
)
def test_filters(action: str, wanted: list[dict[str, Any]], ids: list[str]) -> None:
    reply = Account().reply(action, Filters=wanted)
    assert reply.warnings == ()
    assert found(Account(), action, Filters=wanted) == ids


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (filters(tag__Team="net"), [SPARE_TABLE]),
        (filters(tag__Team="NET"), []),
        (filters(tag__Team=["web", "n*"]), [PRIVATE_TABLE, SPARE_TABLE]),
        (filters(tag__Team="net") + filters(tag__Name="a*b"), [SPARE_TABLE]),
        (filters(tag__Name="a\\*b"), [SPARE_TABLE]),
        (filters(tag__Name="a?b"), [MAIN_TABLE, SPARE_TABLE]),
        (filters(tag_key="Team"), [PRIVATE_TABLE, SPARE_TABLE]),
        (filters(tag_key="T?am", vpc_id=BARE_VPC), []),
    ],
)
def test_tags_and_wildcards(wanted: list[dict[str, Any]], ids: list[str]) -> None:
    account = Account()
    account.do("CreateTags", Resources=[SPARE_TABLE, PRIVATE_TABLE], Tags=[{"Key": "Team", "Value": "net"}])
    account.do("CreateTags", Resources=[PRIVATE_TABLE], Tags=[{"Key": "Team", "Value": "web"}])
    account.do("CreateTags", Resources=[SPARE_TABLE], Tags=[{"Key": "Name", "Value": "a*b"}])
    account.do("CreateTags", Resources=[MAIN_TABLE], Tags=[{"Key": "Name", "Value": "axb"}])
    assert found(account, "DescribeRouteTables", Filters=wanted) == ids


def test_describe_tags() -> None:
    account = Account()
    account.do(
        "CreateTags", Resources=[VPC, EIGW], Tags=[{"Key": "Team", "Value": "net"}, {"Key": "Name", "Value": "n"}]
    )

    def tags(**wanted: str | list[str]) -> list[tuple[str, str, str]]:
        shown = account.do("DescribeTags", Filters=filters(**wanted))["Tags"]
        return [(tag["ResourceType"], tag["Key"], tag["Value"]) for tag in shown]

    eigw = "egress-only-internet-gateway"
    assert tags(resource_id=EIGW) == [(eigw, "Name", "n"), (eigw, "Team", "net")]
    assert tags(key="Team") == [(eigw, "Team", "net"), ("vpc", "Team", "net")]
    assert tags(resource_type="vpc", value="n*") == [("vpc", "Name", "n"), ("vpc", "Team", "net")]
    assert tags(tag__Team="net", resource_type="vpc") == [("vpc", "Team", "net")]
    assert tags(tag__Team="n") == []


def many() -> Account:
    """Return an account with thirteen route tables in the first VPC."""
    account = Account(settings=Settings(new_id=counting(), quotas=Quotas()))
    for _ in range(10):
        account.do("CreateRouteTable", VpcId=VPC)
    return account


def test_pages_have_every_item_once() -> None:
    account = many()
    request: dict[str, Any] = {"MaxResults": 5, "Filters": filters(vpc_id=VPC)}
    seen: list[str] = []
    sizes: list[int] = []
    token = None
    while not sizes or token:
        answer = account.do("DescribeRouteTables", **request, **({"NextToken": token} if token else {}))
        page = [table["RouteTableId"] for table in answer["RouteTables"]]
        seen, sizes, token = seen + page, [*sizes, len(page)], answer.get("NextToken")
    assert sizes == [5, 5, 3]
    assert seen == found(account, "DescribeRouteTables", Filters=filters(vpc_id=VPC))


def test_the_last_page_has_no_token() -> None:
    account = Account()
    account.do("CreateRouteTable", VpcId=VPC)
    answer = account.do("DescribeRouteTables", MaxResults=5)
    assert len(answer["RouteTables"]) == 5
    assert "NextToken" not in answer


def test_pages_continue_correctly_after_deletions() -> None:
    account = many()
    first = account.do("DescribeRouteTables", MaxResults=5)
    last = first["RouteTables"][-1]["RouteTableId"]
    account.do("DeleteRouteTable", RouteTableId=last)
    rest = account.do("DescribeRouteTables", NextToken=first["NextToken"])
    assert all(table["RouteTableId"] > last for table in rest["RouteTables"])
    assert len(rest["RouteTables"]) == 9


def test_a_token_is_valid_only_for_its_own_request() -> None:
    account = many()
    token = account.do("DescribeRouteTables", MaxResults=5)["NextToken"]
    other = {"Filters": filters(vpc_id=VPC), "NextToken": token}
    assert account.refuse("DescribeRouteTables", **other).code == "InvalidNextToken"
    assert account.refuse("DescribeRouteTables", NextToken=token + "x").code == "InvalidNextToken"


_PATTERN_TEXT = st.text("ab*?\\.[]", max_size=8)


@given(st.lists(_PATTERN_TEXT, min_size=1, max_size=3).map("*".join), st.text("ab*?\\.[]\n", max_size=8))
def test_wildcards_match_as_in_fnmatch(text: str, value: str) -> None:
    """fnmatch is an independent implementation. It has no `\\`, but `[*]` has the same meaning as `\\*`."""
    spelt = re.sub(r"\\.|[*?]|\[", lambda hit: hit[0] if hit[0] in "*?" else f"[{hit[0][-1]}]", text, flags=re.DOTALL)
    assert bool(pattern(text).fullmatch(value)) == fnmatch.fnmatchcase(value, spelt)


def test_many_wildcards_are_not_slow() -> None:
    assert not pattern("*a" * 60 + "b").fullmatch("a" * 256)
