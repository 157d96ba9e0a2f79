"""Ids in AWS's form (a prefix and 17 hex digits), derived from names so that the same file gives the same ids.

Source: AWS EC2 resource ids, https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html
"""

from __future__ import annotations

import hashlib
import re

VPC = "vpc"
SUBNET = "subnet"
VPC_BLOCK = "vpc-cidr-assoc"
SUBNET_BLOCK = "subnet-cidr-assoc"
ROUTE_TABLE = "rtb"
ASSOCIATION = "rtbassoc"
EGRESS_ONLY_INTERNET_GATEWAY = "eigw"
INTERNET_GATEWAY = "igw"
NAT_GATEWAY = "nat"
NETWORK_ACL = "acl"
NETWORK_ACL_ASSOCIATION = "aclassoc"
SECURITY_GROUP = "sg"
SECURITY_GROUP_RULE = "sgr"
INSTANCE = "i"
NETWORK_INTERFACE = "eni"
NETWORK_INTERFACE_ATTACHMENT = "eni-attach"
ELASTIC_IP = "eipalloc"
ELASTIC_IP_ASSOCIATION = "eipassoc"
DHCP_OPTIONS = "dopt"
PREFIX_LIST = "pl"
FLOW_LOG = "fl"
KEY_PAIR = "key"
VOLUME = "vol"
IMAGE = "ami"
RESERVATION = "r"
INTERNET_HOST = "host"  # not an AWS prefix: AWS has no term for a machine on the internet
INTERNET = "internet"  # not an AWS prefix: the router that all gateways and hosts are connected to

_SHAPE = re.compile(r"([a-z]+(?:-[a-z]+)*)-([0-9a-f]{8}|[0-9a-f]{17})")


def make_id(kind: str, *names: str) -> str:
    """Return the id of the resource of this `kind` that `names` (lab, VPC, name, …) identify.

    The id is stable across runs and machines. If the last name already is an id of that kind, it is returned unchanged:
    a resource from `ec2 create-…` has no name, and keeps its id through `export` and `apply`.
    """
    if kind_of(names[-1]) == kind:
        return names[-1]
    digest = hashlib.sha256("\0".join((kind, *names)).encode()).hexdigest()
    return f"{kind}-0{digest[:16]}"


def replica_id(gateway_id: str, number: int) -> str:
    """Return the id of replica `number` (counted from 1) of a gateway. The first replica has the gateway's own id."""
    return gateway_id if number == 1 else f"{gateway_id}.{number}"


def kind_of(text: str) -> str | None:
    """Return the prefix of a well-formed id (`eigw`, `subnet`, …), or None if `text` is not an id.

    AWS's older ids with 8 digits are well-formed too.
    """
    match = _SHAPE.fullmatch(text)
    return match.group(1) if match else None
