"""The associations of subnets with route tables and network ACLs, which AWS gives ids of their own.

They are not stored: an association's id follows from what it joins, so it changes when the association does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from eigw_ns.cloud import ids
from eigw_ns.cloud.filtering import network_acl
from eigw_ns.cloud.model import Cloud, NetworkAcl, RouteTable, Subnet


@dataclass(frozen=True, slots=True)
class RouteTableAssociation:
    """A route table with a subnet that uses it explicitly; `subnet` None is the VPC's main association."""

    id: str
    table: RouteTable
    subnet: Subnet | None


@dataclass(frozen=True, slots=True)
class NetworkAclAssociation:
    """A network ACL with a subnet. Every subnet has exactly one, if need be with the default ACL."""

    id: str
    acl: NetworkAcl
    subnet: Subnet


def route_table_associations(cloud: Cloud) -> Iterator[RouteTableAssociation]:
    """The main association of each VPC, then the explicit ones. AWS lists no implicit ones."""
    for table in cloud.route_tables.values():
        if table.main:
            yield RouteTableAssociation(main_association_id(table), table, None)
    for subnet in cloud.subnets.values():
        if subnet.route_table_id is not None:
            table = cloud.route_tables[subnet.route_table_id]
            yield RouteTableAssociation(route_table_association_id(subnet.id, table.id), table, subnet)


def network_acl_associations(cloud: Cloud) -> Iterator[NetworkAclAssociation]:
    """One association a subnet."""
    for subnet in cloud.subnets.values():
        acl = network_acl(cloud, subnet)
        yield NetworkAclAssociation(network_acl_association_id(subnet.id, acl.id), acl, subnet)


def main_association_id(table: RouteTable) -> str:
    """The id of the association that makes `table` its VPC's main one."""
    return ids.make_id(ids.ASSOCIATION, table.vpc_id, table.id, "main")


def route_table_association_id(subnet_id: str, table_id: str) -> str:
    """The id of the association of a subnet with a route table."""
    return ids.make_id(ids.ASSOCIATION, subnet_id, table_id)


def network_acl_association_id(subnet_id: str, acl_id: str) -> str:
    """The id of the association of a subnet with a network ACL."""
    return ids.make_id(ids.NETWORK_ACL_ASSOCIATION, subnet_id, acl_id)
