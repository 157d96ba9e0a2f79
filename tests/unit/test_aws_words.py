"""A word that AWS has is not a misspelling: hints say that labs lack the thing, and never lead to another one."""

from __future__ import annotations

import re

import pytest

from eigw_ns.cli.ec2.naming import kebab
from eigw_ns.cli.group import VERBS, VerbGroup
from eigw_ns.cli.verbs.ec2 import Ec2Group
from eigw_ns.cloud.aws_words import lacking, lacking_id, similar_actions
from eigw_ns.cloud.ec2.actions.empty_lists import EMPTY_LISTS
from eigw_ns.cloud.ec2.api import ACTIONS
from eigw_ns.errors import TopologyError
from eigw_ns.topology import load
from eigw_ns.topology.schema import keys_at
from tests.support.ec2_model import model, operation
from tests.support.small_cloud import INSTANCE, SPARE_TABLE, VPC, Account

OTHERS = sorted(set(model().operation_names) - set(ACTIONS))
REMOVING = ("delete-", "detach-", "disassociate-", "revoke-")


def snake(name: str) -> str:
    return kebab(name).replace("-", "_")


def test_no_action_of_aws_is_taken_for_another() -> None:
    assert len(OTHERS) > 600
    assert [action for action in OTHERS if similar_actions(action, ACTIONS)] == []


@pytest.mark.parametrize(
    ("action", "told"),
    [
        ("CreateIpamPool", "a lab has no IPAM: give each VPC blocks of your choice"),
        ("CreateTransitGateway", "a lab has no transit gateways: VPCs reach each other"),
        ("CreateVpcPeeringConnection", "a lab has no VPC peering: VPCs reach each other"),
        ("DescribeTransitGatewayRouteTables", "a lab has no transit gateways"),
        ("CreateFlowLogs", "a lab has no actions for flow logs: a VPC in a topology file"),
        ("CreateImage", "a lab has no images and disks"),
        ("DescribeSnapshots", "a lab has no images and disks"),
    ],
)
def test_the_hint_says_what_stands_in_the_place(action: str, told: str) -> None:
    assert action in OTHERS
    assert Account().refuse(action).hint.startswith(told)
    assert Ec2Group("ec2").hint(kebab(action)) == lacking(action) == Account().refuse(action).hint


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("creat-route", "create-route"),
        ("crate-route", "create-route"),
        ("describe-vpc", "describe-vpcs"),
        ("discribe-subnets", "describe-subnets"),
        ("describe-internet-gateway", "describe-internet-gateways"),
        ("delete-rout", "delete-route"),
        ("DescribeVpc", "describe-vpcs"),
    ],
)
def test_a_misspelt_action_gets_a_suggestion(typed: str, meant: str) -> None:
    assert Ec2Group("ec2").hint(typed).startswith(f"did you mean {meant}")


@pytest.mark.parametrize(
    "typed", ["delate-route", "remove-tags", "delet-network-acl", "deletetags", "detatch-internet-gateway"]
)
def test_an_action_that_removes_is_suggested_only_for_its_own_verb(typed: str) -> None:
    assert not any(word in Ec2Group("ec2").hint(typed) for word in REMOVING)


@pytest.mark.parametrize("typed", ["deploy", "destory", "destro", "destroyed", "DESTROY"])
def test_destroying_a_lab_is_never_suggested(typed: str) -> None:
    assert "destroy" in VERBS
    assert "destroy" not in VerbGroup("eigw-ns").hint(typed)


@pytest.mark.parametrize("action", ACTIONS)
def test_no_parameter_of_aws_is_taken_for_another(action: str) -> None:
    known = {parameter.name for parameter in ACTIONS[action].parameters}
    for name in set(operation(action).input_shape.members) - known:
        assert "did you mean" not in Account().refuse(action, **{name: "x"}).hint, name


def test_a_parameter_that_labs_lack_is_explained() -> None:
    error = Account().refuse("CreateRoute", RouteTableId=SPARE_TABLE, CarrierGatewayId="cagw-0")
    assert error.code == "UnknownParameter" and error.hint.startswith("a lab has no carrier gateways: ")


@pytest.mark.parametrize("prefix", ["pcx", "tgw", "vgw", "vpce", "cagw", "lgw", "ami"])
def test_the_id_of_a_thing_that_labs_lack_is_explained(prefix: str) -> None:
    for digits in ("0", "0123456789abcdef0", "12345678"):
        assert lacking_id(f"{prefix}-{digits}").startswith("a lab has no ")
    assert lacking_id(f"{prefix}-gateway") == lacking_id(prefix) == ""
    gateway_id = f"{prefix}-0123456789abcdef0"
    asked = {"RouteTableId": SPARE_TABLE, "DestinationIpv6CidrBlock": "::/0", "GatewayId": gateway_id}
    if prefix not in ("vgw", "vpce"):  # recorded as targets
        assert Account().refuse("CreateRoute", **asked).hint == lacking_id(gateway_id)
    assert Account().refuse("DeleteTags", Resources=[gateway_id]).hint == lacking_id(gateway_id)


@pytest.mark.parametrize("resource_id", [VPC, INSTANCE, "eigw-0123456789abcdef0", "rtb-0", "acl-0", "sgr-0", "nothing"])
def test_ids_of_our_kinds_are_not_lacking(resource_id: str) -> None:
    assert lacking_id(resource_id) == ""


FILE = """
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56
    {in_vpc}
    route_tables: {{private: {{routes: [{{destination: "::/0", target: {target}}}]}}}}
    security_groups: {{web: {{ {in_group} }}}}
    subnets: {{a: {{ {in_subnet} }}}}
    instances: {{app: {{subnet: a, {in_instance} }}}}
{top}
"""


def messages(**given: str) -> str:
    places = dict.fromkeys(("in_vpc", "in_group", "in_subnet", "in_instance", "top"), "") | {"target": "blackhole"}
    with pytest.raises(TopologyError) as caught:
        load(FILE.format(**(places | given)).encode(), file="lab.yaml", default_lab="demo")
    return str(caught.value)


RESOURCES = [name for each in model().operation_names if (name := snake(each)).startswith("describe_")]


@pytest.mark.parametrize("place", ["top", "in_vpc"])
def test_no_resource_of_aws_is_taken_for_another_in_a_file(place: str) -> None:
    known = keys_at(() if place == "top" else ("vpcs", "main"))
    names = [name for each in RESOURCES if (name := each.removeprefix("describe_")) not in known]
    wrong = [name for name in names if "did you mean" in messages(**{place: f"{name}: {{}}"})]
    assert wrong == []


@pytest.mark.parametrize(
    ("place", "key", "told"),
    [
        ("top", "transit_gateways", "a lab has no transit gateways"),
        ("in_vpc", "transitgateways", "a lab has no transit gateways"),
        ("in_vpc", "transit-gateway", "a lab has no transit gateways"),
        ("in_subnet", "cidr_blocks", "a subnet has one IPv4 block: write cidr_block"),
        ("in_subnet", "ipv6_cidr_blocks", "a subnet has one IPv6 block: write ipv6_cidr_block"),
        ("in_group", "group_id", "the id follows from the name"),
        ("top", "tags", "it belongs to a VPC: write it under vpcs and the name of the VPC"),
        ("top", "egress_only_internet_gateways", "it belongs to a VPC"),
    ],
)
def test_a_key_that_only_aws_has_is_explained(place: str, key: str, told: str) -> None:
    said = messages(**{place: f"{key}: {{}}"})
    assert told in said and "did you mean" not in said


def test_the_target_of_a_route_that_only_aws_has_is_explained() -> None:
    said = messages(target="lgw-0123456789abcdef0")
    assert "a route cannot lead to this kind of resource (got lgw-0123456789abcdef0); a lab has no local" in said
    assert "no gateway of the VPC has this name" in messages(target="lgw")


IN_PART = {
    *("CapacityReservationSpecification", "DescribeImages", "DescribeInstanceStatus", "DescribeInstanceTypes"),
    *("DescribeVolumes", "ImageId", "ImageIds", "InstanceType", "InstanceTypes", "ModifyNetworkInterfaceAttribute"),
    *("NetworkInterfaces", "PrivateIpAddress", "PublicIpv4Pool", "SecondaryPrivateIpAddressCount", "VolumeIds"),
}
"""Words of which a lab has a part. Hints about others with the same word say what it lacks."""


def test_words_of_labs_are_not_lacking() -> None:
    ours = {key for path in ((), ("vpcs", "main"), ("vpcs", "main", "subnets", "a")) for key in keys_at(path)}
    actions = {name: action for name, action in ACTIONS.items() if name not in EMPTY_LISTS}
    words = {*ours, *actions, *(each.name for action in actions.values() for each in action.parameters)}
    recorded = {f"{target}Id" for target in ("NatGateway", "VpcEndpoint", "VpcPeeringConnection", "TransitGateway")}
    targets = {*recorded, "NetworkInterfaceId", "NetworkInterfaceIds", "DescribeNetworkInterfaces"}
    assert {word for word in words if lacking(word)} <= {*targets, *IN_PART}
    assert lacking("ipv6_address") == lacking("hosts") == lacking("addresses") == ""


def test_hints_are_sentences_without_commands() -> None:
    hints = {lacking(action) for action in OTHERS} - {""}
    assert len(hints) >= 20
    assert [hint for hint in hints if not re.fullmatch(r"[A-Za-z][^`]*[A-Za-z0-9]", hint)] == []
