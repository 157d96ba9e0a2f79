"""CreateNetworkAcl, DescribeNetworkAcls, DeleteNetworkAcl, ReplaceNetworkAclAssociation."""

from __future__ import annotations

from dataclasses import replace

from eigw_ns.cloud.associations import network_acl_association_id, network_acl_associations
from eigw_ns.cloud.ec2 import filter_shapes, tags
from eigw_ns.cloud.ec2.checks import invalid
from eigw_ns.cloud.ec2.describing import Listing
from eigw_ns.cloud.ec2.filters import TAG_FILTERS, KnownFilters
from eigw_ns.cloud.ec2.resources import NETWORK_ACL, SUBNET, VPC
from eigw_ns.cloud.ec2.schema import Reply, Request
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.model import Cloud, NetworkAcl
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError

_LISTING = Listing(
    "NetworkAcls",
    lambda shape: str(shape["NetworkAclId"]),
    KnownFilters(
        {
            "association.association-id": "Associations.NetworkAclAssociationId",
            "association.network-acl-id": "Associations.NetworkAclId",
            "association.subnet-id": "Associations.SubnetId",
            "default": "IsDefault",
            "entry.cidr": "Entries.CidrBlock",
            "entry.egress": "Entries.Egress",
            "entry.icmp.code": "Entries.IcmpTypeCode.Code",
            "entry.icmp.type": "Entries.IcmpTypeCode.Type",
            "entry.ipv6-cidr": "Entries.Ipv6CidrBlock",
            "entry.port-range.from": "Entries.PortRange.From",
            "entry.port-range.to": "Entries.PortRange.To",
            "entry.protocol": "Entries.Protocol",
            "entry.rule-action": "Entries.RuleAction",
            "entry.rule-number": "Entries.RuleNumber",
            "network-acl-id": "NetworkAclId",
            "owner-id": "OwnerId",
            **TAG_FILTERS,
            "vpc-id": "VpcId",
        }
    ),
)


def create(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Create a network ACL. It denies all traffic until it has entries."""
    vpc = VPC.find(cloud, request["VpcId"])
    tagged = tags.specified(request, NETWORK_ACL, settings)
    quota = settings.quotas.network_acls_per_vpc
    if sum(acl.vpc_id == vpc.id for acl in cloud.network_acls.values()) >= quota:
        message = f"The maximum number of network ACLs for VPC '{vpc.id}' has been reached ({quota})."
        raise CloudError("NetworkAclLimitExceeded", message)
    acl_id = NETWORK_ACL.new_id(cloud, settings)
    cloud = NETWORK_ACL.put(cloud, NetworkAcl(acl_id, acl_id, vpc.id, tags=tagged))
    return Reply(cloud, {"NetworkAcl": filter_shapes.network_acl(cloud, cloud.network_acls[acl_id])})


def describe(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Describe network ACLs."""
    found = NETWORK_ACL.select(cloud, request.get("NetworkAclIds", []))
    return _LISTING.reply(cloud, (filter_shapes.network_acl(cloud, acl) for acl in found), request, settings)


def delete(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Delete a network ACL. The default ACL and an ACL that a subnet uses cannot be deleted."""
    acl = NETWORK_ACL.find(cloud, request["NetworkAclId"])
    if acl.default:
        raise invalid(f"cannot delete default network ACL {acl.id}")
    if any(association.acl.id == acl.id for association in network_acl_associations(cloud)):
        message = f"The networkAcl '{acl.id}' has dependencies and cannot be deleted."
        raise CloudError("DependencyViolation", message)
    return Reply(NETWORK_ACL.without(cloud, acl.id), {})


def replace_association(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Associate a subnet with another network ACL. A subnet always has exactly one."""
    found = next((each for each in network_acl_associations(cloud) if each.id == request["AssociationId"]), None)
    if found is None:  # AWS has no separate error code for a malformed association id
        message = f"The association ID '{shorten(request['AssociationId'])}' does not exist"
        raise CloudError("InvalidAssociationID.NotFound", message)
    acl = NETWORK_ACL.find(cloud, request["NetworkAclId"])
    subnet = found.subnet
    if acl.vpc_id != subnet.vpc_id:
        raise invalid(f"Network ACL {acl.id} and subnet {subnet.id} belong to different networks")
    answer = {"NewAssociationId": network_acl_association_id(subnet.id, acl.id)}
    if acl.id == found.acl.id:
        return Reply(cloud, answer)
    return Reply(SUBNET.put(cloud, replace(subnet, network_acl_id=None if acl.default else acl.id)), answer)
