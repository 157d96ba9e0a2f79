"""Resources in the shapes and capitalisation of EC2's describe calls, as in `aws ec2 describe-… --output json`.

Members that a lab does not model are left out, such as availability zones and IPv4 blocks.
Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Types.html
"""

from __future__ import annotations

from eigw_ns.cloud import ids
from eigw_ns.cloud.associations import route_table_associations
from eigw_ns.cloud.ec2.schema import Shape
from eigw_ns.cloud.ec2.settings import ACCOUNT_ID, REGION
from eigw_ns.cloud.model import (
    BLACKHOLE,
    Cloud,
    EgressOnlyInternetGateway,
    Instance,
    InternetGateway,
    Route,
    RouteTable,
    Subnet,
    Tags,
    Vpc,
)
from eigw_ns.cloud.routing import route_state

ASSOCIATED: Shape = {"State": "associated"}
LOCAL = "local"


def vpc(resource: Vpc) -> Shape:
    """Return a VPC as in DescribeVpcs."""
    return {
        "VpcId": resource.id,
        "OwnerId": ACCOUNT_ID,
        "State": "available",
        "Ipv6CidrBlockAssociationSet": [_block_association("vpc-cidr-assoc", resource)],
        "IsDefault": False,
        "Tags": tag_list(resource.tags),
    }


def subnet(resource: Subnet) -> Shape:
    """Return a subnet as in DescribeSubnets."""
    return {
        "SubnetId": resource.id,
        "SubnetArn": arn("subnet", resource.id),
        "OwnerId": ACCOUNT_ID,
        "VpcId": resource.vpc_id,
        "State": "available",
        "Ipv6Native": True,
        "Ipv6CidrBlockAssociationSet": [_block_association("subnet-cidr-assoc", resource)],
        "Tags": tag_list(resource.tags),
    }


def _block_association(kind: str, resource: Vpc | Subnet) -> Shape:
    return {
        "AssociationId": ids.make_id(kind, resource.id),
        "Ipv6CidrBlock": str(resource.ipv6_cidr_block),
        "Ipv6CidrBlockState": dict(ASSOCIATED),
    }


def route_table(cloud: Cloud, table: RouteTable) -> Shape:
    """Return a route table as in DescribeRouteTables, with the `local` route that every table has."""
    local = {
        "DestinationIpv6CidrBlock": str(cloud.vpcs[table.vpc_id].ipv6_cidr_block),
        "GatewayId": LOCAL,
        "Origin": "CreateRouteTable",
        "State": "active",
    }
    return {
        "RouteTableId": table.id,
        "OwnerId": ACCOUNT_ID,
        "VpcId": table.vpc_id,
        "Associations": _associations(cloud, table),
        "Routes": [local, *(_route(cloud, table, route) for route in table.routes)],
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


def _route(cloud: Cloud, table: RouteTable, route: Route) -> Shape:
    return {
        "DestinationIpv6CidrBlock": str(route.destination),
        **_target(route.target_id),
        "Origin": "CreateRoute",
        "State": route_state(cloud, table, route),
    }


def _target(target_id: str) -> Shape:
    """Return the member that names a route's target. It is empty if the topology file writes `blackhole` as target."""
    if target_id == BLACKHOLE:
        return {}
    egress_only = ids.kind_of(target_id) == ids.EGRESS_ONLY_INTERNET_GATEWAY
    return {"EgressOnlyInternetGatewayId" if egress_only else "GatewayId": target_id}


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


def instance(cloud: Cloud, resource: Instance) -> Shape:
    """Return an instance as in a reservation of DescribeInstances."""
    groups = (cloud.security_groups[group_id] for group_id in resource.security_group_ids)
    return {
        "InstanceId": resource.id,
        "State": {"Code": 16, "Name": "running"},
        "VpcId": cloud.subnets[resource.subnet_id].vpc_id,
        "SubnetId": resource.subnet_id,
        "Ipv6Address": str(resource.ipv6_address),
        "SecurityGroups": [{"GroupId": group.id, "GroupName": group.name} for group in groups],
        "SourceDestCheck": True,
        "Tags": tag_list(resource.tags),
    }


def tag_list(tags: Tags) -> list[dict[str, str]]:
    """Return tags as a list of `{"Key", "Value"}`."""
    return [{"Key": key, "Value": value} for key, value in tags]


def arn(resource_type: str, resource_id: str) -> str:
    """Return the Amazon Resource Name of a resource."""
    return f"arn:aws:ec2:{REGION}:{ACCOUNT_ID}:{resource_type}/{resource_id}"
