"""AWS-shaped ids (a prefix and 17 hex digits), derived from names so that the same file gives the same ids.

Source: AWS EC2 resource ids, https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html
"""

from __future__ import annotations

import hashlib
import re

VPC = "vpc"
SUBNET = "subnet"
ROUTE_TABLE = "rtb"
ASSOCIATION = "rtbassoc"
EGRESS_ONLY_INTERNET_GATEWAY = "eigw"
INTERNET_GATEWAY = "igw"
NETWORK_ACL = "acl"
NETWORK_ACL_ASSOCIATION = "aclassoc"
SECURITY_GROUP = "sg"
SECURITY_GROUP_RULE = "sgr"
INSTANCE = "i"
INTERNET_HOST = "host"  # ours: AWS has no word for a machine on the internet
INTERNET = "internet"  # ours: the router that all gateways and hosts hang on

_SHAPE = re.compile(r"([a-z]+(?:-[a-z]+)*)-([0-9a-f]{8}|[0-9a-f]{17})")


def make_id(kind: str, *names: str) -> str:
    """The id of the `kind` of thing that `names` (lab, VPC, name …) lead to; stable across runs and machines.

    A name that is an id of that kind already is kept: that is how a resource made by `ec2 create-…`, which has no
    name, survives `export` and `apply`.
    """
    if kind_of(names[-1]) == kind:
        return names[-1]
    digest = hashlib.sha256("\0".join((kind, *names)).encode()).hexdigest()
    return f"{kind}-0{digest[:16]}"


def replica_id(gateway_id: str, number: int) -> str:
    """What replica `number` (from 1) of a gateway is called; the first is called as the gateway itself."""
    return gateway_id if number == 1 else f"{gateway_id}.{number}"


def kind_of(text: str) -> str | None:
    """The prefix of a well-formed id (`eigw`, `subnet`, …), or None where `text` is no id. Old 8-digit ids count."""
    match = _SHAPE.fullmatch(text)
    return match.group(1) if match else None
