"""Managed prefix lists in the shapes of EC2's answers, and the actions that describe them."""

from __future__ import annotations

from eigw_ns.cloud.ec2.describing import Listing
from eigw_ns.cloud.ec2.filters import TAG_FILTERS, KnownFilters
from eigw_ns.cloud.ec2.prefix_list_versions import entries_of
from eigw_ns.cloud.ec2.resources import PREFIX_LIST
from eigw_ns.cloud.ec2.schema import Reply, Request, Shape
from eigw_ns.cloud.ec2.settings import ACCOUNT_ID, Settings
from eigw_ns.cloud.ec2.shapes import arn, tag_list
from eigw_ns.cloud.list_references import referring
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.prefix_lists import PrefixList, PrefixListEntry

_LISTS = Listing(
    "PrefixLists",
    lambda shape: str(shape["PrefixListId"]),
    KnownFilters(
        {
            "owner-id": "OwnerId",
            "prefix-list-id": "PrefixListId",
            "prefix-list-name": "PrefixListName",
            **TAG_FILTERS,
        }
    ),
    most=100,
    least=1,
)
_ENTRIES = Listing("Entries", lambda shape: str(shape["Cidr"]), KnownFilters({}, tags=None), most=100, least=1)
_ASSOCIATIONS = Listing(
    "PrefixListAssociations", lambda shape: str(shape["ResourceId"]), KnownFilters({}, tags=None), most=255
)


def describe(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Describe managed prefix lists. A lab has none of AWS's own."""
    found = PREFIX_LIST.select(cloud, request.get("PrefixListIds", []))
    return _LISTS.reply(cloud, map(managed_prefix_list, found), request, settings)


def entries(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Return the entries of a prefix list, by default in its current version."""
    found = PREFIX_LIST.find(cloud, request["PrefixListId"])
    shown = entries_of(cloud, found, request.get("TargetVersion"))
    return _ENTRIES.reply(cloud, map(_entry, shown), request, settings)


def associations(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Return the security groups and the route tables that refer to a prefix list."""
    found = PREFIX_LIST.find(cloud, request["PrefixListId"])
    shapes: list[Shape] = [
        {"ResourceId": resource_id, "ResourceOwner": ACCOUNT_ID} for resource_id in referring(cloud, found.id)
    ]
    return _ASSOCIATIONS.reply(cloud, shapes, request, settings)


def managed_prefix_list(resource: PrefixList) -> Shape:
    """Return a prefix list as in DescribeManagedPrefixLists."""
    return {
        "PrefixListId": resource.id,
        "AddressFamily": resource.address_family,
        "State": resource.state,
        "PrefixListArn": arn("prefix-list", resource.id),
        "PrefixListName": resource.name,
        "MaxEntries": resource.max_entries,
        "Version": resource.version,
        "Tags": tag_list(resource.tags),
        "OwnerId": ACCOUNT_ID,
        "IpamPrefixListResolverSyncEnabled": False,
    }


def _entry(entry: PrefixListEntry) -> Shape:
    return {
        "Cidr": str(entry.cidr_block),
        **({"Description": entry.description} if entry.description else {}),
    }
