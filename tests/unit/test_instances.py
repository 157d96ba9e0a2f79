"""Instances through the EC2 API: launch, states, attributes, addresses, key pairs, and what a lab remembers of them."""

from __future__ import annotations

import base64
from dataclasses import replace
from ipaddress import IPv6Network
from typing import Any

import pytest
from _pytest.mark.structures import ParameterSet

from eigw_ns.cloud.ec2.settings import Quotas, Settings
from eigw_ns.cloud.families import ipv6_part
from eigw_ns.cloud.interfaces import interface_id
from eigw_ns.cloud.model import Cloud
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.compile.names import INSTANCE_LINK, namespace_name
from eigw_ns.dataplane.state import Link
from eigw_ns.dataplane.trace.explanation import Question, explain
from eigw_ns.errors import TopologyError, UsageError
from eigw_ns.lab.lifecycle.ec2 import followed
from eigw_ns.topology import Expectation, Topology, dump, from_data, load, to_data
from tests.support.small_cloud import (
    BARE_GROUP,
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
    counting,
    small_cloud,
)
from tests.topologies.dual_stack import DUAL_STACK

IMAGE = "ami-0123456789abcdef0"
ONE: dict[str, Any] = {"ImageId": IMAGE, "MinCount": 1, "MaxCount": 1}
IN_SUBNET = {**ONE, "SubnetId": SUBNET}
ENI = interface_id(INSTANCE)
HOUR = 3600


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.seconds = 1_800_000_000

    def __call__(self) -> int:
        return self.seconds


def dual() -> Cloud:
    return load(DUAL_STACK.encode(), file="dual.yaml", default_lab="dual").cloud


def subnet_of(cloud: Cloud, name: str) -> str:
    return next(each.id for each in cloud.subnets.values() if each.name == name)


def run(account: Account, **request: Any) -> Any:
    """Launch one instance, and return it as the answer has it."""
    (instance,) = account.do("RunInstances", **{**ONE, **request})["Instances"]
    return instance


def seen(account: Account, instance_id: str) -> Any:
    (reservation,) = account.do("DescribeInstances", InstanceIds=[instance_id])["Reservations"]
    return reservation["Instances"][0]


def test_a_launched_instance_has_what_was_asked_for_and_the_rest_by_its_subnet() -> None:
    clock = Clock()
    account = Account(dual(), Settings(new_id=counting(), now=clock))
    subnet = subnet_of(account.cloud, "a")
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "one"}]}]
    made = run(account, SubnetId=subnet, InstanceType="m5.large", TagSpecifications=tags)
    assert made["State"] == {"Code": 16, "Name": "running"}
    assert (made["ImageId"], made["InstanceType"], made["LaunchTime"]) == (
        IMAGE,
        "m5.large",
        "2027-01-15T08:00:00.000Z",
    )
    assert made["Placement"]["AvailabilityZone"] == "us-east-1b"
    assert made["PrivateIpAddress"] == "10.0.1.6"  # the first four are AWS's, the next two those of the file
    assert made["PrivateDnsName"] == "ip-10-0-1-6.ec2.internal"
    assert [group["GroupName"] for group in made["SecurityGroups"]] == ["default"]
    assert made["Tags"] == [{"Key": "Name", "Value": "one"}]
    (interface,) = made["NetworkInterfaces"]
    assert made["Ipv6Address"] == interface["Ipv6Addresses"][0]["Ipv6Address"]  # the subnet always gives one
    assert interface["NetworkInterfaceId"] == interface_id(made["InstanceId"])
    assert seen(account, made["InstanceId"]) == made


def test_the_mac_of_an_interface_is_that_of_the_kernel() -> None:
    account = Account()
    (interface,) = seen(account, INSTANCE)["NetworkInterfaces"]
    inside = namespace_name("small", INSTANCE)
    links = [each for each in compile_cloud(account.cloud) if isinstance(each, Link)]
    assert [each.mac for each in links if (each.namespace, each.name) == (inside, INSTANCE_LINK)] == [
        interface["MacAddress"]
    ]


def test_several_instances_share_a_reservation_and_no_address() -> None:
    account = Account(dual(), Settings(new_id=counting()))
    subnet = subnet_of(account.cloud, "b")
    answer = account.do("RunInstances", **{**ONE, "MaxCount": 3}, SubnetId=subnet, Ipv6AddressCount=2)
    made = answer["Instances"]
    assert [each["AmiLaunchIndex"] for each in made] == [0, 1, 2]
    addresses = [one["Ipv6Address"] for each in made for one in each["NetworkInterfaces"][0]["Ipv6Addresses"]]
    assert len(set(addresses)) == 6
    found = account.do("DescribeInstances", Filters=[{"Name": "reservation-id", "Values": [answer["ReservationId"]]}])
    assert len(found["Reservations"]) == 3


def test_a_subnet_gives_no_ipv6_address_unless_it_shall() -> None:
    account = Account(dual(), Settings(new_id=counting()))
    given = account.cloud.subnets[subnet_of(account.cloud, "a")]
    attributes = replace(given.attributes, assign_ipv6_address_on_creation=False)
    account.cloud = replace(
        account.cloud, subnets={**account.cloud.subnets, given.id: replace(given, attributes=attributes)}
    )
    plain = run(account, SubnetId=given.id)
    assert "Ipv6Address" not in plain and plain["NetworkInterfaces"][0]["Ipv6Addresses"] == []
    interface = {"DeviceIndex": 0, "SubnetId": given.id, "Ipv6Addresses": [{"Ipv6Address": "2600:1f16:aa0:5500::99"}]}
    other = run(account, NetworkInterfaces=[interface])
    assert other["Ipv6Address"] == "2600:1f16:aa0:5500::99"
    native = run(account, SubnetId=subnet_of(account.cloud, "b"))
    assert "Ipv6Address" in native and "PrivateIpAddress" not in native
    none = run(account, SubnetId=subnet_of(account.cloud, "b"), Ipv6AddressCount=0)
    assert "Ipv6Address" not in none


def test_without_a_subnet_an_instance_is_in_the_default_vpc() -> None:
    account = Account()
    assert account.refuse("RunInstances", **ONE).code == "VPCIdNotSpecified"
    vpc, subnet = account.cloud.vpcs[VPC], account.cloud.subnets[PLAIN_SUBNET]
    vpcs = {VPC: replace(vpc, attributes=replace(vpc.attributes, is_default=True))}
    default = replace(subnet, attributes=replace(subnet.attributes, default_for_az=True))
    account.cloud = replace(
        account.cloud, vpcs={**account.cloud.vpcs, **vpcs}, subnets={**account.cloud.subnets, default.id: default}
    )
    made = run(account, SecurityGroups=["Web"])
    assert made["SubnetId"] == PLAIN_SUBNET
    assert [group["GroupId"] for group in made["SecurityGroups"]] == [GROUP]
    wrong = account.refuse("RunInstances", **ONE, Placement={"AvailabilityZone": "us-east-1c"})
    assert wrong.code == "MissingInput"


def interface(**members: Any) -> dict[str, Any]:
    return {**ONE, "NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": SUBNET, **members}]}


def wrong_launches() -> list[ParameterSet]:
    address = [{"Ipv6Address": "2600:1f16:aa0:5501::10"}]
    second = {**ONE, "NetworkInterfaces": [{"DeviceIndex": 1, "SubnetId": SUBNET}]}
    requests: list[tuple[str, str, dict[str, Any]]] = [
        ("image", "InvalidAMIID.Malformed", {**IN_SUBNET, "ImageId": "x"}),
        ("none", "InvalidParameterValue", {**IN_SUBNET, "MinCount": 0}),
        ("less than the least", "InvalidParameterCombination", {**IN_SUBNET, "MinCount": 2}),
        ("unknown subnet", "InvalidSubnetID.NotFound", {**ONE, "SubnetId": f"subnet-{GONE}"}),
        ("unknown group", "InvalidGroup.NotFound", {**IN_SUBNET, "SecurityGroupIds": [f"sg-{GONE}"]}),
        ("group of another VPC", "InvalidParameter", {**IN_SUBNET, "SecurityGroupIds": [BARE_GROUP]}),
        ("group name and subnet", "InvalidParameterCombination", {**IN_SUBNET, "SecurityGroups": ["web"]}),
        ("unknown key", "InvalidKeyPair.NotFound", {**IN_SUBNET, "KeyName": "x"}),
        ("type", "InvalidParameterValue", {**IN_SUBNET, "InstanceType": "large"}),
        ("user data", "InvalidUserData.Malformed", {**IN_SUBNET, "UserData": "?"}),
        ("tags of another type", "InvalidParameterValue",
         {**IN_SUBNET, "TagSpecifications": [{"ResourceType": "vpc", "Tags": [{"Key": "a", "Value": "b"}]}]}),
        ("zone", "InvalidParameterCombination", {**IN_SUBNET, "Placement": {"AvailabilityZone": "us-east-1c"}}),
        ("no device 0", "UnsupportedOperation", second),
        ("interface and subnet", "InvalidParameterCombination", {**interface(), "SubnetId": SUBNET}),
        ("interface that exists, and its subnet", "InvalidParameterCombination", interface(NetworkInterfaceId=ENI)),
        ("count and addresses", "InvalidParameterCombination", interface(Ipv6AddressCount=1, Ipv6Addresses=address)),
        ("address in use", "InvalidIPAddress.InUse", interface(Ipv6Addresses=address)),
        ("address of another subnet", "InvalidParameterValue", interface(Ipv6Addresses=[{"Ipv6Address": "2600::9"}])),
        ("reserved address", "InvalidParameterValue",
         interface(Ipv6Addresses=[{"Ipv6Address": "2600:1f16:aa0:5501::3"}])),
        ("no address", "InvalidParameterValue", interface(Ipv6Addresses=[{"Ipv6Address": "x"}])),
        ("several with one address", "InvalidParameterCombination",
         {**IN_SUBNET, "MaxCount": 2, "Ipv6Addresses": [{"Ipv6Address": "2600:1f16:aa0:5501::30"}]}),
        ("IPv4 without a block", "InvalidParameterValue", {**IN_SUBNET, "PrivateIpAddress": "10.0.0.9"}),
        ("too many addresses", "PrivateIpAddressLimitExceeded", {**IN_SUBNET, "Ipv6AddressCount": 51}),
    ]  # fmt: skip
    return [pytest.param(code, request, id=what) for what, code, request in requests]


@pytest.mark.parametrize(("code", "request_"), wrong_launches())
def test_a_wrong_launch_is_refused(code: str, request_: dict[str, Any]) -> None:
    assert Account().refuse("RunInstances", **request_).code == code


def test_a_launch_ends_at_the_quota_and_at_the_last_free_address() -> None:
    few = Account(settings=Settings(new_id=counting(), quotas=Quotas(instances_per_region=3)))
    assert len(few.do("RunInstances", **{**IN_SUBNET, "MaxCount": 9})["Instances"]) == 2
    assert few.refuse("RunInstances", **IN_SUBNET).code == "InstanceLimitExceeded"
    account = Account(dual(), Settings(new_id=counting()))
    subnet = subnet_of(account.cloud, "legacy")
    free = account.do("DescribeSubnets", SubnetIds=[subnet])["Subnets"][0]["AvailableIpAddressCount"]
    account.do("RunInstances", **{**ONE, "MaxCount": free - 1}, SubnetId=subnet)
    assert account.do("DescribeSubnets", SubnetIds=[subnet])["Subnets"][0]["AvailableIpAddressCount"] == 1
    wanted = {**ONE, "MinCount": 2, "MaxCount": 2, "SubnetId": subnet}
    assert account.refuse("RunInstances", **wanted).code == "InsufficientFreeAddressesInSubnet"


WRONG: dict[str, list[Case]] = {
    "states": [
        ("malformed", "InvalidInstanceID.Malformed", "StopInstances", {"InstanceIds": ["x"]}),
        ("unknown", "InvalidInstanceID.NotFound", "StartInstances", {"InstanceIds": [f"i-{GONE}"]}),
        ("unknown", "InvalidInstanceID.NotFound", "TerminateInstances", {"InstanceIds": [INSTANCE, f"i-{GONE}"]}),
        ("none", "MissingParameter", "RebootInstances", {"InstanceIds": []}),
    ],
    "attributes": [
        ("nothing", "InvalidParameterCombination", "ModifyInstanceAttribute", {"InstanceId": INSTANCE}),
        ("two", "InvalidParameterCombination", "ModifyInstanceAttribute",
         {"InstanceId": INSTANCE, "SourceDestCheck": {"Value": True}, "DisableApiStop": {"Value": True}}),
        ("of a running one", "IncorrectInstanceState", "ModifyInstanceAttribute",
         {"InstanceId": INSTANCE, "InstanceType": {"Value": "m5.large"}}),
        ("unknown", "InvalidParameterValue", "ModifyInstanceAttribute",
         {"InstanceId": INSTANCE, "Attribute": "x", "Value": "y"}),
        ("no boolean", "InvalidParameterValue", "ModifyInstanceAttribute",
         {"InstanceId": INSTANCE, "Attribute": "sourceDestCheck", "Value": "y"}),
        ("unknown", "InvalidParameterValue", "DescribeInstanceAttribute", {"InstanceId": INSTANCE, "Attribute": "x"}),
        ("word", "InvalidParameterValue", "ModifyInstanceMetadataOptions", {"InstanceId": INSTANCE, "HttpTokens": "x"}),
        ("hops", "InvalidParameterValue", "ModifyInstanceMetadataOptions",
         {"InstanceId": INSTANCE, "HttpPutResponseHopLimit": 65}),
    ],
    "addresses": [
        ("malformed", "InvalidNetworkInterfaceId.Malformed", "AssignIpv6Addresses", {"NetworkInterfaceId": "x"}),
        ("unknown", "InvalidNetworkInterfaceID.NotFound", "AssignIpv6Addresses", {"NetworkInterfaceId": f"eni-{GONE}"}),
        ("none", "MissingParameter", "AssignIpv6Addresses", {"NetworkInterfaceId": ENI}),
        ("too many", "PrivateIpAddressLimitExceeded", "AssignIpv6Addresses",
         {"NetworkInterfaceId": ENI, "Ipv6AddressCount": 50}),
        ("of another", "InvalidParameterValue", "UnassignIpv6Addresses",
         {"NetworkInterfaceId": ENI, "Ipv6Addresses": ["2600:1f16:aa0:5501::99"]}),
    ],
    "keys": [
        ("no key", "InvalidKey.Format", "ImportKeyPair", {"KeyName": "a", "PublicKeyMaterial": "x"}),
        ("another's type", "InvalidKey.Format", "ImportKeyPair",
         {"KeyName": "a", "PublicKeyMaterial": "ssh-ed25519 AAAAB3NzaC1yc2EAAAADAQABAAAAgQ=="}),
        ("name", "InvalidParameterValue", "CreateKeyPair", {"KeyName": " a"}),
        ("type", "InvalidParameterValue", "CreateKeyPair", {"KeyName": "a", "KeyType": "dsa"}),
        ("unknown", "InvalidKeyPair.NotFound", "DescribeKeyPairs", {"KeyNames": ["a"]}),
        ("neither", "MissingParameter", "DeleteKeyPair", {}),
    ],
    "machines": [
        ("image", "InvalidAMIID.Malformed", "DescribeImages", {"ImageIds": ["x"]}),
        ("type", "InvalidInstanceType", "DescribeInstanceTypes", {"InstanceTypes": ["x"]}),
        ("volume", "InvalidVolume.NotFound", "DescribeVolumes", {"VolumeIds": [f"vol-{GONE}"]}),
        ("profile", "InvalidAssociationID.NotFound", "DescribeIamInstanceProfileAssociations",
         {"AssociationIds": ["x"]}),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("code", "action", "request_"), cases(**WRONG))
def test_refused(code: str, action: str, request_: dict[str, Any]) -> None:
    assert Account().refuse(action, **request_).code == code


def test_a_stopped_instance_keeps_its_addresses_and_has_no_link() -> None:
    account = Account()
    (change,) = account.do("StopInstances", InstanceIds=[INSTANCE])["StoppingInstances"]
    assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == ("running", "stopped")
    assert seen(account, INSTANCE)["Ipv6Address"] == "2600:1f16:aa0:5501::10"
    assert seen(account, INSTANCE)["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    assert INSTANCE not in ipv6_part(account.cloud).instances
    state, inside = compile_cloud(account.cloud), namespace_name("small", INSTANCE)
    assert inside in {each.namespace for each in state.namespaces()}
    assert inside not in {each.namespace for each in state if isinstance(each, Link)}
    with pytest.raises(UsageError, match="is stopped"):
        explain(account.cloud, Question(INSTANCE, "2001:db8::1", "tcp", 443))
    again = account.cloud
    account.do("StopInstances", InstanceIds=[INSTANCE])
    assert account.cloud is again
    assert account.refuse("RebootInstances", InstanceIds=[INSTANCE]).code == "IncorrectInstanceState"
    account.do("ModifyInstanceAttribute", InstanceId=INSTANCE, InstanceType={"Value": "m5.large"})
    account.do("StartInstances", InstanceIds=[INSTANCE])
    assert compile_cloud(account.cloud) == compile_cloud(small_cloud())
    assert seen(account, INSTANCE)["InstanceType"] == "m5.large"


def test_a_terminated_instance_is_shown_for_an_hour_without_an_address() -> None:
    clock = Clock()
    account = Account(settings=Settings(new_id=counting(), now=clock))
    account.do("CreateTags", Resources=[INSTANCE], Tags=[{"Key": "Name", "Value": "one"}])
    (change,) = account.do("TerminateInstances", InstanceIds=[INSTANCE])["TerminatingInstances"]
    assert change["CurrentState"] == {"Code": 48, "Name": "terminated"}
    shown = seen(account, INSTANCE)
    assert shown["State"]["Name"] == "terminated" and shown["NetworkInterfaces"] == []
    assert shown["Tags"] == [{"Key": "Name", "Value": "one"}]
    assert not {"Ipv6Address", "PrivateIpAddress", "SubnetId", "VpcId"} & shown.keys()
    (again,) = account.do("TerminateInstances", InstanceIds=[INSTANCE])["TerminatingInstances"]
    assert again["PreviousState"]["Name"] == "terminated"
    assert account.refuse("StartInstances", InstanceIds=[INSTANCE]).code == "IncorrectInstanceState"
    assert account.do("DescribeInstanceStatus", IncludeAllInstances=True)["InstanceStatuses"] == []
    clock.seconds += HOUR
    assert account.refuse("DescribeInstances", InstanceIds=[INSTANCE]).code == "InvalidInstanceID.NotFound"
    made = run(account, SubnetId=SUBNET)["InstanceId"]
    account.do("TerminateInstances", InstanceIds=[made])
    assert list(account.cloud.terminated_instances) == [made]


def test_a_lab_remembers_few_terminated_instances() -> None:
    account = Account(settings=Settings(new_id=counting(), now=Clock()))
    for _ in range(3):
        made = account.do("RunInstances", **{**IN_SUBNET, "MaxCount": 40})["Instances"]
        account.do("TerminateInstances", InstanceIds=[each["InstanceId"] for each in made])
    assert len(account.cloud.terminated_instances) == 100


@pytest.mark.parametrize(
    ("attribute", "action"), [("DisableApiStop", "StopInstances"), ("DisableApiTermination", "TerminateInstances")]
)
def test_a_protected_instance_stays(attribute: str, action: str) -> None:
    account = Account()
    account.do("ModifyInstanceAttribute", InstanceId=INSTANCE, **{attribute: {"Value": True}})
    error = account.refuse(action, InstanceIds=[INSTANCE])
    assert error.code == "OperationNotPermitted" and "instance attribute and try again." in error.message
    word = f"{attribute[0].lower()}{attribute[1:]}"
    assert account.do("DescribeInstanceAttribute", InstanceId=INSTANCE, Attribute=word)[attribute] == {"Value": True}
    account.do("ModifyInstanceAttribute", InstanceId=INSTANCE, Attribute=word, Value="false")
    account.do(action, InstanceIds=[INSTANCE])


def test_groups_of_an_interface_are_those_of_its_instance() -> None:
    account = Account()
    account.do("ModifyNetworkInterfaceAttribute", NetworkInterfaceId=ENI, Groups=[DEFAULT_GROUP, SPARE_GROUP])
    found = account.do("DescribeInstanceAttribute", InstanceId=INSTANCE, Attribute="groupSet")["Groups"]
    assert [each["GroupId"] for each in found] == [DEFAULT_GROUP, SPARE_GROUP]


def test_addresses_are_assigned_and_unassigned() -> None:
    account = Account()
    answer = account.do("AssignIpv6Addresses", NetworkInterfaceId=ENI, Ipv6AddressCount=2)
    assert answer["AssignedIpv6Addresses"] == ["2600:1f16:aa0:5501::4", "2600:1f16:aa0:5501::5"]
    first = "2600:1f16:aa0:5501::10"
    account.do("UnassignIpv6Addresses", NetworkInterfaceId=ENI, Ipv6Addresses=[first])
    assert [str(each) for each in account.cloud.instances[INSTANCE].addresses] == answer["AssignedIpv6Addresses"]
    account.do("UnassignIpv6Addresses", NetworkInterfaceId=ENI, Ipv6Addresses=answer["AssignedIpv6Addresses"])
    assert INSTANCE not in ipv6_part(account.cloud).instances


def test_a_key_pair_is_imported_shown_and_deleted() -> None:
    account = Account()
    text = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQ== mine"
    material = base64.b64encode(text.encode()).decode()
    made = account.do("ImportKeyPair", KeyName="mine", PublicKeyMaterial=material)
    assert len(made["KeyFingerprint"].split(":")) == 16  # MD5, RFC 4716 section 4
    assert account.refuse("ImportKeyPair", KeyName="mine", PublicKeyMaterial=text).code == "InvalidKeyPair.Duplicate"
    (shown,) = account.do("DescribeKeyPairs", KeyNames=["mine"], IncludePublicKey=True)["KeyPairs"]
    assert (shown["PublicKey"], shown["KeyType"]) == (text, "rsa")
    assert account.do("DeleteKeyPair", KeyName="mine") == {"Return": True, "KeyPairId": made["KeyPairId"]}
    assert account.do("DeleteKeyPair", KeyName="mine") == {"Return": True}
    reply = account.reply("CreateKeyPair", KeyName="new")
    assert "PRIVATE KEY" in reply.answer["KeyMaterial"] and "placeholder" in reply.warnings[0]


def test_one_image_is_found_whatever_is_asked_for() -> None:
    account = Account()
    wanted = [{"Name": "name", "Values": ["amzn2-ami-hvm-*"]}, {"Name": "architecture", "Values": ["x86_64"]}]
    (image,) = account.do("DescribeImages", Filters=wanted, Owners=["amazon"])["Images"]
    assert run(account, SubnetId=SUBNET, ImageId=image["ImageId"])["ImageId"] == image["ImageId"]
    assert run(account, SubnetId=SUBNET, ImageId="resolve:ssm:/aws/service/ami")["ImageId"] == image["ImageId"]
    assert account.do("DescribeImages", ImageIds=[IMAGE])["Images"][0]["ImageId"] == IMAGE


def test_credits_belong_to_burstable_types() -> None:
    account = Account()
    made = run(account, SubnetId=SUBNET, InstanceType="m5.large")["InstanceId"]
    found = account.do("DescribeInstanceCreditSpecifications")["InstanceCreditSpecifications"]
    assert found == [{"InstanceId": INSTANCE, "CpuCredits": "unlimited"}]
    error = account.refuse("DescribeInstanceCreditSpecifications", InstanceIds=[made])
    assert error.code == "InstanceCreditSpecification.NotSupported"


def test_a_file_holds_what_the_api_made_but_not_what_the_lab_remembers() -> None:
    account = Account(dual(), Settings(new_id=counting(), now=Clock()))
    account.do("CreateKeyPair", KeyName="Some Key: 1")
    made = run(
        account,
        SubnetId=subnet_of(account.cloud, "a"),
        KeyName="Some Key: 1",
        UserData="bHMK",
        MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
        ClientToken="once",
    )["InstanceId"]
    gone = run(account, SubnetId=subnet_of(account.cloud, "b"))["InstanceId"]
    account.do("StopInstances", InstanceIds=[made])
    account.do("TerminateInstances", InstanceIds=[gone])
    topology = Topology(account.cloud)
    assert from_data(to_data(topology)) == topology
    text = dump(topology)
    assert gone not in text and "once" not in text
    again = load(text.encode(), file="dual.yaml", default_lab="x").cloud
    assert again == replace(account.cloud, client_tokens={}, terminated_instances={})
    assert seen(Account(again), made) == seen(account, made)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("state: paused", "running or stopped"),
        ("private_ip_address: 10.0.2.4", "not one for instances in the block of the subnet"),
        ("private_ip_address: 10.0.1.3", "not one for instances in the block of the subnet"),
        ("private_ip_address: x", "not an IPv4 address"),
        ("instance_type: large", "not an instance type"),
        ("image_id: x", "not such an id"),
        ("launch_time: today", "not a time"),
        ("http_tokens: maybe", "optional or required"),
        ("http_put_response_hop_limit: 0", "must be 1 to 64"),
    ],
)
def test_what_a_file_must_not_say_of_an_instance(key: str, said: str) -> None:
    text = DUAL_STACK.replace("app: {subnet: a}", f"app: {{subnet: a, {key}}}")
    with pytest.raises(TopologyError, match=said):
        load(text.encode(), file="lab.yaml", default_lab="lab")


def test_two_instances_of_a_file_cannot_have_one_ipv4_address() -> None:
    text = DUAL_STACK.replace("app: {subnet: a}", "app: {subnet: a, private_ip_address: 10.0.1.9}").replace(
        "plain: {subnet: a,", "plain: {subnet: a, private_ip_address: 10.0.1.9,"
    )
    with pytest.raises(TopologyError, match="already has this address"):
        load(text.encode(), file="lab.yaml", default_lab="lab")


def test_an_instance_takes_no_address_of_a_nat_gateway() -> None:
    cloud = dual()
    account, subnet = Account(cloud, Settings(new_id=counting())), subnet_of(cloud, "a")
    account.do("CreateNatGateway", SubnetId=subnet, ConnectivityType="private", PrivateIpAddress="10.0.1.6")
    asked = {**ONE, "SubnetId": subnet, "PrivateIpAddress": "10.0.1.6"}
    assert account.refuse("RunInstances", **asked).code == "InvalidIPAddress.InUse"
    assert run(account, SubnetId=subnet)["PrivateIpAddress"] == "10.0.1.7"


def _with_gateway(instance: str, gateway: str) -> str:
    text = DUAL_STACK.replace("app: {subnet: a}", f"app: {{subnet: a{instance}}}")
    return text.replace("    subnets:\n", f"    nat_gateways: {{private: {{subnet: a{gateway}}}}}\n    subnets:\n", 1)


def test_a_file_gives_no_address_to_an_instance_and_a_nat_gateway() -> None:
    def load_with(instance: str = "", gateway: str = "") -> Cloud:
        return load(_with_gateway(instance, gateway).encode(), file="lab.yaml", default_lab="lab").cloud

    def addresses(cloud: Cloud) -> list[str]:
        of_gateways = [each.private_ip_address for each in cloud.nat_gateways.values()]
        return [str(each) for each in (*of_gateways, *(one.private_ip_address for one in cloud.instances.values()))
                if each]  # fmt: skip

    for cloud in (
        load_with(),
        load_with(gateway=", private_ip_address: 10.0.1.4"),
        load_with(instance=", private_ip_address: 10.0.1.254"),
    ):
        assert len(addresses(cloud)) == len(set(addresses(cloud))) == 4
    with pytest.raises(TopologyError, match="private already has this address"):
        load_with(", private_ip_address: 10.0.1.9", ", private_ip_address: 10.0.1.9")


def test_no_address_of_a_prefix_is_given_to_another_instance() -> None:
    account = Account()
    prefixes = (IPv6Network("2600:1f16:aa0:5501:1::/80"),)
    mine = replace(account.cloud.instances[INSTANCE], ipv6_prefixes=prefixes)
    account.cloud = replace(account.cloud, instances={INSTANCE: mine})
    asked = interface(Ipv6Addresses=[{"Ipv6Address": "2600:1f16:aa0:5501:1::9"}])
    assert account.refuse("RunInstances", **asked).code == "InvalidIPAddress.InUse"
    last = account.refuse("UnassignIpv6Addresses", NetworkInterfaceId=ENI, Ipv6Addresses=["2600:1f16:aa0:5501::10"])
    assert last.code == "UnsupportedOperation"


def test_a_lab_loses_the_expectations_about_an_instance_without_an_address() -> None:
    account = Account()
    expected = Expectation(INSTANCE, SUBNET, "tcp", 443, "allowed")
    stored = Topology(account.cloud, (expected,))
    account.do("StopInstances", InstanceIds=[INSTANCE])
    assert followed(stored, account.cloud) == (Topology(account.cloud, (expected,)), ())
    account.do("UnassignIpv6Addresses", NetworkInterfaceId=ENI, Ipv6Addresses=["2600:1f16:aa0:5501::10"])
    kept, (told,) = followed(stored, account.cloud)
    assert kept.expectations == () and told.startswith("1 of the lab's expectations")
