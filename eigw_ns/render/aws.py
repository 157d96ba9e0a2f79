"""Resources in the shapes and capitalisation of EC2's own describe calls, as `aws ec2 describe-… --output json` gives.

Only members that this lab knows are there: no owner, no availability zone, no IPv4. Internet hosts are ours, AWS has no
word for them. Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Types.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from eigw_ns.cloud import ids
from eigw_ns.cloud.model import (
    BLACKHOLE,
    Cloud,
    EgressOnlyInternetGateway,
    Instance,
    InternetGateway,
    InternetHost,
    Route,
    RouteTable,
    Subnet,
    Tags,
    Vpc,
)
from eigw_ns.cloud.routing import route_state

Shape = dict[str, Any]


def describe(cloud: Cloud, kinds: Iterable[str], tags: Tags = ()) -> dict[str, list[Shape]]:
    """The resources of `kinds` (members of `KINDS`) that bear all of `tags`, under the names of EC2's answers."""
    return {kind: [shape for shape in KINDS[kind](cloud) if _bears(shape, tags)] for kind in kinds}


def vpc(resource: Vpc) -> Shape:
    """A member of DescribeVpcs' answer."""
    return {
        "VpcId": resource.id,
        "State": "available",
        "Ipv6CidrBlockAssociationSet": [
            {
                "AssociationId": ids.make_id("vpc-cidr-assoc", resource.id),
                "Ipv6CidrBlock": str(resource.ipv6_cidr_block),
                "Ipv6CidrBlockState": {"State": "associated"},
            }
        ],
        "IsDefault": False,
        "Tags": tag_list(resource.tags),
    }


def subnet(resource: Subnet) -> Shape:
    """A member of DescribeSubnets' answer."""
    return {
        "SubnetId": resource.id,
        "VpcId": resource.vpc_id,
        "State": "available",
        "Ipv6Native": True,
        "Ipv6CidrBlockAssociationSet": [
            {
                "AssociationId": ids.make_id("subnet-cidr-assoc", resource.id),
                "Ipv6CidrBlock": str(resource.ipv6_cidr_block),
                "Ipv6CidrBlockState": {"State": "associated"},
            }
        ],
        "Tags": tag_list(resource.tags),
    }


def route_table(cloud: Cloud, table: RouteTable) -> Shape:
    """A member of DescribeRouteTables' answer, with the `local` route that every table has."""
    local = {
        "DestinationIpv6CidrBlock": str(cloud.vpcs[table.vpc_id].ipv6_cidr_block),
        "GatewayId": "local",
        "Origin": "CreateRouteTable",
        "State": "active",
    }
    return {
        "RouteTableId": table.id,
        "VpcId": table.vpc_id,
        "Associations": _associations(cloud, table),
        "Routes": [local, *(_route(cloud, table, route) for route in table.routes)],
        "PropagatingVgws": [],
        "Tags": tag_list(table.tags),
    }


def egress_only_internet_gateway(resource: EgressOnlyInternetGateway) -> Shape:
    """A member of DescribeEgressOnlyInternetGateways' answer. Its attachment is `attached` from birth."""
    return {
        "EgressOnlyInternetGatewayId": resource.id,
        "Attachments": [{"State": "attached", "VpcId": resource.vpc_id}],
        "Tags": tag_list(resource.tags),
    }


def internet_gateway(resource: InternetGateway) -> Shape:
    """A member of DescribeInternetGateways' answer. AWS says `available` here where it says `attached` above."""
    attachments = [{"State": "available", "VpcId": resource.vpc_id}] if resource.vpc_id else []
    return {"InternetGatewayId": resource.id, "Attachments": attachments, "Tags": tag_list(resource.tags)}


def instance(cloud: Cloud, resource: Instance) -> Shape:
    """A member of a reservation in DescribeInstances' answer."""
    return {
        "InstanceId": resource.id,
        "State": {"Code": 16, "Name": "running"},
        "VpcId": cloud.subnets[resource.subnet_id].vpc_id,
        "SubnetId": resource.subnet_id,
        "Ipv6Address": str(resource.ipv6_address),
        "Tags": tag_list(resource.tags),
    }


def internet_host(resource: InternetHost) -> Shape:
    """Ours, spelt as AWS would."""
    return {"InternetHostId": resource.id, "Name": resource.name, "Ipv6Address": str(resource.ipv6_address)}


def tag_list(tags: Tags) -> list[dict[str, str]]:
    """Tags as a list of `{"Key", "Value"}`."""
    return [{"Key": key, "Value": value} for key, value in tags]


def _associations(cloud: Cloud, table: RouteTable) -> list[Shape]:
    """The main association, then the explicit ones. EC2 does not list subnets that use the main table implicitly."""
    subnets = [each for each in cloud.subnets.values() if each.route_table_id == table.id]
    main = [_association(table, table.vpc_id, {"Main": True})] if table.main else []
    return main + [_association(table, each.id, {"Main": False, "SubnetId": each.id}) for each in subnets]


def _association(table: RouteTable, associated: str, members: Shape) -> Shape:
    return {
        **members,
        "RouteTableAssociationId": ids.make_id(ids.ASSOCIATION, table.id, associated),
        "RouteTableId": table.id,
        "AssociationState": {"State": "associated"},
    }


def _route(cloud: Cloud, table: RouteTable, route: Route) -> Shape:
    return {
        "DestinationIpv6CidrBlock": str(route.destination),
        **_target(route.target_id),
        "Origin": "CreateRoute",
        "State": route_state(cloud, table, route),
    }


def _target(target_id: str) -> Shape:
    """The member that names a route's target; none for a route that was written as a blackhole."""
    if target_id == BLACKHOLE:
        return {}
    egress_only = ids.kind_of(target_id) == ids.EGRESS_ONLY_INTERNET_GATEWAY
    return {"EgressOnlyInternetGatewayId" if egress_only else "GatewayId": target_id}


def _bears(shape: Shape, tags: Tags) -> bool:
    return all({"Key": key, "Value": value} in shape.get("Tags", ()) for key, value in tags)


KINDS: Mapping[str, Callable[[Cloud], list[Shape]]] = {
    "Vpcs": lambda cloud: [vpc(each) for each in cloud.vpcs.values()],
    "Subnets": lambda cloud: [subnet(each) for each in cloud.subnets.values()],
    "RouteTables": lambda cloud: [route_table(cloud, each) for each in cloud.route_tables.values()],
    "EgressOnlyInternetGateways": lambda cloud: [
        egress_only_internet_gateway(each) for each in cloud.egress_only_internet_gateways.values()
    ],
    "InternetGateways": lambda cloud: [internet_gateway(each) for each in cloud.internet_gateways.values()],
    "Instances": lambda cloud: [instance(cloud, each) for each in cloud.instances.values()],
    "InternetHosts": lambda cloud: [internet_host(each) for each in cloud.hosts.values()],
}
"""Every kind under its name in EC2's answers, in the order `describe` shows them."""

WORDS: Mapping[str, str] = {
    "vpcs": "Vpcs",
    "subnets": "Subnets",
    "route-tables": "RouteTables",
    "egress-only-internet-gateways": "EgressOnlyInternetGateways",
    "internet-gateways": "InternetGateways",
    "instances": "Instances",
    "internet-hosts": "InternetHosts",
}
"""The kinds in the spelling of aws-cli's own verbs (`describe-route-tables`)."""
