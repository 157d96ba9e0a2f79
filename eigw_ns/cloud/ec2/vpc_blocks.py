"""AssociateVpcCidrBlock, DisassociateVpcCidrBlock, and the blocks that a VPC can have.

Source: AWS, "VPC CIDR blocks", https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network

from eigw_ns.cloud import ids
from eigw_ns.cloud.addressing import (
    AMAZON_POOL,
    AMAZON_PREFIX_LENGTH,
    GLOBAL_UNICAST,
    INFRASTRUCTURE,
    IPV4_LENGTHS,
    VPC_LENGTHS,
    free_blocks,
)
from eigw_ns.cloud.defaults import with_ipv6
from eigw_ns.cloud.ec2 import shapes
from eigw_ns.cloud.ec2.blocks import ipv4_block, ipv6_block, within
from eigw_ns.cloud.ec2.checks import invalid, one_of
from eigw_ns.cloud.ec2.new_vpcs import associated
from eigw_ns.cloud.ec2.resources import NETWORK_ACL, SECURITY_GROUP, VPC
from eigw_ns.cloud.ec2.schema import Reply, Request, Shape
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.filtering import DEFAULT_GROUP
from eigw_ns.cloud.list_references import destinations
from eigw_ns.cloud.model import Block, BlockAssociation, Cloud, Subnet, Vpc
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError

_AMAZON, _IPV6, _IPV4 = "AmazonProvidedIpv6CidrBlock", "Ipv6CidrBlock", "CidrBlock"
_PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "198.19.0.0/16")))
"""A VPC has further blocks of one of these ranges only if its primary block is in the same one."""

_LINK_LOCAL = IPv4Network("169.254.0.0/16")


def associate(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Associate a further block with a VPC.

    With its first IPv6 block, a VPC also gets the entries and rules for IPv6 of its default ACL and default group.
    """
    vpc = VPC.find(cloud, request["VpcId"])
    check_border_group(request, settings)
    given = one_of({**request, _AMAZON: request.get(_AMAZON) or None}, _IPV4, _IPV6, _AMAZON)
    if given == _IPV4:
        ipv4 = associated(ids.VPC_BLOCK, _further_ipv4(vpc, request[_IPV4]), settings)
        _check_routes(cloud, vpc, ipv4.block)
        return Reply(_with_ipv4(cloud, vpc, ipv4, settings), _ipv4_answer(vpc, ipv4))
    ipv6 = associated(ids.VPC_BLOCK, requested_ipv6(cloud, request), settings)
    _check_routes(cloud, vpc, ipv6.block)
    return Reply(_with_ipv6(cloud, vpc, ipv6, settings), _ipv6_answer(vpc, ipv6))


def disassociate(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Remove a block from a VPC. The primary IPv4 block, and a block in which a subnet is, cannot be removed."""
    wanted = request["AssociationId"]
    check_association_id(wanted, ids.VPC_BLOCK, "InvalidVpcCidrBlockAssociationId.Malformed", "vpc")
    for vpc in cloud.vpcs.values():
        for ipv4 in vpc.ipv4_associations:
            if ipv4.id == wanted:
                _check_removable(cloud, vpc, ipv4, primary=ipv4 == vpc.ipv4_associations[0])
                kept = tuple(each for each in vpc.ipv4_associations if each != ipv4)
                return Reply(VPC.put(cloud, replace(vpc, ipv4_associations=kept)), _gone(_ipv4_answer(vpc, ipv4)))
        for ipv6 in vpc.ipv6_associations:
            if ipv6.id == wanted:
                _check_removable(cloud, vpc, ipv6, primary=False)
                rest = tuple(each for each in vpc.ipv6_associations if each != ipv6)
                return Reply(VPC.put(cloud, replace(vpc, ipv6_associations=rest)), _gone(_ipv6_answer(vpc, ipv6)))
    message = f"The vpc CIDR block association ID '{wanted}' does not exist"
    raise CloudError("InvalidVpcCidrBlockAssociationID.NotFound", message)


def check_association_id(text: str, kind: str, code: str, noun: str) -> None:
    """Raise CloudError with `code` if `text` is not the id of an association of this kind."""
    if ids.kind_of(text) != kind:
        raise CloudError(code, f"The {noun} CIDR block with association ID {shorten(text)} is malformed")


def check_border_group(request: Request, settings: Settings) -> None:
    """Raise CloudError if the request wants a block for a network border group other than the Region itself."""
    group = request.get("Ipv6CidrBlockNetworkBorderGroup") or settings.region
    if group != settings.region:
        raise invalid(f"Value ({shorten(group)}) for parameter networkBorderGroup is invalid. A lab has one Region.")


def primary_ipv4(text: str) -> IPv4Network:
    """Return the primary block of a VPC. Raises InvalidVpc.Range if AWS would refuse its length."""
    block = ipv4_block(text, "cidrBlock")
    if block.prefixlen not in IPV4_LENGTHS:
        raise _bad_range(block)
    return block


def _further_ipv4(vpc: Vpc, text: str) -> IPv4Network:
    block = primary_ipv4(text)
    if any(block.overlaps(other) for other in vpc.cidr_blocks):
        raise _bad_range(block)
    foreign = [space for space in _PRIVATE for primary in vpc.cidr_blocks[:1] if not primary.overlaps(space)]
    if any(block.overlaps(each) for each in (_LINK_LOCAL, *foreign)):
        message = (
            f"The CIDR '{block}' is restricted. Use a CIDR from the same private address range as the current VPC CIDR,"
            " or use a publicly-routable CIDR."
        )
        raise CloudError("InvalidVpc.Range", message)
    return block


def _check_routes(cloud: Cloud, vpc: Vpc, block: Block) -> None:
    """Raise CloudError if a route of the VPC leads to a part of the block, or to all of it. AWS documents the rule."""
    for table in cloud.route_tables.values():
        for route in table.all_routes if table.vpc_id == vpc.id else ():
            if any(within(each, block) for each in destinations(cloud, route)):
                raise invalid(
                    f"The CIDR '{block}' contains the destination of the route {route.destination} of {table.id}."
                )


def _bad_range(block: IPv4Network) -> CloudError:
    return CloudError("InvalidVpc.Range", f"The CIDR '{block}' is invalid.")


def requested_ipv6(cloud: Cloud, request: Request) -> IPv6Network:
    """Return the IPv6 block that the request gives, or a free block if Amazon is to provide it."""
    return _given_ipv6(cloud, request[_IPV6]) if request.get(_IPV6) else _amazon_provided(cloud)


def _given_ipv6(cloud: Cloud, text: str) -> IPv6Network:
    block = ipv6_block(text, "ipv6CidrBlock")
    if block.prefixlen not in VPC_LENGTHS or not block.subnet_of(GLOBAL_UNICAST) or block.overlaps(INFRASTRUCTURE):
        lengths = f"/{VPC_LENGTHS[0]} to /{VPC_LENGTHS[-1]} in steps of 4"
        reason = f"It must be global unicast space of {lengths}, outside {INFRASTRUCTURE}."
        raise invalid(f"Value ({block}) for parameter ipv6CidrBlock is invalid. {reason}")
    for other in _taken(cloud):
        if block.overlaps(other):
            raise invalid(f"Value ({block}) for parameter ipv6CidrBlock is invalid. It overlaps {other}.")
    return block


def _amazon_provided(cloud: Cloud) -> IPv6Network:
    """Return the lowest free block of Amazon's space, so that equal labs give equal blocks."""
    block = next(free_blocks(AMAZON_POOL, _taken(cloud), AMAZON_PREFIX_LENGTH), None)
    if block is None:
        raise CloudError("InsufficientAddressCapacity", f"No /{AMAZON_PREFIX_LENGTH} of {AMAZON_POOL} is free.")
    return block


def _taken(cloud: Cloud) -> Iterator[IPv6Network]:
    """Yield the blocks of all VPCs, and the addresses of internet hosts."""
    for vpc in cloud.vpcs.values():
        yield from vpc.ipv6_cidr_blocks
    yield from (IPv6Network(host.ipv6_address) for host in cloud.hosts.values())


def _with_ipv4(cloud: Cloud, vpc: Vpc, new: BlockAssociation[IPv4Network], settings: Settings) -> Cloud:
    _check_quota(vpc, len(vpc.ipv4_associations), settings.quotas.ipv4_cidr_blocks_per_vpc)
    return VPC.put(cloud, replace(vpc, ipv4_associations=(*vpc.ipv4_associations, new)))


def _with_ipv6(cloud: Cloud, vpc: Vpc, new: BlockAssociation[IPv6Network], settings: Settings) -> Cloud:
    _check_quota(vpc, len(vpc.ipv6_associations), settings.quotas.ipv6_cidr_blocks_per_vpc)
    changed = VPC.put(cloud, replace(vpc, ipv6_associations=(*vpc.ipv6_associations, new)))
    return changed if vpc.ipv6_associations else _with_default_rules(changed, vpc)


def _check_quota(vpc: Vpc, count: int, quota: int) -> None:
    if count >= quota:
        message = f"This network '{vpc.id}' has met its maximum number of allowed CIDRs: {quota}"
        raise CloudError("CidrLimitExceeded", message)


def _with_default_rules(cloud: Cloud, vpc: Vpc) -> Cloud:
    acl = next(each for each in cloud.network_acls.values() if each.vpc_id == vpc.id and each.default)
    groups = (each for each in cloud.security_groups.values() if each.vpc_id == vpc.id)
    new_acl, new_group = with_ipv6(acl, next(each for each in groups if each.name == DEFAULT_GROUP))
    return SECURITY_GROUP.put(NETWORK_ACL.put(cloud, new_acl), new_group)


def _check_removable(
    cloud: Cloud, vpc: Vpc, found: BlockAssociation[IPv4Network] | BlockAssociation[IPv6Network], *, primary: bool
) -> None:
    if primary:
        message = (
            f"The vpc CIDR block with association ID {found.id} may not be disassociated."
            " It is the primary IPv4 CIDR block of the VPC"
        )
        raise CloudError("OperationNotPermitted", message)
    for subnet in cloud.subnets.values():
        if subnet.vpc_id == vpc.id and any(within(each, found.block) for each in _blocks(subnet)):
            message = f"The vpc {vpc.id} currently has a subnet within CIDR block {found.block}"
            raise CloudError("InvalidCidrBlock.InUse", message)


def _blocks(subnet: Subnet) -> tuple[Block, ...]:
    ipv6 = subnet.ipv6_association
    return *(() if subnet.cidr_block is None else (subnet.cidr_block,)), *(() if ipv6 is None else (ipv6.block,))


def _ipv4_answer(vpc: Vpc, found: BlockAssociation[IPv4Network]) -> Shape:
    return {"VpcId": vpc.id, "CidrBlockAssociation": shapes.vpc_ipv4_association(found)}


def _ipv6_answer(vpc: Vpc, found: BlockAssociation[IPv6Network]) -> Shape:
    return {"VpcId": vpc.id, "Ipv6CidrBlockAssociation": shapes.vpc_ipv6_association(found)}


def _gone(answer: Shape) -> Shape:
    """Return the answer about an association with its final state."""
    (member,) = answer.keys() - {"VpcId"}
    state = "CidrBlockState" if member == "CidrBlockAssociation" else "Ipv6CidrBlockState"
    return {**answer, member: {**answer[member], state: {"State": "disassociated"}}}
