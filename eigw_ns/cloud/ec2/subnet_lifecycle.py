"""CreateSubnet, CreateDefaultSubnet, DeleteSubnet.

Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSubnet.html, API_CreateDefaultSubnet.html
"""

from __future__ import annotations

from ipaddress import IPv4Network

from eigw_ns.cloud import ids
from eigw_ns.cloud.ec2 import shapes, tags, zones
from eigw_ns.cloud.ec2.checks import missing
from eigw_ns.cloud.ec2.new_vpcs import DEFAULT_SUBNETS, associated, default_subnet, default_vpc
from eigw_ns.cloud.ec2.resources import SUBNET, VPC
from eigw_ns.cloud.ec2.schema import Reply, Request
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.ec2.subnet_blocks import requested_ipv4, requested_ipv6
from eigw_ns.cloud.model import Cloud, Subnet, SubnetAttributes, Vpc
from eigw_ns.errors import CloudError


def create(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Create a subnet. It uses the main route table and the default network ACL of its VPC."""
    vpc = VPC.find(cloud, request["VpcId"])
    _check_combination(request)
    subnet = _asked(cloud, vpc, request, settings)
    return _with(cloud, subnet, settings)


def _with(cloud: Cloud, subnet: Subnet, settings: Settings) -> Reply:
    """Return the reply with the new subnet. Raises CloudError if its VPC has too many."""
    quota = settings.quotas.subnets_per_vpc
    if sum(each.vpc_id == subnet.vpc_id for each in cloud.subnets.values()) >= quota:
        message = f"The maximum number of subnets for VPC '{subnet.vpc_id}' has been reached ({quota})."
        raise CloudError("SubnetLimitExceeded", message)
    cloud = SUBNET.put(cloud, subnet)
    return Reply(cloud, {"Subnet": shapes.subnet(cloud, subnet)})


def _check_combination(request: Request) -> None:
    if not request.get("Ipv6Native"):
        if not request.get("CidrBlock"):
            raise CloudError("MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.")
        return
    if request.get("CidrBlock"):
        message = "When specifying ipv4 parameters, cidrBlock or ipv4IpamPoolId, you cannot set ipv6Native to true."
        raise CloudError("InvalidParameterCombination", message)
    if not request.get("Ipv6CidrBlock"):
        raise CloudError("MissingParameter", "Either 'ipv6CidrBlock' or 'ipv6IpamPoolId' should be provided.")


def _asked(cloud: Cloud, vpc: Vpc, request: Request, settings: Settings) -> Subnet:
    """Return the subnet that the request describes, after AWS's checks."""
    zone = zones.requested(request, settings)
    native = bool(request.get("Ipv6Native"))
    ipv4 = None if native else requested_ipv4(cloud, vpc, request["CidrBlock"])
    ipv6 = requested_ipv6(cloud, vpc, request["Ipv6CidrBlock"]) if request.get("Ipv6CidrBlock") else None
    tagged = tags.specified(request, SUBNET, settings)
    subnet_id = SUBNET.new_id(cloud, settings)
    return Subnet(
        subnet_id,
        subnet_id,
        vpc.id,
        None if ipv6 is None else associated(ids.SUBNET_BLOCK, ipv6, settings),
        tags=tagged,
        cidr_block=ipv4,
        attributes=SubnetAttributes(availability_zone=zone, assign_ipv6_address_on_creation=native),
    )


def create_default(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Create the default subnet of a zone in the default VPC. It has the first free /20 of the VPC's IPv4 blocks."""
    if request.get("Ipv6Native"):
        message = "A lab creates default subnets with an IPv4 block: Ipv6Native must be false."
        raise CloudError("UnsupportedOperation", message)
    zone, vpc = zones.requested(request, settings), default_vpc(cloud)
    if zone is None:
        raise missing("AvailabilityZone")
    if vpc is None:
        message = "No default VPC exists for this account in this region."
        raise CloudError("DefaultVpcDoesNotExist", message, hint="create one by CreateDefaultVpc")
    there = [each for each in cloud.subnets.values() if each.vpc_id == vpc.id]
    for each in there:
        if each.attributes.default_for_az and zones.of_subnet(each) == zone:
            message = f"'{each.id}' is already the default subnet in {zones.swapped(zone, settings.region)}."
            raise CloudError("DefaultSubnetAlreadyExistsInAvailabilityZone", message)
    made = default_subnet(SUBNET.new_id(cloud, settings), vpc.id, zone, _free_block(vpc, there))
    return _with(cloud, made, settings)


def _free_block(vpc: Vpc, there: list[Subnet]) -> IPv4Network:
    taken = [each.cidr_block for each in there if each.cidr_block is not None]
    for space in vpc.cidr_blocks:
        if space.prefixlen <= DEFAULT_SUBNETS:
            for block in space.subnets(new_prefix=DEFAULT_SUBNETS):
                if not any(block.overlaps(each) for each in taken):
                    return block
    message = f"No /{DEFAULT_SUBNETS} of the default VPC '{vpc.id}' is free."
    raise CloudError("InsufficientCidrBlocks", message)


def delete(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Delete a subnet that has no network interface and no NAT gateway."""
    subnet = SUBNET.find(cloud, request["SubnetId"])
    kinds = (cloud.instances, cloud.network_interfaces, cloud.nat_gateways)
    if any(each.subnet_id == subnet.id for kind in kinds for each in kind.values()):
        raise CloudError("DependencyViolation", f"The subnet '{subnet.id}' has dependencies and cannot be deleted.")
    return Reply(SUBNET.without(cloud, subnet.id), {})
