"""The security groups that a network interface can have, and those that it has by default."""

from __future__ import annotations

from collections.abc import Iterable

from eigw_ns.cloud.ec2.resources import SECURITY_GROUP
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.filtering import DEFAULT_GROUP
from eigw_ns.cloud.group_names import named
from eigw_ns.cloud.model import Cloud, Subnet
from eigw_ns.errors import CloudError


def requested_groups(cloud: Cloud, subnet: Subnet, given: Iterable[str], settings: Settings) -> tuple[str, ...]:
    """Return the given security groups of an interface in the subnet, or that of the default group.

    Raises CloudError if an interface of the subnet cannot have them.
    """
    group_ids = tuple(dict.fromkeys(given))
    if not group_ids:
        default = named(cloud, subnet.vpc_id, DEFAULT_GROUP)
        assert default is not None, subnet.vpc_id
        return (default.id,)
    check_groups(cloud, subnet, group_ids, settings)
    return group_ids


def check_groups(cloud: Cloud, subnet: Subnet, group_ids: tuple[str, ...], settings: Settings) -> None:
    """Raise CloudError if an interface in the subnet cannot have these security groups."""
    for group in SECURITY_GROUP.select(cloud, group_ids):
        if group.vpc_id != subnet.vpc_id:
            message = f"Security group {group.id} and subnet {subnet.id} belong to different networks."
            raise CloudError("InvalidParameter", message)
    quota = settings.quotas.security_groups_per_interface
    if len(group_ids) > quota:
        message = f"The maximum number of security groups per interface has been reached ({quota})."
        raise CloudError("SecurityGroupsPerInterfaceLimitExceeded", message)
