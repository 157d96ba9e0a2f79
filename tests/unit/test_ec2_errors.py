"""Requests that AWS refuses: malformed requests, ids, internet gateways, tags, and exceeded quotas."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eigw_ns.cloud.ec2.settings import Quotas, Settings
from tests.support.small_cloud import (
    ACL,
    BARE_VPC,
    DEFAULT_ACL,
    EIGW,
    GONE,
    GROUP,
    IGW,
    INSTANCE,
    PRIVATE_TABLE,
    SPARE_GROUP,
    SPARE_IGW,
    VPC,
    Account,
    Case,
    Request,
    cases,
    counting,
)

EVERYWHERE = {"DestinationIpv6CidrBlock": "::/0"}
TO_EIGW = {"EgressOnlyInternetGatewayId": EIGW}
A_TAG = [{"Key": "a", "Value": "b"}]
HTTPS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
ANY_IPV6 = {"Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
ENTRY = {"NetworkAclId": ACL, "RuleNumber": 100, "Egress": False, "RuleAction": "allow", "Ipv6CidrBlock": "::/0"}

REQUESTS: list[Case] = [
    ("unknown action", "InvalidAction", "CreateEverything", {}),
    ("unknown parameter", "UnknownParameter", "DescribeVpcs", {"VpcId": VPC}),
    ("unknown member", "UnknownParameter", "DescribeVpcs", {"Filters": [{"name": "vpc-id"}]}),
    ("a text for a number", "InvalidParameterValue", "DescribeVpcs", {"MaxResults": "5"}),
    ("a boolean for a number", "InvalidParameterValue", "DescribeVpcs", {"MaxResults": True}),
    ("a text for a boolean", "InvalidParameterValue", "DescribeVpcs", {"DryRun": "true"}),
    ("a text for a list", "InvalidParameterValue", "DescribeVpcs", {"VpcIds": VPC}),
    ("a number in a list of texts", "InvalidParameterValue", "DescribeVpcs", {"VpcIds": [1]}),
    ("a text for a structure", "InvalidParameterValue", "DescribeVpcs", {"Filters": ["vpc-id"]}),
    ("filter without a name", "InvalidParameterValue", "DescribeVpcs", {"Filters": [{"Values": ["x"]}]}),
    ("filter without values", "InvalidParameterValue", "DescribeVpcs", {"Filters": [{"Name": "vpc-id"}]}),
    (
        "more filters than 50",
        "FilterLimitExceeded",
        "DescribeVpcs",
        {"Filters": [{"Name": "vpc-id", "Values": [VPC]}] * 51},
    ),
    (
        "more values than 200",
        "FilterLimitExceeded",
        "DescribeVpcs",
        {"Filters": [{"Name": "vpc-id", "Values": [VPC] * 201}]},
    ),
    ("more tables in a page than 100", "InvalidParameterValue", "DescribeRouteTables", {"MaxResults": 101}),
    ("dry run", "DryRunOperation", "CreateRouteTable", {"VpcId": VPC, "DryRun": True}),
    (
        "dry run of a request that would fail",
        "InvalidVpcID.NotFound",
        "CreateRouteTable",
        {"VpcId": f"vpc-{GONE}", "DryRun": True},
    ),
]

IDS: list[Case] = [
    (f"{action} of {wrong}", code, action, {member: [wrong] if member.endswith("Ids") else wrong})
    for action, member, prefix, not_found, malformed in (
        ("DescribeVpcs", "VpcIds", "vpc", "InvalidVpcID.NotFound", "InvalidVpcID.Malformed"),
        ("DescribeSubnets", "SubnetIds", "subnet", "InvalidSubnetID.NotFound", "InvalidSubnetID.Malformed"),
        ("DescribeInstances", "InstanceIds", "i", "InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"),
        (
            "DescribeRouteTables",
            "RouteTableIds",
            "rtb",
            "InvalidRouteTableID.NotFound",
            "InvalidRouteTableId.Malformed",
        ),
        ("DeleteRouteTable", "RouteTableId", "rtb", "InvalidRouteTableID.NotFound", "InvalidRouteTableId.Malformed"),
        (
            "DescribeInternetGateways",
            "InternetGatewayIds",
            "igw",
            "InvalidInternetGatewayID.NotFound",
            "InvalidInternetGatewayId.Malformed",
        ),
        (
            "DeleteInternetGateway",
            "InternetGatewayId",
            "igw",
            "InvalidInternetGatewayID.NotFound",
            "InvalidInternetGatewayId.Malformed",
        ),
        (
            "DescribeNetworkAcls",
            "NetworkAclIds",
            "acl",
            "InvalidNetworkAclID.NotFound",
            "InvalidNetworkAclId.Malformed",
        ),
        ("DeleteNetworkAcl", "NetworkAclId", "acl", "InvalidNetworkAclID.NotFound", "InvalidNetworkAclId.Malformed"),
        ("DescribeSecurityGroups", "GroupIds", "sg", "InvalidGroup.NotFound", "InvalidGroupId.Malformed"),
        ("DeleteSecurityGroup", "GroupId", "sg", "InvalidGroup.NotFound", "InvalidGroupId.Malformed"),
    )
    for wrong, code in ((f"{prefix}-{GONE}", not_found), (f"{prefix}-x", malformed))
]


INTERNET_GATEWAYS: list[Case] = [
    (
        "attached already",
        "Resource.AlreadyAssociated",
        "AttachInternetGateway",
        {"InternetGatewayId": IGW, "VpcId": BARE_VPC},
    ),
    ("a second one", "InvalidParameterValue", "AttachInternetGateway", {"InternetGatewayId": SPARE_IGW, "VpcId": VPC}),
    ("not attached", "Gateway.NotAttached", "DetachInternetGateway", {"InternetGatewayId": SPARE_IGW, "VpcId": VPC}),
    (
        "attached elsewhere",
        "Gateway.NotAttached",
        "DetachInternetGateway",
        {"InternetGatewayId": IGW, "VpcId": BARE_VPC},
    ),
    ("attached", "DependencyViolation", "DeleteInternetGateway", {"InternetGatewayId": IGW}),
]


TAGS: list[Case] = [
    ("unknown resource", "InvalidVpcID.NotFound", "CreateTags", {"Resources": [VPC, f"vpc-{GONE}"], "Tags": A_TAG}),
    ("unknown eigw", "InvalidGatewayID.NotFound", "CreateTags", {"Resources": [f"eigw-{GONE}"], "Tags": A_TAG}),
    ("malformed id", "InvalidVpcID.Malformed", "CreateTags", {"Resources": ["vpc-x"], "Tags": A_TAG}),
    ("name instead of an id", "InvalidID", "CreateTags", {"Resources": ["main"], "Tags": A_TAG}),
    ("id of an unknown kind", "InvalidID", "DeleteTags", {"Resources": [f"snap-{GONE}"]}),
    ("no resource", "MissingParameter", "CreateTags", {"Resources": [], "Tags": A_TAG}),
    ("no tags", "MissingParameter", "CreateTags", {"Resources": [VPC]}),
    *(
        (what, code, "CreateTags", {"Resources": [VPC], "Tags": given})
        for what, code, given in (
            ("empty key", "InvalidTagKey.Malformed", [{"Key": "", "Value": "b"}]),
            ("no key", "InvalidTagKey.Malformed", [{"Value": "b"}]),
            ("AWS's own key", "InvalidParameterValue", [{"Key": "AWS:a", "Value": "b"}]),
            ("key too long", "InvalidParameterValue", [{"Key": "k" * 129, "Value": "b"}]),
            ("value too long", "InvalidParameterValue", [{"Key": "k", "Value": "v" * 257}]),
            ("a key twice", "InvalidParameterValue", [*A_TAG, *A_TAG]),
            ("a value on two lines", "InvalidParameterValue", [{"Key": "k", "Value": "a\nb"}]),
            ("51 tags", "TagLimitExceeded", [{"Key": f"k{number}", "Value": ""} for number in range(51)]),
        )
    ),
    (
        "AWS's own key in a tag specification",
        "InvalidParameterValue",
        "CreateRouteTable",
        {"VpcId": VPC, "TagSpecifications": [{"ResourceType": "route-table", "Tags": [{"Key": "aws:a"}]}]},
    ),
    (
        "unknown rule",
        "InvalidSecurityGroupRuleId.NotFound",
        "CreateTags",
        {"Resources": [f"sgr-{GONE}"], "Tags": A_TAG},
    ),
    (
        "tag specification without tags",
        "InvalidParameterValue",
        "CreateRouteTable",
        {"VpcId": VPC, "TagSpecifications": [{"ResourceType": "route-table", "Tags": []}]},
    ),
    (
        "the same type twice",
        "InvalidParameterValue",
        "CreateRouteTable",
        {"VpcId": VPC, "TagSpecifications": [{"ResourceType": "route-table", "Tags": A_TAG}] * 2},
    ),
]


@pytest.mark.parametrize(
    ("code", "action", "request_"),
    cases(requests=REQUESTS, ids=IDS, internet_gateways=INTERNET_GATEWAYS, tags=TAGS),
)
def test_refused(code: str, action: str, request_: Request) -> None:
    assert Account().refuse(action, **request_).code == code


NONE = Quotas(
    egress_only_internet_gateways_per_vpc=0,
    internet_gateways_per_region=2,
    route_tables_per_vpc=1,
    routes_per_route_table=1,
    network_acls_per_vpc=1,
    entries_per_network_acl=2,
    security_groups_per_region=6,
    rules_per_security_group=1,
    security_groups_per_interface=1,
    tags_per_resource=0,
)
"""Quotas that the small cloud has reached."""

QUOTAS: list[tuple[str, str, Request]] = [
    ("ResourceLimitExceeded", "CreateEgressOnlyInternetGateway", {"VpcId": BARE_VPC}),
    ("InternetGatewayLimitExceeded", "CreateInternetGateway", {}),
    ("RouteTableLimitExceeded", "CreateRouteTable", {"VpcId": BARE_VPC}),
    (
        "RouteLimitExceeded",
        "CreateRoute",
        {"RouteTableId": PRIVATE_TABLE, "DestinationIpv6CidrBlock": "2000::/3", **TO_EIGW},
    ),
    ("NetworkAclLimitExceeded", "CreateNetworkAcl", {"VpcId": BARE_VPC}),
    (
        "NetworkAclEntryLimitExceeded",
        "CreateNetworkAclEntry",
        {**ENTRY, "NetworkAclId": DEFAULT_ACL, "RuleNumber": 1, "Protocol": "-1"},
    ),
    (
        "NetworkAclEntryLimitExceeded",
        "ReplaceNetworkAclEntry",
        {**ENTRY, "NetworkAclId": DEFAULT_ACL, "RuleNumber": 100, "Protocol": "-1"},
    ),
    ("SecurityGroupLimitExceeded", "CreateSecurityGroup", {"VpcId": VPC, "GroupName": "n", "Description": "d"}),
    (
        "RulesPerSecurityGroupLimitExceeded",
        "AuthorizeSecurityGroupIngress",
        {"GroupId": GROUP, "IpPermissions": [{**HTTPS, **ANY_IPV6}]},
    ),
    (
        "SecurityGroupsPerInterfaceLimitExceeded",
        "ModifyInstanceAttribute",
        {"InstanceId": INSTANCE, "Groups": [GROUP, SPARE_GROUP]},
    ),
    ("TagLimitExceeded", "CreateTags", {"Resources": [VPC], "Tags": A_TAG}),
]


@pytest.mark.parametrize(
    ("code", "action", "request_"), QUOTAS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_over_quota(code: str, action: str, request_: Request) -> None:
    account = Account(settings=Settings(quotas=NONE, new_id=counting()))
    assert account.refuse(action, **request_).code == code
    Account().do(action, **request_)  # the same request is granted within AWS's own quotas


def test_gateways_of_a_region_are_counted_across_vpcs() -> None:
    quotas = replace(Quotas(), egress_only_internet_gateways_per_region=1)
    account = Account(settings=Settings(quotas=quotas, new_id=counting()))
    assert account.refuse("CreateEgressOnlyInternetGateway", VpcId=BARE_VPC).code == "ResourceLimitExceeded"


def test_entries_and_rules_of_the_other_ip_version_do_not_count() -> None:
    account = Account(settings=Settings(quotas=NONE, new_id=counting()))
    account.do("DeleteNetworkAclEntry", NetworkAclId=DEFAULT_ACL, RuleNumber=101, Egress=False)
    account.do("CreateNetworkAclEntry", **{**ENTRY, "NetworkAclId": DEFAULT_ACL, "RuleNumber": 1, "Protocol": "-1"})
    account.do("AuthorizeSecurityGroupIngress", GroupId=SPARE_GROUP, IpPermissions=[{**HTTPS, **ANY_IPV6}])
    account.do("AuthorizeSecurityGroupIngress", GroupId=SPARE_GROUP, IpProtocol="-1", CidrIp="0.0.0.0/0")


def test_several_unknown_ids_are_named_together() -> None:
    error = Account().refuse("DescribeVpcs", VpcIds=[VPC, f"vpc-{GONE}", "vpc-deadbeef"])
    assert error.message == f"The vpc IDs 'vpc-{GONE}, vpc-deadbeef' do not exist"


def test_a_misspelt_parameter_has_a_hint() -> None:
    assert Account().refuse("DescribeVpcs", VpcsIds=[VPC]).hint == "did you mean VpcIds?"
    assert Account().refuse("DescribeVpc").hint.startswith("did you mean DescribeVpcs")
