"""Actions on elastic IP addresses, NAT gateways and DHCP options, all of which are recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from eigw_ns.cloud.ec2 import account_attributes, dhcp_options, elastic_ips, nat_gateways
from eigw_ns.cloud.ec2.schema import (
    CLIENT_TOKEN,
    DRY_RUN,
    FILTERS,
    PAGING,
    TAG_SPECIFICATIONS,
    Action,
    boolean,
    describing,
    mutating,
    reading,
    string,
    strings,
    structures,
)

_ALLOCATION = string("AllocationId", "the ID of the elastic IP address")
_BORDER_GROUP = string("NetworkBorderGroup", "the Region; a lab has no other border groups")
_NAT = string("NatGatewayId", "the ID of the NAT gateway", required=True)
_DHCP = string("DhcpOptionsId", "the ID of the set of DHCP options", required=True)


ADDRESSES: Mapping[str, Action] = {
    "AllocateAddress": mutating(
        elastic_ips.allocate,
        "Allocate an elastic IP address, which is recorded",
        string("Domain", "vpc, which is the default"),
        string("Address", "the address; default: the first free one"),
        string("PublicIpv4Pool", "amazon, which is the default"),
        _BORDER_GROUP,
        TAG_SPECIFICATIONS,
        DRY_RUN,
    ),
    "AssociateAddress": mutating(
        elastic_ips.associate,
        "Associate an elastic IP address with an instance",
        _ALLOCATION,
        string("InstanceId", "the ID of the instance"),
        string("NetworkInterfaceId", "instead of InstanceId: the ID of the instance's network interface"),
        string("PublicIp", "always refused: give the AllocationId"),
        boolean("AllowReassociation", "true, the default, if the address can be associated with another instance now"),
        DRY_RUN,
    ),
    "DisassociateAddress": mutating(
        elastic_ips.disassociate,
        "Disassociate an elastic IP address from its instance",
        string("AssociationId", "the ID of the association"),
        string("PublicIp", "instead of AssociationId: the elastic IP address"),
        DRY_RUN,
    ),
    "ReleaseAddress": mutating(
        elastic_ips.release,
        "Release an elastic IP address",
        _ALLOCATION,
        string("PublicIp", "always refused: give the AllocationId"),
        _BORDER_GROUP,
        DRY_RUN,
    ),
    "DescribeAddresses": reading(
        elastic_ips.describe,
        "Describe elastic IP addresses",
        strings("AllocationIds", "the IDs of the addresses; default: all"),
        strings("PublicIps", "the addresses; default: all"),
        FILTERS,
        DRY_RUN,
    ),
    "DescribeAddressesAttribute": reading(
        elastic_ips.describe_attribute,
        "Describe the reverse DNS names of elastic IP addresses, of which none has one",
        strings("AllocationIds", "the IDs of the addresses; default: all"),
        string("Attribute", "domain-name, which is the default"),
        *PAGING,
        DRY_RUN,
    ),
    "CreateNatGateway": mutating(
        nat_gateways.create,
        "Create a NAT gateway, which is recorded; routes to it drop packets",
        string("SubnetId", "the ID of the subnet; required"),
        string("AllocationId", "the ID of the elastic IP address; required for a public gateway"),
        string("ConnectivityType", "public, which is the default, or private"),
        string("PrivateIpAddress", "its address in the subnet; default: a free one"),
        string("AvailabilityMode", "zonal, which is the default"),
        CLIENT_TOKEN,
        TAG_SPECIFICATIONS,
        DRY_RUN,
    ),
    "DescribeNatGateways": reading(
        nat_gateways.describe,
        "Describe NAT gateways, also those that were deleted within the last hour",
        strings("NatGatewayIds", "the IDs of the NAT gateways; default: all"),
        replace(FILTERS, name="Filter"),
        *PAGING,
        DRY_RUN,
    ),
    "DeleteNatGateway": mutating(
        nat_gateways.delete, "Delete a NAT gateway; routes to it become blackholes", _NAT, DRY_RUN
    ),
    "CreateDhcpOptions": mutating(
        dhcp_options.create,
        "Create a set of DHCP options, which is recorded",
        structures(
            "DhcpConfigurations",
            "the options",
            string("Key", "the name of the option, such as domain-name-servers"),
            strings("Values", "its values"),
            required=True,
        ),
        TAG_SPECIFICATIONS,
        DRY_RUN,
    ),
    "DescribeDhcpOptions": reading(
        dhcp_options.describe, "Describe sets of DHCP options", *describing("DhcpOptionsIds", "sets")
    ),
    "DeleteDhcpOptions": mutating(
        dhcp_options.delete, "Delete a set of DHCP options that no VPC is associated with", _DHCP, DRY_RUN
    ),
    "AssociateDhcpOptions": mutating(
        dhcp_options.associate,
        "Associate a set of DHCP options with a VPC; default is the Region's set",
        _DHCP,
        string("VpcId", "the ID of the VPC", required=True),
        DRY_RUN,
    ),
    "DescribeAccountAttributes": reading(
        account_attributes.describe,
        "Describe the quotas of the account, and its default VPC",
        strings("AttributeNames", "the names of the attributes; default: all"),
        DRY_RUN,
    ),
}
"""Each action by AWS's name for it."""
