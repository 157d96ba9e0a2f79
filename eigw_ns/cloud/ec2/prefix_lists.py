"""CreateManagedPrefixList, ModifyManagedPrefixList, RestoreManagedPrefixListVersion, DeleteManagedPrefixList.

AWS carries these out later, and a failure shows in the state of the list. Here the request itself fails.
Source: https://docs.aws.amazon.com/vpc/latest/userguide/work-with-cust-managed-prefix-lists.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import get_args

from eigw_ns.cloud.ec2 import prefix_list_versions, tags
from eigw_ns.cloud.ec2.blocks import ipv4_block, ipv6_block
from eigw_ns.cloud.ec2.checks import invalid, missing
from eigw_ns.cloud.ec2.prefix_list_shapes import managed_prefix_list
from eigw_ns.cloud.ec2.resources import PREFIX_LIST
from eigw_ns.cloud.ec2.routes import check_destinations
from eigw_ns.cloud.ec2.routes import check_quota as check_routes_quota
from eigw_ns.cloud.ec2.schema import Reply, Request, Shape
from eigw_ns.cloud.ec2.security_group_rules import check_quota as check_rules_quota
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.list_references import referring
from eigw_ns.cloud.model import Block, Cloud
from eigw_ns.cloud.prefix_lists import (
    LONGEST_TEXT,
    MOST_ENTRIES,
    RESERVED_NAMES,
    AddressFamily,
    PrefixList,
    PrefixListEntry,
    is_name,
)
from eigw_ns.cloud.tag_rules import forbidden
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError

_MOST_OF_A_REQUEST = 100
_ADD, _REMOVE = "AddEntries", "RemoveEntries"
_NAMED = 10
"""How many of the resources that refer to a list an error names, as AWS's state message does."""


def create(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Create a prefix list in version 1."""
    name = _checked_name(request["PrefixListName"])
    family, most = _family(request["AddressFamily"]), _checked_size(request["MaxEntries"])
    entries = _entries(request.get("Entries", []), family)
    tagged = tags.specified(request, PREFIX_LIST, settings)
    _check_count(entries, most)
    quota = settings.quotas.prefix_lists_per_region
    if len(cloud.prefix_lists) >= quota:
        raise CloudError("ResourceLimitExceeded", f"The maximum number of prefix lists has been reached ({quota}).")
    list_id = PREFIX_LIST.new_id(cloud, settings)
    made = PrefixList(list_id, name, family, most, entries, tags=tagged)
    return Reply(PREFIX_LIST.put(cloud, made), {"PrefixList": managed_prefix_list(made)})


def modify(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Change the name, the size or the entries of a prefix list. Entries are removed before others are added.

    A change of the entries makes a new version.
    """
    found = PREFIX_LIST.find(cloud, request["PrefixListId"])
    prefix_list_versions.check_current(found, request.get("CurrentVersion"))
    if request.get("MaxEntries") is not None and (request.get(_ADD) or request.get(_REMOVE)):
        message = "You cannot modify the entries and the maximum entries for the prefix list in the same request."
        raise CloudError("InvalidParameterCombination", message)
    name = _checked_name(request["PrefixListName"]) if request.get("PrefixListName") is not None else found.name
    changed = replace(found, name=name, max_entries=_new_size(found, request), state="modify-complete")
    entries = _modified(found, request)
    if entries is None:
        return _reply(cloud, PREFIX_LIST.put(cloud, changed), found.id, settings)
    return _reply(cloud, prefix_list_versions.with_entries(cloud, changed, entries), found.id, settings)


def restore(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Make a new version that has the entries of an earlier one."""
    found = PREFIX_LIST.find(cloud, request["PrefixListId"])
    prefix_list_versions.check_current(found, request["CurrentVersion"])
    entries = prefix_list_versions.entries_of(cloud, found, request["PreviousVersion"])
    _check_count(entries, found.max_entries)
    restored = replace(found, state="restore-complete")
    return _reply(cloud, prefix_list_versions.with_entries(cloud, restored, entries), found.id, settings)


def delete(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Delete a prefix list to which no route and no rule of a security group refers."""
    found = PREFIX_LIST.find(cloud, request["PrefixListId"])
    if users := list(islice(referring(cloud, found.id), _NAMED)):
        message = f"The prefix list '{found.id}' has dependencies and cannot be deleted: {', '.join(users)}"
        raise CloudError("DependencyViolation", message)
    gone = prefix_list_versions.without(PREFIX_LIST.without(cloud, found.id), found.id)
    return Reply(gone, {"PrefixList": {**managed_prefix_list(found), "State": "delete-complete"}})


def _reply(before: Cloud, after: Cloud, list_id: str, settings: Settings) -> Reply:
    """Return the answer about a changed list, after a check that all that refers to it can take the change."""
    for table in after.route_tables.values():
        for route in table.prefix_list_routes:
            if route.prefix_list_id == list_id:
                check_destinations(after, table, route)
                check_routes_quota(before, after, table.id, settings)
    for group in after.security_groups.values():
        if any(rule.peer == list_id for rule in group.rules):
            _check_group(before, after, group.id, settings)
    return Reply(after, {"PrefixList": managed_prefix_list(after.prefix_lists[list_id])})


def _check_group(before: Cloud, after: Cloud, group_id: str, settings: Settings) -> None:
    try:
        check_rules_quota(before, after, group_id, settings)
    except CloudError as error:
        raise CloudError(error.code, f"{error.message} The group {group_id} refers to the prefix list.") from error


def _checked_name(name: str) -> str:
    if not is_name(name):
        rule = f"It has 1 to {LONGEST_TEXT} characters, all of them visible."
        raise invalid(f"Value ({shorten(name)}) for parameter prefixListName is invalid. {rule}")
    if name.lower().startswith(RESERVED_NAMES):
        message = f"Prefix list name '{shorten(name)}' is reserved. Names cannot start with {RESERVED_NAMES}."
        raise invalid(message)
    return name


def _family(text: str) -> AddressFamily:
    for family in get_args(AddressFamily):
        if text == family:
            return family  # type: ignore[no-any-return]
    raise invalid(f"Value ({shorten(text)}) for parameter addressFamily is invalid. Valid values are IPv4 and IPv6.")


def _checked_size(number: int) -> int:
    if not 1 <= number <= MOST_ENTRIES:
        raise invalid(f"Must specify a max size between 1 and {MOST_ENTRIES}")
    return number


def _new_size(found: PrefixList, request: Request) -> int:
    if request.get("MaxEntries") is None:
        return found.max_entries
    size = _checked_size(request["MaxEntries"])
    if size < len(found.entries):
        raise invalid(f"The maximum ({size}) is less than the number of entries of the prefix list.")
    return size


def _check_count(entries: Sequence[PrefixListEntry], most: int) -> None:
    if len(entries) > most:
        message = f"You've reached the maximum number of entries for the prefix list ({most})."
        raise CloudError("PrefixListMaxEntriesExceeded", message)


def _modified(found: PrefixList, request: Request) -> tuple[PrefixListEntry, ...] | None:
    """Return the entries after the change that the request asks for; None if it asks for no change of entries."""
    added = _entries(request.get(_ADD, []), found.address_family)
    removed = _blocks(request.get(_REMOVE, []), found.address_family)
    if not added and not removed:
        return None
    for entry in added:
        if entry.cidr_block in removed:
            both = "in both AddPrefixListEntries and RemovePrefixListEntries"
            raise invalid(f"Request cannot contain Cidr {entry.cidr_block} {both}")
    known = {entry.cidr_block for entry in found.entries}
    for block in removed:
        if block not in known:
            raise _no_change(f"The prefix list '{found.id}' has no entry with the CIDR {block}.")
    for entry in added:
        if entry.cidr_block in known:
            raise _no_change(f"The prefix list '{found.id}' already has an entry with the CIDR {entry.cidr_block}.")
    entries = *(entry for entry in found.entries if entry.cidr_block not in removed), *added
    _check_count(entries, found.max_entries)
    return entries


def _no_change(message: str) -> CloudError:
    return CloudError("InvalidPrefixListModification", message)


def _entries(given: Sequence[Shape], family: AddressFamily) -> tuple[PrefixListEntry, ...]:
    blocks = _blocks(given, family)
    texts = (_checked_description(each.get("Description", "")) for each in given)
    return tuple(PrefixListEntry(block, text) for block, text in zip(blocks, texts, strict=True))


def _blocks(given: Sequence[Shape], family: AddressFamily) -> list[Block]:
    """Return the blocks of entries in a request, each of them once."""
    if len(given) > _MOST_OF_A_REQUEST:
        raise invalid(f"The number of entries per request cannot exceeds limit ({_MOST_OF_A_REQUEST}).")
    blocks = [_block(each.get("Cidr", ""), family) for each in given]
    for twin in _twins(blocks):
        raise invalid(f"Request cannot contain duplicate Cidr {twin}")
    return blocks


def _twins(blocks: Iterable[Block]) -> Iterable[Block]:
    seen: set[Block] = set()
    for block in blocks:
        if block in seen:
            yield block
        seen.add(block)


def _block(text: str, family: AddressFamily) -> Block:
    if not text:
        raise missing("Entries.Cidr")
    if (":" in text) is not (family == "IPv6"):
        raise invalid(f"The CIDR '{shorten(text)}' does not match the address family {family} of the prefix list.")
    return ipv6_block(text, "cidr") if family == "IPv6" else ipv4_block(text, "cidr")


def _checked_description(text: str) -> str:
    if len(text) > LONGEST_TEXT or forbidden(text):
        raise invalid(f"Value ({shorten(text)}) for parameter description is invalid. It has at most 255 characters.")
    return text
