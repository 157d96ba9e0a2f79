"""Comparison with botocore's model of the EC2 API: parameters are AWS's, and answers have AWS's output shapes.

Requests and answers of every action also survive EC2's Query protocol, with botocore as the client.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from botocore.validate import ParamValidator

from eigw_ns.cloud.ec2.api import ACTIONS
from eigw_ns.cloud.ec2.empty_lists import LACKED
from eigw_ns.cloud.ec2.schema import Parameter
from eigw_ns.cloud.interfaces import interface_id
from eigw_ns.topology import Topology
from eigw_ns.topology.delta import delta, with_delta
from tests.support import wire
from tests.support.ec2_model import operation
from tests.support.small_cloud import (
    ACL,
    ASSOCIATION,
    BARE_VPC,
    DHCP,
    EIGW,
    GROUP,
    IGW,
    INSTANCE,
    IPV4_LIST,
    NAT,
    NAT_ADDRESS,
    PLAIN_ACL_ASSOCIATION,
    PLAIN_SUBNET,
    PREFIX_LIST,
    PRIVATE_TABLE,
    REFERRED_GROUP,
    SPARE_ACL,
    SPARE_ADDRESS,
    SPARE_GROUP,
    SPARE_IGW,
    SPARE_TABLE,
    SUBNET,
    VPC,
    WEB_RULE,
    Account,
)

ENTRY = {"NetworkAclId": ACL, "RuleNumber": 100, "Egress": True, "RuleAction": "allow", "Ipv6CidrBlock": "::/0"}
HTTPS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
EVERYONE = {"Ipv6Ranges": [{"CidrIpv6": "::/0", "Description": "all"}], "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
TAGGED = [{"Key": "Team", "Value": "net"}]


def tagged(resource_type: str) -> list[dict[str, Any]]:
    return [{"ResourceType": resource_type, "Tags": TAGGED}]


RECORDED: list[tuple[str, dict[str, Any]]] = [
    ("AllocateAddress", {"Domain": "vpc", "TagSpecifications": tagged("elastic-ip")}),
    ("AssociateAddress", {"AllocationId": SPARE_ADDRESS, "InstanceId": INSTANCE}),
    ("DescribeAddresses", {}),
    ("DescribeAddressesAttribute", {"Attribute": "domain-name"}),
    ("DisassociateAddress", {"PublicIp": "203.0.113.3"}),
    (
        "CreateNatGateway",
        {
            "SubnetId": PLAIN_SUBNET,
            "AllocationId": SPARE_ADDRESS,
            "ClientToken": "nat",
            "TagSpecifications": tagged("natgateway"),
        },
    ),
    ("DeleteNatGateway", {"NatGatewayId": NAT}),
    ("DescribeNatGateways", {"Filter": [{"Name": "vpc-id", "Values": [VPC]}]}),
    ("ReleaseAddress", {"AllocationId": NAT_ADDRESS}),
    (
        "CreateDhcpOptions",
        {
            "DhcpConfigurations": [{"Key": "domain-name-servers", "Values": ["10.0.0.2", "AmazonProvidedDNS"]}],
            "TagSpecifications": tagged("dhcp-options"),
        },
    ),
    ("AssociateDhcpOptions", {"DhcpOptionsId": "default", "VpcId": VPC}),
    ("DescribeDhcpOptions", {}),
    ("DeleteDhcpOptions", {"DhcpOptionsId": DHCP}),
    ("DescribeAccountAttributes", {}),
    *((action, {"MaxResults": 5} if action == "DescribeByoipCidrs" else {}) for action in LACKED),
]
"""The actions on what is only recorded, and on what a lab does not have."""
INTERFACE = interface_id(INSTANCE)
PUBLIC_KEY = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQ== mine"

INTERFACES: list[tuple[str, dict[str, Any]]] = [
    (
        "CreateNetworkInterface",
        {
            "SubnetId": SUBNET,
            "Description": "second",
            "Groups": [GROUP],
            "Ipv6Addresses": [{"Ipv6Address": "2600:1f16:aa0:5501::99"}],
            "Ipv6Prefixes": [{"Ipv6Prefix": "2600:1f16:aa0:5501:9::/80"}],
            "ClientToken": "y",
            "TagSpecifications": tagged("network-interface"),
        },
    ),
    ("DescribeNetworkInterfaceAttribute", {"NetworkInterfaceId": "the new interface", "Attribute": "groupSet"}),
    (
        "AttachNetworkInterface",
        {"NetworkInterfaceId": "the new interface", "InstanceId": INSTANCE, "DeviceIndex": 1},
    ),
    ("DescribeInstances", {}),
    ("DescribeNetworkInterfaces", {}),
    ("DetachNetworkInterface", {"AttachmentId": "of the new interface", "Force": True}),
    ("ResetNetworkInterfaceAttribute", {"NetworkInterfaceId": INTERFACE, "SourceDestCheck": "true"}),
    ("DeleteNetworkInterface", {"NetworkInterfaceId": "the new interface"}),
]
"""The life of an interface that no instance has as its primary one."""

TOUR: list[tuple[str, dict[str, Any]]] = [
    *RECORDED,
    (
        "CreateEgressOnlyInternetGateway",
        {"VpcId": BARE_VPC, "ClientToken": "t", "TagSpecifications": tagged("egress-only-internet-gateway")},
    ),
    ("DescribeEgressOnlyInternetGateways", {}),
    ("CreateRouteTable", {"VpcId": VPC, "ClientToken": "u", "TagSpecifications": tagged("route-table")}),
    (
        "CreateRoute",
        {"RouteTableId": SPARE_TABLE, "DestinationIpv6CidrBlock": "::/0", "EgressOnlyInternetGatewayId": EIGW},
    ),
    ("ReplaceRoute", {"RouteTableId": SPARE_TABLE, "DestinationIpv6CidrBlock": "::/0", "GatewayId": IGW}),
    ("AssociateRouteTable", {"RouteTableId": SPARE_TABLE, "SubnetId": PLAIN_SUBNET}),
    ("DescribeRouteTables", {"Filters": [{"Name": "vpc-id", "Values": [VPC]}], "MaxResults": 5}),
    ("DeleteRoute", {"RouteTableId": SPARE_TABLE, "DestinationIpv6CidrBlock": "::/0"}),
    ("ReplaceRouteTableAssociation", {"AssociationId": ASSOCIATION, "RouteTableId": SPARE_TABLE}),
    ("DeleteRouteTable", {"RouteTableId": PRIVATE_TABLE}),
    (
        "CreateManagedPrefixList",
        {
            "PrefixListName": "branches",
            "Entries": [{"Cidr": "2001:db8:c1::/48", "Description": "one"}],
            "MaxEntries": 5,
            "AddressFamily": "IPv6",
            "ClientToken": "pl",
            "TagSpecifications": tagged("prefix-list"),
        },
    ),
    (
        "CreateRoute",
        {"RouteTableId": SPARE_TABLE, "DestinationPrefixListId": PREFIX_LIST, "EgressOnlyInternetGatewayId": EIGW},
    ),
    (
        "AuthorizeSecurityGroupIngress",
        {"GroupId": GROUP, "IpPermissions": [{**HTTPS, "PrefixListIds": [{"PrefixListId": PREFIX_LIST}]}]},
    ),
    ("DescribeRouteTables", {}),
    ("DescribeSecurityGroups", {}),
    ("DescribeSecurityGroupRules", {}),
    ("DescribeManagedPrefixLists", {"MaxResults": 1}),
    (
        "ModifyManagedPrefixList",
        {
            "PrefixListId": PREFIX_LIST,
            "CurrentVersion": 1,
            "AddEntries": [{"Cidr": "2001:db8:c2::/48", "Description": "two"}],
            "RemoveEntries": [{"Cidr": "2001:db8:c0::/48"}],
        },
    ),
    ("GetManagedPrefixListEntries", {"PrefixListId": PREFIX_LIST, "TargetVersion": 1}),
    ("GetManagedPrefixListAssociations", {"PrefixListId": PREFIX_LIST}),
    (
        "RestoreManagedPrefixListVersion",
        {"PrefixListId": PREFIX_LIST, "CurrentVersion": 2, "PreviousVersion": 1},
    ),
    ("DeleteManagedPrefixList", {"PrefixListId": IPV4_LIST}),
    (
        "RevokeSecurityGroupIngress",
        {"GroupId": GROUP, "IpPermissions": [{**HTTPS, "PrefixListIds": [{"PrefixListId": PREFIX_LIST}]}]},
    ),
    ("DeleteRoute", {"RouteTableId": SPARE_TABLE, "DestinationPrefixListId": PREFIX_LIST}),
    ("CreateTags", {"Resources": [VPC, INSTANCE, GROUP, ACL, PREFIX_LIST], "Tags": TAGGED}),
    ("DescribeTags", {}),
    ("DeleteTags", {"Resources": [VPC]}),
    ("CreateInternetGateway", {"TagSpecifications": tagged("internet-gateway")}),
    ("AttachInternetGateway", {"InternetGatewayId": SPARE_IGW, "VpcId": BARE_VPC}),
    ("DescribeInternetGateways", {}),
    ("DetachInternetGateway", {"InternetGatewayId": SPARE_IGW, "VpcId": BARE_VPC}),
    ("DeleteInternetGateway", {"InternetGatewayId": SPARE_IGW}),
    ("DescribeVpcs", {}),
    ("DescribeSubnets", {}),
    ("CreateNetworkAcl", {"VpcId": VPC, "ClientToken": "v", "TagSpecifications": tagged("network-acl")}),
    ("CreateNetworkAclEntry", {**ENTRY, "Protocol": "6", "PortRange": {"From": 1, "To": 2}}),
    ("CreateNetworkAclEntry", {**ENTRY, "RuleNumber": 110, "Protocol": "-1"}),
    ("ReplaceNetworkAclEntry", {**ENTRY, "Protocol": "58", "IcmpTypeCode": {"Type": 128, "Code": 0}}),
    ("DescribeNetworkAcls", {}),
    ("DeleteNetworkAclEntry", {"NetworkAclId": ACL, "RuleNumber": 100, "Egress": True}),
    ("ReplaceNetworkAclAssociation", {"AssociationId": PLAIN_ACL_ASSOCIATION, "NetworkAclId": ACL}),
    ("DeleteNetworkAcl", {"NetworkAclId": SPARE_ACL}),
    (
        "CreateSecurityGroup",
        {"VpcId": VPC, "GroupName": "n", "Description": "d", "TagSpecifications": tagged("security-group")},
    ),
    (
        "AuthorizeSecurityGroupIngress",
        {
            "GroupId": GROUP,
            "IpPermissions": [{**HTTPS, **EVERYONE}],
            "TagSpecifications": tagged("security-group-rule"),
        },
    ),
    ("DescribeSecurityGroupRules", {"Filters": [{"Name": "group-id", "Values": [GROUP]}], "MaxResults": 5}),
    (
        "ModifySecurityGroupRules",
        {
            "GroupId": GROUP,
            "SecurityGroupRules": [
                {
                    "SecurityGroupRuleId": WEB_RULE,
                    "SecurityGroupRule": {**HTTPS, "ReferencedGroupId": REFERRED_GROUP, "Description": "web"},
                }
            ],
        },
    ),
    (
        "AuthorizeSecurityGroupEgress",
        {"GroupId": GROUP, "IpPermissions": [{**HTTPS, "UserIdGroupPairs": [{"GroupId": REFERRED_GROUP}]}]},
    ),
    (
        "UpdateSecurityGroupRuleDescriptionsEgress",
        {"GroupId": GROUP, "IpPermissions": [{**HTTPS, "UserIdGroupPairs": [{"GroupId": REFERRED_GROUP}]}]},
    ),
    (
        "UpdateSecurityGroupRuleDescriptionsIngress",
        {
            "GroupId": GROUP,
            "SecurityGroupRuleDescriptions": [{"SecurityGroupRuleId": WEB_RULE, "Description": "web"}],
        },
    ),
    ("DescribeSecurityGroups", {"GroupNames": ["web"]}),
    ("RevokeSecurityGroupIngress", {"GroupId": GROUP, "SecurityGroupRuleIds": [WEB_RULE]}),
    (
        "RevokeSecurityGroupEgress",
        {"GroupId": GROUP, "IpPermissions": [{**HTTPS, "UserIdGroupPairs": [{"GroupId": REFERRED_GROUP}]}]},
    ),
    ("ModifyInstanceAttribute", {"InstanceId": INSTANCE, "Groups": [GROUP, SPARE_GROUP]}),
    ("CreateKeyPair", {"KeyName": "made", "TagSpecifications": tagged("key-pair")}),
    ("ImportKeyPair", {"KeyName": "mine", "PublicKeyMaterial": PUBLIC_KEY, "TagSpecifications": tagged("key-pair")}),
    ("DescribeKeyPairs", {"KeyNames": ["mine"], "IncludePublicKey": True}),
    ("DescribeImages", {"Filters": [{"Name": "name", "Values": ["al2023-ami-*"]}], "Owners": ["amazon"]}),
    ("DescribeInstanceTypes", {"InstanceTypes": ["t3.micro"]}),
    (
        "RunInstances",
        {
            "ImageId": "ami-0123456789abcdef0",
            "MinCount": 1,
            "MaxCount": 2,
            "SubnetId": SUBNET,
            "KeyName": "mine",
            "InstanceType": "t3.micro",
            "ClientToken": "w",
            "TagSpecifications": [*tagged("instance"), *tagged("volume")],
        },
    ),
    ("DescribeInstances", {}),
    ("DescribeInstanceStatus", {"IncludeAllInstances": True}),
    ("DescribeInstanceAttribute", {"InstanceId": INSTANCE, "Attribute": "disableApiTermination"}),
    ("DescribeInstanceCreditSpecifications", {"InstanceIds": [INSTANCE]}),
    (
        "ModifyInstanceCreditSpecification",
        {"InstanceCreditSpecifications": [{"InstanceId": INSTANCE, "CpuCredits": "standard"}], "ClientToken": "x"},
    ),
    ("ModifyInstanceMetadataOptions", {"InstanceId": INSTANCE, "HttpTokens": "required"}),
    ("MonitorInstances", {"InstanceIds": [INSTANCE]}),
    ("UnmonitorInstances", {"InstanceIds": [INSTANCE]}),
    ("DescribeVolumes", {}),
    ("DescribeIamInstanceProfileAssociations", {}),
    ("ModifyNetworkInterfaceAttribute", {"NetworkInterfaceId": INTERFACE, "SourceDestCheck": {"Value": False}}),
    ("AssignIpv6Addresses", {"NetworkInterfaceId": INTERFACE, "Ipv6AddressCount": 1, "Ipv6PrefixCount": 1}),
    ("UnassignIpv6Addresses", {"NetworkInterfaceId": INTERFACE, "Ipv6Addresses": ["2600:1f16:aa0:5501::10"]}),
    *INTERFACES,
    ("RebootInstances", {"InstanceIds": [INSTANCE]}),
    ("StopInstances", {"InstanceIds": [INSTANCE]}),
    ("StartInstances", {"InstanceIds": [INSTANCE]}),
    ("TerminateInstances", {"InstanceIds": [INSTANCE]}),
    ("DescribeInstances", {}),
    ("DeleteKeyPair", {"KeyName": "made"}),
    ("DeleteSecurityGroup", {"GroupId": REFERRED_GROUP}),
    ("DisassociateRouteTable", {"AssociationId": "of the plain subnet"}),
    ("DeleteEgressOnlyInternetGateway", {"EgressOnlyInternetGatewayId": EIGW}),
    (
        "CreateVpc",
        {"CidrBlock": "10.0.0.0/16", "AmazonProvidedIpv6CidrBlock": True, "TagSpecifications": tagged("vpc")},
    ),
    ("CreateDefaultVpc", {}),
    ("DeleteSubnet", {"SubnetId": "the default subnet"}),
    ("CreateDefaultSubnet", {"AvailabilityZone": "us-east-1a"}),
    ("CreateNetworkInterface", {"SubnetId": "the default subnet", "SecondaryPrivateIpAddressCount": 1}),
    ("AssignPrivateIpAddresses", {"NetworkInterfaceId": "the new interface", "PrivateIpAddresses": ["172.31.16.9"]}),
    ("UnassignPrivateIpAddresses", {"NetworkInterfaceId": "the new interface", "PrivateIpAddresses": ["172.31.16.9"]}),
    ("DescribeVpcAttribute", {"VpcId": VPC, "Attribute": "enableDnsSupport"}),
    ("ModifyVpcAttribute", {"VpcId": VPC, "EnableDnsHostnames": {"Value": True}}),
    ("AssociateVpcCidrBlock", {"VpcId": BARE_VPC, "CidrBlock": "10.0.0.0/16"}),
    ("AssociateVpcCidrBlock", {"VpcId": BARE_VPC, "AmazonProvidedIpv6CidrBlock": True}),
    ("DisassociateVpcCidrBlock", {"AssociationId": "of the second IPv6 block"}),
    ("CreateSubnet", {"VpcId": BARE_VPC, "CidrBlock": "10.0.1.0/24", "TagSpecifications": tagged("subnet")}),
    ("ModifySubnetAttribute", {"SubnetId": PLAIN_SUBNET, "MapPublicIpOnLaunch": {"Value": True}}),
    ("AssociateSubnetCidrBlock", {"SubnetId": "the new subnet", "Ipv6CidrBlock": "2600:1f16:bb0:5509::/64"}),
    ("DisassociateSubnetCidrBlock", {"AssociationId": "of the new subnet"}),
    ("DeleteSubnet", {"SubnetId": "the new subnet"}),
    ("DeleteVpc", {"VpcId": "the new VPC"}),
    ("DescribeAvailabilityZones", {"ZoneNames": ["us-east-1a"], "AllAvailabilityZones": False}),
    ("DescribeNetworkInterfaces", {"MaxResults": 5}),
    ("DescribeRegions", {"RegionNames": ["us-east-1"], "AllRegions": True}),
]
"""Every action at least once, in an order in which each is granted."""


def mistakes(value: Any, shape: Any) -> str:
    """Return botocore's report on `value` as a `shape`. It is empty if the value is valid."""
    return str(ParamValidator().validate(value, shape).generate_report())


def test_every_request_and_every_answer_has_the_form_of_aws() -> None:
    """Each answer and each change goes through what it will be read from: EC2's XML, and the log of changes."""
    account = Account()
    for action, request in TOUR:
        if action == "DisassociateRouteTable":
            request = {"AssociationId": _association_of(account, PLAIN_SUBNET)}
        request = {name: _meant(account, value) for name, value in request.items()}
        described = operation(action)
        assert mistakes(request, described.input_shape) == "", action
        before = Topology(account.cloud)
        answer = account.do(action, **request)
        after = Topology(account.cloud)
        assert with_delta(before, json.loads(json.dumps(delta(before, after)))) == after, action
        if described.output_shape is None:
            assert answer == {}, action
        else:
            assert answer, action
            assert mistakes(answer, described.output_shape) == "", action
        assert wire.received(action, request) == wire.encoded(request, described.input_shape)
        assert wire.read(action, answer) == wire.as_read(answer, described.output_shape), action
    assert {action for action, _ in TOUR} == set(ACTIONS)


def test_botocore_reports_mistakes() -> None:
    shape = operation("DescribeVpcs").output_shape
    assert "Unknown parameter" in mistakes({"Vpcs": [{"VpcID": VPC}]}, shape)
    assert "Invalid type" in mistakes({"Vpcs": [{"IsDefault": "false"}]}, shape)


def _meant(account: Account, value: Any) -> Any:
    """Return the id that the words in a request of the tour mean."""
    cloud = account.cloud
    new = {each.id: each for each in cloud.subnets.values() if each.vpc_id == BARE_VPC and each.cidr_block}
    interface = next(iter(cloud.network_interfaces.values()), None)
    meant = {
        "the new interface": lambda: interface.id if interface else "",
        "of the new interface": lambda: interface.attachment.id if interface and interface.attachment else "",
        "the default subnet": lambda: min(each.id for each in cloud.subnets.values() if each.attributes.default_for_az),
        "of the second IPv6 block": lambda: cloud.vpcs[BARE_VPC].ipv6_associations[-1].id,
        "the new subnet": lambda: next(iter(new)),
        "of the new subnet": lambda: next(each.ipv6_association.id for each in new.values() if each.ipv6_association),
        "the new VPC": lambda: next(
            vpc.id for vpc in cloud.vpcs.values() if vpc.tags and vpc.id not in (VPC, BARE_VPC)
        ),
    }
    return meant[value]() if isinstance(value, str) and value in meant else value


def _association_of(account: Account, subnet: str) -> str:
    for table in account.do("DescribeRouteTables")["RouteTables"]:
        for each in table["Associations"]:
            if each.get("SubnetId") == subnet:
                return str(each["RouteTableAssociationId"])
    raise AssertionError("the subnet has no explicit association")


@pytest.mark.parametrize("action", ACTIONS)
def test_parameters_are_those_of_aws(action: str) -> None:
    shape = operation(action).input_shape
    compare(ACTIONS[action].parameters, shape.members)
    names = {parameter.name for parameter in ACTIONS[action].parameters if parameter.required}
    assert set(shape.required_members) <= names


def compare(parameters: Iterable[Parameter], members: Mapping[str, Any]) -> None:
    """Check that each parameter, and each of its members, is a member of AWS's shape with the same type."""
    for parameter in parameters:
        member = members[parameter.name]
        if parameter.type.startswith("list<"):
            assert member.type_name == "list"
            member = member.member
        integers = {"integer": ("integer", "long")}
        wanted = parameter.type.removeprefix("list<").removesuffix(">")
        assert member.type_name in integers.get(wanted, (wanted,))
        if parameter.members:
            compare(parameter.members, member.members)


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_and_parameter_has_a_help_text(action: str) -> None:
    described = ACTIONS[action]
    assert described.help[0].isupper() and not described.help.endswith(".")
    assert all(parameter.help for parameter in described.parameters)
    has_dry_run = "DryRun" in operation(action).input_shape.members
    assert (described.parameters[-1].name == "DryRun") is has_dry_run
