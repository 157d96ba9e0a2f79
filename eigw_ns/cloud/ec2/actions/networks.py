"""The actions on VPCs and subnets, and those that describe Regions and zones."""

from __future__ import annotations

from collections.abc import Mapping

from eigw_ns.cloud.ec2 import (
    attributes,
    regions,
    subnet_blocks,
    subnet_lifecycle,
    vpc_blocks,
    vpc_lifecycle,
)
from eigw_ns.cloud.ec2.schema import (
    DRY_RUN,
    FILTERS,
    TAG_SPECIFICATIONS,
    Action,
    Parameter,
    boolean,
    mutating,
    reading,
    string,
    strings,
    structure,
)

_VPC = string("VpcId", "the ID of the VPC", required=True)
_SUBNET = string("SubnetId", "the ID of the subnet", required=True)
_ASSOCIATION = string("AssociationId", "the ID of the association of the block", required=True)
_IPV6_OF_VPC = (
    boolean("AmazonProvidedIpv6CidrBlock", "let Amazon choose a /56 as IPv6 block"),
    string("Ipv6CidrBlock", "an IPv6 block of your choice: /44 to /60 in steps of 4"),
    string("Ipv6Pool", "the address pool of the IPv6 block; ignored: a lab needs none"),
    string("Ipv6CidrBlockNetworkBorderGroup", "the network border group of the IPv6 block: the Region"),
)


def _flag(name: str, text: str) -> Parameter:
    """Return a parameter that is an attribute which is true or false."""
    return structure(name, text, boolean("Value", "true or false"))


NETWORK_ACTIONS: Mapping[str, Action] = {
    "CreateVpc": mutating(
        vpc_lifecycle.create,
        "Create a VPC with a main route table, a default network ACL and a default security group",
        string("CidrBlock", "the primary IPv4 block: /16 to /28; it is recorded, and carries no packet"),
        *_IPV6_OF_VPC,
        string("InstanceTenancy", "default or dedicated; it is recorded"),
        TAG_SPECIFICATIONS,
        DRY_RUN,
    ),
    "CreateDefaultVpc": mutating(
        vpc_lifecycle.create_default,
        "Create a default VPC: 172.31.0.0/16, a subnet in each zone, an internet gateway",
        DRY_RUN,
    ),
    "CreateDefaultSubnet": mutating(
        subnet_lifecycle.create_default,
        "Create the default subnet of a zone in the default VPC: a /20 of its IPv4 block",
        string("AvailabilityZone", "the name of the zone"),
        string("AvailabilityZoneId", "instead: the ID of the zone"),
        boolean("Ipv6Native", "always refused: the default subnet has an IPv4 block"),
        DRY_RUN,
    ),
    "DeleteVpc": mutating(vpc_lifecycle.delete, "Delete a VPC that has no subnet and no gateway", _VPC, DRY_RUN),
    "DescribeVpcAttribute": reading(
        attributes.describe_vpc_attribute,
        "Describe one attribute of a VPC",
        _VPC,
        string(
            "Attribute",
            "enableDnsSupport, enableDnsHostnames or enableNetworkAddressUsageMetrics",
            required=True,
        ),
        DRY_RUN,
    ),
    "ModifyVpcAttribute": mutating(
        attributes.modify_vpc_attribute,
        "Set one attribute of a VPC; it is recorded",
        _VPC,
        _flag("EnableDnsSupport", "whether Amazon's DNS server answers"),
        _flag("EnableDnsHostnames", "whether instances get DNS names"),
        _flag("EnableNetworkAddressUsageMetrics", "whether network address usage is measured"),
    ),
    "AssociateVpcCidrBlock": mutating(
        vpc_blocks.associate,
        "Associate a further IPv4 or IPv6 block with a VPC",
        _VPC,
        *_IPV6_OF_VPC,
        string("CidrBlock", "an IPv4 block: /16 to /28; it is recorded, and carries no packet"),
    ),
    "DisassociateVpcCidrBlock": mutating(
        vpc_blocks.disassociate, "Remove a block in which no subnet is from its VPC", _ASSOCIATION
    ),
    "CreateSubnet": mutating(
        subnet_lifecycle.create,
        "Create a subnet",
        _VPC,
        string("CidrBlock", "an IPv4 block of the VPC: /16 to /28; it is recorded, and carries no packet"),
        string("Ipv6CidrBlock", "an IPv6 block of the VPC: /44 to /64 in steps of 4"),
        boolean("Ipv6Native", "create a subnet that has only IPv6"),
        string("AvailabilityZone", "the zone; default: the first of the Region"),
        string("AvailabilityZoneId", "instead of AvailabilityZone: the ID of the zone"),
        TAG_SPECIFICATIONS,
        DRY_RUN,
    ),
    "DeleteSubnet": mutating(
        subnet_lifecycle.delete, "Delete a subnet that has no instance and no NAT gateway", _SUBNET, DRY_RUN
    ),
    "ModifySubnetAttribute": mutating(
        attributes.modify_subnet_attribute,
        "Set one attribute of a subnet; it is recorded",
        _SUBNET,
        _flag("AssignIpv6AddressOnCreation", "whether new instances get an IPv6 address"),
        _flag("MapPublicIpOnLaunch", "whether new instances get a public IPv4 address"),
        _flag("EnableDns64", "whether Amazon's DNS server makes IPv6 addresses of IPv4 addresses"),
        string("PrivateDnsHostnameTypeOnLaunch", "the names of new instances: ip-name or resource-name"),
        _flag("EnableResourceNameDnsARecordOnLaunch", "whether resource names of instances have A records"),
        _flag("EnableResourceNameDnsAAAARecordOnLaunch", "whether resource names of instances have AAAA records"),
    ),
    "AssociateSubnetCidrBlock": mutating(
        subnet_blocks.associate,
        "Associate an IPv6 block with a subnet that has none",
        _SUBNET,
        string("Ipv6CidrBlock", "an IPv6 block of the VPC: /44 to /64 in steps of 4", required=True),
    ),
    "DisassociateSubnetCidrBlock": mutating(
        subnet_blocks.disassociate, "Remove the IPv6 block of a subnet in which no instance uses it", _ASSOCIATION
    ),
    "DescribeAvailabilityZones": reading(
        regions.describe_availability_zones,
        "Describe the zones of the Region",
        strings("ZoneNames", "the names of the zones; default: all"),
        strings("ZoneIds", "the IDs of the zones; default: all"),
        boolean("AllAvailabilityZones", "describe zones that are not enabled too; a lab has none"),
        FILTERS,
        DRY_RUN,
    ),
    "DescribeRegions": reading(
        regions.describe_regions,
        "Describe the Region; a lab has one",
        strings("RegionNames", "the names of the Regions; default: all"),
        boolean("AllRegions", "describe Regions that are not enabled too; a lab has none"),
        FILTERS,
        DRY_RUN,
    ),
}
"""These actions by AWS's names."""
