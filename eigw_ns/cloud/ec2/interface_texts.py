"""The texts of a network interface. Source: AWS, API_CreateNetworkInterface."""

from __future__ import annotations

from eigw_ns.cloud.ec2.checks import invalid
from eigw_ns.cloud.tag_rules import forbidden

_LONGEST = 255


def check_description(text: str) -> str:
    """Return the description. Raises InvalidParameterValue if AWS would refuse it."""
    if len(text) > _LONGEST:
        raise invalid(f"The description of a network interface has at most {_LONGEST} characters.")
    if character := forbidden(text):
        raise invalid(f"The description has the character {character}, which is not valid.")
    return text
