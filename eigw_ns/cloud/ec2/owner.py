"""The account and the Region in requests and answers.

A lab stores neither. All actions work with the defaults (`settings.ACCOUNT_ID`, `settings.REGION`), and this module
replaces them in answers, and back in requests, if the settings have others.
"""

from __future__ import annotations

from typing import Any

from eigw_ns.cloud.ec2.schema import Shape
from eigw_ns.cloud.ec2.settings import ACCOUNT_ID, REGION, Settings

_ACCOUNTS = frozenset({"OwnerId", "UserId", "GroupOwnerId", "InstanceOwnerId", "NetworkInterfaceOwnerId"})
"""The members whose value is an account. None of them holds a user's text, and neither do those that end in `Arn`."""

_BORDER_GROUP = "NetworkBorderGroup"
"""The member that holds the Region: a lab has no other network border groups."""

_ARN_START = f"arn:aws:ec2:{REGION}:{ACCOUNT_ID}:"


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
    if name == _BORDER_GROUP and value == REGION:
        return settings.region
    if name.endswith("Arn") and isinstance(value, str) and value.startswith(_ARN_START):
        return f"arn:aws:ec2:{settings.region}:{settings.account}:{value.removeprefix(_ARN_START)}"
    return value


def neutral(request: Shape, settings: Settings) -> Shape:
    """Return the request with the default account in place of that of `settings`, and the other way round."""
    if settings.account == ACCOUNT_ID:
        return request
    return {name: _neutral(name, value, settings) for name, value in request.items()}


def _neutral(name: str, value: Any, settings: Settings) -> Any:
    if isinstance(value, dict):
        return neutral(value, settings)
    if isinstance(value, list):
        return [_neutral(name, each, settings) for each in value]
    swapped = {settings.account: ACCOUNT_ID, ACCOUNT_ID: settings.account}
    return swapped.get(value, value) if name in _ACCOUNTS and isinstance(value, str) else value
