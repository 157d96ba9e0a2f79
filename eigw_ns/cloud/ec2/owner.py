"""The account and the Region in requests and answers, and the zones, whose names begin with that of the Region.

A lab stores the account and the zones of the defaults (`settings.ACCOUNT_ID`, `settings.REGION`). All actions work with
them, and this module replaces them in answers, and back in requests, if the settings have others.
"""

from __future__ import annotations

from typing import Any

from eigw_ns.cloud.ec2 import zones
from eigw_ns.cloud.ec2.interface_shapes import private_domain
from eigw_ns.cloud.ec2.schema import Shape
from eigw_ns.cloud.ec2.settings import ACCOUNT_ID, REGION, Settings

_ACCOUNTS = frozenset(
    {
        "OwnerId",
        "UserId",
        "GroupOwnerId",
        "InstanceOwnerId",
        "IpOwnerId",
        "NetworkInterfaceOwnerId",
        "ResourceOwner",
    }
)
"""The members whose value is an account. None of them holds a user's text, and neither do those that end in `Arn`."""

_REGIONS = frozenset({"NetworkBorderGroup"})
_ZONES = frozenset({"AvailabilityZone", "AvailabilityZoneId"})
"""The members whose value is a Region, and those whose value is a zone or the id of a zone."""

_ARN_START = f"arn:aws:ec2:{REGION}:{ACCOUNT_ID}:"
_PROFILE_START = f"arn:aws:iam::{ACCOUNT_ID}:instance-profile/"


def owned(answer: Shape, settings: Settings) -> Shape:
    """Return the answer with the account and the Region of `settings`. A second call changes nothing."""
    if (settings.account, settings.region) == (ACCOUNT_ID, REGION):
        return answer
    return {name: _owned(name, value, settings) for name, value in answer.items()}


def _owned(name: str, value: Any, settings: Settings) -> Any:
    if isinstance(value, dict):
        return owned(value, settings)
    if isinstance(value, list | tuple):
        return [_owned(name, each, settings) for each in value]
    if name in _ACCOUNTS and value == ACCOUNT_ID:
        return settings.account
    if name.endswith("Arn") and isinstance(value, str) and value.startswith(_ARN_START):
        return f"arn:aws:ec2:{settings.region}:{settings.account}:{value.removeprefix(_ARN_START)}"
    if name == "Arn" and isinstance(value, str) and value.startswith(_PROFILE_START):
        return value.replace(ACCOUNT_ID, settings.account, 1)
    if name in _REGIONS and value == REGION:
        return settings.region
    if name in _ZONES and isinstance(value, str):
        return zones.of_other_region(REGION, settings.region).get(value, value)
    if name == "PrivateDnsName" and isinstance(value, str) and value.endswith(private_domain(REGION)):
        return value.removesuffix(private_domain(REGION)) + private_domain(settings.region)
    return value


def neutral(request: Shape, settings: Settings) -> Shape:
    """Return the request with the default account and zones in place of those of `settings`, and the other way round.

    So what belongs to another account or Region stays foreign.
    """
    if (settings.account, settings.region) == (ACCOUNT_ID, REGION):
        return request
    return {name: _neutral(name, value, settings) for name, value in request.items()}


def _neutral(name: str, value: Any, settings: Settings) -> Any:
    if isinstance(value, dict):
        return neutral(value, settings)
    if isinstance(value, list):
        return [_neutral(name, each, settings) for each in value]
    if not isinstance(value, str):
        return value
    if name in _ACCOUNTS:
        return {settings.account: ACCOUNT_ID, ACCOUNT_ID: settings.account}.get(value, value)
    if name in _ZONES and settings.region != REGION:
        return zones.swapped(value, settings.region)
    return value
