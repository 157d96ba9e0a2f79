"""Requests about network ACLs and security groups that AWS refuses, each with its error code."""

from __future__ import annotations

import pytest

from tests.support.small_cloud import (
    ACL,
    ACL_ASSOCIATION,
    BARE_DEFAULT_ACL,
    BARE_GROUP,
    DEFAULT_ACL,
    DEFAULT_GROUP,
    GONE,
    GROUP,
    INSTANCE,
    REFERRED_GROUP,
    VPC,
    WEB_RULE,
    Account,
    Case,
    Request,
    cases,
)

HTTPS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
ANY_IPV6 = {"Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
ENTRY = {"NetworkAclId": ACL, "RuleNumber": 100, "Egress": False, "RuleAction": "allow", "Ipv6CidrBlock": "::/0"}

ACLS: list[Case] = [
    ("default ACL", "InvalidParameterValue", "DeleteNetworkAcl", {"NetworkAclId": DEFAULT_ACL}),
    ("ACL that a subnet uses", "DependencyViolation", "DeleteNetworkAcl", {"NetworkAclId": ACL}),
    *(
        (what, code, "CreateNetworkAclEntry", {**ENTRY, **request})
        for what, code, request in (
            ("rule 0", "InvalidParameterValue", {"RuleNumber": 0, "Protocol": "-1"}),
            ("rule 32767", "InvalidParameterValue", {"RuleNumber": 32767, "Protocol": "-1"}),
            ("unknown protocol", "InvalidParameterValue", {"Protocol": "tpc"}),
            ("protocol 256", "InvalidParameterValue", {"Protocol": "256"}),
            ("unknown action", "InvalidParameterValue", {"Protocol": "-1", "RuleAction": "drop"}),
            ("no block", "MissingParameter", {"Protocol": "-1", "Ipv6CidrBlock": ""}),
            ("two blocks", "InvalidParameterCombination", {"Protocol": "-1", "CidrBlock": "0.0.0.0/0"}),
            ("no block of IPv4", "InvalidParameterValue", {"Protocol": "-1", "Ipv6CidrBlock": "", "CidrBlock": "10/8"}),
            ("TCP without ports", "MissingParameter", {"Protocol": "6"}),
            ("TCP with half a range", "MissingParameter", {"Protocol": "6", "PortRange": {"From": 1}}),
            ("a range backwards", "InvalidParameterValue", {"Protocol": "6", "PortRange": {"From": 2, "To": 1}}),
            ("port 65536", "InvalidParameterValue", {"Protocol": "17", "PortRange": {"From": 1, "To": 65536}}),
            ("ICMPv6 without a type", "MissingParameter", {"Protocol": "58"}),
            ("ICMPv6 without a code", "MissingParameter", {"Protocol": "58", "IcmpTypeCode": {"Type": 128}}),
            (
                "a code of all types",
                "InvalidParameterValue",
                {"Protocol": "58", "IcmpTypeCode": {"Type": -1, "Code": 0}},
            ),
            ("type 256", "InvalidParameterValue", {"Protocol": "58", "IcmpTypeCode": {"Type": 256, "Code": 0}}),
        )
    ),
    (
        "a number that is taken",
        "NetworkAclEntryAlreadyExists",
        "CreateNetworkAclEntry",
        {**ENTRY, "NetworkAclId": DEFAULT_ACL, "Protocol": "-1"},
    ),
    (
        "replacing an unknown entry",
        "InvalidNetworkAclEntry.NotFound",
        "ReplaceNetworkAclEntry",
        {**ENTRY, "Protocol": "-1"},
    ),
    (
        "deleting in the other direction",
        "InvalidNetworkAclEntry.NotFound",
        "DeleteNetworkAclEntry",
        {"NetworkAclId": ACL, "RuleNumber": 100, "Egress": True},
    ),
    (
        "deleting the last entry",
        "InvalidParameterValue",
        "DeleteNetworkAclEntry",
        {"NetworkAclId": ACL, "RuleNumber": 32768, "Egress": True},
    ),
    (
        "unknown association",
        "InvalidAssociationID.NotFound",
        "ReplaceNetworkAclAssociation",
        {"AssociationId": f"aclassoc-{GONE}", "NetworkAclId": ACL},
    ),
    (
        "ACL of another VPC",
        "InvalidParameterValue",
        "ReplaceNetworkAclAssociation",
        {"AssociationId": ACL_ASSOCIATION, "NetworkAclId": BARE_DEFAULT_ACL},
    ),
    (
        "unknown ACL",
        "InvalidNetworkAclID.NotFound",
        "ReplaceNetworkAclAssociation",
        {"AssociationId": ACL_ASSOCIATION, "NetworkAclId": f"acl-{GONE}"},
    ),
]

GROUPS: list[Case] = [
    ("no VPC", "VPCIdNotSpecified", "CreateSecurityGroup", {"GroupName": "a", "Description": "b"}),
    *(
        (what, code, "CreateSecurityGroup", {"VpcId": VPC, "GroupName": name, "Description": description})
        for what, code, name, description in (
            ("a name that is taken", "InvalidGroup.Duplicate", "web", "b"),
            ("a name that is taken in another case", "InvalidGroup.Duplicate", "WEB", "b"),
            ("the name default", "InvalidGroup.Reserved", "default", "b"),
            ("the name Default", "InvalidGroup.Duplicate", "Default", "b"),
            ("a name like an id", "InvalidParameterValue", "sg-web", "b"),
            ("a name too long", "InvalidParameterValue", "a" * 256, "b"),
            ("a name on two lines", "InvalidParameterValue", "a\nb", "b"),
            ("a description with <>", "InvalidParameterValue", "a", "<b>"),
            ("no description", "MissingParameter", "a", ""),
        )
    ),
    ("default group", "CannotDelete", "DeleteSecurityGroup", {"GroupId": DEFAULT_GROUP}),
    ("group of an instance", "DependencyViolation", "DeleteSecurityGroup", {"GroupId": GROUP}),
    ("group that another refers to", "DependencyViolation", "DeleteSecurityGroup", {"GroupId": REFERRED_GROUP}),
    ("unknown name", "InvalidGroup.NotFound", "DescribeSecurityGroups", {"GroupNames": ["nobody"]}),
    ("no groups", "InvalidParameterCombination", "ModifyInstanceAttribute", {"InstanceId": INSTANCE, "Groups": []}),
    (
        "unknown group",
        "InvalidGroup.NotFound",
        "ModifyInstanceAttribute",
        {"InstanceId": INSTANCE, "Groups": [GROUP, f"sg-{GONE}"]},
    ),
    (
        "group of another VPC",
        "InvalidParameter",
        "ModifyInstanceAttribute",
        {"InstanceId": INSTANCE, "Groups": [BARE_GROUP]},
    ),
]

RULES: list[Case] = [
    *(
        (what, code, "AuthorizeSecurityGroupIngress", {"GroupId": GROUP, **request})
        for what, code, request in (
            ("no permission", "MissingParameter", {}),
            ("no protocol", "MissingParameter", {"IpPermissions": [ANY_IPV6]}),
            ("no peer", "MissingParameter", {"IpPermissions": [HTTPS]}),
            ("no block", "MissingParameter", {"IpPermissions": [{**HTTPS, "Ipv6Ranges": [{}]}]}),
            ("no group", "MissingParameter", {"IpPermissions": [{**HTTPS, "UserIdGroupPairs": [{}]}]}),
            (
                "both forms",
                "InvalidParameterCombination",
                {"IpPermissions": [{**HTTPS, **ANY_IPV6}], "CidrIp": "0.0.0.0/0"},
            ),
            ("no such protocol", "InvalidParameterValue", {"IpPermissions": [{"IpProtocol": "tpc", **ANY_IPV6}]}),
            ("TCP without ports", "InvalidParameterValue", {"IpPermissions": [{"IpProtocol": "tcp", **ANY_IPV6}]}),
            (
                "a range backwards",
                "InvalidParameterValue",
                {"IpPermissions": [{"IpProtocol": "tcp", "FromPort": 2, "ToPort": 1, **ANY_IPV6}]},
            ),
            (
                "a code of all types",
                "InvalidParameterValue",
                {"IpPermissions": [{"IpProtocol": "icmpv6", "FromPort": -1, "ToPort": 0, **ANY_IPV6}]},
            ),
            (
                "no CIDR block",
                "InvalidParameterValue",
                {"IpPermissions": [{**HTTPS, "Ipv6Ranges": [{"CidrIpv6": "everywhere"}]}]},
            ),
            (
                "IPv4 where IPv6 belongs",
                "InvalidParameterValue",
                {"IpPermissions": [{**HTTPS, "Ipv6Ranges": [{"CidrIpv6": "0.0.0.0/0"}]}]},
            ),
            (
                "a bad description",
                "InvalidParameterValue",
                {"IpPermissions": [{**HTTPS, "Ipv6Ranges": [{"CidrIpv6": "::/0", "Description": "<b>"}]}]},
            ),
            (
                "the same twice",
                "InvalidParameterValue",
                {"IpPermissions": [{**HTTPS, **ANY_IPV6}, {**HTTPS, "Ipv6Ranges": [{"CidrIpv6": "::0/0"}]}]},
            ),
            (
                "a rule that is there",
                "InvalidPermission.Duplicate",
                {
                    "IpPermissions": [
                        {**HTTPS, "UserIdGroupPairs": [{"GroupId": REFERRED_GROUP, "Description": "again"}]}
                    ]
                },
            ),
            (
                "unknown group",
                "InvalidGroup.NotFound",
                {"IpPermissions": [{**HTTPS, "UserIdGroupPairs": [{"GroupId": f"sg-{GONE}"}]}]},
            ),
            (
                "group of another VPC",
                "InvalidGroup.NotFound",
                {"IpPermissions": [{**HTTPS, "UserIdGroupPairs": [{"GroupId": BARE_GROUP}]}]},
            ),
        )
    ),
    *(
        (what, code, action, {"GroupId": GROUP, **request})
        for what, code, action, request in (
            ("nothing to revoke", "MissingParameter", "RevokeSecurityGroupIngress", {}),
            (
                "no such rule",
                "InvalidPermission.NotFound",
                "RevokeSecurityGroupIngress",
                {"IpPermissions": [{**HTTPS, **ANY_IPV6}]},
            ),
            (
                "rule of the other direction",
                "InvalidSecurityGroupRuleId.NotFound",
                "RevokeSecurityGroupEgress",
                {"SecurityGroupRuleIds": [WEB_RULE]},
            ),
            (
                "rule id malformed",
                "InvalidSecurityGroupRuleId.Malformed",
                "RevokeSecurityGroupIngress",
                {"SecurityGroupRuleIds": ["sgr-x"]},
            ),
            (
                "ids and permissions",
                "InvalidParameterCombination",
                "RevokeSecurityGroupIngress",
                {"SecurityGroupRuleIds": [WEB_RULE], "IpPermissions": [{**HTTPS, **ANY_IPV6}]},
            ),
        )
    ),
]


@pytest.mark.parametrize(("code", "action", "request_"), cases(acls=ACLS, groups=GROUPS, rules=RULES))
def test_refused(code: str, action: str, request_: Request) -> None:
    assert Account().refuse(action, **request_).code == code
