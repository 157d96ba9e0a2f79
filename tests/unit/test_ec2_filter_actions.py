"""Network ACL entries and security group rules are stored, and described in AWS's form."""

from __future__ import annotations

from typing import Any

import pytest

from eigw_ns.cloud.model import NetworkAclEntry
from tests.support.small_cloud import ACL, DEFAULT_ACL, GROUP, REFERRED_GROUP, SPARE_GROUP, VPC, WEB_RULE, Account

Request = dict[str, Any]

LAST = [
    {"RuleNumber": number, "Egress": egress, "Protocol": "-1", "RuleAction": "deny", name: block}
    for egress in (False, True)
    for number, name, block in ((32767, "CidrBlock", "0.0.0.0/0"), (32768, "Ipv6CidrBlock", "::/0"))
]


def entries(account: Account, acl: str) -> list[dict[str, Any]]:
    """Return the entries of an ACL as DescribeNetworkAcls shows them."""
    (shape,) = account.do("DescribeNetworkAcls", NetworkAclIds=[acl])["NetworkAcls"]
    found: list[dict[str, Any]] = shape["Entries"]
    return found


def test_a_new_acl_has_only_the_last_entries() -> None:
    account = Account()
    made = account.do("CreateNetworkAcl", VpcId=VPC)["NetworkAcl"]
    assert (made["Entries"], made["Associations"], made["IsDefault"]) == (LAST, [], False)
    assert account.cloud.network_acls[made["NetworkAclId"]].entries == ()


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"Protocol": "-1"}, {"Protocol": "-1"}),
        ({"Protocol": "all", "PortRange": {"From": 1, "To": 2}}, {"Protocol": "-1"}),
        (
            {"Protocol": "tcp", "PortRange": {"From": 0, "To": 65535}},
            {"Protocol": "6", "PortRange": {"From": 0, "To": 65535}},
        ),
        (
            {"Protocol": "17", "PortRange": {"From": 53, "To": 53}},
            {"Protocol": "17", "PortRange": {"From": 53, "To": 53}},
        ),
        (
            {"Protocol": "58", "IcmpTypeCode": {"Type": 128, "Code": -1}},
            {"Protocol": "58", "IcmpTypeCode": {"Type": 128, "Code": -1}},
        ),
        ({"Protocol": "132", "PortRange": {"From": 1, "To": 2}}, {"Protocol": "132"}),
        (
            {"Protocol": "58", "CidrBlock": "10.0.0.0/8"},
            {"Protocol": "58", "CidrBlock": "10.0.0.0/8", "IcmpTypeCode": {"Type": -1, "Code": -1}},
        ),
    ],
)
def test_an_entry_is_described_in_aws_s_form(given: Request, shown: Request) -> None:
    account = Account()
    block = {} if "CidrBlock" in given else {"Ipv6CidrBlock": "2001:DB8:0::1/32"}
    entry = {"RuleNumber": 100, "Egress": True, "RuleAction": "deny"}
    assert account.do("CreateNetworkAclEntry", NetworkAclId=ACL, **entry, **block, **given) == {}
    canonical = {} if "CidrBlock" in given else {"Ipv6CidrBlock": "2001:db8::/32"}
    assert {**entry, **canonical, **shown} in entries(account, ACL)


def test_entries_are_in_order_and_numbers_are_per_direction() -> None:
    account = Account()
    for egress, number in ((True, 200), (False, 300), (True, 100), (False, 100)):
        entry = {"RuleNumber": number, "Egress": egress, "RuleAction": "allow", "Protocol": "-1"}
        account.do("CreateNetworkAclEntry", NetworkAclId=ACL, Ipv6CidrBlock="::/0", **entry)
    stored = account.cloud.network_acls[ACL].entries
    assert [(entry.egress, entry.rule_number) for entry in stored] == [
        (False, 100), (False, 300), (True, 100), (True, 200)
    ]  # fmt: skip


def test_an_entry_is_replaced_and_deleted() -> None:
    account = Account()
    entry = {"NetworkAclId": DEFAULT_ACL, "RuleNumber": 101, "Egress": False}
    account.do("ReplaceNetworkAclEntry", **entry, RuleAction="deny", Protocol="-1", Ipv6CidrBlock="::/0")
    assert _entry(account, 101).action == "deny"
    before = account.cloud
    account.do("ReplaceNetworkAclEntry", **entry, RuleAction="deny", Protocol="-1", Ipv6CidrBlock="::/0")
    assert account.cloud is before
    account.do("DeleteNetworkAclEntry", **entry)
    assert [each.rule_number for each in account.cloud.network_acls[DEFAULT_ACL].entries] == [100, 100, 101]


def _entry(account: Account, number: int) -> NetworkAclEntry:
    return next(each for each in account.cloud.network_acls[DEFAULT_ACL].entries if each.rule_number == number)


def permissions(account: Account, group: str, *, egress: bool = False) -> list[dict[str, Any]]:
    """Return the permissions of a group as DescribeSecurityGroups shows them, without empty lists."""
    (shape,) = account.do("DescribeSecurityGroups", GroupIds=[group])["SecurityGroups"]
    found = shape["IpPermissionsEgress" if egress else "IpPermissions"]
    return [{name: value for name, value in each.items() if value != []} for each in found]


def test_a_new_group_allows_all_egress_and_no_ingress() -> None:
    account = Account()
    made = account.do("CreateSecurityGroup", VpcId=VPC, GroupName="new", Description="d")["GroupId"]
    assert permissions(account, made) == []
    assert permissions(account, made, egress=True) == [
        {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    ]


def test_a_group_is_found_by_its_name_in_any_case() -> None:
    account = Account()
    shown = account.do("DescribeSecurityGroups", GroupNames=["WEB", "web", "Spare"])["SecurityGroups"]
    assert {group["GroupName"] for group in shown} == {"web", "spare"}
    account.do("CreateSecurityGroup", VpcId=VPC, GroupName="Mail", Description="d")
    exact = [{"Name": "group-name", "Values": ["mail"]}]
    assert account.do("DescribeSecurityGroups", Filters=exact)["SecurityGroups"] == []


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"IpProtocol": "-1", "FromPort": 1, "ToPort": 2}, {"IpProtocol": "-1"}),
        ({"IpProtocol": "6", "FromPort": 1, "ToPort": 2}, {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2}),
        ({"IpProtocol": "UDP", "FromPort": 0, "ToPort": 65535}, {"IpProtocol": "udp", "FromPort": 0, "ToPort": 65535}),
        ({"IpProtocol": "icmpv6"}, {"IpProtocol": "icmpv6", "FromPort": -1, "ToPort": -1}),
        ({"IpProtocol": "58", "FromPort": 128}, {"IpProtocol": "icmpv6", "FromPort": 128, "ToPort": -1}),
        ({"IpProtocol": "132", "FromPort": 1, "ToPort": 2}, {"IpProtocol": "132"}),
    ],
)
def test_a_permission_is_described_in_aws_s_form(given: Request, shown: Request) -> None:
    account = Account()
    asked = {**given, "Ipv6Ranges": [{"CidrIpv6": "2001:DB8::1/32", "Description": "why"}]}
    account.do("AuthorizeSecurityGroupIngress", GroupId=SPARE_GROUP, IpPermissions=[asked])
    ranges = {"Ipv6Ranges": [{"CidrIpv6": "2001:db8::/32", "Description": "why"}]}
    assert permissions(account, SPARE_GROUP) == [{**shown, **ranges}]


def test_rules_that_differ_only_in_the_peer_are_one_permission() -> None:
    account = Account()
    https = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
    peers = ({"Ipv6Ranges": [{"CidrIpv6": "2001:db8:a::/48"}, {"CidrIpv6": "2001:db8:b::/48"}]},
             {"IpRanges": [{"CidrIp": "10.0.0.0/8"}]})  # fmt: skip
    asked = [{**https, **peer} for peer in peers]
    answer = account.do("AuthorizeSecurityGroupIngress", GroupId=GROUP, IpPermissions=asked)
    assert permissions(account, GROUP) == [
        {
            **https,
            "IpRanges": [{"CidrIp": "10.0.0.0/8"}],
            "Ipv6Ranges": [{"CidrIpv6": "2001:db8:a::/48"}, {"CidrIpv6": "2001:db8:b::/48"}],
            "UserIdGroupPairs": [{"UserId": "000000000000", "GroupId": REFERRED_GROUP}],
        }
    ]
    assert [rule.get("CidrIpv6") or rule["CidrIpv4"] for rule in answer["SecurityGroupRules"]] == [
        "2001:db8:a::/48", "2001:db8:b::/48", "10.0.0.0/8"
    ]  # fmt: skip


def test_authorize_answers_with_the_new_rule() -> None:
    asked = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": GROUP, "Description": "ours"}]}
    answer = Account().do("AuthorizeSecurityGroupEgress", GroupId=GROUP, IpPermissions=[asked])
    (rule,) = answer["SecurityGroupRules"]
    assert rule.pop("SecurityGroupRuleArn").endswith(f":security-group-rule/{rule['SecurityGroupRuleId']}")
    assert rule == {
        "SecurityGroupRuleId": "sgr-00000000000000001",
        "GroupId": GROUP,
        "GroupOwnerId": "000000000000",
        "IsEgress": True,
        "IpProtocol": "-1",
        "FromPort": -1,
        "ToPort": -1,
        "ReferencedGroupInfo": {"GroupId": GROUP, "UserId": "000000000000"},
        "Description": "ours",
        "Tags": [],
    }


def test_the_short_form_takes_ipv4_blocks() -> None:
    account = Account()
    account.do("AuthorizeSecurityGroupIngress", GroupId=SPARE_GROUP, IpProtocol="tcp", FromPort=1, ToPort=2,
               CidrIp="10.0.0.0/8")  # fmt: skip
    shown = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    assert permissions(account, SPARE_GROUP) == [shown]


def test_revoke_by_permission_ignores_the_description() -> None:
    account = Account()
    pair = {"GroupId": REFERRED_GROUP, "Description": "another"}
    asked = {"IpProtocol": "6", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": [pair]}
    answer = account.do("RevokeSecurityGroupIngress", GroupId=GROUP, IpPermissions=[asked])
    (revoked,) = answer["RevokedSecurityGroupRules"]
    assert (revoked["SecurityGroupRuleId"], revoked["ReferencedGroupId"]) == (WEB_RULE, REFERRED_GROUP)
    assert permissions(account, GROUP) == []
    account.do("DeleteSecurityGroup", GroupId=REFERRED_GROUP)


def test_revoke_by_id() -> None:
    account = Account()
    account.do("RevokeSecurityGroupIngress", GroupId=GROUP, SecurityGroupRuleIds=[WEB_RULE])
    assert [rule.egress for rule in account.cloud.security_groups[GROUP].rules] == [True, True]


def test_revoke_the_default_rules_of_a_group() -> None:
    account = Account()
    asked = {"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    account.do("RevokeSecurityGroupEgress", GroupId=SPARE_GROUP, IpPermissions=[asked])
    assert permissions(account, SPARE_GROUP, egress=True) == [
        {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ]


def test_ingress_rules_come_before_egress_rules() -> None:
    account = Account()
    asked = {"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    account.do("AuthorizeSecurityGroupIngress", GroupId=SPARE_GROUP, IpPermissions=[asked])
    assert [rule.egress for rule in account.cloud.security_groups[SPARE_GROUP].rules] == [False, True, True]
