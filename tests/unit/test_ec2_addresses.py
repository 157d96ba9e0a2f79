"""Elastic IP addresses, NAT gateways and DHCP options: life cycles, errors, and that they move no packet."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network
from typing import Any

import pytest

from eigw_ns.cloud import ids
from eigw_ns.cloud.associations import block_association
from eigw_ns.cloud.ec2.actions.empty_lists import EMPTY_LISTS
from eigw_ns.cloud.ec2.settings import Quotas, Settings
from eigw_ns.cloud.ec2.shapes import DEFAULT_DHCP_OPTIONS
from eigw_ns.cloud.model import Cloud
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.topology import Topology, dump, from_data, load, to_data
from tests.support.ec2_model import operation
from tests.support.small_cloud import (
    ADDRESS,
    BARE_SUBNET,
    BARE_VPC,
    DHCP,
    GONE,
    GROUP,
    IGW,
    INSTANCE,
    NAT,
    NAT_ADDRESS,
    PLAIN_SUBNET,
    PRIVATE_NAT,
    REFERRED_GROUP,
    SPARE_ADDRESS,
    SPARE_DHCP,
    SPARE_TABLE,
    VPC,
    WEB_RULE,
    Account,
    Case,
    cases,
    counting,
    small_cloud,
)

MIDNIGHT = 1_796_083_200  # 2026-12-01, in seconds since 1970
CREATED = "2026-12-01T00:00:00.000Z"
NAT64 = "64:ff9b::/96"


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = MIDNIGHT

    def __call__(self) -> int:
        return self.now


def dual_stack() -> Cloud:
    """Return the small cloud with an IPv4 block in the VPC and in one of its subnets."""
    cloud = small_cloud()
    subnet = replace(cloud.subnets[PLAIN_SUBNET], cidr_block=IPv4Network("10.0.1.0/28"))
    block = block_association(ids.VPC_BLOCK, VPC, IPv4Network("10.0.0.0/16"))
    vpc = replace(cloud.vpcs[VPC], ipv4_associations=(block,))
    return replace(cloud, vpcs={**cloud.vpcs, VPC: vpc}, subnets={**cloud.subnets, PLAIN_SUBNET: subnet})


def at(clock: Clock, cloud: Cloud | None = None, **quotas: int) -> Account:
    return Account(cloud, Settings(new_id=counting(), now=clock, quotas=replace(Quotas(), **quotas)))


def gateway(account: Account, gateway_id: str) -> dict[str, Any]:
    (found,) = account.do("DescribeNatGateways", NatGatewayIds=[gateway_id])["NatGateways"]
    return dict(found)


def test_an_address_is_allocated_associated_and_released() -> None:
    account = Account()
    made = account.do("AllocateAddress", Domain="vpc")
    assert (made["PublicIp"], made["Domain"], made["NetworkBorderGroup"]) == ("203.0.113.4", "vpc", "us-east-1")
    allocation = made["AllocationId"]
    first = account.do("AssociateAddress", AllocationId=allocation, InstanceId=INSTANCE)["AssociationId"]
    assert account.do("AssociateAddress", AllocationId=allocation, InstanceId=INSTANCE)["AssociationId"] == first
    (shown,) = account.do("DescribeAddresses", AllocationIds=[allocation])["Addresses"]
    assert (shown["InstanceId"], shown["AssociationId"]) == (INSTANCE, first)
    interface = shown["NetworkInterfaceId"]
    assert account.refuse("ReleaseAddress", AllocationId=allocation).code == "InvalidIPAddress.InUse"
    account.do("DisassociateAddress", AssociationId=first)
    again = account.do("AssociateAddress", AllocationId=allocation, NetworkInterfaceId=interface)["AssociationId"]
    assert again != first
    account.do("DisassociateAddress", PublicIp="203.0.113.4")
    assert account.do("ReleaseAddress", AllocationId=allocation) == {}
    gone = account.refuse("DescribeAddresses", AllocationIds=[allocation])
    assert (gone.code, gone.message) == (
        "InvalidAllocationID.NotFound",
        f"The allocation ID '{allocation}' does not exist",
    )


def test_an_instance_has_one_address_the_last_that_it_was_given() -> None:
    account = Account()
    account.do("AssociateAddress", AllocationId=ADDRESS, InstanceId=INSTANCE)
    account.do("AssociateAddress", AllocationId=SPARE_ADDRESS, InstanceId=INSTANCE)
    shown = account.do("DescribeAddresses", Filters=[{"Name": "instance-id", "Values": [INSTANCE]}])["Addresses"]
    assert [each["AllocationId"] for each in shown] == [SPARE_ADDRESS]


def test_a_given_address_is_allocated_if_it_is_free() -> None:
    account = Account()
    assert account.do("AllocateAddress", Address="198.51.100.7")["PublicIp"] == "198.51.100.7"
    assert account.refuse("AllocateAddress", Address="198.51.100.7").code == "InvalidAddress.InUse"


def test_answers_name_the_region_of_the_settings() -> None:
    account = Account(settings=Settings(new_id=counting(), region="eu-west-1"))
    assert account.do("AllocateAddress", NetworkBorderGroup="eu-west-1")["NetworkBorderGroup"] == "eu-west-1"
    assert account.refuse("AllocateAddress", NetworkBorderGroup="us-east-1").code == "InvalidParameterValue"
    (default,) = account.do("DescribeDhcpOptions", DhcpOptionsIds=[DEFAULT_DHCP_OPTIONS])["DhcpOptions"]
    assert default["DhcpConfigurations"][0]["Values"] == [{"Value": "eu-west-1.compute.internal"}]


def test_a_public_gateway_has_its_address_and_is_available_at_once() -> None:
    account = at(Clock(), dual_stack())
    made = account.do("CreateNatGateway", SubnetId=PLAIN_SUBNET, AllocationId=ADDRESS)["NatGateway"]
    assert (made["State"], made["CreateTime"], made["ConnectivityType"]) == ("available", CREATED, "public")
    (address,) = made["NatGatewayAddresses"]
    assert (address["PublicIp"], address["PrivateIp"]) == ("203.0.113.1", "10.0.1.14")
    (shown,) = account.do("DescribeAddresses", AllocationIds=[ADDRESS])["Addresses"]
    assert shown["AssociationId"] == address["AssociationId"]
    assert (shown["NetworkInterfaceId"], shown["PrivateIpAddress"]) == (address["NetworkInterfaceId"], "10.0.1.14")
    assert account.refuse("DisassociateAddress", AssociationId=address["AssociationId"]).code == "AuthFailure"
    taken = account.refuse("CreateNatGateway", SubnetId=PLAIN_SUBNET, AllocationId=ADDRESS)
    assert taken.code == "Resource.AlreadyAssociated"
    mapped = account.refuse("DetachInternetGateway", InternetGatewayId=IGW, VpcId=VPC)
    assert mapped.code == "DependencyViolation" and "mapped public address" in mapped.message
    assert gateway(account, made["NatGatewayId"]) == made


def test_a_private_gateway_has_no_elastic_ip_address() -> None:
    account = at(Clock(), dual_stack())
    request = {"SubnetId": PLAIN_SUBNET, "ConnectivityType": "private"}
    made = account.do("CreateNatGateway", **request, PrivateIpAddress="10.0.1.5")["NatGateway"]
    assert made["NatGatewayAddresses"][0] | {"NetworkInterfaceId": "…"} == {
        "NetworkInterfaceId": "…",
        "PrivateIp": "10.0.1.5",
        "IsPrimary": True,
        "Status": "succeeded",
    }
    for taken in ("10.0.1.5", "10.0.1.3", "10.0.1.15", "10.0.2.1", "x"):
        error = account.refuse("CreateNatGateway", **request, PrivateIpAddress=taken)
        assert error.code == ("InvalidIPAddress.InUse" if taken == "10.0.1.5" else "InvalidParameterValue")


def test_a_subnet_runs_out_of_addresses() -> None:
    account = at(Clock(), dual_stack(), nat_gateways_per_availability_zone=99)
    request = {"SubnetId": PLAIN_SUBNET, "ConnectivityType": "private"}
    made = [account.do("CreateNatGateway", **request)["NatGateway"] for _ in range(16 - 5)]
    assert len({each["NatGatewayAddresses"][0]["PrivateIp"] for each in made}) == 11
    assert account.refuse("CreateNatGateway", **request).code == "InsufficientFreeAddressesInSubnet"
    (subnet,) = account.do("DescribeSubnets", SubnetIds=[PLAIN_SUBNET])["Subnets"]
    assert subnet["AvailableIpAddressCount"] == 0


def test_a_deleted_gateway_is_shown_for_an_hour() -> None:
    """Ansible and botocore's waiter ask for it after its deletion; Terraform takes `deleted` for not found."""
    clock = Clock()
    account = at(clock)
    assert account.do("DeleteNatGateway", NatGatewayId=NAT) == {"NatGatewayId": NAT}
    shown = gateway(account, NAT)
    assert (shown["State"], shown["DeleteTime"]) == ("deleted", CREATED)
    assert account.refuse("DeleteNatGateway", NatGatewayId=NAT).code == "NatGatewayNotFound"
    living = [{"Name": "state", "Values": ["available", "pending"]}]
    assert len(account.do("DescribeNatGateways", Filter=living)["NatGateways"]) == 1
    assert account.do("ReleaseAddress", AllocationId=NAT_ADDRESS) == {}
    stored = from_data(to_data(Topology(account.cloud))).cloud
    assert stored == account.cloud
    clock.now += 3600
    assert account.refuse("DescribeNatGateways", NatGatewayIds=[NAT]).code == "NatGatewayNotFound"
    account.do("DeleteNatGateway", NatGatewayId=PRIVATE_NAT)
    assert list(account.cloud.deleted_nat_gateways) == [PRIVATE_NAT]


def test_at_most_a_hundred_deleted_gateways_are_remembered() -> None:
    account = at(Clock())
    for _ in range(101):
        made = account.do("CreateNatGateway", SubnetId=PLAIN_SUBNET, ConnectivityType="private")["NatGateway"]
        account.do("DeleteNatGateway", NatGatewayId=made["NatGatewayId"])
    assert len(account.cloud.deleted_nat_gateways) == 100


@pytest.mark.parametrize(
    "destination", [{"DestinationIpv6CidrBlock": NAT64}, {"DestinationCidrBlock": "0.0.0.0/0"}], ids=["IPv6", "IPv4"]
)
def test_a_route_to_a_gateway_is_a_blackhole_after_its_deletion(destination: dict[str, str]) -> None:
    account = Account()

    def state() -> str:
        (table,) = account.do("DescribeRouteTables", RouteTableIds=[SPARE_TABLE])["RouteTables"]
        return str(next(each["State"] for each in table["Routes"] if each.get("NatGatewayId") == PRIVATE_NAT))

    account.do("CreateRoute", RouteTableId=SPARE_TABLE, NatGatewayId=PRIVATE_NAT, **destination)
    assert state() == "active"
    account.do("DeleteNatGateway", NatGatewayId=PRIVATE_NAT)
    assert state() == "blackhole"
    unknown = account.refuse("ReplaceRoute", RouteTableId=SPARE_TABLE, NatGatewayId=PRIVATE_NAT, **destination)
    assert (unknown.code, unknown.message) == (
        "InvalidNatGatewayID.NotFound",
        f"The natGateway ID '{PRIVATE_NAT}' does not exist",
    )


def test_dhcp_options_are_created_associated_and_deleted() -> None:
    account = Account()
    asked = [
        {"Key": "domain-name-servers", "Values": ["10.0.0.2", "AmazonProvidedDNS"]},
        {"Key": "domain-name", "Values": ["example.org"]},
    ]
    made = account.do("CreateDhcpOptions", DhcpConfigurations=asked)["DhcpOptions"]
    assert [each["Key"] for each in made["DhcpConfigurations"]] == ["domain-name", "domain-name-servers"]
    wanted = made["DhcpOptionsId"]
    account.do("AssociateDhcpOptions", DhcpOptionsId=wanted, VpcId=VPC)
    assert account.do("DescribeVpcs", VpcIds=[VPC])["Vpcs"][0]["DhcpOptionsId"] == wanted
    refused = account.refuse("DeleteDhcpOptions", DhcpOptionsId=wanted)
    assert (refused.code, refused.message) == (
        "DependencyViolation",
        f"The dhcpOptions '{wanted}' has dependencies and cannot be deleted.",
    )
    account.do("AssociateDhcpOptions", DhcpOptionsId="default", VpcId=VPC)
    assert account.do("DescribeVpcs", VpcIds=[VPC])["Vpcs"][0]["DhcpOptionsId"] == DEFAULT_DHCP_OPTIONS
    account.do("DeleteDhcpOptions", DhcpOptionsId=wanted)
    assert account.refuse("DescribeDhcpOptions", DhcpOptionsIds=[wanted]).code == "InvalidDhcpOptionID.NotFound"


def test_the_default_options_of_the_region_are_described() -> None:
    account = Account()
    shown = account.do("DescribeDhcpOptions")["DhcpOptions"]
    assert {each["DhcpOptionsId"] for each in shown} == {DHCP, SPARE_DHCP, DEFAULT_DHCP_OPTIONS}
    (only,) = account.do("DescribeDhcpOptions", DhcpOptionsIds=[DEFAULT_DHCP_OPTIONS])["DhcpOptions"]
    assert only["DhcpConfigurations"] == [
        {"Key": "domain-name", "Values": [{"Value": "ec2.internal"}]},
        {"Key": "domain-name-servers", "Values": [{"Value": "AmazonProvidedDNS"}]},
    ]


@pytest.mark.parametrize(
    "named",
    [
        {"SecurityGroupRuleDescriptions": [{"SecurityGroupRuleId": WEB_RULE, "Description": "HTTPS"}]},
        {
            "IpPermissions": [
                {
                    "IpProtocol": "tcp",
                    "FromPort": 443,
                    "ToPort": 443,
                    "UserIdGroupPairs": [{"GroupId": REFERRED_GROUP, "Description": "HTTPS"}],
                }
            ]
        },
    ],
    ids=["by id", "by traffic"],
)
def test_descriptions_of_rules_are_updated(named: dict[str, Any]) -> None:
    account = Account()
    before = compile_cloud(account.cloud)
    assert account.do("UpdateSecurityGroupRuleDescriptionsIngress", GroupId=GROUP, **named) == {"Return": True}
    (rule,) = account.do("DescribeSecurityGroupRules", SecurityGroupRuleIds=[WEB_RULE])["SecurityGroupRules"]
    assert rule["Description"] == "HTTPS"
    assert compile_cloud(account.cloud) == before
    wrong = "InvalidSecurityGroupRuleId.NotFound" if "SecurityGroupRuleDescriptions" in named else "InvalidPermission"
    error = account.refuse("UpdateSecurityGroupRuleDescriptionsEgress", GroupId=GROUP, **named)
    assert error.code.startswith(wrong)


def test_the_account_says_its_default_vpc_and_its_quotas() -> None:
    found = Account().do("DescribeAccountAttributes", AttributeNames=["default-vpc", "max-elastic-ips"])
    assert {each["AttributeName"]: each["AttributeValues"] for each in found["AccountAttributes"]} == {
        "default-vpc": [{"AttributeValue": "none"}],
        "max-elastic-ips": [{"AttributeValue": "5"}],
    }
    assert Account().refuse("DescribeAccountAttributes", AttributeNames=["x"]).code == "InvalidParameterValue"


@pytest.mark.parametrize("action", EMPTY_LISTS)
def test_what_a_lab_does_not_have_is_an_empty_list_and_no_id_exists(action: str) -> None:
    parameters = EMPTY_LISTS[action].parameters
    required = {each.name: 5 for each in parameters if each.name == "MaxResults" and each.required}
    assert set(map(repr, Account().do(action, **required).values())) == {"[]"}
    selects = (each for each in parameters if each.type == "list<string>" and each.name != "ServiceRegions")
    for each in selects:
        assert ".NotFound" in Account().refuse(action, **{each.name: [f"x-{GONE}"]}).code or each.name == "ServiceNames"
    assert all(operation(action).input_shape.members[each.name] for each in parameters)


REFUSED: dict[str, list[Case]] = {
    "addresses": [
        ("EC2-Classic", "InvalidParameterValue", "AllocateAddress", {"Domain": "standard"}),
        ("a pool", "InvalidPublicIpv4PoolID.NotFound", "AllocateAddress", {"PublicIpv4Pool": "ipv4pool-ec2-0"}),
        ("not an address", "InvalidAddress.Malformed", "AllocateAddress", {"Address": "x"}),
        ("nothing to release", "MissingParameter", "ReleaseAddress", {}),
        ("release by address", "InvalidParameterValue", "ReleaseAddress", {"PublicIp": "203.0.113.1"}),
        ("unknown", "InvalidAllocationID.NotFound", "ReleaseAddress", {"AllocationId": f"eipalloc-{GONE}"}),
        ("malformed", "InvalidAllocationID.Malformed", "ReleaseAddress", {"AllocationId": "x"}),
        ("in use", "InvalidIPAddress.InUse", "ReleaseAddress", {"AllocationId": NAT_ADDRESS}),
        (
            "elsewhere",
            "InvalidParameterValue",
            "ReleaseAddress",
            {"AllocationId": ADDRESS, "NetworkBorderGroup": "eu-west-1"},
        ),
        ("no instance", "MissingParameter", "AssociateAddress", {"AllocationId": ADDRESS}),
        ("no address", "MissingParameter", "AssociateAddress", {"InstanceId": INSTANCE}),
        (
            "by address",
            "InvalidParameterCombination",
            "AssociateAddress",
            {"PublicIp": "203.0.113.1", "InstanceId": INSTANCE},
        ),
        (
            "unknown interface",
            "InvalidNetworkInterfaceID.NotFound",
            "AssociateAddress",
            {"AllocationId": ADDRESS, "NetworkInterfaceId": f"eni-{GONE}"},
        ),
        (
            "the address of a NAT gateway",
            "InvalidIPAddress.InUse",
            "AssociateAddress",
            {"AllocationId": NAT_ADDRESS, "InstanceId": INSTANCE},
        ),
        (
            "unknown association",
            "InvalidAssociationID.NotFound",
            "DisassociateAddress",
            {"AssociationId": f"eipassoc-{GONE}"},
        ),
        ("unknown address", "InvalidAddress.NotFound", "DescribeAddresses", {"PublicIps": ["192.0.2.1"]}),
        ("malformed address", "InvalidAddress.Malformed", "DescribeAddresses", {"PublicIps": ["x"]}),
        ("unknown attribute", "InvalidParameterValue", "DescribeAddressesAttribute", {"Attribute": "x"}),
    ],
    "NAT gateways": [
        ("no subnet", "MissingParameter", "CreateNatGateway", {"AllocationId": ADDRESS}),
        ("no address", "MissingParameter", "CreateNatGateway", {"SubnetId": BARE_SUBNET}),
        ("regional", "InvalidParameterValue", "CreateNatGateway", {"AvailabilityMode": "regional"}),
        (
            "unknown address",
            "InvalidAllocationID.NotFound",
            "CreateNatGateway",
            {"SubnetId": BARE_SUBNET, "AllocationId": f"eipalloc-{GONE}"},
        ),
        (
            "a private one with an address",
            "InvalidParameterCombination",
            "CreateNatGateway",
            {"SubnetId": BARE_SUBNET, "AllocationId": ADDRESS, "ConnectivityType": "private"},
        ),
        (
            "an unknown kind",
            "InvalidParameterValue",
            "CreateNatGateway",
            {"SubnetId": BARE_SUBNET, "ConnectivityType": "x"},
        ),
        ("malformed", "NatGatewayMalformed", "DeleteNatGateway", {"NatGatewayId": "x"}),
        ("unknown", "NatGatewayNotFound", "DescribeNatGateways", {"NatGatewayIds": [f"nat-{GONE}"]}),
        (
            "a route of another VPC",
            "InvalidParameterValue",
            "CreateRoute",
            {"RouteTableId": SPARE_TABLE, "DestinationIpv6CidrBlock": NAT64, "NatGatewayId": NAT},
        ),
    ],
    "DHCP options": [
        ("the default set", "DependencyViolation", "DeleteDhcpOptions", {"DhcpOptionsId": DEFAULT_DHCP_OPTIONS}),
        ("in use", "DependencyViolation", "DeleteDhcpOptions", {"DhcpOptionsId": DHCP}),
        ("unknown", "InvalidDhcpOptionID.NotFound", "DeleteDhcpOptions", {"DhcpOptionsId": f"dopt-{GONE}"}),
        (
            "unknown set of a VPC",
            "InvalidDhcpOptionID.NotFound",
            "AssociateDhcpOptions",
            {"DhcpOptionsId": f"dopt-{GONE}", "VpcId": BARE_VPC},
        ),
        *(
            (what, code, "CreateDhcpOptions", {"DhcpConfigurations": configurations})
            for what, code, configurations in (
                ("no options", "MissingParameter", []),
                ("unknown option", "InvalidParameterValue", [{"Key": "x", "Values": ["y"]}]),
                ("no values", "MissingParameter", [{"Key": "domain-name", "Values": []}]),
                ("two names", "InvalidParameterValue", [{"Key": "domain-name", "Values": ["a", "b"]}]),
                ("twice", "InvalidParameterValue", [{"Key": "domain-name", "Values": ["a"]}] * 2),
                ("no address", "InvalidParameterValue", [{"Key": "ntp-servers", "Values": ["x"]}]),
                ("five servers", "InvalidParameterValue", [{"Key": "ntp-servers", "Values": ["10.0.0.1"] * 5}]),
                ("node type 0", "InvalidParameterValue", [{"Key": "netbios-node-type", "Values": ["0"]}]),
                (
                    "a lease of a year in words",
                    "InvalidParameterValue",
                    [{"Key": "ipv6-address-preferred-lease-time", "Values": ["year"]}],
                ),
            )
        ),
    ],
}


@pytest.mark.parametrize(("code", "action", "request_"), cases(**REFUSED))
def test_refused(code: str, action: str, request_: dict[str, Any]) -> None:
    assert Account().refuse(action, **request_).code == code


def test_reassociation_can_be_forbidden() -> None:
    account = Account()
    other = replace(account.cloud.instances[INSTANCE], id=f"i-{GONE}", name="other")
    account.cloud = replace(account.cloud, instances={**account.cloud.instances, other.id: other})
    account.do("AssociateAddress", AllocationId=ADDRESS, InstanceId=INSTANCE)
    request = {"AllocationId": ADDRESS, "InstanceId": other.id}
    assert account.refuse("AssociateAddress", **request, AllowReassociation=False).code == "Resource.AlreadyAssociated"
    account.do("AssociateAddress", **request)


def test_quotas() -> None:
    account = at(Clock(), elastic_ips_per_region=4, nat_gateways_per_availability_zone=3)
    account.do("AllocateAddress")
    assert account.refuse("AllocateAddress").code == "AddressLimitExceeded"
    private = {"SubnetId": PLAIN_SUBNET, "ConnectivityType": "private"}
    account.do("CreateNatGateway", **private)
    assert account.refuse("CreateNatGateway", **private).code == "NatGatewayLimitExceeded"


def test_what_the_api_made_is_a_file_that_changes_nothing() -> None:
    account = at(Clock(), dual_stack())
    tags = [{"Key": "Name", "Value": "made"}]
    address = account.do("AllocateAddress", TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": tags}])
    account.do("AssociateAddress", AllocationId=address["AllocationId"], InstanceId=INSTANCE)
    nat = account.do("CreateNatGateway", SubnetId=PLAIN_SUBNET, AllocationId=ADDRESS)["NatGateway"]["NatGatewayId"]
    for destination in ({"DestinationIpv6CidrBlock": NAT64}, {"DestinationCidrBlock": "0.0.0.0/0"}):
        account.do("CreateRoute", RouteTableId=SPARE_TABLE, NatGatewayId=nat, **destination)
    options = account.do("CreateDhcpOptions", DhcpConfigurations=[{"Key": "netbios-node-type", "Values": ["2"]}])
    account.do("AssociateDhcpOptions", DhcpOptionsId=options["DhcpOptions"]["DhcpOptionsId"], VpcId=BARE_VPC)
    account.do("DeleteNatGateway", NatGatewayId=PRIVATE_NAT)
    assert from_data(to_data(Topology(account.cloud))).cloud == account.cloud
    exported = load(dump(Topology(account.cloud)).encode(), file="lab.yaml", default_lab="x").cloud
    assert exported == replace(account.cloud, deleted_nat_gateways={})
