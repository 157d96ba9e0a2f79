"""EC2 actions that AWS would grant: the life cycles of resources, step by step."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from eigw_ns.cloud import ids
from eigw_ns.cloud.ec2.api import ACTIONS, call
from eigw_ns.cloud.ec2.settings import Settings, random_id
from eigw_ns.topology import Topology, from_data, to_data
from tests.support.small_cloud import (
    ASSOCIATION,
    BARE_VPC,
    DEFAULT_ACL,
    EIGW,
    GROUP,
    IGW,
    INSTANCE,
    MAIN_ASSOCIATION,
    MAIN_TABLE,
    PLAIN_ACL_ASSOCIATION,
    PLAIN_SUBNET,
    PRIVATE_TABLE,
    SPARE_ACL,
    SPARE_GROUP,
    SPARE_IGW,
    SPARE_TABLE,
    SUBNET,
    VPC,
    Account,
    small_cloud,
)

EVERYWHERE = "::/0"


def routes(account: Account, table: str) -> list[dict[str, Any]]:
    """Return the static routes of a table as DescribeRouteTables shows them."""
    (shape,) = account.do("DescribeRouteTables", RouteTableIds=[table])["RouteTables"]
    return [route for route in shape["Routes"] if route["Origin"] == "CreateRoute"]


def test_every_action_says_whether_it_mutates() -> None:
    """`test_describing_changes_nothing` shows with random requests that the others change nothing."""
    assert {action.mutates for action in ACTIONS.values()} == {True, False}
    for name, action in ACTIONS.items():
        assert action.mutates is not name.startswith(("Describe", "Get")), name


def test_a_deleted_gateway_leaves_a_blackhole_until_the_route_is_replaced() -> None:
    account = Account()
    assert [route["State"] for route in routes(account, PRIVATE_TABLE)] == ["active"]
    assert account.do("DeleteEgressOnlyInternetGateway", EgressOnlyInternetGatewayId=EIGW) == {"ReturnCode": True}
    assert routes(account, PRIVATE_TABLE) == [
        {
            "DestinationIpv6CidrBlock": EVERYWHERE,
            "EgressOnlyInternetGatewayId": EIGW,
            "Origin": "CreateRoute",
            "State": "blackhole",
        }
    ]
    made = account.do("CreateEgressOnlyInternetGateway", VpcId=VPC)["EgressOnlyInternetGateway"]
    assert made["Attachments"] == [{"State": "attached", "VpcId": VPC}]
    assert [route["State"] for route in routes(account, PRIVATE_TABLE)] == ["blackhole"]
    to_it = {"DestinationIpv6CidrBlock": "::0/0", "EgressOnlyInternetGatewayId": made["EgressOnlyInternetGatewayId"]}
    assert account.do("ReplaceRoute", RouteTableId=PRIVATE_TABLE, **to_it) == {}
    (route,) = routes(account, PRIVATE_TABLE)
    assert (route["State"], route["EgressOnlyInternetGatewayId"]) == ("active", made["EgressOnlyInternetGatewayId"])


def test_a_new_resource_is_named_by_its_id() -> None:
    account = Account()
    account.do("CreateEgressOnlyInternetGateway", VpcId=BARE_VPC)
    account.do("CreateRouteTable", VpcId=VPC)
    account.do("CreateNetworkAcl", VpcId=VPC)
    account.do("CreateInternetGateway")
    before = small_cloud()
    for field in ("egress_only_internet_gateways", "route_tables", "network_acls", "internet_gateways"):
        new = getattr(account.cloud, field).keys() - getattr(before, field).keys()
        (resource,) = (getattr(account.cloud, field)[new_id] for new_id in new)
        assert resource.name == resource.id == ids.make_id(str(ids.kind_of(resource.id)), "lab", resource.name)


def test_an_egress_only_gateway_can_be_tagged_at_creation_and_later() -> None:
    account = Account()
    tags = [
        {"ResourceType": "egress-only-internet-gateway", "Tags": [{"Key": "Team", "Value": "net"}, {"Key": "Name"}]}
    ]
    made = account.do("CreateEgressOnlyInternetGateway", VpcId=BARE_VPC, TagSpecifications=tags)
    gateway = made["EgressOnlyInternetGateway"]
    assert gateway["Tags"] == [{"Key": "Name", "Value": ""}, {"Key": "Team", "Value": "net"}]
    gateway_id = gateway["EgressOnlyInternetGatewayId"]
    account.do("CreateTags", Resources=[gateway_id, EIGW], Tags=[{"Key": "Name", "Value": "out"}])
    assert account.cloud.egress_only_internet_gateways[gateway_id].tags == (("Name", "out"), ("Team", "net"))
    assert account.cloud.egress_only_internet_gateways[EIGW].tags == (("Name", "out"),)


@pytest.mark.parametrize(
    ("request_", "left"),
    [
        ({"Tags": [{"Key": "a"}]}, {"b": ""}),
        ({"Tags": [{"Key": "a", "Value": "1"}]}, {"b": ""}),
        ({"Tags": [{"Key": "a", "Value": ""}, {"Key": "b", "Value": ""}]}, {"a": "1"}),
        ({"Tags": [{"Key": "c"}]}, {"a": "1", "b": ""}),
        ({}, {}),
        ({"Tags": []}, {}),
    ],
)
def test_delete_tags(request_: dict[str, Any], left: dict[str, str]) -> None:
    account = Account()
    account.do("CreateTags", Resources=[VPC], Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
    assert account.do("DeleteTags", Resources=[VPC], **request_) == {}
    assert dict(account.cloud.vpcs[VPC].tags) == left


def test_routes_are_canonical_and_sorted() -> None:
    account = Account()
    for text in ("2001:DB8:0:0::/32", "::/0", "2000::1/3"):
        route = {"DestinationIpv6CidrBlock": text, "EgressOnlyInternetGatewayId": EIGW}
        assert account.do("CreateRoute", RouteTableId=SPARE_TABLE, **route) == {"Return": True}
    assert [str(route.destination) for route in account.cloud.route_tables[SPARE_TABLE].routes] == [
        "::/0", "2000::/3", "2001:db8::/32"
    ]  # fmt: skip


def test_creating_the_same_route_again_changes_nothing() -> None:
    account = Account()
    before = account.cloud
    route = {"DestinationIpv6CidrBlock": "0::/0", "EgressOnlyInternetGatewayId": EIGW}
    assert account.do("CreateRoute", RouteTableId=PRIVATE_TABLE, **route) == {"Return": True}
    assert account.do("ReplaceRoute", RouteTableId=PRIVATE_TABLE, **route) == {}
    assert account.cloud is before


def test_delete_route() -> None:
    account = Account()
    account.do("DeleteRoute", RouteTableId=PRIVATE_TABLE, DestinationIpv6CidrBlock="::0/0")
    assert account.cloud.route_tables[PRIVATE_TABLE].routes == ()


def test_routes_are_blackholes_while_their_internet_gateway_is_detached() -> None:
    account = Account()
    account.do("CreateRoute", RouteTableId=SPARE_TABLE, DestinationIpv6CidrBlock="::/0", GatewayId=IGW)
    states = []
    for action in ("DetachInternetGateway", "AttachInternetGateway"):
        assert account.do(action, InternetGatewayId=IGW, VpcId=VPC) == {}
        states += [route["State"] for route in routes(account, SPARE_TABLE)]
    assert states == ["blackhole", "active"]
    account.do("DetachInternetGateway", InternetGatewayId=IGW, VpcId=VPC)
    assert account.do("DeleteInternetGateway", InternetGatewayId=IGW) == {}
    assert list(account.cloud.internet_gateways) == [SPARE_IGW]


def test_a_new_internet_gateway_is_not_attached() -> None:
    gateway = Account().do("CreateInternetGateway")["InternetGateway"]
    assert gateway["Attachments"] == []


def associations(account: Account) -> dict[str, tuple[str, str | None]]:
    """Return table and subnet by association id, as DescribeRouteTables shows them."""
    return {
        each["RouteTableAssociationId"]: (each["RouteTableId"], each.get("SubnetId"))
        for table in account.do("DescribeRouteTables", Filters=[{"Name": "vpc-id", "Values": [VPC]}])["RouteTables"]
        for each in table["Associations"]
    }


def test_a_subnet_is_associated_and_disassociated() -> None:
    account = Account()
    assert associations(account) == {MAIN_ASSOCIATION: (MAIN_TABLE, None), ASSOCIATION: (PRIVATE_TABLE, SUBNET)}
    made = account.do("AssociateRouteTable", RouteTableId=SPARE_TABLE, SubnetId=PLAIN_SUBNET)
    assert made["AssociationState"] == {"State": "associated"}
    assert associations(account)[made["AssociationId"]] == (SPARE_TABLE, PLAIN_SUBNET)
    for association in (made["AssociationId"], ASSOCIATION):
        assert account.do("DisassociateRouteTable", AssociationId=association) == {}
    assert associations(account) == {MAIN_ASSOCIATION: (MAIN_TABLE, None)}
    assert account.do("DeleteRouteTable", RouteTableId=PRIVATE_TABLE) == {}


def test_replacing_an_association_gives_a_new_id() -> None:
    account = Account()
    replaced = account.do("ReplaceRouteTableAssociation", AssociationId=ASSOCIATION, RouteTableId=SPARE_TABLE)
    new = replaced["NewAssociationId"]
    assert new != ASSOCIATION
    assert associations(account) == {MAIN_ASSOCIATION: (MAIN_TABLE, None), new: (SPARE_TABLE, SUBNET)}
    before = account.cloud
    again = account.do("ReplaceRouteTableAssociation", AssociationId=new, RouteTableId=SPARE_TABLE)
    assert (again["NewAssociationId"], account.cloud) == (new, before)


def test_replacing_the_main_association_makes_another_table_the_main_one() -> None:
    account = Account()
    replaced = account.do("ReplaceRouteTableAssociation", AssociationId=MAIN_ASSOCIATION, RouteTableId=SPARE_TABLE)
    assert associations(account) == {
        replaced["NewAssociationId"]: (SPARE_TABLE, None),
        ASSOCIATION: (PRIVATE_TABLE, SUBNET),
    }
    account.do("DeleteRouteTable", RouteTableId=MAIN_TABLE)


def test_a_subnet_gets_another_network_acl_and_the_default_one_again() -> None:
    account = Account()
    association = PLAIN_ACL_ASSOCIATION
    seen = []
    for acl in (SPARE_ACL, DEFAULT_ACL):
        request = {"AssociationId": association, "NetworkAclId": acl}
        association = account.do("ReplaceNetworkAclAssociation", **request)["NewAssociationId"]
        seen.append(account.cloud.subnets[PLAIN_SUBNET].network_acl_id)
    assert seen == [SPARE_ACL, None]
    assert association == PLAIN_ACL_ASSOCIATION
    assert account.do("DeleteNetworkAcl", NetworkAclId=SPARE_ACL) == {}


def test_an_instance_gets_another_security_group_and_loses_it_again() -> None:
    account = Account()
    request = {"VpcId": VPC, "GroupName": "my group", "Description": "mine"}
    made = account.do("CreateSecurityGroup", **request)["GroupId"]
    account.do("ModifyInstanceAttribute", InstanceId=INSTANCE, Groups=[made, GROUP, made])
    assert account.cloud.instances[INSTANCE].security_group_ids == (made, GROUP)
    assert account.refuse("DeleteSecurityGroup", GroupId=made).code == "DependencyViolation"
    account.do("ModifyInstanceAttribute", InstanceId=INSTANCE, Groups=[GROUP])
    assert account.do("DeleteSecurityGroup", GroupId=made) == {"Return": True, "GroupId": made}


def test_a_group_that_refers_to_itself_can_be_deleted() -> None:
    account = Account()
    permission = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": SPARE_GROUP}]}
    account.do("AuthorizeSecurityGroupIngress", GroupId=SPARE_GROUP, IpPermissions=[permission])
    account.do("DeleteSecurityGroup", GroupId=SPARE_GROUP)


def test_dry_run_changes_nothing() -> None:
    account = Account()
    error = account.refuse("CreateRouteTable", VpcId=VPC, ClientToken="t", DryRun=True)
    assert error.message == "Request would have succeeded, but DryRun flag is set."
    account.do("CreateRouteTable", VpcId=BARE_VPC, ClientToken="t")  # the dry run did not store the token


TOKEN_REQUESTS: dict[str, dict[str, Any]] = {
    "CreateNetworkInterface": {"SubnetId": SUBNET},
    "CreateNatGateway": {"SubnetId": PLAIN_SUBNET, "ConnectivityType": "private"},
    "RunInstances": {"ImageId": "ami-0123456789abcdef0", "MinCount": 1, "MaxCount": 1, "SubnetId": SUBNET},
    "CreateManagedPrefixList": {"PrefixListName": "l", "MaxEntries": 1, "AddressFamily": "IPv6"},
    "ModifyInstanceCreditSpecification": {
        "InstanceCreditSpecifications": [{"InstanceId": INSTANCE, "CpuCredits": "unlimited"}]
    },
}
"""The requests of actions that need more than a VPC."""


@pytest.mark.parametrize("action", [name for name, action in ACTIONS.items() if "ClientToken" in
                                    {parameter.name for parameter in action.parameters}])  # fmt: skip
def test_the_same_token_gets_the_same_answer(action: str) -> None:
    account = Account()
    request = {"ClientToken": "once", **TOKEN_REQUESTS.get(action, {"VpcId": BARE_VPC})}
    first = account.do(action, **request)
    cloud = account.cloud
    assert first.get("ClientToken") == ("once" if ACTIONS[action].echoes_token else None)
    assert account.do(action, **request) == first
    assert account.cloud is cloud


def test_a_token_stays_valid_after_its_resource_is_deleted() -> None:
    account = Account()
    first = account.do("CreateEgressOnlyInternetGateway", VpcId=BARE_VPC, ClientToken="once")
    made = first["EgressOnlyInternetGateway"]["EgressOnlyInternetGatewayId"]
    account.do("DeleteEgressOnlyInternetGateway", EgressOnlyInternetGatewayId=made)
    assert account.do("CreateEgressOnlyInternetGateway", VpcId=BARE_VPC, ClientToken="once") == first
    assert made not in account.cloud.egress_only_internet_gateways


def test_a_new_id_is_not_in_use() -> None:
    digits = iter((EIGW.removeprefix("eigw-"), "0123456789abcdef0"))
    reply = call(
        small_cloud(), "CreateEgressOnlyInternetGateway", {"VpcId": BARE_VPC}, Settings(new_id=lambda: next(digits))
    )
    made = reply.answer["EgressOnlyInternetGateway"]["EgressOnlyInternetGatewayId"]
    assert made == "eigw-0123456789abcdef0"


def test_ids_are_random_by_default() -> None:
    assert ids.kind_of(f"eigw-{random_id()}") == "eigw"
    assert random_id() != random_id()


def test_the_oldest_client_tokens_are_deleted_also_after_storing() -> None:
    account = Account()
    first = account.do("CreateRouteTable", VpcId=BARE_VPC, ClientToken="first")
    known = account.cloud.client_tokens["first"]
    others = {f"z{number:03}": known for number in range(499, 0, -1)}
    account.cloud = replace(account.cloud, client_tokens={"first": known, **others})
    account.cloud = from_data(json.loads(json.dumps(to_data(Topology(account.cloud))))).cloud
    assert account.do("CreateRouteTable", VpcId=BARE_VPC, ClientToken="first") == first
    account.do("CreateRouteTable", VpcId=BARE_VPC, ClientToken="last")
    assert len(account.cloud.client_tokens) == 500
    assert list(account.cloud.client_tokens)[-2:] == ["z001", "last"]
    assert account.do("CreateRouteTable", VpcId=BARE_VPC, ClientToken="first") != first
