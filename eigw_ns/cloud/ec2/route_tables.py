"""CreateRouteTable, DescribeRouteTables, DeleteRouteTable."""

from __future__ import annotations

from eigw_ns.cloud.associations import route_table_associations
from eigw_ns.cloud.ec2 import shapes, tags
from eigw_ns.cloud.ec2.describing import Listing
from eigw_ns.cloud.ec2.filters import ABSENT, TAG_FILTERS, KnownFilters
from eigw_ns.cloud.ec2.resources import ROUTE_TABLE, VPC
from eigw_ns.cloud.ec2.schema import Reply, Request
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.model import Cloud, RouteTable
from eigw_ns.errors import CloudError

_LISTING = Listing(
    "RouteTables",
    lambda shape: str(shape["RouteTableId"]),
    KnownFilters(
        {
            "association.gateway-id": ABSENT,
            "association.main": "Associations.Main",
            "association.route-table-association-id": "Associations.RouteTableAssociationId",
            "association.route-table-id": "Associations.RouteTableId",
            "association.subnet-id": "Associations.SubnetId",
            "owner-id": "OwnerId",
            "route-table-id": "RouteTableId",
            "route.destination-cidr-block": "Routes.DestinationCidrBlock",
            "route.destination-ipv6-cidr-block": "Routes.DestinationIpv6CidrBlock",
            "route.destination-prefix-list-id": "Routes.DestinationPrefixListId",
            "route.egress-only-internet-gateway-id": "Routes.EgressOnlyInternetGatewayId",
            "route.gateway-id": "Routes.GatewayId",
            "route.instance-id": "Routes.InstanceId",
            "route.nat-gateway-id": "Routes.NatGatewayId",
            "route.origin": "Routes.Origin",
            "route.state": "Routes.State",
            "route.transit-gateway-id": "Routes.TransitGatewayId",
            "route.vpc-peering-connection-id": "Routes.VpcPeeringConnectionId",
            **TAG_FILTERS,
            "vpc-id": "VpcId",
        }
    ),
    most=100,
)


def create(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Create a route table that has only the local route."""
    vpc = VPC.find(cloud, request["VpcId"])
    tagged = tags.specified(request, ROUTE_TABLE, settings)
    quota = settings.quotas.route_tables_per_vpc
    if sum(table.vpc_id == vpc.id for table in cloud.route_tables.values()) >= quota:
        message = f"The maximum number of route tables for VPC '{vpc.id}' has been reached ({quota})."
        raise CloudError("RouteTableLimitExceeded", message)
    table_id = ROUTE_TABLE.new_id(cloud, settings)
    cloud = ROUTE_TABLE.put(cloud, RouteTable(table_id, table_id, vpc.id, tags=tagged))
    return Reply(cloud, {"RouteTable": shapes.route_table(cloud, cloud.route_tables[table_id])})


def describe(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Describe route tables. A filter on routes selects whole tables that have such a route, not single routes."""
    found = ROUTE_TABLE.select(cloud, request.get("RouteTableIds", []))
    return _LISTING.reply(cloud, (shapes.route_table(cloud, table) for table in found), request, settings)


def delete(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Delete a route table. The main table and a table that a subnet uses cannot be deleted."""
    table = ROUTE_TABLE.find(cloud, request["RouteTableId"])
    if any(association.table.id == table.id for association in route_table_associations(cloud)):
        message = f"The routeTable '{table.id}' has dependencies and cannot be deleted."
        raise CloudError("DependencyViolation", message)
    return Reply(ROUTE_TABLE.without(cloud, table.id), {})
