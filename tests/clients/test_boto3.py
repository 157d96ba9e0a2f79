"""boto3 walks the page too: tags, client tokens, filters, waiters of each kind, pages, error codes, packets."""

from __future__ import annotations

import time
from ipaddress import IPv6Network
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support.clients import WEB, Endpoint

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def ec2(endpoint: Endpoint) -> Any:
    return boto3.client(
        "ec2",
        region_name=endpoint.server.access["region"],
        endpoint_url=endpoint.server.url,
        aws_access_key_id=endpoint.server.access["access_key_id"],
        aws_secret_access_key=endpoint.server.access["secret_access_key"],
        config=Config(retries={"total_max_attempts": 1}),
    )


def _code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_a_vpc_from_first_to_last(endpoint: Endpoint, ec2: Any) -> None:
    before = endpoint.namespaces()
    vpc = ec2.create_vpc(CidrBlock="10.40.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
    (association,) = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"]
    block = next(IPv6Network(association["Ipv6CidrBlock"]).subnets(new_prefix=64))
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.40.1.0/24", Ipv6CidrBlock=str(block))["Subnet"]["SubnetId"]
    gateway = ec2.create_egress_only_internet_gateway(
        VpcId=vpc,
        ClientToken="boto3",
        TagSpecifications=[{"ResourceType": "egress-only-internet-gateway", "Tags": [{"Key": "Name", "Value": "out"}]}],
    )["EgressOnlyInternetGateway"]["EgressOnlyInternetGatewayId"]
    with pytest.raises(ClientError) as twice:
        ec2.create_egress_only_internet_gateway(VpcId=vpc, ClientToken="boto3")
    assert _code(twice) == "IdempotentParameterMismatch"
    (table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    route = {"RouteTableId": table["RouteTableId"], "DestinationIpv6CidrBlock": "::/0"}
    ec2.create_route(**route, EgressOnlyInternetGatewayId=gateway)
    (instance,) = ec2.run_instances(
        ImageId="ami-0123456789abcdef0", MinCount=1, MaxCount=1, SubnetId=subnet, Ipv6AddressCount=1
    )["Instances"]
    node, address = instance["InstanceId"], instance["Ipv6Address"]
    assert endpoint.pings(node, WEB)
    assert not endpoint.pings("web", address)
    ec2.stop_instances(InstanceIds=[node])
    assert not endpoint.pings(node, WEB)
    ec2.start_instances(InstanceIds=[node])
    assert endpoint.pings(node, WEB)
    ec2.delete_egress_only_internet_gateway(EgressOnlyInternetGatewayId=gateway)
    state = ec2.describe_route_tables(RouteTableIds=[table["RouteTableId"]])["RouteTables"][0]["Routes"][-1]["State"]
    assert state == "blackhole"
    assert not endpoint.pings(node, WEB)

    with pytest.raises(ClientError) as held:
        ec2.delete_subnet(SubnetId=subnet)
    assert _code(held) == "DependencyViolation"
    ec2.terminate_instances(InstanceIds=[node])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[node])
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)
    with pytest.raises(ClientError) as gone:
        ec2.describe_vpcs(VpcIds=[vpc])
    assert _code(gone) == "InvalidVpcID.NotFound"
    assert endpoint.namespaces() == before


def test_waiters_end_at_once(ec2: Any) -> None:
    """States are final at once, so no waiter asks twice: the shortest waits 5 s between two questions."""
    vpc = ec2.create_vpc(CidrBlock="10.41.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.41.1.0/24")["Subnet"]["SubnetId"]
    (instance,) = ec2.run_instances(ImageId="ami-0123456789abcdef0", MinCount=1, MaxCount=1, SubnetId=subnet)[
        "Instances"
    ]
    nat = ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")["NatGateway"]["NatGatewayId"]
    group = ec2.create_security_group(GroupName="waited", Description="d", VpcId=vpc)["GroupId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    key = ec2.create_key_pair(KeyName="waited")["KeyName"]
    ids = {"InstanceIds": [instance["InstanceId"]]}
    waits: list[tuple[str, dict[str, list[str]]]] = [
        ("vpc_exists", {"VpcIds": [vpc]}),
        ("vpc_available", {"VpcIds": [vpc]}),
        ("subnet_available", {"SubnetIds": [subnet]}),
        ("instance_exists", ids),
        ("instance_running", ids),
        ("instance_status_ok", ids),
        ("system_status_ok", ids),
        ("nat_gateway_available", {"NatGatewayIds": [nat]}),
        ("security_group_exists", {"GroupIds": [group]}),
        ("internet_gateway_exists", {"InternetGatewayIds": [gateway]}),
        ("key_pair_exists", {"KeyNames": [key]}),
        ("image_exists", {"ImageIds": ["ami-0123456789abcdef0"]}),
        ("image_available", {"ImageIds": ["ami-0123456789abcdef0"]}),
    ]
    started = time.monotonic()
    for waiter, asked in waits:
        ec2.get_waiter(waiter).wait(**asked)
    ec2.stop_instances(**ids)
    ec2.get_waiter("instance_stopped").wait(**ids)
    ec2.terminate_instances(**ids)
    ec2.get_waiter("instance_terminated").wait(**ids)
    ec2.delete_nat_gateway(NatGatewayId=nat)
    ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=[nat])
    assert time.monotonic() - started < 5 * len(waits), "a waiter asked twice"
    ec2.delete_key_pair(KeyName=key)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    ec2.delete_security_group(GroupId=group)
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)


def test_answers_come_in_pages(ec2: Any) -> None:
    vpc = ec2.create_vpc(CidrBlock="10.42.0.0/16")["Vpc"]["VpcId"]
    made = {ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"] for _ in range(7)}
    pages = list(ec2.get_paginator("describe_route_tables").paginate(PaginationConfig={"PageSize": 5}))
    found = {table["RouteTableId"] for page in pages for table in page["RouteTables"]}
    assert len(pages) > 1
    assert made <= found
    for table in made:
        ec2.delete_route_table(RouteTableId=table)
    ec2.delete_vpc(VpcId=vpc)
