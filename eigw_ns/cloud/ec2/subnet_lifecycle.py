"""CreateSubnet, DeleteSubnet.

Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSubnet.html
"""

from __future__ import annotations

from eigw_ns.cloud import ids
from eigw_ns.cloud.ec2 import shapes, tags, zones
from eigw_ns.cloud.ec2.new_vpcs import associated
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
    quota = settings.quotas.subnets_per_vpc
    if sum(each.vpc_id == vpc.id for each in cloud.subnets.values()) >= quota:
        message = f"The maximum number of subnets for VPC '{vpc.id}' has been reached ({quota})."
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


def delete(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Delete a subnet that has no instance and no NAT gateway."""
    subnet = SUBNET.find(cloud, request["SubnetId"])
    if any(each.subnet_id == subnet.id for kind in (cloud.instances, cloud.nat_gateways) for each in kind.values()):
        raise CloudError("DependencyViolation", f"The subnet '{subnet.id}' has dependencies and cannot be deleted.")
    return Reply(SUBNET.without(cloud, subnet.id), {})
