"""Security groups that a request names: the group to change, and groups that its rules refer to.

Requests may have every member of a UserIdGroupPair that DescribeSecurityGroups answers, in AWS or here.
Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_UserIdGroupPair.html
"""

from __future__ import annotations

from eigw_ns.cloud import ids
from eigw_ns.cloud.aws_words import lacking_id
from eigw_ns.cloud.ec2.checks import invalid, missing, one_of
from eigw_ns.cloud.ec2.new_vpcs import default_vpc
from eigw_ns.cloud.ec2.resources import SECURITY_GROUP
from eigw_ns.cloud.ec2.schema import Request, Shape
from eigw_ns.cloud.ec2.settings import ACCOUNT_ID
from eigw_ns.cloud.group_names import folded, named
from eigw_ns.cloud.model import Cloud, SecurityGroup
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError

PEERING_CONNECTION = "pcx"


def requested(cloud: Cloud, request: Request) -> SecurityGroup:
    """Return the group that the request changes, by its GroupId or GroupName.

    AWS looks for names in the default VPC. If the lab has no default VPC, the name must be unique in the lab.
    """
    if one_of(request, "GroupId", "GroupName") == "GroupId":
        return SECURITY_GROUP.find(cloud, request["GroupId"])
    name = request["GroupName"]
    vpc = default_vpc(cloud)
    if vpc is not None:
        groups = [group for group in cloud.security_groups.values() if group.vpc_id == vpc.id]
    else:
        groups = list(cloud.security_groups.values())
    found = [group for group in groups if folded(group.name) == folded(name)]
    if not found:
        raise _unknown(name)
    if len(found) > 1:
        message = f"The name '{shorten(name)}' is ambiguous: {', '.join(group.id for group in found)}"
        raise CloudError("InvalidParameterValue", message, hint="give the GroupId instead")
    return found[0]


def referenced(cloud: Cloud, group: SecurityGroup, pair: Shape) -> SecurityGroup:
    """Return the group that a UserIdGroupPair in a rule of `group` names. Raises CloudError if it names none.

    `PeeringStatus` says nothing about a group, so it is ignored.
    """
    if pair.get("VpcPeeringConnectionId"):
        raise _no_peering(pair["VpcPeeringConnectionId"])
    peer = _peer(cloud, group, pair)
    if (pair.get("UserId") or ACCOUNT_ID) != ACCOUNT_ID or (pair.get("VpcId") or peer.vpc_id) != peer.vpc_id:
        raise _unknown(peer.id)
    if peer.vpc_id != group.vpc_id:
        message = "You have specified two resources that belong to different networks."
        raise CloudError("InvalidGroup.NotFound", message)
    return peer


def _peer(cloud: Cloud, group: SecurityGroup, pair: Shape) -> SecurityGroup:
    group_id, name = pair.get("GroupId"), pair.get("GroupName")
    if group_id:
        peer = SECURITY_GROUP.find(cloud, group_id)
        if name and folded(name) != folded(peer.name):
            raise invalid(f"The security group '{peer.id}' does not have the name '{shorten(name)}'")
        return peer
    if not name:
        raise missing("UserIdGroupPairs.GroupId")
    found = named(cloud, group.vpc_id, name)
    if found is None:
        raise _unknown(name)
    return found


def _no_peering(text: str) -> CloudError:
    """Return the error for an id of a VPC peering connection, which labs do not have."""
    code, noun = "InvalidVpcPeeringConnection", "vpcPeeringConnection"
    if ids.kind_of(text) != PEERING_CONNECTION:
        message = f'Invalid id: "{shorten(text)}" (expecting "{PEERING_CONNECTION}-...")'
        return CloudError(f"{code}Id.Malformed", message)
    return CloudError(f"{code}ID.NotFound", f"The {noun} ID '{text}' does not exist", hint=lacking_id(text))


def _unknown(text: str) -> CloudError:
    return CloudError("InvalidGroup.NotFound", f"The security group '{shorten(text)}' does not exist")
