"""CreateSecurityGroup, DescribeSecurityGroups, DeleteSecurityGroup."""

from __future__ import annotations

import re

from eigw_ns.cloud.defaults import open_egress
from eigw_ns.cloud.ec2 import filter_shapes, tags
from eigw_ns.cloud.ec2.checks import invalid
from eigw_ns.cloud.ec2.describing import Listing
from eigw_ns.cloud.ec2.filters import TAG_FILTERS, KnownFilters
from eigw_ns.cloud.ec2.group_pairs import requested
from eigw_ns.cloud.ec2.new_vpcs import default_vpc
from eigw_ns.cloud.ec2.resources import SECURITY_GROUP, VPC
from eigw_ns.cloud.ec2.schema import Reply, Request, Shape
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.ec2.shapes import arn, tag_list
from eigw_ns.cloud.filtering import DEFAULT_GROUP
from eigw_ns.cloud.group_names import folded, named
from eigw_ns.cloud.interfaces import interfaces
from eigw_ns.cloud.model import Cloud, SecurityGroup, Vpc
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError

_TEXT = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}")
"""The characters that AWS allows in names and descriptions of groups and rules."""

_PERMISSIONS = ("IpPermissions", "IpPermissionsEgress")
_PERMISSION_FILTERS = {
    "cidr": "IpRanges.CidrIp",
    "from-port": "FromPort",
    "group-id": "UserIdGroupPairs.GroupId",
    "group-name": "UserIdGroupPairs.GroupName",
    "ipv6-cidr": "Ipv6Ranges.CidrIpv6",
    "prefix-list-id": "PrefixListIds.PrefixListId",
    "protocol": "IpProtocol",
    "to-port": "ToPort",
    "user-id": "UserIdGroupPairs.UserId",
}


def _of_permissions(prefix: str, member: str) -> dict[str, str]:
    """Return the filters on a group's rules of one direction."""
    return {f"{prefix}.{name}": f"{member}.{path}" for name, path in _PERMISSION_FILTERS.items()}


_LISTING = Listing(
    "SecurityGroups",
    lambda shape: str(shape["GroupId"]),
    KnownFilters(
        {
            **_of_permissions("ip-permission", _PERMISSIONS[0]),
            **_of_permissions("egress.ip-permission", _PERMISSIONS[1]),
            "description": "Description",
            "group-id": "GroupId",
            "group-name": "GroupName",
            "owner-id": "OwnerId",
            **TAG_FILTERS,
            "vpc-id": "VpcId",
        }
    ),
)


def check_text(text: str, what: str) -> str:
    """Return `text` unchanged. Raises InvalidParameterValue if AWS would refuse it as `what`."""
    if not _TEXT.fullmatch(text):
        characters = "a-z, A-Z, 0-9, spaces, and ._-:/()#,@[]+=&;{}!$*"
        raise invalid(f"Invalid {what} '{shorten(text)}'. It has at most 255 characters: {characters}")
    return text


def create(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Create a security group that allows all egress and no ingress, by default in the default VPC."""
    vpc = VPC.find(cloud, request["VpcId"]) if request.get("VpcId") else default_vpc(cloud)
    if vpc is None:
        raise CloudError("VPCIdNotSpecified", "No default VPC for this user")
    name = _free_name(cloud, vpc, request["GroupName"])
    description = check_text(request["Description"], "security group description")
    tagged = tags.specified(request, SECURITY_GROUP, settings)
    quota = settings.quotas.security_groups_per_region
    if len(cloud.security_groups) >= quota:
        message = f"The maximum number of security groups has been reached ({quota})."
        raise CloudError("SecurityGroupLimitExceeded", message)
    group_id = SECURITY_GROUP.new_id(cloud, settings)
    rules = open_egress(group_id, ipv6=bool(vpc.ipv6_associations))
    group = SecurityGroup(group_id, name, description, vpc.id, rules, tags=tagged)
    answer = {"GroupId": group_id, "SecurityGroupArn": arn("security-group", group_id), "Tags": tag_list(tagged)}
    return Reply(SECURITY_GROUP.put(cloud, group), answer)


def _free_name(cloud: Cloud, vpc: Vpc, name: str) -> str:
    """Return `name` unchanged. Raises CloudError if a new group cannot have this name.

    AWS refuses names that begin with `sg-`, because they look like ids.
    """
    check_text(name, "security group name")
    if name.lower().startswith("sg-"):
        raise invalid(f"Invalid group name '{name}'. Group names may not be in the format sg-*.")
    if name == DEFAULT_GROUP:
        raise CloudError("InvalidGroup.Reserved", f"The security group '{name}' is reserved")
    if named(cloud, vpc.id, name) is not None:
        message = f"The security group '{name}' already exists for VPC '{vpc.id}'"
        raise CloudError("InvalidGroup.Duplicate", message)
    return name


def describe(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Describe security groups by id or by name, or describe all. Names are compared without regard to case."""
    found = SECURITY_GROUP.select(cloud, request.get("GroupIds", []))
    names = {folded(name): name for name in request.get("GroupNames", [])}
    for key, name in names.items():
        if all(folded(group.name) != key for group in found):
            raise CloudError("InvalidGroup.NotFound", f"The security group '{shorten(name)}' does not exist")
    shown = [filter_shapes.security_group(group) for group in found if not names or folded(group.name) in names]
    return _LISTING.reply(cloud, shown, request, settings, filtered=lambda shape: _with_names(cloud, shape))


def _with_names(cloud: Cloud, shape: Shape) -> Shape:
    """Return a group's shape with the names of the groups in its rules. Filters read them, AWS does not answer them."""
    permissions = {name: [_named_pairs(cloud, each) for each in shape[name]] for name in _PERMISSIONS}
    return {**shape, **permissions}


def _named_pairs(cloud: Cloud, permission: Shape) -> Shape:
    pairs = permission["UserIdGroupPairs"]
    names = [{**pair, "GroupName": cloud.security_groups[pair["GroupId"]].name} for pair in pairs]
    return {**permission, "UserIdGroupPairs": names}


def delete(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Delete a security group.

    The default group cannot be deleted. A group also cannot be deleted if an instance is in it, or if another group's
    rule refers to it.
    """
    group = requested(cloud, request)
    if group.name == DEFAULT_GROUP:
        message = f'the specified group: "{group.id}" name: "{group.name}" cannot be deleted by a user'
        raise CloudError("CannotDelete", message)
    if _is_used(cloud, group):
        raise CloudError("DependencyViolation", f"resource {group.id} has a dependent object")
    return Reply(SECURITY_GROUP.without(cloud, group.id), {"Return": True, "GroupId": group.id})


def _is_used(cloud: Cloud, group: SecurityGroup) -> bool:
    others = (other for other in cloud.security_groups.values() if other.id != group.id)
    referred = any(rule.peer == group.id for other in others for rule in other.rules)
    return referred or any(group.id in each.security_group_ids for each in interfaces(cloud).values())
