"""The structure of managed prefix lists in a topology file."""

from __future__ import annotations

from typing import get_args

from pydantic import Field

from eigw_ns.cloud.prefix_lists import MOST_ENTRIES, AddressFamily, PrefixListState
from eigw_ns.topology.schema_base import Strict, Tagged


class PrefixListEntryFile(Strict):
    """A block of a managed prefix list."""

    cidr: str = Field(description="A block of the list's address family", examples=["2001:db8:80::/48"])
    description: str = Field("", description="AWS's description of the entry")


class PrefixListFile(Tagged):
    """A managed prefix list: blocks to which routes and rules of security groups refer by its name."""

    prefix_list_name: str | None = Field(
        None, description="AWS's PrefixListName; default: the key", examples=["Corporate networks"]
    )
    address_family: str = Field(
        "IPv6", description="The family of its blocks", json_schema_extra={"enum": [*get_args(AddressFamily)]}
    )
    max_entries: int | None = Field(
        None,
        description="How many entries it can have; counts in the quotas of what uses it; default: as many as it has",
        examples=[10],
        json_schema_extra={"minimum": 1, "maximum": MOST_ENTRIES},
    )
    entries: list[PrefixListEntryFile] = Field([], description="Its blocks; without one, nothing matches the list")
    version: int = Field(1, description="AWS's version of the entries; recorded", examples=[2])
    state: str = Field(
        "create-complete",
        description="AWS's attribute; recorded",
        json_schema_extra={"enum": [*get_args(PrefixListState)]},
    )
