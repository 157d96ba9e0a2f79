"""Resources in the shapes and capitalisation of EC2's describe calls, as in `aws ec2 describe-… --output json`.

Members that a lab does not model are left out.
Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Types.html
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

from eigw_ns.cloud import ids
from eigw_ns.cloud.associations import route_table_associations
from eigw_ns.cloud.ec2 import zones
from eigw_ns.cloud.ec2.schema import Shape
from eigw_ns.cloud.ec2.settings import ACCOUNT_ID, REGION
from eigw_ns.cloud.ipv4_addresses import used
from eigw_ns.cloud.model import (
    BLACKHOLE,
    UNKNOWN,
    AnyRoute,
    Block,
    BlockAssociation,
    Cloud,
    EgressOnlyInternetGateway,
    InternetGateway,
    RouteTable,
    Subnet,
    Tags,
    Vpc,
)
from eigw_ns.cloud.routing import route_state

ASSOCIATED: Shape = {"State": "associated"}
LOCAL = "local"

DEFAULT_DHCP_OPTIONS = ids.make_id("dopt", REGION)
"""The DHCP options of a VPC that is associated with no others. AWS has one set for each Region."""

ROUTE_TARGET_MEMBERS = {
    ids.EGRESS_ONLY_INTERNET_GATEWAY: "EgressOnlyInternetGatewayId",
    ids.NAT_GATEWAY: "NatGatewayId",
    ids.INSTANCE: "InstanceId",
    "eni": "NetworkInterfaceId",
    "pcx": "VpcPeeringConnectionId",
    "tgw": "TransitGatewayId",
}
"""The member of a route that names its target, by the prefix of the target's id. All others are in `GatewayId`."""

_RESERVED = 5


def vpc(resource: Vpc) -> Shape:
    """Return a VPC as in DescribeVpcs."""
    return {
        "VpcId": resource.id,
        "OwnerId": ACCOUNT_ID,
        "State": "available",
        **({"CidrBlock": str(resource.cidr_blocks[0])} if resource.cidr_blocks else {}),
        "CidrBlockAssociationSet": [vpc_ipv4_association(each) for each in resource.ipv4_associations],
        "Ipv6CidrBlockAssociationSet": [vpc_ipv6_association(each) for each in resource.ipv6_associations],
        "DhcpOptionsId": resource.attributes.dhcp_options_id or DEFAULT_DHCP_OPTIONS,
        "InstanceTenancy": resource.attributes.instance_tenancy,
        "IsDefault": resource.attributes.is_default,
        "Tags": tag_list(resource.tags),
    }


def vpc_ipv4_association(association: BlockAssociation[IPv4Network]) -> Shape:
    """Return an IPv4 block of a VPC as in DescribeVpcs and AssociateVpcCidrBlock."""
    return {
        "AssociationId": association.id,
        "CidrBlock": str(association.block),
        "CidrBlockState": dict(ASSOCIATED),
    }


def vpc_ipv6_association(association: BlockAssociation[IPv6Network]) -> Shape:
    """Return an IPv6 block of a VPC as in DescribeVpcs and AssociateVpcCidrBlock. Amazon owns all blocks of a lab."""
    return {
        **ipv6_association(association),
        "NetworkBorderGroup": REGION,
        "Ipv6Pool": "Amazon",
        "Ipv6AddressAttribute": "public",
        "IpSource": "amazon",
    }


def ipv6_association(association: BlockAssociation[IPv6Network]) -> Shape:
    """Return an IPv6 block of a subnet as in DescribeSubnets and AssociateSubnetCidrBlock."""
    return {
        "AssociationId": association.id,
        "Ipv6CidrBlock": str(association.block),
        "Ipv6CidrBlockState": dict(ASSOCIATED),
    }


def subnet(cloud: Cloud, resource: Subnet) -> Shape:
    """Return a subnet as in DescribeSubnets."""
    found, native = resource.attributes, resource.cidr_block is None
    return {
        "SubnetId": resource.id,
        "SubnetArn": arn("subnet", resource.id),
        "OwnerId": ACCOUNT_ID,
        "VpcId": resource.vpc_id,
        "State": "available",
        "AvailabilityZone": zones.of_subnet(resource),
        "AvailabilityZoneId": zones.zone_id(zones.of_subnet(resource)),
        "AvailableIpAddressCount": available_addresses(cloud, resource),
        **({} if resource.cidr_block is None else {"CidrBlock": str(resource.cidr_block)}),
        "DefaultForAz": found.default_for_az,
        "MapPublicIpOnLaunch": found.map_public_ip_on_launch,
        "MapCustomerOwnedIpOnLaunch": False,
        "AssignIpv6AddressOnCreation": found.assign_ipv6_address_on_creation,
        "EnableDns64": found.enable_dns64,
        "Ipv6Native": native,
        "Ipv6CidrBlockAssociationSet": [ipv6_association(each) for each in (resource.ipv6_association,) if each],
        "PrivateDnsNameOptionsOnLaunch": private_dns_name_options(resource),
        "Tags": tag_list(resource.tags),
    }


def private_dns_name_options(resource: Subnet) -> Shape:
    """Return how instances of the subnet get their host names."""
    found, native = resource.attributes, resource.cidr_block is None
    return {
        "HostnameType": found.hostname_type or ("resource-name" if native else "ip-name"),
        "EnableResourceNameDnsARecord": found.resource_name_dns_a_record,
        "EnableResourceNameDnsAAAARecord": found.resource_name_dns_aaaa_record,
    }


def available_addresses(cloud: Cloud, resource: Subnet) -> int:
    """Return how many IPv4 addresses are free. AWS reserves five; instances and NAT gateways have one each."""
    if resource.cidr_block is None:
        return 0
    return resource.cidr_block.num_addresses - _RESERVED - len(used(cloud, resource.id))


def route_table(cloud: Cloud, table: RouteTable) -> Shape:
    """Return a route table as in DescribeRouteTables, with the `local` routes that every table has."""
    local = (
        {**_destination(block), "GatewayId": LOCAL, "Origin": "CreateRouteTable", "State": "active"}
        for block in cloud.vpcs[table.vpc_id].blocks
    )
    return {
        "RouteTableId": table.id,
        "OwnerId": ACCOUNT_ID,
        "VpcId": table.vpc_id,
        "Associations": _associations(cloud, table),
        "Routes": [*local, *(_route(cloud, table, route) for route in table.all_routes)],
        "PropagatingVgws": [],
        "Tags": tag_list(table.tags),
    }


def _associations(cloud: Cloud, table: RouteTable) -> list[Shape]:
    return [
        {
            "Main": each.subnet is None,
            **({} if each.subnet is None else {"SubnetId": each.subnet.id}),
            "RouteTableAssociationId": each.id,
            "RouteTableId": table.id,
            "AssociationState": dict(ASSOCIATED),
        }
        for each in route_table_associations(cloud)
        if each.table.id == table.id
    ]


def _destination(block: Block | str) -> Shape:
    """Return the member that names a route's destination. A text is the id of a prefix list."""
    if isinstance(block, str):
        return {"DestinationPrefixListId": block}
    return {"DestinationIpv6CidrBlock" if isinstance(block, IPv6Network) else "DestinationCidrBlock": str(block)}


def _route(cloud: Cloud, table: RouteTable, route: AnyRoute) -> Shape:
    return {
        **_destination(route.destination),
        **_target(route.target_id),
        "Origin": "CreateRoute",
        "State": route_state(cloud, table, route),
    }


def _target(target_id: str) -> Shape:
    """Return the member that names a route's target. It is empty for `blackhole` and `unknown`."""
    if target_id in (BLACKHOLE, UNKNOWN):
        return {}
    return {ROUTE_TARGET_MEMBERS.get(ids.kind_of(target_id) or "", "GatewayId"): target_id}


def egress_only_internet_gateway(resource: EgressOnlyInternetGateway) -> Shape:
    """Return a gateway as in DescribeEgressOnlyInternetGateways. As in AWS, it has no OwnerId.

    The state of its attachment is always `attached`.
    """
    return {
        "EgressOnlyInternetGatewayId": resource.id,
        "Attachments": [{"State": "attached", "VpcId": resource.vpc_id}],
        "Tags": tag_list(resource.tags),
    }


def internet_gateway(resource: InternetGateway) -> Shape:
    """Return an internet gateway as in DescribeInternetGateways.

    AWS calls the state of its attachment `available`; for egress-only internet gateways it is `attached`.
    """
    return {
        "InternetGatewayId": resource.id,
        "OwnerId": ACCOUNT_ID,
        "Attachments": [{"State": "available", "VpcId": resource.vpc_id}] if resource.vpc_id else [],
        "Tags": tag_list(resource.tags),
    }


def tag_list(tags: Tags) -> list[dict[str, str]]:
    """Return tags as a list of `{"Key", "Value"}`."""
    return [{"Key": key, "Value": value} for key, value in tags]


def arn(resource_type: str, resource_id: str) -> str:
    """Return the Amazon Resource Name of a resource."""
    return f"arn:aws:ec2:{REGION}:{ACCOUNT_ID}:{resource_type}/{resource_id}"
