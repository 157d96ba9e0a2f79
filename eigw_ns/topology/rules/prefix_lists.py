"""Rules for managed prefix lists, and for what refers to them."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv6Network, ip_network
from typing import get_args

from eigw_ns.cloud.addressing import NEVER_ROUTED
from eigw_ns.cloud.model import Block
from eigw_ns.cloud.prefix_lists import (
    LONGEST_TEXT,
    MOST_ENTRIES,
    RESERVED_NAMES,
    AddressFamily,
    PrefixListState,
    is_name,
)
from eigw_ns.cloud.tag_rules import forbidden
from eigw_ns.frozen import frozen
from eigw_ns.topology import forms, traffic
from eigw_ns.topology.invalid_value import InvalidValue
from eigw_ns.topology.report import MistakeReport
from eigw_ns.topology.schema import LabFile
from eigw_ns.topology.schema_prefix_lists import PrefixListFile
from eigw_ns.topology.tree import Path

_SECTION = "prefix_lists"


@frozen
class ListOfFile:
    """A prefix list as the rules for routes and groups need it. `blocks` are those that are valid."""

    ip_version: int
    max_entries: int
    blocks: tuple[Block, ...]


Lists = Mapping[str, ListOfFile]
"""The prefix lists of a file by their names, also those with mistakes."""


def check(file: LabFile, report: MistakeReport) -> Lists:
    """Check that AWS would accept every prefix list. Returns them for the rules about what refers to them."""
    return {name: _checked(body, report, (_SECTION, name)) for name, body in file.prefix_lists.items()}


def _checked(body: PrefixListFile, report: MistakeReport, place: Path) -> ListOfFile:
    if body.prefix_list_name is not None:
        report.attempt((*place, "prefix_list_name"), _name, body.prefix_list_name)
    report.attempt((*place, "address_family"), lambda text: forms.one_of(text, get_args(AddressFamily)),
                   body.address_family)  # fmt: skip
    report.attempt((*place, "state"), lambda text: forms.one_of(text, get_args(PrefixListState)), body.state)
    if body.version < 1 and report.is_clean((*place, "version")):
        report.add((*place, "version"), "the first version is 1", "write 1 or more")
    most = len(body.entries) if body.max_entries is None else body.max_entries
    _check_size(body, report, place, most)
    return ListOfFile(4 if body.address_family == "IPv4" else 6, max(1, most), _blocks(body, report, place))


def _check_size(body: PrefixListFile, report: MistakeReport, place: Path, most: int) -> None:
    path = (*place, "max_entries")
    if not report.is_clean(path):
        return
    if most > MOST_ENTRIES or (body.max_entries is not None and most < 1):
        problem = f"a prefix list can have at least 1 and at most {MOST_ENTRIES} entries"
        report.add(path, problem, "write another number, or split the list", value=str(most))
    elif len(body.entries) > most:
        report.add(path, f"the list has {len(body.entries)} entries", f"write at least {len(body.entries)}")


def _blocks(body: PrefixListFile, report: MistakeReport, place: Path) -> tuple[Block, ...]:
    owners: dict[Block, Path] = {}
    for index, entry in enumerate(body.entries):
        path = (*place, "entries", index, "cidr")
        report.attempt((*path[:-1], "description"), _description, entry.description)
        block = report.attempt(path, traffic.block, entry.cidr)
        if block is None:
            continue
        if block.version != (4 if body.address_family == "IPv4" else 6):
            problem = f"the list has the address family {body.address_family}"
            report.add(path, problem, "remove the entry, or write it in a list of its own family")
        elif (owner := owners.setdefault(block, path)) != path:
            problem = f"the list already has {block}, on line {report.line(owner)}"
            report.add(path, problem, "remove one of them")
    return tuple(owners)


def _name(text: str) -> str:
    if text.lower().startswith(RESERVED_NAMES):
        raise InvalidValue(f"AWS reserves names that begin with {RESERVED_NAMES}", "write another name")
    if not is_name(text):
        problem = f"a prefix list's name must have 1 to {LONGEST_TEXT} characters, all of them visible"
        raise InvalidValue(problem, "write another name")
    return text


def _description(text: str) -> str:
    if len(text) > LONGEST_TEXT or forbidden(text):
        raise InvalidValue(f"a description can have at most {LONGEST_TEXT} characters", "write another description")
    return text


def unroutable(found: ListOfFile, of_vpc: tuple[IPv6Network, ...]) -> str:
    """Return why a table of the VPC cannot have a route to the list; "" if it can."""
    for block in found.blocks:
        for space in of_vpc:
            if isinstance(block, IPv6Network) and block.subnet_of(space):
                return f"its entry {block} is in the block of the VPC, {space}, which has the local route"
        for space, words in NEVER_ROUTED.items():
            if isinstance(block, IPv6Network) and block.subnet_of(space):
                return f"a route cannot forward packets to its entry {block}, which is in {words}"
    return ""


def names_a_list(text: str) -> bool:
    """Return whether the destination of a route can only be the name of a list: no block looks like it."""
    try:
        ip_network(text, strict=False)
    except ValueError:
        return bool(text) and not set(text) & set(":/.%")
    return False
