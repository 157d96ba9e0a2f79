"""Names of security groups, which AWS compares without regard to case.

Source: GroupName of CreateSecurityGroup, https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html
"""

from __future__ import annotations

from eigw_ns.cloud.model import Cloud, SecurityGroup


def folded(name: str) -> str:
    """Return the form of a group's name that is unique in its VPC: `web` for `Web`. Names have ASCII letters only."""
    return name.lower()


def named(cloud: Cloud, vpc_id: str, name: str) -> SecurityGroup | None:
    """Return the group of the VPC with this name in any case, or None."""
    same = (each for each in cloud.security_groups.values() if folded(each.name) == folded(name))
    return next((group for group in same if group.vpc_id == vpc_id), None)
