"""CreateVpc, DeleteVpc, CreateDefaultVpc.

Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpc.html
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, cast

from eigw_ns.cloud import ids
from eigw_ns.cloud.ec2 import shapes, tags
from eigw_ns.cloud.ec2.checks import invalid
from eigw_ns.cloud.ec2.new_vpcs import associated, default_vpc, with_default_vpc, with_vpc
from eigw_ns.cloud.ec2.resources import NETWORK_ACL, ROUTE_TABLE, SECURITY_GROUP, VPC
from eigw_ns.cloud.ec2.schema import Reply, Request
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.ec2.vpc_blocks import check_border_group, primary_ipv4, requested_ipv6
from eigw_ns.cloud.model import Cloud, Vpc, VpcAttributes
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError

_AMAZON, _IPV6 = "AmazonProvidedIpv6CidrBlock", "Ipv6CidrBlock"


def create(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Create a VPC with its main route table, default network ACL and default security group."""
    if not request.get("CidrBlock"):
        raise CloudError("MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.")
    if request.get(_AMAZON) and request.get(_IPV6):
        message = f"The parameters {_AMAZON} and {_IPV6} cannot be used together"
        raise CloudError("InvalidParameterCombination", message)
    vpc = _asked(cloud, request, settings)
    _check_quota(cloud, settings)
    return Reply(with_vpc(cloud, vpc, settings), {"Vpc": shapes.vpc(vpc)})


def _asked(cloud: Cloud, request: Request, settings: Settings) -> Vpc:
    """Return the VPC that the request describes, after AWS's checks."""
    check_border_group(request, settings)
    attributes = VpcAttributes(instance_tenancy=_tenancy(request.get("InstanceTenancy") or "default"))
    ipv4 = primary_ipv4(request["CidrBlock"])
    ipv6 = [requested_ipv6(cloud, request)] if request.get(_AMAZON) or request.get(_IPV6) else []
    tagged = tags.specified(request, VPC, settings)
    vpc_id = VPC.new_id(cloud, settings)
    return Vpc(
        vpc_id,
        vpc_id,
        tuple(associated(ids.VPC_BLOCK, block, settings) for block in ipv6),
        tags=tagged,
        ipv4_associations=(associated(ids.VPC_BLOCK, ipv4, settings),),
        attributes=attributes,
    )


def _tenancy(text: str) -> Literal["default", "dedicated"]:
    if text in ("default", "dedicated"):
        return cast('Literal["default", "dedicated"]', text)
    raise invalid(f"Value ({shorten(text)}) for parameter instanceTenancy is invalid.")


def _check_quota(cloud: Cloud, settings: Settings) -> None:
    quota = settings.quotas.vpcs_per_region
    if len(cloud.vpcs) >= quota:
        raise CloudError("VpcLimitExceeded", f"The maximum number of VPCs has been reached ({quota}).")


def delete(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Delete a VPC that has nothing but its main route table, its default network ACL and its default group.

    These are deleted with it, and so are its flow logs.
    """
    vpc = VPC.find(cloud, request["VpcId"])
    tables = [each.id for each in cloud.route_tables.values() if each.vpc_id == vpc.id]
    acls = [each.id for each in cloud.network_acls.values() if each.vpc_id == vpc.id]
    groups = [each.id for each in cloud.security_groups.values() if each.vpc_id == vpc.id]
    if _has_parts(cloud, vpc) or not len(tables) == len(acls) == len(groups) == 1:
        raise CloudError("DependencyViolation", f"The vpc '{vpc.id}' has dependencies and cannot be deleted.")
    cloud = NETWORK_ACL.without(ROUTE_TABLE.without(cloud, tables[0]), acls[0])
    logs = {key: each for key, each in cloud.flow_logs.items() if each.vpc_id != vpc.id}
    if len(logs) < len(cloud.flow_logs):
        cloud = replace(cloud, flow_logs=logs)
    return Reply(VPC.without(SECURITY_GROUP.without(cloud, groups[0]), vpc.id), {})


def _has_parts(cloud: Cloud, vpc: Vpc) -> bool:
    """Return whether the VPC has a subnet or a gateway."""
    kinds = (cloud.subnets, cloud.egress_only_internet_gateways, cloud.internet_gateways)
    return any(each.vpc_id == vpc.id for kind in kinds for each in kind.values())


def create_default(cloud: Cloud, _request: Request, settings: Settings) -> Reply:
    """Create a default VPC, as each AWS account has it in each Region. A Region has one at most."""
    if default_vpc(cloud) is not None:
        message = "A Default VPC already exists for this account in this region."
        raise CloudError("DefaultVpcAlreadyExists", message)
    _check_quota(cloud, settings)
    cloud = with_default_vpc(cloud, settings)
    return Reply(cloud, {"Vpc": shapes.vpc(vpc)} if (vpc := default_vpc(cloud)) else {})
