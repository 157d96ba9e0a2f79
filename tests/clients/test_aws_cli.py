"""aws-cli walks AWS's page on egress-only internet gateways: create, route, packets, delete, blackhole, replace."""

from __future__ import annotations

import json
import sys
from ipaddress import IPv6Network
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients import WEB, Endpoint

pytestmark = pytest.mark.root

AWS = str(Path(sys.executable).with_name("aws"))


class Aws:
    """aws-cli on an endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def __call__(self, *arguments: str) -> Any:
        done = self._endpoint.client(AWS, "--output", "json", *arguments)
        assert done.code == 0, done.err
        return json.loads(done.out) if done.out.strip() else {}

    def refused(self, *arguments: str) -> str:
        """Return what aws-cli says of a request that is refused."""
        done = self._endpoint.client(AWS, *arguments)
        assert done.code != 0, done.out
        return done.err


@pytest.fixture(scope="module")
def aws(endpoint: Endpoint) -> Aws:
    return Aws(endpoint)


def test_the_walk_of_the_page(endpoint: Endpoint, aws: Aws) -> None:
    vpc = aws("ec2", "create-vpc", "--cidr-block", "10.0.0.0/16", "--amazon-provided-ipv6-cidr-block")["Vpc"]
    vpc_id = vpc["VpcId"]
    aws("ec2", "wait", "vpc-available", "--vpc-ids", vpc_id)
    (block,) = aws("ec2", "describe-vpcs", "--vpc-ids", vpc_id)["Vpcs"][0]["Ipv6CidrBlockAssociationSet"]
    _, chosen, *_ = IPv6Network(block["Ipv6CidrBlock"]).subnets(new_prefix=64)
    subnet = aws(
        "ec2", "create-subnet", "--vpc-id", vpc_id, "--cidr-block", "10.0.1.0/24",
        "--ipv6-cidr-block", str(chosen),
    )["Subnet"]["SubnetId"]  # fmt: skip
    aws("ec2", "modify-subnet-attribute", "--subnet-id", subnet, "--assign-ipv6-address-on-creation")

    tags = "ResourceType=egress-only-internet-gateway,Tags=[{Key=Name,Value=out},{Key=Team,Value=network}]"
    create = ("ec2", "create-egress-only-internet-gateway", "--vpc-id", vpc_id, "--client-token", "once")
    made = aws(*create, "--tag-specifications", tags)["EgressOnlyInternetGateway"]
    again = aws(*create, "--tag-specifications", tags)["EgressOnlyInternetGateway"]
    gateway = made["EgressOnlyInternetGatewayId"]
    assert again["EgressOnlyInternetGatewayId"] == gateway
    describe = ("ec2", "describe-egress-only-internet-gateways")
    assert len(aws(*describe, "--filters", "Name=tag:Team,Values=network")["EgressOnlyInternetGateways"]) == 1
    assert aws(*describe, "--filters", "Name=tag:Team,Values=other")["EgressOnlyInternetGateways"] == []

    table = aws("ec2", "create-route-table", "--vpc-id", vpc_id)["RouteTable"]["RouteTableId"]
    route = ("--route-table-id", table, "--destination-ipv6-cidr-block", "::/0")
    to_gateway = (*route, "--egress-only-internet-gateway-id", gateway)
    assert aws("ec2", "create-route", *to_gateway)["Return"] is True
    aws("ec2", "associate-route-table", "--route-table-id", table, "--subnet-id", subnet)
    group = aws("ec2", "create-security-group", "--group-name", "open", "--description", "all", "--vpc-id", vpc_id)
    permission = '[{"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}]'
    group_id = group["GroupId"]
    aws("ec2", "authorize-security-group-ingress", "--group-id", group_id, "--ip-permissions", permission)

    key = aws("ec2", "create-key-pair", "--key-name", "tutorial")
    assert key["KeyMaterial"].startswith("-----BEGIN")
    (image, *_) = aws("ec2", "describe-images", "--owners", "amazon")["Images"]
    (instance,) = aws(
        "ec2", "run-instances", "--image-id", image["ImageId"], "--subnet-id", subnet, "--key-name", "tutorial",
        "--security-group-ids", group_id,
    )["Instances"]  # fmt: skip
    node, address = instance["InstanceId"], instance["Ipv6Address"]
    aws("ec2", "wait", "instance-running", "--instance-ids", node)
    assert endpoint.pings(node, WEB)
    assert not endpoint.pings("web", address)
    assert endpoint.pings(node, WEB)

    aws("ec2", "delete-egress-only-internet-gateway", "--egress-only-internet-gateway-id", gateway)
    blackhole = ("ec2", "describe-route-tables", "--filters", "Name=route.state,Values=blackhole")
    assert [each["RouteTableId"] for each in aws(*blackhole)["RouteTables"]] == [table]
    assert not endpoint.pings(node, WEB)
    new = aws("ec2", "create-egress-only-internet-gateway", "--vpc-id", vpc_id)["EgressOnlyInternetGateway"]
    aws("ec2", "replace-route", *route, "--egress-only-internet-gateway-id", new["EgressOnlyInternetGatewayId"])
    assert aws(*blackhole)["RouteTables"] == []
    assert endpoint.pings(node, WEB)
    assert not endpoint.pings("web", address)

    assert endpoint.export_changes_nothing()

    aws("ec2", "terminate-instances", "--instance-ids", node)
    aws("ec2", "wait", "instance-terminated", "--instance-ids", node)
    assert "DependencyViolation" in aws.refused("ec2", "delete-vpc", "--vpc-id", vpc_id)


def test_errors_have_the_codes_of_aws(aws: Aws) -> None:
    said = aws.refused("ec2", "create-egress-only-internet-gateway", "--vpc-id", "vpc-0123456789abcdef0")
    assert "An error occurred (InvalidVpcID.NotFound) when calling the CreateEgressOnlyInternetGateway" in said
    said = aws.refused("ec2", "create-vpc", "--cidr-block", "10.0.0.0/16", "--dry-run")
    assert "(DryRunOperation)" in said


def test_who_the_user_is(aws: Aws) -> None:
    assert aws("sts", "get-caller-identity")["Account"] == "000000000000"
