"""Network interfaces of their own: what they hold, who has them, and what remains of them."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Any

import pytest

from eigw_ns.cloud.families import recorded
from eigw_ns.cloud.interfaces import attachment_id, interface_id
from eigw_ns.cloud.model import BlockAssociation, Cloud
from eigw_ns.errors import CloudError
from eigw_ns.topology import Topology, dump, load
from eigw_ns.topology.decode import from_data
from eigw_ns.topology.encode import to_data
from tests.support.small_cloud import (
    BARE_GROUP,
    BARE_SUBNET,
    DEFAULT_GROUP,
    GONE,
    GROUP,
    INSTANCE,
    PLAIN_SUBNET,
    SPARE_GROUP,
    SUBNET,
    VPC,
    Account,
    Case,
    cases,
    small_cloud,
)

ONE = {"ImageId": "ami-0123456789abcdef0", "MinCount": 1, "MaxCount": 1}
OWN = interface_id(INSTANCE)
NO_ENI = f"eni-{GONE}"


def dual_stack() -> Cloud:
    cloud = small_cloud()
    blocks = (BlockAssociation("vpc-cidr-assoc-0000000000000000f", IPv4Network("10.0.0.0/16")),)
    vpc = replace(cloud.vpcs[VPC], ipv4_associations=blocks)
    subnet = replace(cloud.subnets[SUBNET], cidr_block=IPv4Network("10.0.1.0/28"))
    instance = replace(cloud.instances[INSTANCE], private_ip_address=IPv4Address("10.0.1.14"))
    changed = replace(cloud, vpcs={**cloud.vpcs, VPC: vpc}, instances={INSTANCE: instance})
    return replace(changed, subnets={**cloud.subnets, SUBNET: subnet})


def create(account: Account, **request: Any) -> dict[str, Any]:
    made: dict[str, Any] = account.do("CreateNetworkInterface", **{"SubnetId": SUBNET, **request})["NetworkInterface"]
    return made


def prepared(account: Account, **request: Any) -> str:
    return str(create(account, **{"Ipv6AddressCount": 1, **request})["NetworkInterfaceId"])


def launch(account: Account, eni: str, **request: Any) -> str:
    interfaces = [{"DeviceIndex": 0, "NetworkInterfaceId": eni}]
    answer = account.do("RunInstances", **ONE, NetworkInterfaces=interfaces, **request)
    return str(answer["Instances"][0]["InstanceId"])


def described(account: Account, eni: str) -> dict[str, Any]:
    (found,) = account.do("DescribeNetworkInterfaces", NetworkInterfaceIds=[eni])["NetworkInterfaces"]
    return dict(found)


def free(account: Account) -> int:
    (found,) = account.do("DescribeSubnets", SubnetIds=[SUBNET])["Subnets"]
    return int(found["AvailableIpAddressCount"])


def test_a_new_interface_holds_the_first_free_addresses_and_is_available() -> None:
    account = Account(dual_stack())
    before = free(account)
    made = create(account, Ipv6AddressCount=2, Ipv6PrefixCount=1, SecondaryPrivateIpAddressCount=1, Description="x")
    assert (made["Status"], made["Description"], made["SourceDestCheck"]) == ("available", "x", True)
    assert [each["PrivateIpAddress"] for each in made["PrivateIpAddresses"]] == ["10.0.1.4", "10.0.1.5"]
    assert [each["Ipv6Address"] for each in made["Ipv6Addresses"]] == ["2600:1f16:aa0:5501::4", "2600:1f16:aa0:5501::5"]
    assert made["Ipv6Prefixes"] == [{"Ipv6Prefix": "2600:1f16:aa0:5501:1::/80"}]
    assert [each["GroupId"] for each in made["Groups"]] == [DEFAULT_GROUP]
    assert "Attachment" not in made
    assert free(account) == before - 2


def test_the_primary_ipv6_address_of_a_request_is_the_first_one() -> None:
    addresses = [f"2600:1f16:aa0:5501::{digit}" for digit in "789"]
    given = [{"Ipv6Address": each, "IsPrimaryIpv6": each == addresses[1]} for each in addresses]
    found = create(Account(), Ipv6Addresses=given)["Ipv6Addresses"]
    assert found[0] == given[1] and [each["IsPrimaryIpv6"] for each in found] == [True, False, False]


def test_nobody_else_gets_what_an_interface_holds() -> None:
    account = Account(dual_stack())
    made = create(account, Ipv6AddressCount=1, Ipv6PrefixCount=1)
    address, prefix = made["Ipv6Address"], made["Ipv6Prefixes"][0]["Ipv6Prefix"]
    inside = str(IPv6Network(prefix)[7])
    for wanted in (address, inside):
        refused = account.refuse("AssignIpv6Addresses", NetworkInterfaceId=OWN, Ipv6Addresses=[wanted])
        assert refused.code == "InvalidIPAddress.InUse"
        taken = [{"Ipv6Address": wanted}]
        assert account.refuse("RunInstances", **ONE, SubnetId=SUBNET, Ipv6Addresses=taken).code == refused.code
    refused = account.refuse("AssignIpv6Addresses", NetworkInterfaceId=OWN, Ipv6Prefixes=[prefix])
    assert refused.code == "InvalidIPAddress.InUse"
    private = {"SubnetId": SUBNET, "PrivateIpAddress": made["PrivateIpAddress"]}
    assert account.refuse("RunInstances", **ONE, **private).code == "InvalidIPAddress.InUse"
    assert account.refuse("CreateNetworkInterface", **private).code == "InvalidIPAddress.InUse"


def test_an_interface_keeps_its_subnet_its_group_and_the_block() -> None:
    account = Account()
    eni = prepared(account, SubnetId=PLAIN_SUBNET, Groups=[SPARE_GROUP])
    account.do("DeleteNatGateway", NatGatewayId="nat-0000000000000000b")
    assert account.refuse("DeleteSubnet", SubnetId=PLAIN_SUBNET).code == "DependencyViolation"
    assert account.refuse("DeleteSecurityGroup", GroupId=SPARE_GROUP).code == "DependencyViolation"
    account.cloud = replace(
        account.cloud,
        subnets={
            **account.cloud.subnets,
            PLAIN_SUBNET: replace(account.cloud.subnets[PLAIN_SUBNET], cidr_block=IPv4Network("10.0.9.0/24")),
        },
    )
    association = account.cloud.subnets[PLAIN_SUBNET].ipv6_association
    assert association is not None
    assert account.refuse("DisassociateSubnetCidrBlock", AssociationId=association.id).code == "InvalidCidrBlock.InUse"
    account.do("DeleteNetworkInterface", NetworkInterfaceId=eni)
    account.do("DeleteSecurityGroup", GroupId=SPARE_GROUP)
    account.do("DisassociateSubnetCidrBlock", AssociationId=association.id)
    account.do("DeleteSubnet", SubnetId=PLAIN_SUBNET)


def test_an_instance_launched_on_an_interface_has_all_of_it() -> None:
    account = Account(dual_stack())
    tags = [{"ResourceType": "network-interface", "Tags": [{"Key": "Name", "Value": "front"}]}]
    eni = prepared(account, Groups=[SPARE_GROUP], Ipv6PrefixCount=1, Description="front", TagSpecifications=tags)
    account.do("ModifyNetworkInterfaceAttribute", NetworkInterfaceId=eni, SourceDestCheck={"Value": False})
    before = described(account, eni)
    launched = launch(account, eni)
    instance = account.cloud.instances[launched]
    assert not account.cloud.network_interfaces
    assert str(instance.ipv6_address) == before["Ipv6Address"]
    assert [str(each) for each in instance.ipv6_prefixes] == [before["Ipv6Prefixes"][0]["Ipv6Prefix"]]
    assert instance.security_group_ids == (SPARE_GROUP,) and not instance.attributes.source_dest_check
    after = described(account, eni)
    assert (after["Status"], after["Attachment"]["InstanceId"]) == ("in-use", instance.id)
    assert after["Attachment"]["DeleteOnTermination"] is False
    kept = ("PrivateIpAddress", "Ipv6Addresses", "Ipv6Prefixes", "Groups", "Description", "TagSet", "SourceDestCheck")
    assert {name: before[name] for name in kept} == {name: after[name] for name in kept}
    assert account.refuse("DeleteNetworkInterface", NetworkInterfaceId=eni).message == (
        f"Network interface '{eni}' is currently in use."
    )


def test_an_interface_that_is_kept_is_available_after_termination_and_can_be_used_again() -> None:
    account = Account()
    eni = prepared(account)
    address = described(account, eni)["Ipv6Address"]
    for _ in range(2):
        instance = launch(account, eni)
        assert str(account.cloud.instances[instance].ipv6_address) == address
        account.do("TerminateInstances", InstanceIds=[instance])
        assert (described(account, eni)["Status"], described(account, eni)["Ipv6Address"]) == ("available", address)
    account.do("DeleteNetworkInterface", NetworkInterfaceId=eni)
    assert not account.cloud.network_interfaces


@pytest.mark.parametrize("kept", [True, False])
def test_delete_on_termination_decides_about_the_own_interface_of_an_instance(kept: bool) -> None:
    account = Account()
    changed = {"AttachmentId": attachment_id(INSTANCE), "DeleteOnTermination": not kept}
    account.do("ModifyNetworkInterfaceAttribute", NetworkInterfaceId=OWN, Attachment=changed)
    account.do("TerminateInstances", InstanceIds=[INSTANCE])
    assert set(account.cloud.network_interfaces) == ({OWN} if kept else set())


def test_a_second_interface_is_recorded_and_goes_or_stays_with_its_instance() -> None:
    account = Account()
    going, staying = prepared(account), prepared(account)
    before = account.cloud.instances
    for index, eni in enumerate((going, staying), start=1):
        made = account.do("AttachNetworkInterface", NetworkInterfaceId=eni, InstanceId=INSTANCE, DeviceIndex=index)
        told = {"AttachmentId": made["AttachmentId"], "DeleteOnTermination": eni == going}
        account.do("ModifyNetworkInterfaceAttribute", NetworkInterfaceId=eni, Attachment=told)
    assert account.cloud.instances == before  # what the lab's packets depend on
    assert any("network interfaces" in each for each in recorded(account.cloud))
    (reservation,) = account.do("DescribeInstances", InstanceIds=[INSTANCE])["Reservations"]
    found = reservation["Instances"][0]["NetworkInterfaces"]
    assert [each["Attachment"]["DeviceIndex"] for each in found] == [0, 1, 2]
    account.do("TerminateInstances", InstanceIds=[INSTANCE])
    assert described(account, staying)["Status"] == "available"
    gone = account.refuse("DescribeNetworkInterfaces", NetworkInterfaceIds=[going])
    assert gone.code == "InvalidNetworkInterfaceID.NotFound"


def test_an_interface_is_detached_and_attached_elsewhere() -> None:
    account = Account()
    eni = prepared(account)
    made = account.do("AttachNetworkInterface", NetworkInterfaceId=eni, InstanceId=INSTANCE, DeviceIndex=1)
    account.do("DetachNetworkInterface", AttachmentId=made["AttachmentId"], Force=True)
    assert described(account, eni)["Status"] == "available" and "Attachment" not in described(account, eni)
    wanted = [{"Name": "attachment.attachment-id", "Values": [made["AttachmentId"]]}]
    (last,) = account.do("DescribeNetworkInterfaces", Filters=wanted)["NetworkInterfaces"]
    assert (last["NetworkInterfaceId"], last["Attachment"]["Status"]) == (eni, "detached")  # Terraform waits for it
    assert from_data(to_data(Topology(account.cloud))).cloud == account.cloud
    again = account.do("AttachNetworkInterface", NetworkInterfaceId=eni, InstanceId=INSTANCE, DeviceIndex=1)
    assert again["AttachmentId"] != made["AttachmentId"]


def test_a_launch_makes_further_interfaces() -> None:
    account = Account()
    eni = prepared(account)
    wanted = [
        {"DeviceIndex": 0, "SubnetId": SUBNET, "Ipv6AddressCount": 1},
        {"DeviceIndex": 1, "SubnetId": PLAIN_SUBNET, "Ipv6AddressCount": 1, "Description": "made"},
        {"DeviceIndex": 2, "NetworkInterfaceId": eni},
    ]
    answer = account.do("RunInstances", **ONE, NetworkInterfaces=wanted)
    found = answer["Instances"][0]["NetworkInterfaces"]
    assert [each["Attachment"]["DeleteOnTermination"] for each in found] == [True, True, False]
    assert (found[1]["Description"], found[2]["NetworkInterfaceId"]) == ("made", eni)


def test_attributes_of_an_interface() -> None:
    account = Account()
    eni = prepared(account)

    def attribute(name: str) -> dict[str, Any]:
        return account.do("DescribeNetworkInterfaceAttribute", NetworkInterfaceId=eni, Attribute=name)

    changes: list[dict[str, Any]] = [
        {"Description": {"Value": "new"}}, {"SourceDestCheck": {"Value": False}}, {"Groups": [GROUP]},
        {"EnablePrimaryIpv6": True},
    ]  # fmt: skip
    for change in changes:
        account.do("ModifyNetworkInterfaceAttribute", NetworkInterfaceId=eni, **change)
    assert attribute("description")["Description"] == {"Value": "new"}
    assert attribute("sourceDestCheck")["SourceDestCheck"] == {"Value": False}
    assert [each["GroupId"] for each in attribute("groupSet")["Groups"]] == [GROUP]
    assert "Attachment" not in attribute("attachment")
    assert described(account, eni)["Ipv6Addresses"][0]["IsPrimaryIpv6"] is True
    account.do("ResetNetworkInterfaceAttribute", NetworkInterfaceId=eni, SourceDestCheck="any")
    assert attribute("sourceDestCheck")["SourceDestCheck"] == {"Value": True}


def test_secondary_ipv4_addresses_are_assigned_moved_and_unassigned() -> None:
    account = Account(dual_stack())
    one, other = prepared(account), prepared(account)
    found = account.do("AssignPrivateIpAddresses", NetworkInterfaceId=one, SecondaryPrivateIpAddressCount=2)
    first, second = (each["PrivateIpAddress"] for each in found["AssignedPrivateIpAddresses"])
    moved = {"NetworkInterfaceId": other, "PrivateIpAddresses": [first]}
    assert account.refuse("AssignPrivateIpAddresses", **moved).code == "InvalidIPAddress.InUse"
    account.do("AssignPrivateIpAddresses", **moved, AllowReassignment=True)
    account.do("UnassignPrivateIpAddresses", NetworkInterfaceId=one, PrivateIpAddresses=[second])
    assert [len(described(account, each)["PrivateIpAddresses"]) for each in (one, other)] == [1, 2]


def test_prefixes_are_assigned_and_unassigned_on_every_interface() -> None:
    account = Account()
    for eni in (OWN, prepared(account)):
        found = account.do("AssignIpv6Addresses", NetworkInterfaceId=eni, Ipv6PrefixCount=2)["AssignedIpv6Prefixes"]
        assert len(set(found)) == 2
        answer = account.do("UnassignIpv6Addresses", NetworkInterfaceId=eni, Ipv6Prefixes=found)
        assert answer["UnassignedIpv6Prefixes"] == found
    assert account.cloud.instances[INSTANCE] == small_cloud().instances[INSTANCE]


TAGS = [{"Key": "Name", "Value": "x"}]
ADDRESS = [{"Ipv6Address": "2600:1f16:aa0:5501::10"}]
WRONG: dict[str, list[Case]] = {
    "create": [
        ("no subnet", "InvalidSubnetID.NotFound", "CreateNetworkInterface", {"SubnetId": f"subnet-{GONE}"}),
        ("foreign group", "InvalidParameter", "CreateNetworkInterface", {"SubnetId": SUBNET, "Groups": [BARE_GROUP]}),
        ("no group", "InvalidGroup.NotFound", "CreateNetworkInterface", {"SubnetId": SUBNET, "Groups": [f"sg-{GONE}"]}),
        ("type", "InvalidParameterValue", "CreateNetworkInterface", {"SubnetId": SUBNET, "InterfaceType": "x"}),
        ("efa", "UnsupportedOperation", "CreateNetworkInterface", {"SubnetId": SUBNET, "InterfaceType": "efa"}),
        ("address in use", "InvalidIPAddress.InUse", "CreateNetworkInterface",
         {"SubnetId": SUBNET, "Ipv6Addresses": ADDRESS}),
        ("count and list", "InvalidParameterCombination", "CreateNetworkInterface",
         {"SubnetId": SUBNET, "Ipv6Addresses": ADDRESS, "Ipv6AddressCount": 1}),
        ("negative", "InvalidParameterValue", "CreateNetworkInterface", {"SubnetId": SUBNET, "Ipv6AddressCount": -1}),
        ("too many", "PrivateIpAddressLimitExceeded", "CreateNetworkInterface",
         {"SubnetId": SUBNET, "Ipv6AddressCount": 10**9}),
        ("no IPv4", "InvalidParameterValue", "CreateNetworkInterface",
         {"SubnetId": SUBNET, "PrivateIpAddress": "10.0.0.4"}),
        ("prefix length", "InvalidParameterValue", "CreateNetworkInterface",
         {"SubnetId": SUBNET, "Ipv6Prefixes": [{"Ipv6Prefix": "2600:1f16:aa0:5501::/64"}]}),
        ("reserved prefix", "InvalidParameterValue", "CreateNetworkInterface",
         {"SubnetId": SUBNET, "Ipv6Prefixes": [{"Ipv6Prefix": "2600:1f16:aa0:5501::/80"}]}),
        ("prefix of another subnet", "InvalidParameterValue", "CreateNetworkInterface",
         {"SubnetId": SUBNET, "Ipv6Prefixes": [{"Ipv6Prefix": "2600:1f16:aa0:5502:1::/80"}]}),
        ("description", "InvalidParameterValue", "CreateNetworkInterface",
         {"SubnetId": SUBNET, "Description": "x" * 256}),
        ("line", "InvalidParameterValue", "CreateNetworkInterface", {"SubnetId": SUBNET, "Description": "a\nb"}),
        ("tags", "InvalidParameterValue", "CreateNetworkInterface",
         {"SubnetId": SUBNET, "TagSpecifications": [{"ResourceType": "vpc", "Tags": TAGS}]}),
    ],
    "attach": [
        ("malformed", "InvalidNetworkInterfaceId.Malformed", "AttachNetworkInterface",
         {"NetworkInterfaceId": "x", "InstanceId": INSTANCE, "DeviceIndex": 1}),
        ("no interface", "InvalidNetworkInterfaceID.NotFound", "AttachNetworkInterface",
         {"NetworkInterfaceId": NO_ENI, "InstanceId": INSTANCE, "DeviceIndex": 1}),
        ("in use", "InvalidNetworkInterface.InUse", "AttachNetworkInterface",
         {"NetworkInterfaceId": OWN, "InstanceId": INSTANCE, "DeviceIndex": 1}),
        ("no attachment", "InvalidAttachmentID.NotFound", "DetachNetworkInterface",
         {"AttachmentId": f"eni-attach-{GONE}"}),
        ("malformed attachment", "InvalidAttachmentId.Malformed", "DetachNetworkInterface", {"AttachmentId": "x"}),
        ("primary", "OperationNotPermitted", "DetachNetworkInterface", {"AttachmentId": attachment_id(INSTANCE)}),
        ("deletion", "InvalidParameterValue", "DeleteNetworkInterface", {"NetworkInterfaceId": OWN}),
    ],
    "modify": [
        ("nothing", "InvalidParameterCombination", "ModifyNetworkInterfaceAttribute", {"NetworkInterfaceId": OWN}),
        ("two", "InvalidParameterCombination", "ModifyNetworkInterfaceAttribute",
         {"NetworkInterfaceId": OWN, "Groups": [GROUP], "Description": {"Value": "x"}}),
        ("foreign attachment", "InvalidAttachmentID.NotFound", "ModifyNetworkInterfaceAttribute",
         {"NetworkInterfaceId": OWN,
          "Attachment": {"AttachmentId": f"eni-attach-{GONE}", "DeleteOnTermination": True}}),
        ("no attribute", "MissingParameter", "DescribeNetworkInterfaceAttribute", {"NetworkInterfaceId": OWN}),
        ("unknown attribute", "InvalidParameterValue", "DescribeNetworkInterfaceAttribute",
         {"NetworkInterfaceId": OWN, "Attribute": "colour"}),
        ("reset of nothing", "InvalidParameterCombination", "ResetNetworkInterfaceAttribute",
         {"NetworkInterfaceId": OWN}),
    ],
    "assign": [
        ("nothing", "MissingParameter", "AssignIpv6Addresses", {"NetworkInterfaceId": OWN}),
        ("not assigned", "InvalidParameterValue", "UnassignIpv6Addresses",
         {"NetworkInterfaceId": OWN, "Ipv6Prefixes": ["2600:1f16:aa0:5501:7::/80"]}),
        ("nothing to take", "MissingParameter", "UnassignIpv6Addresses", {"NetworkInterfaceId": OWN}),
        ("no IPv4 subnet", "InsufficientFreeAddressesInSubnet", "AssignPrivateIpAddresses",
         {"NetworkInterfaceId": OWN, "SecondaryPrivateIpAddressCount": 1}),
        ("nothing private", "MissingParameter", "AssignPrivateIpAddresses", {"NetworkInterfaceId": OWN}),
        ("not private", "InvalidParameterValue", "UnassignPrivateIpAddresses",
         {"NetworkInterfaceId": OWN, "PrivateIpAddresses": ["10.0.0.4"]}),
    ],
    "launch": [
        ("in use", "InvalidNetworkInterface.InUse", "RunInstances",
         {**ONE, "NetworkInterfaces": [{"DeviceIndex": 0, "NetworkInterfaceId": OWN}]}),
        ("no interface", "InvalidNetworkInterfaceID.NotFound", "RunInstances",
         {**ONE, "NetworkInterfaces": [{"DeviceIndex": 0, "NetworkInterfaceId": NO_ENI}]}),
        ("several", "InvalidParameterCombination", "RunInstances",
         {**ONE, "MaxCount": 2, "NetworkInterfaces": [{"DeviceIndex": 0, "NetworkInterfaceId": OWN}]}),
        ("deleted", "InvalidParameterCombination", "RunInstances",
         {**ONE, "NetworkInterfaces": [{"DeviceIndex": 0, "NetworkInterfaceId": OWN, "DeleteOnTermination": True}]}),
        ("same device", "InvalidParameterValue", "RunInstances",
         {**ONE, "NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": SUBNET}] * 2}),
        ("prefix without address", "UnsupportedOperation", "RunInstances",
         {**ONE, "NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": SUBNET, "Ipv6AddressCount": 0,
                                        "Ipv6PrefixCount": 1}]}),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("code", "action", "request_"), cases(**WRONG))
def test_a_wrong_request_is_refused_and_changes_nothing(code: str, action: str, request_: dict[str, Any]) -> None:
    assert Account().refuse(action, **request_).code == code


def test_an_interface_of_another_vpc_or_at_a_used_device_is_not_attached() -> None:
    account = Account()
    here, there = prepared(account), prepared(account, SubnetId=BARE_SUBNET)
    where = {"InstanceId": INSTANCE, "DeviceIndex": 0}
    taken = account.refuse("AttachNetworkInterface", NetworkInterfaceId=here, **where)
    assert taken.message == f"Instance '{INSTANCE}' already has an interface attached at device index '0'."
    where["DeviceIndex"] = 1
    assert account.refuse("AttachNetworkInterface", NetworkInterfaceId=there, **where).code == "UnsupportedOperation"


def test_an_instance_has_a_limited_number_of_interfaces_and_so_has_a_region() -> None:
    account = Account()
    for index in range(1, 15):
        eni = prepared(account)
        account.do("AttachNetworkInterface", NetworkInterfaceId=eni, InstanceId=INSTANCE, DeviceIndex=index)
    eni = prepared(account)
    wanted = {"NetworkInterfaceId": eni, "InstanceId": INSTANCE, "DeviceIndex": 15}
    assert account.refuse("AttachNetworkInterface", **wanted).code == "AttachmentLimitExceeded"
    quotas = replace(account.settings.quotas, network_interfaces_per_region=16)
    account.settings = replace(account.settings, quotas=quotas)
    assert account.refuse("CreateNetworkInterface", SubnetId=SUBNET).code == "NetworkInterfaceLimitExceeded"


def test_what_the_api_made_is_a_file_that_changes_nothing() -> None:
    account = Account(dual_stack())
    eni = prepared(account, Ipv6PrefixCount=1, SecondaryPrivateIpAddressCount=1, Description="first")
    launch(account, eni, BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 20}}])
    second = prepared(account, Groups=[GROUP])
    account.do("AttachNetworkInterface", NetworkInterfaceId=second, InstanceId=INSTANCE, DeviceIndex=3)
    account.do("CreateTags", Resources=[eni, second], Tags=TAGS)
    topology = Topology(account.cloud)
    assert from_data(to_data(topology)) == topology
    read = load(dump(topology).encode(), file="small.yaml", default_lab="small")
    assert read.cloud.network_interfaces == account.cloud.network_interfaces
    assert read.cloud.instances == account.cloud.instances


@pytest.mark.parametrize(
    "interfaces",
    [
        [{"SubnetId": SUBNET}, {"SubnetId": SUBNET}],
        [{"DeviceIndex": 0, "SubnetId": SUBNET}, {"SubnetId": SUBNET}],
        [{"SubnetId": SUBNET}, {"DeviceIndex": 1, "SubnetId": SUBNET}, {"DeviceIndex": 1, "SubnetId": SUBNET}],
    ],
)
def test_each_interface_of_a_launch_has_a_device_index_of_its_own(interfaces: list[dict[str, Any]]) -> None:
    with pytest.raises(CloudError, match="unique device index") as refused:
        Account().do("RunInstances", **ONE, NetworkInterfaces=interfaces)
    assert refused.value.code == "InvalidParameterValue"
