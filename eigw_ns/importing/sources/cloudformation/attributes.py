"""What Ref and GetAtt of resources stand for. Source: AWS, "Resource and property types reference", return values."""

from __future__ import annotations

from collections.abc import Mapping

ID_ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "AWS::EC2::CarrierGateway": ("CarrierGatewayId",),
    "AWS::EC2::DHCPOptions": ("DhcpOptionsId",),
    "AWS::EC2::EgressOnlyInternetGateway": ("Id",),
    "AWS::EC2::Instance": ("InstanceId",),
    "AWS::EC2::InternetGateway": ("InternetGatewayId",),
    "AWS::EC2::LaunchTemplate": ("LaunchTemplateId",),
    "AWS::EC2::NatGateway": ("NatGatewayId",),
    "AWS::EC2::NetworkAcl": ("Id", "NetworkAclId"),
    "AWS::EC2::NetworkInterface": ("Id",),
    "AWS::EC2::PrefixList": ("PrefixListId",),
    "AWS::EC2::RouteTable": ("RouteTableId",),
    "AWS::EC2::SecurityGroup": ("GroupId", "Id"),
    "AWS::EC2::Subnet": ("SubnetId",),
    "AWS::EC2::TransitGateway": ("Id",),
    "AWS::EC2::VPC": ("VpcId",),
    "AWS::EC2::VPCEndpoint": ("Id",),
    "AWS::EC2::VPCPeeringConnection": ("Id",),
    "AWS::EC2::VPNGateway": ("VPNGatewayId",),
}
"""The attributes that are the same as what Ref returns: the id."""

MIRRORED: Mapping[str, tuple[str, ...]] = {
    "AWS::EC2::Instance": ("AvailabilityZone",),
    "AWS::EC2::NetworkInterface": ("SubnetId",),
    "AWS::EC2::SecurityGroup": ("VpcId", "GroupName"),
    "AWS::EC2::Subnet": ("AvailabilityZone", "CidrBlock", "VpcId"),
    "AWS::EC2::VPC": ("CidrBlock",),
    "AWS::SSM::Parameter": ("Value",),
}
"""The attributes that are what the template gives as the property of that name."""

IPV6_BLOCKS = "Ipv6CidrBlocks"
