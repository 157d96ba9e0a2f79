"""DescribeRegions, DescribeAvailabilityZones. A lab has one Region, that of the settings, with three zones. Other
labs may be in other Regions.

Sources: AWS, API_DescribeRegions, API_DescribeAvailabilityZones.
"""

from __future__ import annotations

from eigw_ns.cloud.ec2 import zones
from eigw_ns.cloud.ec2.checks import invalid
from eigw_ns.cloud.ec2.describing import Listing
from eigw_ns.cloud.ec2.filters import ABSENT, KnownFilters
from eigw_ns.cloud.ec2.schema import Reply, Request, Shape
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.words import shorten

_OPT_IN = "opt-in-not-required"

_REGIONS = Listing(
    "Regions",
    lambda shape: str(shape["RegionName"]),
    KnownFilters({"endpoint": "Endpoint", "opt-in-status": "OptInStatus", "region-name": "RegionName"}, tags=None),
)

_ZONES = Listing(
    "AvailabilityZones",
    lambda shape: str(shape["ZoneName"]),
    KnownFilters(
        {
            "group-long-name": "GroupLongName",
            "group-name": "GroupName",
            "message": "Messages.Message",
            "opt-in-status": "OptInStatus",
            **dict.fromkeys(("parent-zone-id", "parent-zone-name"), ABSENT),
            "region-name": "RegionName",
            "state": "State",
            "zone-id": "ZoneId",
            "zone-name": "ZoneName",
            "zone-type": "ZoneType",
        },
        tags=None,
    ),
)


def describe_regions(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Describe the Regions that have a lab. Another Region is refused, although AWS has it."""
    known, wanted = settings.regions or (settings.region,), request.get("RegionNames", [])
    for name in wanted:
        if name not in known:
            raise invalid(f"Invalid region provided: {shorten(name)}")
    found = [_region(name) for name in known if not wanted or name in wanted]
    return _REGIONS.reply(cloud, found, request, settings)


def _region(name: str) -> Shape:
    return {"RegionName": name, "Endpoint": f"ec2.{name}.amazonaws.com", "OptInStatus": _OPT_IN}


def describe_availability_zones(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Describe the zones of the Region by name or by id, or describe all."""
    found = [_zone(settings.region, zone) for zone in zones.zone_names(settings.region)]
    for parameter, member in (("ZoneNames", "ZoneName"), ("ZoneIds", "ZoneId")):
        wanted = request.get(parameter, [])
        for text in wanted:
            if all(shape[member] != text for shape in found):
                raise invalid(f"Invalid availability zone{'-id' * (member == 'ZoneId')}: [{shorten(text)}]")
        found = [shape for shape in found if not wanted or shape[member] in wanted]
    return _ZONES.reply(cloud, found, request, settings)


def _zone(region: str, zone: str) -> Shape:
    return {
        "ZoneName": zone,
        "ZoneId": zones.zone_id(zone),
        "ZoneType": "availability-zone",
        "State": "available",
        "OptInStatus": _OPT_IN,
        "Messages": [],
        "RegionName": region,
        "GroupName": f"{region}-zg-1",
        "GroupLongName": f"{region} 1",
        "NetworkBorderGroup": region,
    }
