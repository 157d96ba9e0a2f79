"""VPCs and subnets made by EC2 actions: what comes with them, their blocks, attributes and zones, and every refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network
from typing import Any

import pytest

from eigw_ns.cloud import ids
from eigw_ns.cloud.addressing import AMAZON_POOL, free_blocks
from eigw_ns.cloud.ec2.new_vpcs import with_default_vpc
from eigw_ns.cloud.ec2.settings import Quotas, Settings
from eigw_ns.cloud.flow_logs import FlowLog
from eigw_ns.cloud.model import Cloud, InternetHost
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.state import Link
from eigw_ns.topology import Topology, example, load
from eigw_ns.topology.decode import from_data
from eigw_ns.topology.encode import to_data
from tests.support.small_cloud import (
    BARE_VPC,
    EIGW,
    GONE,
    INSTANCE,
    PLAIN_SUBNET,
    SUBNET,
    VPC,
    Account,
    Case,
    cases,
    counting,
)

BLOCK = "10.0.0.0/16"
FIRST, SECOND = "2600:1f16:a00::/56", "2600:1f16:a00:100::/56"


def empty(settings: Settings | None = None) -> Account:
    return Account(Cloud("empty"), settings)


def created(account: Account, **request: Any) -> str:
    """Create a VPC and return its id."""
    return str(account.do("CreateVpc", **{"CidrBlock": BLOCK, **request})["Vpc"]["VpcId"])


def ipv6_blocks(account: Account, vpc_id: str) -> list[str]:
    return list(map(str, account.cloud.vpcs[vpc_id].ipv6_cidr_blocks))


def described(account: Account, action: str, vpc_id: str) -> list[Mapping[str, Any]]:
    found = account.do(action, Filters=[{"Name": "vpc-id", "Values": [vpc_id]}])
    return list(next(iter(found.values())))


def test_a_vpc_takes_its_flow_logs_along() -> None:
    account = empty()
    gone, stays = created(account), created(account)
    logs = {f"fl-{name}": FlowLog(f"fl-{name}", name, vpc) for name, vpc in (("one", gone), ("two", stays))}
    account.cloud = replace(account.cloud, flow_logs=logs)
    account.do("DeleteVpc", VpcId=gone)
    assert [*account.cloud.flow_logs] == ["fl-two"]


def test_a_vpc_has_what_aws_creates_with_it_and_takes_it_along() -> None:
    account = empty()
    vpc_id = created(account, AmazonProvidedIpv6CidrBlock=True)
    (table,) = described(account, "DescribeRouteTables", vpc_id)
    assert [each["Main"] for each in table["Associations"]] == [True]
    assert [each["GatewayId"] for each in table["Routes"]] == ["local", "local"]
    (acl,) = described(account, "DescribeNetworkAcls", vpc_id)
    assert acl["IsDefault"] and len(acl["Entries"]) == 8
    (group,) = described(account, "DescribeSecurityGroups", vpc_id)
    assert group["GroupName"] == "default"
    account.do("DeleteVpc", VpcId=vpc_id)
    assert account.cloud == Cloud("empty")


def test_a_vpc_without_ipv6_has_no_rules_for_it() -> None:
    account = empty()
    vpc_id = created(account)
    (acl,) = described(account, "DescribeNetworkAcls", vpc_id)
    assert [each["RuleNumber"] for each in acl["Entries"]] == [100, 32767] * 2
    (group,) = described(account, "DescribeSecurityGroups", vpc_id)
    assert group["IpPermissionsEgress"][0]["Ipv6Ranges"] == []


def test_resources_of_the_api_keep_their_ids_in_a_file() -> None:
    account = Account()
    vpc_id = created(account, AmazonProvidedIpv6CidrBlock=True, CidrBlock="10.1.0.0/16")
    account.do("AssociateVpcCidrBlock", VpcId=vpc_id, CidrBlock="10.2.0.0/16")
    subnet = {"VpcId": vpc_id, "CidrBlock": "10.1.1.0/24", "Ipv6CidrBlock": "2600:1f16:a00:1::/64"}
    account.do("CreateSubnet", **subnet, AvailabilityZone="us-east-1b")
    native = {"VpcId": vpc_id, "Ipv6Native": True, "Ipv6CidrBlock": "2600:1f16:a00:2::/64"}
    subnet_id = account.do("CreateSubnet", **native)["Subnet"]["SubnetId"]
    account.do("CreateDefaultVpc")
    account.do("ModifyVpcAttribute", VpcId=vpc_id, EnableDnsHostnames={"Value": True})
    account.do("ModifySubnetAttribute", SubnetId=subnet_id, EnableDns64={"Value": True})
    topology = Topology(account.cloud, ())
    assert from_data(to_data(topology)) == topology


def test_amazon_provides_the_lowest_free_block() -> None:
    account = empty()
    host = InternetHost("host-1", "web", IPv6Address("2600:1f16:a00:100::1"))
    account.cloud = replace(account.cloud, hosts={host.id: host})
    first, second = (created(account, AmazonProvidedIpv6CidrBlock=True) for _ in range(2))
    assert (ipv6_blocks(account, first), ipv6_blocks(account, second)) == ([FIRST], ["2600:1f16:a00:200::/56"])
    account.do("DeleteVpc", VpcId=first)
    assert ipv6_blocks(account, created(account, AmazonProvidedIpv6CidrBlock=True)) == [FIRST]


def test_free_blocks_do_not_touch_smaller_and_larger_blocks() -> None:
    small, large = IPv6Network("2600:1f16:a00:0:8000::/68"), IPv6Network("2600:1f16:a00:200::/55")
    found = free_blocks(AMAZON_POOL, [small, IPv6Network("2600:1f16:a00:110::/60"), large], 56)
    assert str(next(found)) == "2600:1f16:a00:400::/56"
    assert list(free_blocks(IPv6Network("2001:db8::/56"), [IPv6Network("2001:db8::/60")], 56)) == []


def test_the_first_ipv6_block_brings_the_default_rules_for_ipv6() -> None:
    account = empty()
    vpc_id = created(account)
    untouched = created(account, AmazonProvidedIpv6CidrBlock=True, CidrBlock="10.1.0.0/16")
    wanted = [each["Entries"] for each in described(account, "DescribeNetworkAcls", untouched)]
    account.do("AssociateVpcCidrBlock", VpcId=vpc_id, AmazonProvidedIpv6CidrBlock=True)
    assert ipv6_blocks(account, vpc_id) == [SECOND]
    assert [each["Entries"] for each in described(account, "DescribeNetworkAcls", vpc_id)] == wanted
    (group,) = described(account, "DescribeSecurityGroups", vpc_id)
    assert group["IpPermissionsEgress"][0]["Ipv6Ranges"] == [{"CidrIpv6": "::/0"}]
    (table,) = described(account, "DescribeRouteTables", vpc_id)
    assert SECOND in [each.get("DestinationIpv6CidrBlock") for each in table["Routes"]]


def test_rules_that_a_user_has_changed_stay_as_they_are() -> None:
    account = empty()
    vpc_id = created(account)
    (acl,) = described(account, "DescribeNetworkAcls", vpc_id)
    account.do("DeleteNetworkAclEntry", NetworkAclId=acl["NetworkAclId"], RuleNumber=100, Egress=False)
    (group,) = described(account, "DescribeSecurityGroups", vpc_id)
    account.do("RevokeSecurityGroupEgress", GroupId=group["GroupId"], IpPermissions=group["IpPermissionsEgress"])
    account.do("AssociateVpcCidrBlock", VpcId=vpc_id, AmazonProvidedIpv6CidrBlock=True)
    (acl,) = described(account, "DescribeNetworkAcls", vpc_id)
    assert [(each["Egress"], each["RuleNumber"]) for each in acl["Entries"] if each["RuleNumber"] == 101] == [
        (True, 101)
    ]
    (group,) = described(account, "DescribeSecurityGroups", vpc_id)
    assert group["IpPermissionsEgress"] == []


def test_a_block_that_is_associated_again_has_another_id() -> None:
    account = Account()

    def associated() -> str:
        asked = {"VpcId": BARE_VPC, "Ipv6CidrBlock": "2600:1f16:cc0:5500::/56"}
        return str(account.do("AssociateVpcCidrBlock", **asked)["Ipv6CidrBlockAssociation"]["AssociationId"])

    first = associated()
    gone = account.do("DisassociateVpcCidrBlock", AssociationId=first)
    assert gone["Ipv6CidrBlockAssociation"]["Ipv6CidrBlockState"] == {"State": "disassociated"}
    assert ids.kind_of(first) == ids.VPC_BLOCK and associated() != first


def test_a_vpc_has_further_blocks_of_both_families() -> None:
    account = empty()
    vpc_id = created(account, AmazonProvidedIpv6CidrBlock=True)
    answer = account.do("AssociateVpcCidrBlock", VpcId=vpc_id, CidrBlock="10.1.2.3/24")
    assert answer["CidrBlockAssociation"]["CidrBlock"] == "10.1.2.0/24"
    account.do("AssociateVpcCidrBlock", VpcId=vpc_id, AmazonProvidedIpv6CidrBlock=True)
    assert ipv6_blocks(account, vpc_id) == [FIRST, SECOND]
    account.do("DisassociateVpcCidrBlock", AssociationId=answer["CidrBlockAssociation"]["AssociationId"])
    assert [str(each) for each in account.cloud.vpcs[vpc_id].cidr_blocks] == [BLOCK]


def test_a_default_vpc_has_a_subnet_in_each_zone_and_a_way_out() -> None:
    account = empty()
    vpc = account.do("CreateDefaultVpc")["Vpc"]
    assert (vpc["CidrBlock"], vpc["IsDefault"]) == ("172.31.0.0/16", True)
    subnets = described(account, "DescribeSubnets", vpc["VpcId"])
    assert [(each["AvailabilityZone"], each["CidrBlock"]) for each in subnets] == [
        ("us-east-1a", "172.31.0.0/20"),
        ("us-east-1b", "172.31.16.0/20"),
        ("us-east-1c", "172.31.32.0/20"),
    ]
    assert all(each["DefaultForAz"] and each["MapPublicIpOnLaunch"] for each in subnets)
    (table,) = described(account, "DescribeRouteTables", vpc["VpcId"])
    assert [(each["DestinationCidrBlock"], each["State"]) for each in table["Routes"]][-1] == ("0.0.0.0/0", "active")
    assert account.refuse("CreateDefaultVpc").code == "DefaultVpcAlreadyExists"
    assert with_default_vpc(account.cloud, account.settings) is account.cloud


def test_groups_are_made_in_the_default_vpc_and_named_there() -> None:
    account = Account()
    assert account.refuse("CreateSecurityGroup", GroupName="web", Description="d").code == "VPCIdNotSpecified"
    vpc_id = account.do("CreateDefaultVpc")["Vpc"]["VpcId"]
    group_id = account.do("CreateSecurityGroup", GroupName="web", Description="d")["GroupId"]
    assert account.cloud.security_groups[group_id].vpc_id == vpc_id
    assert account.do("DeleteSecurityGroup", GroupName="web")["GroupId"] == group_id


@pytest.mark.parametrize("attribute", ["EnableDnsSupport", "EnableDnsHostnames", "EnableNetworkAddressUsageMetrics"])
def test_attributes_of_a_vpc_are_set_one_by_one(attribute: str) -> None:
    account = Account()

    def value() -> bool:
        asked = attribute[0].lower() + attribute[1:]
        return bool(account.do("DescribeVpcAttribute", VpcId=VPC, Attribute=asked)[attribute]["Value"])

    before = value()
    assert before is (attribute == "EnableDnsSupport")
    account.do("ModifyVpcAttribute", VpcId=VPC, **{attribute: {"Value": not before}})
    assert value() is not before
    cloud = account.cloud
    account.do("ModifyVpcAttribute", VpcId=VPC, **{attribute: {"Value": not before}})
    assert account.cloud is cloud


@pytest.mark.parametrize(
    ("attribute", "path"),
    [
        ("AssignIpv6AddressOnCreation", ("AssignIpv6AddressOnCreation",)),
        ("EnableDns64", ("EnableDns64",)),
        ("MapPublicIpOnLaunch", ("MapPublicIpOnLaunch",)),
        (
            "EnableResourceNameDnsARecordOnLaunch",
            ("PrivateDnsNameOptionsOnLaunch", "EnableResourceNameDnsARecord"),
        ),
        (
            "EnableResourceNameDnsAAAARecordOnLaunch",
            ("PrivateDnsNameOptionsOnLaunch", "EnableResourceNameDnsAAAARecord"),
        ),
    ],
)
def test_attributes_of_a_subnet_are_set_one_by_one(attribute: str, path: tuple[str, ...]) -> None:
    account = Account()
    for value in (True, False):
        account.do("ModifySubnetAttribute", SubnetId=SUBNET, **{attribute: {"Value": value}})
        found: Any = account.do("DescribeSubnets", SubnetIds=[SUBNET])["Subnets"][0]
        for member in path:
            found = found[member]
        assert found is value


def test_a_subnet_gets_and_loses_its_ipv6_block() -> None:
    account = Account()
    vpc_id = created(account, AmazonProvidedIpv6CidrBlock=True)
    subnet = account.do("CreateSubnet", VpcId=vpc_id, CidrBlock="10.0.1.0/24")["Subnet"]
    assert (subnet["AvailableIpAddressCount"], subnet["Ipv6Native"], subnet["State"]) == (251, False, "available")
    asked = {"SubnetId": subnet["SubnetId"], "Ipv6CidrBlock": "2600:1f16:a00:7::/64"}
    first = account.do("AssociateSubnetCidrBlock", **asked)["Ipv6CidrBlockAssociation"]["AssociationId"]
    account.do("DisassociateSubnetCidrBlock", AssociationId=first)
    assert account.cloud.subnets[subnet["SubnetId"]].ipv6_association is None
    again = account.do("AssociateSubnetCidrBlock", **asked)["Ipv6CidrBlockAssociation"]["AssociationId"]
    assert again != first and ids.kind_of(again) == ids.SUBNET_BLOCK


def test_an_ipv6_native_subnet_assigns_addresses() -> None:
    account = Account()
    asked = {"VpcId": VPC, "Ipv6Native": True, "Ipv6CidrBlock": "2600:1f16:aa0:5510::/60"}
    subnet = account.do("CreateSubnet", **asked)["Subnet"]
    assert subnet["Ipv6Native"] and subnet["AssignIpv6AddressOnCreation"] and "CidrBlock" not in subnet
    account.do("DeleteSubnet", SubnetId=subnet["SubnetId"])
    assert subnet["SubnetId"] not in account.cloud.subnets


def test_vpcs_and_subnets_are_found_by_their_blocks_alone() -> None:
    account = empty()
    vpc_id = created(account)
    created(account, CidrBlock="10.9.0.0/16")
    account.do("CreateSubnet", VpcId=vpc_id, CidrBlock="10.0.1.0/24", AvailabilityZoneId="use1-az2")

    def count(action: str, name: str, value: str) -> int:
        found = account.do(action, Filters=[{"Name": name, "Values": [value]}])
        return len(next(iter(found.values())))

    for name in ("cidr", "cidr-block", "cidr-block-association.cidr-block"):
        assert (count("DescribeVpcs", name, BLOCK), count("DescribeVpcs", name, "10.5.0.0/16")) == (1, 0), name
    for name in ("cidr", "cidr-block", "cidrBlock"):
        assert count("DescribeSubnets", name, "10.0.1.0/24") == 1, name
    for name, value in (
        ("availability-zone", "us-east-1b"),
        ("availabilityZoneId", "use1-az2"),
        ("default-for-az", "false"),
    ):
        assert count("DescribeSubnets", name, value) == 1, name


def of_vpcs() -> list[Case]:
    vpc: dict[str, Any] = {"CidrBlock": BLOCK}
    further = {"VpcId": BARE_VPC}
    return [
        ("no block", "MissingParameter", "CreateVpc", {}),
        ("no CIDR", "InvalidParameterValue", "CreateVpc", {"CidrBlock": "10.0.0.0"}),
        ("too large", "InvalidVpc.Range", "CreateVpc", {"CidrBlock": "10.0.0.0/8"}),
        ("too small", "InvalidVpc.Range", "CreateVpc", {"CidrBlock": "10.0.0.0/29"}),
        ("tenancy", "InvalidParameterValue", "CreateVpc", {**vpc, "InstanceTenancy": "host"}),
        ("border group", "InvalidParameterValue", "CreateVpc", {**vpc, "Ipv6CidrBlockNetworkBorderGroup": "eu-west-1"}),
        ("two IPv6 blocks", "InvalidParameterCombination", "CreateVpc",
         {**vpc, "AmazonProvidedIpv6CidrBlock": True, "Ipv6CidrBlock": "2001:db8::/56"}),
        ("length of the IPv6 block", "InvalidParameterValue", "CreateVpc", {**vpc, "Ipv6CidrBlock": "2001:db8::/57"}),
        ("private IPv6 block", "InvalidParameterValue", "CreateVpc", {**vpc, "Ipv6CidrBlock": "fd00::/56"}),
        ("taken IPv6 block", "InvalidParameterValue", "CreateVpc", {**vpc, "Ipv6CidrBlock": "2600:1f16:aa0:5500::/60"}),
        ("tags of another type", "InvalidParameterValue", "CreateVpc",
         {**vpc, "TagSpecifications": [{"ResourceType": "subnet", "Tags": [{"Key": "a", "Value": "b"}]}]}),
        ("unknown", "InvalidVpcID.NotFound", "DeleteVpc", {"VpcId": f"vpc-{GONE}"}),
        ("in use", "DependencyViolation", "DeleteVpc", {"VpcId": VPC}),
        ("no further block", "MissingParameter", "AssociateVpcCidrBlock", further),
        ("false is no block", "MissingParameter", "AssociateVpcCidrBlock",
         {**further, "AmazonProvidedIpv6CidrBlock": False}),
        ("two further blocks", "InvalidParameterCombination", "AssociateVpcCidrBlock",
         {**further, "AmazonProvidedIpv6CidrBlock": True, "CidrBlock": BLOCK}),
        ("link-local", "InvalidVpc.Range", "AssociateVpcCidrBlock", {**further, "CidrBlock": "169.254.0.0/24"}),
        ("malformed association", "InvalidVpcCidrBlockAssociationId.Malformed", "DisassociateVpcCidrBlock",
         {"AssociationId": "x"}),
        ("unknown association", "InvalidVpcCidrBlockAssociationID.NotFound", "DisassociateVpcCidrBlock",
         {"AssociationId": f"vpc-cidr-assoc-{GONE}"}),
        ("block of a subnet", "InvalidCidrBlock.InUse", "DisassociateVpcCidrBlock",
         {"AssociationId": Account().cloud.vpcs[VPC].ipv6_associations[0].id}),
        ("unknown attribute", "InvalidParameterValue", "DescribeVpcAttribute", {"VpcId": VPC, "Attribute": "dns"}),
        ("no attribute", "InvalidParameterCombination", "ModifyVpcAttribute", {"VpcId": VPC}),
        ("two attributes", "InvalidParameterCombination", "ModifyVpcAttribute",
         {"VpcId": VPC, "EnableDnsSupport": {"Value": True}, "EnableDnsHostnames": {"Value": True}}),
        ("no value", "MissingParameter", "ModifyVpcAttribute", {"VpcId": VPC, "EnableDnsSupport": {}}),
    ]  # fmt: skip


def of_subnets() -> list[Case]:
    bare = {"VpcId": BARE_VPC}
    block = Account().cloud.subnets[SUBNET].ipv6_association
    assert block is not None
    return [
        ("no block", "MissingParameter", "CreateSubnet", bare),
        ("IPv6 alone, not native", "MissingParameter", "CreateSubnet",
         {**bare, "Ipv6CidrBlock": "2600:1f16:bb0:5502::/64"}),
        ("native without block", "MissingParameter", "CreateSubnet", {**bare, "Ipv6Native": True}),
        ("native with IPv4", "InvalidParameterCombination", "CreateSubnet",
         {**bare, "Ipv6Native": True, "CidrBlock": "10.0.0.0/24"}),
        ("VPC without IPv4", "InvalidSubnet.Range", "CreateSubnet", {**bare, "CidrBlock": "10.0.0.0/24"}),
        ("length", "InvalidParameterValue", "CreateSubnet",
         {**bare, "Ipv6Native": True, "Ipv6CidrBlock": "2600:1f16:bb0:5502::/65"}),
        ("outside the VPC", "InvalidSubnet.Range", "CreateSubnet",
         {**bare, "Ipv6Native": True, "Ipv6CidrBlock": "2600:1f16:cc0:5502::/64"}),
        ("taken", "InvalidSubnet.Conflict", "CreateSubnet",
         {**bare, "Ipv6Native": True, "Ipv6CidrBlock": "2600:1f16:bb0:5501::/64"}),
        ("zone", "InvalidParameterValue", "CreateSubnet",
         {**bare, "Ipv6Native": True, "Ipv6CidrBlock": "2600:1f16:bb0:5502::/64", "AvailabilityZone": "eu-west-1a"}),
        ("two zones", "InvalidParameterCombination", "CreateSubnet",
         {**bare, "Ipv6Native": True, "Ipv6CidrBlock": "2600:1f16:bb0:5502::/64", "AvailabilityZone": "us-east-1a",
          "AvailabilityZoneId": "use1-az2"}),
        ("unknown", "InvalidSubnetID.NotFound", "DeleteSubnet", {"SubnetId": f"subnet-{GONE}"}),
        ("with an instance", "DependencyViolation", "DeleteSubnet", {"SubnetId": SUBNET}),
        ("second block", "CidrLimitExceeded", "AssociateSubnetCidrBlock",
         {"SubnetId": SUBNET, "Ipv6CidrBlock": "2600:1f16:aa0:5509::/64"}),
        ("malformed association", "InvalidSubnetCidrBlockAssociationId.Malformed", "DisassociateSubnetCidrBlock",
         {"AssociationId": "subnet-cidr-assoc-x"}),
        ("unknown association", "InvalidSubnetCidrBlockAssociationID.NotFound", "DisassociateSubnetCidrBlock",
         {"AssociationId": f"subnet-cidr-assoc-{GONE}"}),
        ("only block", "OperationNotPermitted", "DisassociateSubnetCidrBlock", {"AssociationId": block.id}),
        ("no attribute", "InvalidParameterCombination", "ModifySubnetAttribute", {"SubnetId": SUBNET}),
        ("two attributes", "InvalidParameterCombination", "ModifySubnetAttribute",
         {"SubnetId": SUBNET, "EnableDns64": {"Value": True}, "PrivateDnsHostnameTypeOnLaunch": "ip-name"}),
        ("hostname type", "InvalidParameterValue", "ModifySubnetAttribute",
         {"SubnetId": SUBNET, "PrivateDnsHostnameTypeOnLaunch": "x"}),
    ]  # fmt: skip


@pytest.mark.parametrize(("code", "action", "request_"), cases(vpc=of_vpcs(), subnet=of_subnets()))
def test_a_mistake_is_refused_with_the_code_of_aws(code: str, action: str, request_: dict[str, Any]) -> None:
    assert Account().refuse(action, **request_).code == code


def test_texts_that_programs_compare() -> None:
    account = Account()

    def text(action: str, **request: Any) -> str:
        return account.refuse(action, **request).message

    native = {"VpcId": VPC, "Ipv6Native": True}
    assert text("CreateSubnet", **native) == "Either 'ipv6CidrBlock' or 'ipv6IpamPoolId' should be provided."
    assert text("CreateSubnet", **native, CidrBlock=BLOCK) == (
        "When specifying ipv4 parameters, cidrBlock or ipv4IpamPoolId, you cannot set ipv6Native to true."
    )
    assert text("CreateVpc", CidrBlock="10.0.0.0/8") == "The CIDR '10.0.0.0/8' is invalid."
    association = account.cloud.vpcs[VPC].ipv6_associations[0]
    assert text("DisassociateVpcCidrBlock", AssociationId=association.id) == (
        f"The vpc {VPC} currently has a subnet within CIDR block {association.block}"
    )


def test_a_subnet_keeps_the_block_that_is_in_use() -> None:
    account = empty()
    vpc_id = created(account, AmazonProvidedIpv6CidrBlock=True)
    asked = {"VpcId": vpc_id, "CidrBlock": "10.0.1.0/24", "Ipv6CidrBlock": "2600:1f16:a00:1::/64"}
    subnet = account.do("CreateSubnet", **asked)["Subnet"]
    association = subnet["Ipv6CidrBlockAssociationSet"][0]["AssociationId"]
    account.do("ModifySubnetAttribute", SubnetId=subnet["SubnetId"], AssignIpv6AddressOnCreation={"Value": True})
    error = account.refuse("DisassociateSubnetCidrBlock", AssociationId=association)
    assert (error.code, error.message) == (
        "InvalidCidrBlock.InUse",
        f"The subnet IPv6 CIDR block with association ID {association} may not be disassociated, because its subnet"
        " has assign-ipv6-address-on-creation set to true.",
    )
    account.do("ModifySubnetAttribute", SubnetId=subnet["SubnetId"], AssignIpv6AddressOnCreation={"Value": False})
    instance = replace(
        Account().cloud.instances[INSTANCE],
        subnet_id=subnet["SubnetId"],
        ipv6_address=IPv6Address("2600:1f16:a00:1::4"),
    )
    account.cloud = replace(account.cloud, instances={INSTANCE: instance})
    error = account.refuse("DisassociateSubnetCidrBlock", AssociationId=association)
    assert error.code == "InvalidCidrBlock.InUse" and INSTANCE in error.message
    account.cloud = replace(account.cloud, instances={})
    account.do("DisassociateSubnetCidrBlock", AssociationId=association)
    error = account.refuse("ModifySubnetAttribute", SubnetId=subnet["SubnetId"],
                           AssignIpv6AddressOnCreation={"Value": True})  # fmt: skip
    assert error.code == "InvalidParameterValue" and subnet["SubnetId"] in error.message


def test_a_subnet_with_a_nat_gateway_stays() -> None:
    account = empty()
    vpc_id = created(account)
    subnet_id = account.do("CreateSubnet", VpcId=vpc_id, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    gateway = account.do("CreateNatGateway", SubnetId=subnet_id, ConnectivityType="private")["NatGateway"]
    assert account.refuse("DeleteSubnet", SubnetId=subnet_id).code == "DependencyViolation"
    account.do("DeleteNatGateway", NatGatewayId=gateway["NatGatewayId"])
    account.do("DeleteSubnet", SubnetId=subnet_id)
    account.do("DeleteVpc", VpcId=vpc_id)
    (shown,) = account.do("DescribeNatGateways")["NatGateways"]
    assert (shown["State"], shown["SubnetId"]) == ("deleted", subnet_id)
    topology = Topology(account.cloud, ())
    assert from_data(to_data(topology)) == topology


def test_ipv4_blocks_of_a_vpc_do_not_conflict() -> None:
    account = empty()
    vpc_id = created(account)
    account.do("CreateSubnet", VpcId=vpc_id, CidrBlock="10.0.1.0/24")

    def refused(action: str, block: str) -> str:
        return account.refuse(action, VpcId=vpc_id, CidrBlock=block).code

    assert refused("CreateSubnet", "10.0.1.128/25") == "InvalidSubnet.Conflict"
    assert refused("CreateSubnet", "10.1.0.0/24") == refused("CreateSubnet", "10.0.2.0/29") == "InvalidSubnet.Range"
    for block in ("10.0.0.0/20", "192.168.0.0/24", "10.0.0.0/8"):
        assert refused("AssociateVpcCidrBlock", block) == "InvalidVpc.Range", block
    account.do("AssociateVpcCidrBlock", VpcId=vpc_id, CidrBlock="100.64.0.0/16")
    primary = account.cloud.vpcs[vpc_id].ipv4_associations[0]
    assert account.refuse("DisassociateVpcCidrBlock", AssociationId=primary.id).code == "OperationNotPermitted"


def test_a_block_does_not_contain_the_destination_of_a_route() -> None:
    account = Account()
    table = next(each.id for each in account.cloud.route_tables.values() if each.vpc_id == VPC)
    route = {"RouteTableId": table, "DestinationIpv6CidrBlock": "2001:db8:0:1::/64"}
    account.do("CreateRoute", **route, EgressOnlyInternetGatewayId=EIGW)
    error = account.refuse("AssociateVpcCidrBlock", VpcId=VPC, Ipv6CidrBlock="2001:db8::/56")
    assert error.code == "InvalidParameterValue" and "2001:db8:0:1::/64" in error.message
    account.do("AssociateVpcCidrBlock", VpcId=BARE_VPC, Ipv6CidrBlock="2001:db8::/56")


def test_dns_names_need_dns_support() -> None:
    account = Account()
    account.do("ModifyVpcAttribute", VpcId=VPC, EnableDnsSupport={"Value": False})
    error = account.refuse("ModifyVpcAttribute", VpcId=VPC, EnableDnsHostnames={"Value": True})
    assert error.code == "InvalidParameterValue"


def test_quotas() -> None:
    few = Quotas(vpcs_per_region=1, subnets_per_vpc=1, ipv4_cidr_blocks_per_vpc=1, ipv6_cidr_blocks_per_vpc=1)
    account = empty(Settings(new_id=counting(), quotas=few))
    vpc_id = created(account, AmazonProvidedIpv6CidrBlock=True)
    account.do("CreateSubnet", VpcId=vpc_id, CidrBlock="10.0.1.0/24")
    for action, request, code in (
        ("CreateVpc", {"CidrBlock": BLOCK}, "VpcLimitExceeded"),
        ("CreateDefaultVpc", {}, "VpcLimitExceeded"),
        ("CreateSubnet", {"VpcId": vpc_id, "CidrBlock": "10.0.2.0/24"}, "SubnetLimitExceeded"),
        ("AssociateVpcCidrBlock", {"VpcId": vpc_id, "CidrBlock": "10.1.0.0/16"}, "CidrLimitExceeded"),
        ("AssociateVpcCidrBlock", {"VpcId": vpc_id, "AmazonProvidedIpv6CidrBlock": True}, "CidrLimitExceeded"),
    ):
        assert account.refuse(action, **request).code == code


@pytest.mark.parametrize(
    ("action", "request_"),
    [
        ("CreateRouteTable", {}),
        ("CreateNetworkAcl", {}),
        ("CreateSecurityGroup", {"GroupName": "n", "Description": "d"}),
        ("CreateEgressOnlyInternetGateway", {}),
        ("CreateSubnet", {"CidrBlock": "10.0.1.0/24"}),
    ],
)
def test_a_vpc_with_something_in_it_stays(action: str, request_: dict[str, Any]) -> None:
    account = empty()
    vpc_id = created(account)
    account.do(action, VpcId=vpc_id, **request_)
    error = account.refuse("DeleteVpc", VpcId=vpc_id)
    assert (error.code, error.message) == (
        "DependencyViolation",
        f"The vpc '{vpc_id}' has dependencies and cannot be deleted.",
    )


def test_the_default_resources_of_a_vpc_are_adopted() -> None:
    """Terraform's aws_default_* resources empty them, write their own rules, and tag them."""
    account = empty()
    vpc_id = created(account, AmazonProvidedIpv6CidrBlock=True)
    (group,) = described(account, "DescribeSecurityGroups", vpc_id)
    for way, member in (("Ingress", "IpPermissions"), ("Egress", "IpPermissionsEgress")):
        account.do(f"RevokeSecurityGroup{way}", GroupId=group["GroupId"], IpPermissions=group[member])
    (acl,) = described(account, "DescribeNetworkAcls", vpc_id)
    for entry in acl["Entries"]:
        if entry["RuleNumber"] < 32767:
            number = {"RuleNumber": entry["RuleNumber"], "Egress": entry["Egress"]}
            account.do("DeleteNetworkAclEntry", NetworkAclId=acl["NetworkAclId"], **number)
    (table,) = described(account, "DescribeRouteTables", vpc_id)
    gateway = account.do("CreateEgressOnlyInternetGateway", VpcId=vpc_id)["EgressOnlyInternetGateway"]
    account.do("CreateRoute", RouteTableId=table["RouteTableId"], DestinationIpv6CidrBlock="::/0",
               EgressOnlyInternetGatewayId=gateway["EgressOnlyInternetGatewayId"])  # fmt: skip
    adopted = [group["GroupId"], acl["NetworkAclId"], table["RouteTableId"]]
    account.do("CreateTags", Resources=adopted, Tags=[{"Key": "Name", "Value": "adopted"}])
    topology = Topology(account.cloud, ())
    assert from_data(to_data(topology)) == topology
    account.do("DeleteEgressOnlyInternetGateway",
               EgressOnlyInternetGatewayId=gateway["EgressOnlyInternetGatewayId"])  # fmt: skip
    account.do("DeleteVpc", VpcId=vpc_id)
    assert account.cloud == Cloud("empty")


def test_zones_and_regions_are_those_of_the_settings() -> None:
    account = Account(settings=Settings(new_id=counting(), region="eu-west-1"))
    zones = account.do("DescribeAvailabilityZones")["AvailabilityZones"]
    assert [(each["ZoneName"], each["ZoneId"], each["RegionName"]) for each in zones] == [
        (f"eu-west-1{letter}", f"euw1-az{number}", "eu-west-1") for number, letter in enumerate("abc", start=1)
    ]
    assert account.do("DescribeAvailabilityZones", ZoneIds=["euw1-az2"])["AvailabilityZones"] == zones[1:2]
    assert account.refuse("DescribeAvailabilityZones", ZoneNames=["us-east-1a"]).code == "InvalidParameterValue"
    (region,) = account.do("DescribeRegions")["Regions"]
    assert (region["RegionName"], region["Endpoint"]) == ("eu-west-1", "ec2.eu-west-1.amazonaws.com")
    assert account.refuse("DescribeRegions", RegionNames=["us-east-1"]).code == "InvalidParameterValue"


def test_subnets_are_in_zones_of_the_region_of_the_settings() -> None:
    account = Account(settings=Settings(new_id=counting(), region="eu-west-1"))
    asked = {"VpcId": VPC, "Ipv6Native": True, "Ipv6CidrBlock": "2600:1f16:aa0:5509::/64"}
    error = account.refuse("CreateSubnet", **asked, AvailabilityZone="us-east-1a")
    assert error.message.startswith("Value (us-east-1a) for parameter availabilityZone is invalid.")
    assert error.message.endswith("availability zones: eu-west-1a, eu-west-1b, eu-west-1c.")
    for name, value in (("AvailabilityZone", "eu-west-1b"), ("AvailabilityZoneId", "euw1-az2")):
        made = Account(account.cloud, account.settings).do("CreateSubnet", **asked, **{name: value})["Subnet"]
        assert (made["AvailabilityZone"], made["AvailabilityZoneId"]) == ("eu-west-1b", "euw1-az2")
    vpc_id = created(account, AmazonProvidedIpv6CidrBlock=True, Ipv6CidrBlockNetworkBorderGroup="eu-west-1")
    (vpc,) = account.do("DescribeVpcs", VpcIds=[vpc_id])["Vpcs"]
    assert vpc["Ipv6CidrBlockAssociationSet"][0]["NetworkBorderGroup"] == "eu-west-1"


def test_each_instance_has_a_network_interface() -> None:
    account = Account()
    (found,) = account.do("DescribeNetworkInterfaces")["NetworkInterfaces"]
    assert found["Attachment"]["InstanceId"] == INSTANCE and found["Status"] == "in-use"
    assert [each["Ipv6Address"] for each in found["Ipv6Addresses"]] == ["2600:1f16:aa0:5501::10"]
    assert account.do("DescribeNetworkInterfaces", NetworkInterfaceIds=[found["NetworkInterfaceId"]]) == {
        "NetworkInterfaces": [found]
    }
    for name, value, count in (
        ("subnet-id", SUBNET, 1),
        ("subnet-id", PLAIN_SUBNET, 0),
        ("group-id", found["Groups"][0]["GroupId"], 1),
        ("attachment.instance-id", INSTANCE, 1),
        ("description", "ELB *", 0),
    ):
        wanted = [{"Name": name, "Values": [value]}]
        assert len(account.do("DescribeNetworkInterfaces", Filters=wanted)["NetworkInterfaces"]) == count, name
    for wanted_id, code in (("x", "Id.Malformed"), (f"eni-{GONE}", "ID.NotFound")):
        error = account.refuse("DescribeNetworkInterfaces", NetworkInterfaceIds=[wanted_id])
        assert error.code == f"InvalidNetworkInterface{code}"


def test_the_interface_has_the_mac_of_the_kernel() -> None:
    cloud = load(example("minimal").encode(), file="minimal.yaml", default_lab="x").cloud
    macs = {each.mac for each in compile_cloud(cloud) if isinstance(each, Link)}
    found = Account(cloud).do("DescribeNetworkInterfaces")["NetworkInterfaces"]
    assert found and {each["MacAddress"] for each in found} <= macs


def test_a_subnet_without_a_zone_is_in_the_first_one() -> None:
    (subnet,) = Account().do("DescribeSubnets", SubnetIds=[PLAIN_SUBNET])["Subnets"]
    assert (subnet["AvailabilityZone"], subnet["AvailabilityZoneId"]) == ("us-east-1a", "use1-az1")
