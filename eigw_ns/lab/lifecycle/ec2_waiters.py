"""The conditions that `aws ec2 wait` waits for, about resources that a lab has.

A change of a lab is complete when its action returns. So a waiter waits only for what another process will create.
Names, codes and times are those of botocore's waiters for EC2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from eigw_ns.cloud.ec2.filters import values_at
from eigw_ns.errors import CloudError
from eigw_ns.frozen import frozen
from eigw_ns.kernel.processes.waiting import wait_until

_PAUSE = 0.2  # seconds; AWS's waiters ask every 1 to 15 s


@frozen
class Waiter:
    """A condition: the action that is asked, for how many seconds at most, and the error code that means "not yet".

    The answer must have a resource, and all values at `path` in it must be `wanted`. The code `gone` means success.
    """

    action: str
    seconds: int
    not_yet: str = ""
    path: str = ""
    wanted: str = ""
    gone: str = ""


_STATE = "Reservations.Instances.State.Name"


WAITERS: Mapping[str, Waiter] = {
    "instance-exists": Waiter("DescribeInstances", 5 * 40, "InvalidInstanceID.NotFound"),
    "instance-running": Waiter("DescribeInstances", 15 * 40, "InvalidInstanceID.NotFound", _STATE, "running"),
    "instance-status-ok": Waiter(
        "DescribeInstanceStatus", 15 * 40, "InvalidInstanceID.NotFound", "InstanceStatuses.InstanceStatus.Status", "ok"
    ),
    "instance-stopped": Waiter("DescribeInstances", 15 * 40, "", _STATE, "stopped"),
    "instance-terminated": Waiter("DescribeInstances", 15 * 40, "", _STATE, "terminated"),
    "image-available": Waiter("DescribeImages", 15 * 40, "", "Images.State", "available"),
    "image-exists": Waiter("DescribeImages", 15 * 40, "InvalidAMIID.NotFound"),
    "key-pair-exists": Waiter("DescribeKeyPairs", 5 * 6, "InvalidKeyPair.NotFound"),
    "system-status-ok": Waiter("DescribeInstanceStatus", 15 * 40, "", "InstanceStatuses.SystemStatus.Status", "ok"),
    "internet-gateway-exists": Waiter("DescribeInternetGateways", 5 * 6, "InvalidInternetGateway.NotFound"),
    "nat-gateway-available": Waiter(
        "DescribeNatGateways", 15 * 40, "NatGatewayNotFound", "NatGateways.State", "available"
    ),
    "nat-gateway-deleted": Waiter(
        "DescribeNatGateways", 15 * 40, "", "NatGateways.State", "deleted", gone="NatGatewayNotFound"
    ),
    "security-group-exists": Waiter("DescribeSecurityGroups", 5 * 6, "InvalidGroup.NotFound"),
    "subnet-available": Waiter("DescribeSubnets", 15 * 40),
    "vpc-available": Waiter("DescribeVpcs", 15 * 40),
    "vpc-exists": Waiter("DescribeVpcs", 1 * 5, "InvalidVpcID.NotFound"),
}
"""The waiters by aws-cli's names. All resources of a lab are available, so to exist is enough, but for instances."""


def wait_for(waiter: Waiter, ask: Callable[[], Mapping[str, Any]]) -> bool:
    """Return True as soon as the answer of `ask` has a resource, and False if it never has. Raises CloudError."""
    return wait_until(lambda: _is_met(waiter, ask), waiter.seconds, pause=_PAUSE)


def _is_met(waiter: Waiter, ask: Callable[[], Mapping[str, Any]]) -> bool:
    try:
        answer = ask()
    except CloudError as error:
        if error.code in (waiter.not_yet, waiter.gone):
            return error.code == waiter.gone
        raise
    found = any(isinstance(value, list) and value for value in answer.values())
    return found and all(value == waiter.wanted for value in _values(waiter, answer))


def _values(waiter: Waiter, answer: Mapping[str, Any]) -> Iterator[Any]:
    return values_at(answer, waiter.path.split(".")) if waiter.path else iter(())
