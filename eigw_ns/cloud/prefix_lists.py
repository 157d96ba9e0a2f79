"""Managed prefix lists: named sets of blocks to which rules of security groups and routes refer by id.

Source: AWS, "Managed prefix lists", https://docs.aws.amazon.com/vpc/latest/userguide/managed-prefix-lists.html
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network
from typing import Literal

from eigw_ns.cloud.words import INVISIBLE
from eigw_ns.frozen import frozen

AddressFamily = Literal["IPv4", "IPv6"]
PrefixListState = Literal["create-complete", "modify-complete", "restore-complete"]

MOST_ENTRIES = 1000
"""The largest `max_entries` that AWS accepts."""

LONGEST_TEXT = 255
"""The longest name of a list, and the longest description of an entry."""

RESERVED_NAMES = "com.amazonaws"
"""AWS's own lists have names that begin with this, so no other list can."""


def is_name(text: str) -> bool:
    """Return whether a prefix list can have the name. Names are shown, so all their characters are visible."""
    return 1 <= len(text) <= LONGEST_TEXT and re.search(INVISIBLE, text) is None


@frozen
class PrefixListEntry:
    """A block of a prefix list."""

    cidr_block: IPv4Network | IPv6Network
    description: str = ""


@frozen
class PrefixList:
    """A managed prefix list. Its blocks are all of one family.

    `max_entries` counts against the quotas of groups and route tables that refer to it, however many entries it has.
    `version` rises by one with each change of the entries. `name` is AWS's PrefixListName; several can have the same.
    """

    id: str
    name: str
    address_family: AddressFamily
    max_entries: int
    entries: tuple[PrefixListEntry, ...] = ()
    version: int = 1
    state: PrefixListState = "create-complete"
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def ip_version(self) -> int:
        """The IP version of its blocks."""
        return 6 if self.address_family == "IPv6" else 4


@frozen
class PrefixListRoute:
    """A static route to all blocks of a managed prefix list. `list_references.expanded` makes routes of it."""

    prefix_list_id: str
    target_id: str

    @property
    def destination(self) -> str:
        """The id of the list."""
        return self.prefix_list_id


@frozen
class PrefixListVersion:
    """The entries that a prefix list had in an earlier version."""

    prefix_list_id: str
    number: int
    entries: tuple[PrefixListEntry, ...]
