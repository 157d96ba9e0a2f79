"""Availability zones. A lab is on one machine, so they are names that are recorded and returned.

Source: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-regions-availability-zones.html
"""

from __future__ import annotations

from eigw_ns.cloud.ec2.settings import REGION
from eigw_ns.cloud.model import Subnet

LETTERS = "abc"


def of_subnet(subnet: Subnet) -> str:
    """Return the name of the subnet's zone: the one that it was created in, or else the first of the Region."""
    return subnet.attributes.availability_zone or f"{REGION}{LETTERS[0]}"


def zone_id(zone: str) -> str:
    """Return the id of a zone: `use1-az1` for `us-east-1a`. The part before the hyphen abbreviates the Region."""
    region, letter = zone[:-1], zone[-1]
    area, *direction, number = region.split("-")
    short = "".join(_SHORT.get(word, word[0]) for word in "-".join(direction).split("-"))
    return f"{area}{short}{number}-az{ord(letter) - ord('a') + 1}"


_SHORT = {"northeast": "ne", "southeast": "se", "northwest": "nw", "southwest": "sw"}
