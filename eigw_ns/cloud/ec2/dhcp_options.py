"""CreateDhcpOptions, DescribeDhcpOptions, DeleteDhcpOptions, AssociateDhcpOptions.

DHCP options are recorded: instances have static addresses.
Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateDhcpOptions.html
"""

from __future__ import annotations

from dataclasses import replace

from eigw_ns.cloud.dhcp_rules import OPTIONS, mistake
from eigw_ns.cloud.ec2 import recorded_shapes, tags
from eigw_ns.cloud.ec2.checks import invalid, missing
from eigw_ns.cloud.ec2.describing import Listing
from eigw_ns.cloud.ec2.filters import TAG_FILTERS, KnownFilters
from eigw_ns.cloud.ec2.resources import DHCP_OPTIONS, VPC
from eigw_ns.cloud.ec2.schema import Reply, Request, Shape
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.ec2.shapes import DEFAULT_DHCP_OPTIONS
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.recorded import DhcpOptions
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError

_DEFAULT = "default"
"""What AssociateDhcpOptions takes in place of an id, for no options at all in AWS: the VPC has the default ones."""

_LISTING = Listing(
    "DhcpOptions",
    lambda shape: str(shape["DhcpOptionsId"]),
    KnownFilters(
        {
            "dhcp-options-id": "DhcpOptionsId",
            "key": "DhcpConfigurations.Key",
            "owner-id": "OwnerId",
            **TAG_FILTERS,
            "value": "DhcpConfigurations.Values.Value",
        }
    ),
)


def create(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Create a set of DHCP options."""
    tagged = tags.specified(request, DHCP_OPTIONS, settings)
    found: dict[str, tuple[str, ...]] = {}
    for each in request["DhcpConfigurations"]:
        key, values = each.get("Key", ""), tuple(each.get("Values", ()))
        _check(key, values)
        if key in found:
            raise invalid(f"The DHCP option {key} is given twice")
        found[key] = values
    options_id = DHCP_OPTIONS.new_id(cloud, settings)
    options = DhcpOptions(options_id, options_id, tuple(sorted(found.items())), tagged)
    return Reply(DHCP_OPTIONS.put(cloud, options), {"DhcpOptions": recorded_shapes.dhcp_options(options)})


def _check(key: str, values: tuple[str, ...]) -> None:
    if key not in OPTIONS:
        raise invalid(f"Value ({shorten(key)}) for parameter name is invalid. Unknown DHCP option")
    if not values:
        raise missing("DhcpConfigurations.Values")
    if problem := mistake(key, values):
        raise invalid(f"Value ({shorten(', '.join(values))}) for parameter value is invalid. {problem}")


def describe(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Describe sets of DHCP options, and the default set of the Region."""
    wanted = request.get("DhcpOptionsIds", [])
    asks_default = not wanted or DEFAULT_DHCP_OPTIONS in wanted
    others = [each for each in wanted if each != DEFAULT_DHCP_OPTIONS]
    found = DHCP_OPTIONS.select(cloud, others) if others or not wanted else []
    shapes: list[Shape] = [recorded_shapes.dhcp_options(each) for each in found]
    if asks_default:
        shapes.append(recorded_shapes.dhcp_options(_default(settings)))
    return _LISTING.reply(cloud, shapes, request, settings)


def _default(settings: Settings) -> DhcpOptions:
    """Return the default set of the Region. Source: AWS, "DHCP option sets in Amazon VPC"."""
    domain = "ec2.internal" if settings.region == "us-east-1" else f"{settings.region}.compute.internal"
    configurations = (("domain-name", (domain,)), ("domain-name-servers", ("AmazonProvidedDNS",)))
    return DhcpOptions(DEFAULT_DHCP_OPTIONS, DEFAULT_DHCP_OPTIONS, configurations)


def delete(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Delete a set of DHCP options that no VPC is associated with."""
    wanted = request["DhcpOptionsId"]
    if wanted != DEFAULT_DHCP_OPTIONS:
        DHCP_OPTIONS.find(cloud, wanted)
    if wanted in (DEFAULT_DHCP_OPTIONS, *(vpc.attributes.dhcp_options_id for vpc in cloud.vpcs.values())):
        message = f"The dhcpOptions '{wanted}' has dependencies and cannot be deleted."
        raise CloudError("DependencyViolation", message)
    return Reply(DHCP_OPTIONS.without(cloud, wanted), {})


def associate(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Associate a set of DHCP options, or the default set, with a VPC."""
    vpc, wanted = VPC.find(cloud, request["VpcId"]), request["DhcpOptionsId"]
    chosen = None if wanted in (_DEFAULT, DEFAULT_DHCP_OPTIONS) else DHCP_OPTIONS.find(cloud, wanted).id
    if chosen == vpc.attributes.dhcp_options_id:
        return Reply(cloud, {})
    return Reply(VPC.put(cloud, replace(vpc, attributes=replace(vpc.attributes, dhcp_options_id=chosen))), {})
