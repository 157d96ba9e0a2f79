"""AssociateSubnetCidrBlock, DisassociateSubnetCidrBlock, and the blocks that a subnet can have.

Source: AWS, "Subnet CIDR blocks", https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network

from eigw_ns.cloud import ids
from eigw_ns.cloud.addressing import IPV4_LENGTHS, SUBNET_LENGTHS
from eigw_ns.cloud.ec2 import shapes
from eigw_ns.cloud.ec2.blocks import ipv4_block, ipv6_block
from eigw_ns.cloud.ec2.checks import invalid
from eigw_ns.cloud.ec2.new_vpcs import associated
from eigw_ns.cloud.ec2.resources import SUBNET
from eigw_ns.cloud.ec2.schema import Reply, Request, Shape
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.ec2.vpc_blocks import check_association_id
from eigw_ns.cloud.interfaces import holders
from eigw_ns.cloud.model import BlockAssociation, Cloud, Subnet, Vpc
from eigw_ns.errors import CloudError


def associate(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Associate an IPv6 block with a subnet that has none."""
    subnet = SUBNET.find(cloud, request["SubnetId"])
    if subnet.ipv6_association is not None:
        message = f"This subnet '{subnet.id}' has met its maximum number of allowed IPv6 CIDRs: 1"
        raise CloudError("CidrLimitExceeded", message)
    block = requested_ipv6(cloud, cloud.vpcs[subnet.vpc_id], request["Ipv6CidrBlock"])
    new = associated(ids.SUBNET_BLOCK, block, settings)
    return Reply(SUBNET.put(cloud, replace(subnet, ipv6_association=new)), _answer(subnet, new))


def disassociate(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Remove the IPv6 block of a subnet. No network interface can have an address or a prefix of it."""
    wanted = request["AssociationId"]
    check_association_id(wanted, ids.SUBNET_BLOCK, "InvalidSubnetCidrBlockAssociationId.Malformed", "subnet")
    for subnet in cloud.subnets.values():
        found = subnet.ipv6_association
        if found is not None and found.id == wanted:
            _check_removable(cloud, subnet, found)
            answer = _answer(subnet, found)
            answer["Ipv6CidrBlockAssociation"]["Ipv6CidrBlockState"] = {"State": "disassociated"}
            return Reply(SUBNET.put(cloud, replace(subnet, ipv6_association=None)), answer)
    message = f"The subnet CIDR block with association ID '{wanted}' does not exist"
    raise CloudError("InvalidSubnetCidrBlockAssociationID.NotFound", message)


def _check_removable(cloud: Cloud, subnet: Subnet, found: BlockAssociation[IPv6Network]) -> None:
    kept = f"The subnet IPv6 CIDR block with association ID {found.id} may not be disassociated"
    if subnet.cidr_block is None:
        raise CloudError("OperationNotPermitted", f"{kept}, because its subnet is IPv6 native.")
    if subnet.attributes.assign_ipv6_address_on_creation:
        reason = "its subnet has assign-ipv6-address-on-creation set to true"
        raise CloudError("InvalidCidrBlock.InUse", f"{kept}, because {reason}.")
    for interface in holders(cloud, subnet.id):
        if interface.blocks:
            owner = interface.attachment.instance_id if interface.attachment else interface.id
            reason = f"{owner} has {interface.blocks[0]} of it"
            raise CloudError("InvalidCidrBlock.InUse", f"{kept}, because {reason}.")


def requested_ipv4(cloud: Cloud, vpc: Vpc, text: str) -> IPv4Network:
    """Return the IPv4 block of a new subnet. Raises InvalidSubnet.Range or InvalidSubnet.Conflict."""
    block = ipv4_block(text, "cidrBlock")
    if block.prefixlen not in IPV4_LENGTHS or not any(block.subnet_of(each) for each in vpc.cidr_blocks):
        raise CloudError("InvalidSubnet.Range", f"The CIDR '{block}' is invalid.")
    if any(each.cidr_block is not None and each.cidr_block.overlaps(block) for each in _subnets(cloud, vpc)):
        raise CloudError("InvalidSubnet.Conflict", f"The CIDR '{block}' conflicts with another subnet")
    return block


def requested_ipv6(cloud: Cloud, vpc: Vpc, text: str) -> IPv6Network:
    """Return the IPv6 block of a subnet. Raises InvalidParameterValue, InvalidSubnet.Range, InvalidSubnet.Conflict."""
    block = ipv6_block(text, "ipv6CidrBlock")
    if block.prefixlen not in SUBNET_LENGTHS:
        lengths = f"/{SUBNET_LENGTHS[0]} to /{SUBNET_LENGTHS[-1]} in steps of 4"
        raise invalid(f"Value ({block}) for parameter ipv6CidrBlock is invalid. It must be {lengths}.")
    if not any(block.subnet_of(each) for each in vpc.ipv6_cidr_blocks):
        raise CloudError("InvalidSubnet.Range", f"The IPv6 CIDR '{block}' is invalid.")
    taken = (each.ipv6_association for each in _subnets(cloud, vpc))
    if any(each is not None and each.block.overlaps(block) for each in taken):
        raise CloudError("InvalidSubnet.Conflict", f"The IPv6 CIDR '{block}' conflicts with another subnet")
    return block


def _subnets(cloud: Cloud, vpc: Vpc) -> Iterator[Subnet]:
    return (each for each in cloud.subnets.values() if each.vpc_id == vpc.id)


def _answer(subnet: Subnet, found: BlockAssociation[IPv6Network]) -> Shape:
    return {"SubnetId": subnet.id, "Ipv6CidrBlockAssociation": shapes.ipv6_association(found)}
