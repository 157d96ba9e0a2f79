"""The life of a VPC by EC2 actions, step by step: from IPv4 alone to a way to the internet, and back to nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


def vpc_life(call: Callable[..., Any]) -> Iterator[tuple[str, str]]:
    """Carry out a step with `call`, and yield its name and the id of the subnet ("" before there is one)."""
    vpc = call("CreateVpc", CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    yield "VPC", ""
    subnet = call("CreateSubnet", VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    gateway = call("CreateEgressOnlyInternetGateway", VpcId=vpc)["EgressOnlyInternetGateway"]
    yield "IPv4 alone", subnet
    of_vpc = call("AssociateVpcCidrBlock", VpcId=vpc, AmazonProvidedIpv6CidrBlock=True)["Ipv6CidrBlockAssociation"]
    yield "IPv6 block of the VPC", subnet
    block = of_vpc["Ipv6CidrBlock"].replace("/56", "/64")
    of_subnet = call("AssociateSubnetCidrBlock", SubnetId=subnet, Ipv6CidrBlock=block)["Ipv6CidrBlockAssociation"]
    yield "IPv6 block of the subnet", subnet
    tables = call("DescribeRouteTables", Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    route = {"RouteTableId": tables[0]["RouteTableId"], "DestinationIpv6CidrBlock": "::/0"}
    gateway_id = gateway["EgressOnlyInternetGatewayId"]
    call("CreateRoute", **route, EgressOnlyInternetGatewayId=gateway_id)
    yield "route", subnet
    further = call("AssociateVpcCidrBlock", VpcId=vpc, AmazonProvidedIpv6CidrBlock=True)["Ipv6CidrBlockAssociation"]
    yield "second IPv6 block", subnet
    call("DisassociateVpcCidrBlock", AssociationId=further["AssociationId"])
    call("DisassociateSubnetCidrBlock", AssociationId=of_subnet["AssociationId"])
    yield "no IPv6 block of the subnet", subnet
    call("DisassociateVpcCidrBlock", AssociationId=of_vpc["AssociationId"])
    yield "IPv4 alone again", subnet
    call("DeleteSubnet", SubnetId=subnet)
    call("DeleteEgressOnlyInternetGateway", EgressOnlyInternetGatewayId=gateway_id)
    call("DeleteVpc", VpcId=vpc)
    yield "nothing", subnet
