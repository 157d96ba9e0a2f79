"""Availability zones. A lab is on one machine, so they are names that are recorded and returned.

A lab stores the zones of the Region `REGION`. Module `owner` replaces them if the settings have another Region.
Source: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-regions-availability-zones.html
"""

from __future__ import annotations

from collections.abc import Mapping

from eigw_ns.cloud.ec2.schema import Request
from eigw_ns.cloud.ec2.settings import REGION, Settings
from eigw_ns.cloud.model import Subnet
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError

LETTERS = "abc"


def of_subnet(subnet: Subnet) -> str:
    """Return the name of the subnet's zone: the one that it was created in, or else the first of the Region."""
    return subnet.attributes.availability_zone or f"{REGION}{LETTERS[0]}"


def zone_names(region: str) -> list[str]:
    """Return the names of the zones of a Region."""
    return [f"{region}{letter}" for letter in LETTERS]


def zone_id(zone: str) -> str:
    """Return the id of a zone: `use1-az1` for `us-east-1a`."""
    return f"{region_code(zone[:-1])}-az{ord(zone[-1]) - ord('a') + 1}"


def region_code(region: str) -> str:
    """Return the abbreviation of a Region in ids of zones: `use1` for `us-east-1`."""
    area, *direction, number = region.split("-")
    return f"{area}{''.join(_SHORT.get(word, word[0]) for word in direction)}{number}"


_SHORT = {"northeast": "ne", "southeast": "se", "northwest": "nw", "southwest": "sw"}


def of_other_region(region: str, other: str) -> Mapping[str, str]:
    """Return the names and the ids of the zones of a Region, each with that of the same zone of the other Region."""
    pairs = list(zip(zone_names(region), zone_names(other), strict=True))
    return {**dict(pairs), **{zone_id(one): zone_id(another) for one, another in pairs}}


def swapped(zone: str, region: str) -> str:
    """Return the zone of `REGION` for one of `region`, and the other way round. Any other text stays."""
    return {**of_other_region(REGION, region), **of_other_region(region, REGION)}.get(zone, zone)


def requested(request: Request, settings: Settings) -> str | None:
    """Return the zone that AvailabilityZone or AvailabilityZoneId names, or None. `owner` has made it one of `REGION`.

    Raises CloudError if the request names two zones, or one that the Region does not have.
    """
    name, number = request.get("AvailabilityZone"), request.get("AvailabilityZoneId")
    by_id = {zone_id(zone): zone for zone in zone_names(REGION)}
    if name and number and by_id.get(number) != name:
        message = "The parameters AvailabilityZone and AvailabilityZoneId name different zones"
        raise CloudError("InvalidParameterCombination", message)
    if name and name not in zone_names(REGION):
        raise _unknown("availabilityZone", name, settings)
    if number and number not in by_id:
        raise _unknown("availabilityZoneId", number, settings)
    return name or by_id.get(number or "")


def _unknown(parameter: str, given: str, settings: Settings) -> CloudError:
    shown, listed = shorten(swapped(given, settings.region)), ", ".join(zone_names(settings.region))
    return CloudError(
        "InvalidParameterValue",
        f"Value ({shown}) for parameter {parameter} is invalid. Subnets can currently only be created in the following"
        f" availability zones: {listed}.",
    )
