"""The associations of subnets with route tables and network ACLs, and of blocks. AWS gives each association an id.

Associations of subnets with tables and ACLs are not stored. The id is computed from the two resources, so it changes
when the association changes. A block can be associated with the same resource again, so its id is stored.
"""

from __future__ import annotations

from collections.abc import Iterator

from eigw_ns.cloud import ids
from eigw_ns.cloud.filtering import network_acl
from eigw_ns.cloud.model import B, BlockAssociation, Cloud, NetworkAcl, RouteTable, Subnet
from eigw_ns.frozen import frozen


@frozen
class RouteTableAssociation:
    """A route table and a subnet that is explicitly associated with it.

    `subnet` is None for the main association of the VPC.
    """

    id: str
    table: RouteTable
    subnet: Subnet | None


@frozen
class NetworkAclAssociation:
    """A network ACL and its subnet. Every subnet has exactly one; the default ACL applies if it names no other."""

    id: str
    acl: NetworkAcl
    subnet: Subnet


def route_table_associations(cloud: Cloud) -> Iterator[RouteTableAssociation]:
    """Yield the main association of each VPC, then the explicit associations. AWS does not list implicit ones."""
    for table in cloud.route_tables.values():
        if table.main:
            yield RouteTableAssociation(main_association_id(table), table, None)
    for subnet in cloud.subnets.values():
        if subnet.route_table_id is not None:
            table = cloud.route_tables[subnet.route_table_id]
            yield RouteTableAssociation(route_table_association_id(subnet.id, table.id), table, subnet)


def network_acl_associations(cloud: Cloud) -> Iterator[NetworkAclAssociation]:
    """Yield one association for each subnet."""
    for subnet in cloud.subnets.values():
        acl = network_acl(cloud, subnet)
        yield NetworkAclAssociation(network_acl_association_id(subnet.id, acl.id), acl, subnet)


def block_association(kind: str, owner_id: str, block: B) -> BlockAssociation[B]:
    """Return the first association of a block with a resource. `kind` is `ids.VPC_BLOCK` or `ids.SUBNET_BLOCK`."""
    return BlockAssociation(ids.make_id(kind, owner_id, str(block)), block)


def main_association_id(table: RouteTable) -> str:
    """Return the id of the association that makes `table` the main route table of its VPC."""
    return ids.make_id(ids.ASSOCIATION, table.vpc_id, table.id, "main")


def route_table_association_id(subnet_id: str, table_id: str) -> str:
    """Return the id of the association of a subnet with a route table."""
    return ids.make_id(ids.ASSOCIATION, subnet_id, table_id)


def network_acl_association_id(subnet_id: str, acl_id: str) -> str:
    """Return the id of the association of a subnet with a network ACL."""
    return ids.make_id(ids.NETWORK_ACL_ASSOCIATION, subnet_id, acl_id)
