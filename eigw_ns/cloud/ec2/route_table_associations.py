"""AssociateRouteTable, DisassociateRouteTable, ReplaceRouteTableAssociation."""

from __future__ import annotations

from dataclasses import replace

from eigw_ns.cloud.associations import (
    RouteTableAssociation,
    main_association_id,
    route_table_association_id,
    route_table_associations,
)
from eigw_ns.cloud.ec2.checks import invalid, one_of
from eigw_ns.cloud.ec2.resources import ROUTE_TABLE, SUBNET
from eigw_ns.cloud.ec2.schema import Reply, Request
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.ec2.shapes import ASSOCIATED
from eigw_ns.cloud.model import Cloud, RouteTable, Subnet
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError


def associate(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Associate a route table with a subnet that has no explicit association.

    A request with a GatewayId is refused. AWS associates route tables with internet gateways (edge associations), but
    never with egress-only internet gateways. A lab supports neither.
    """
    table = ROUTE_TABLE.find(cloud, request["RouteTableId"])
    if one_of(request, "SubnetId", "GatewayId") == "GatewayId":
        raise invalid(f"invalid value for parameter gateway-id: {shorten(request['GatewayId'])}")
    subnet = SUBNET.find(cloud, request["SubnetId"])
    _check_network(table, subnet)
    if subnet.route_table_id is not None:
        message = f"the specified association for route table {table.id} conflicts with an existing association"
        raise CloudError("Resource.AlreadyAssociated", message)
    answer = {
        "AssociationId": route_table_association_id(subnet.id, table.id),
        "AssociationState": dict(ASSOCIATED),
    }
    return Reply(SUBNET.put(cloud, replace(subnet, route_table_id=table.id)), answer)


def disassociate(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Remove an explicit association. The subnet then uses the main route table."""
    association = _find(cloud, request["AssociationId"])
    if association.subnet is None:
        raise invalid(f"cannot disassociate the main route table association {association.id}")
    return Reply(SUBNET.put(cloud, replace(association.subnet, route_table_id=None)), {})


def replace_association(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Associate a subnet with another route table.

    If the association is the main one of the VPC, the given table becomes the main route table.
    """
    association = _find(cloud, request["AssociationId"])
    table = ROUTE_TABLE.find(cloud, request["RouteTableId"])
    subnet = association.subnet
    _check_network(table, subnet or association.table)
    new_id = main_association_id(table) if subnet is None else route_table_association_id(subnet.id, table.id)
    answer = {"NewAssociationId": new_id, "AssociationState": dict(ASSOCIATED)}
    if table.id == association.table.id:
        return Reply(cloud, answer)
    if subnet is not None:
        return Reply(SUBNET.put(cloud, replace(subnet, route_table_id=table.id)), answer)
    tables = replace(association.table, main=False), replace(table, main=True)
    return Reply(ROUTE_TABLE.put(cloud, *tables), answer)


def _find(cloud: Cloud, association_id: str) -> RouteTableAssociation:
    """Return the association with that id. AWS has no separate error code for a malformed association id."""
    found = next((each for each in route_table_associations(cloud) if each.id == association_id), None)
    if found is None:
        message = f"The association ID '{shorten(association_id)}' does not exist"
        raise CloudError("InvalidAssociationID.NotFound", message)
    return found


def _check_network(table: RouteTable, other: Subnet | RouteTable) -> None:
    if table.vpc_id != other.vpc_id:
        raise invalid(f"Route table {table.id} and network {other.vpc_id} belong to different networks")
