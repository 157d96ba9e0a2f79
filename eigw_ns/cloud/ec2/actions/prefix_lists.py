"""The actions on managed prefix lists."""

from __future__ import annotations

from collections.abc import Mapping

from eigw_ns.cloud.ec2 import prefix_list_shapes, prefix_lists
from eigw_ns.cloud.ec2.schema import (
    CLIENT_TOKEN,
    DRY_RUN,
    PAGING,
    TAG_SPECIFICATIONS,
    Action,
    describing,
    integer,
    mutating,
    reading,
    string,
    structures,
)

_LIST = string("PrefixListId", "the ID of the prefix list", required=True)
_BLOCK = string("Cidr", "a block of the list's address family", required=True)
_ENTRY = (_BLOCK, string("Description", "the purpose of the entry"))

PREFIX_LISTS: Mapping[str, Action] = {
    "CreateManagedPrefixList": Action(
        prefix_lists.create,
        "Create a managed prefix list: blocks to which routes and rules of security groups can refer",
        (
            string("PrefixListName", "the name of the prefix list", required=True),
            structures("Entries", "the entries; default: none", *_ENTRY),
            integer("MaxEntries", "the most entries, 1 to 1000; counts in quotas of what refers to it", required=True),
            TAG_SPECIFICATIONS,
            string("AddressFamily", "the family of its blocks: IPv4 or IPv6", required=True),
            CLIENT_TOKEN,
            DRY_RUN,
        ),
        mutates=True,
        echoes_token=False,
    ),
    "DescribeManagedPrefixLists": reading(
        prefix_list_shapes.describe,
        "Describe managed prefix lists",
        *describing("PrefixListIds", "prefix lists"),
    ),
    "GetManagedPrefixListEntries": reading(
        prefix_list_shapes.entries,
        "List the entries of a managed prefix list",
        _LIST,
        integer("TargetVersion", "the version; default: the current one"),
        *PAGING,
        DRY_RUN,
    ),
    "GetManagedPrefixListAssociations": reading(
        prefix_list_shapes.associations,
        "List the security groups and route tables that refer to a managed prefix list",
        _LIST,
        *PAGING,
        DRY_RUN,
    ),
    "ModifyManagedPrefixList": mutating(
        prefix_lists.modify,
        "Change the entries, the name or the size of a managed prefix list",
        _LIST,
        integer("CurrentVersion", "the version that you have seen; another one is refused"),
        string("PrefixListName", "the new name"),
        structures("AddEntries", "the entries to add", *_ENTRY),
        structures("RemoveEntries", "the entries to remove", _BLOCK),
        integer("MaxEntries", "how many entries it can have; not together with entries"),
        DRY_RUN,
    ),
    "RestoreManagedPrefixListVersion": mutating(
        prefix_lists.restore,
        "Give a managed prefix list the entries of an earlier version, as a new version",
        _LIST,
        integer("PreviousVersion", "the version to restore", required=True),
        integer("CurrentVersion", "the current version", required=True),
        DRY_RUN,
    ),
    "DeleteManagedPrefixList": mutating(
        prefix_lists.delete, "Delete a managed prefix list to which nothing refers", _LIST, DRY_RUN
    ),
}
"""Each action by AWS's name for it."""
