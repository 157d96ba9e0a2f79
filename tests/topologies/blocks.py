"""Associations of IPv6 blocks, with the ids that a topology file would give them."""

from __future__ import annotations

from ipaddress import IPv6Network

from eigw_ns.cloud import ids
from eigw_ns.cloud.associations import block_association
from eigw_ns.cloud.model import BlockAssociation


def of_vpc(vpc_id: str, *blocks: IPv6Network) -> tuple[BlockAssociation[IPv6Network], ...]:
    """Return the blocks of a VPC."""
    return tuple(block_association(ids.VPC_BLOCK, vpc_id, block) for block in blocks)


def of_subnet(subnet_id: str, block: IPv6Network) -> BlockAssociation[IPv6Network]:
    """Return the block of a subnet."""
    return block_association(ids.SUBNET_BLOCK, subnet_id, block)
