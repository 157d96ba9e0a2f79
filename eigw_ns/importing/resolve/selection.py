"""Choose VPCs of a design: everything in another VPC is left out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from eigw_ns.cloud.words import did_you_mean
from eigw_ns.errors import UsageError
from eigw_ns.importing.design import Design, DesignVpc, Key, Link
from eigw_ns.importing.resolve.index import Index

R = TypeVar("R")


def selected(design: Design, wanted: Iterable[str]) -> Design:
    """Return the design with the wanted VPCs only, all if none is named.

    Raises UsageError if a word is not the name, the address or the id of a VPC of the design.
    """
    words = tuple(wanted)
    if not words:
        return design
    index = Index(design)
    kept = frozenset(_find(design, word).label.key for word in words)
    return _only(design, index, kept)


def _find(design: Design, word: str) -> DesignVpc:
    spellings = {spelling: vpc for vpc in design.vpcs for spelling in _spellings(vpc)}
    if word in spellings:
        return spellings[word]
    hint = did_you_mean(word, spellings) or f"the VPCs are {', '.join(sorted(spellings)) or 'none'}"
    raise UsageError(f"the design has no VPC {word}", hint=hint)


def _spellings(vpc: DesignVpc) -> tuple[str, ...]:
    tag = dict(vpc.label.tags).get("Name")
    return (vpc.label.name, vpc.label.place.address, *((tag,) if tag else ()))


def _only(design: Design, index: Index, kept: frozenset[Key]) -> Design:
    def inside(link: Link | None) -> bool:
        return index.vpc_of(link) in kept

    def of_kept(resources: tuple[R, ...]) -> tuple[R, ...]:
        return tuple(each for each in resources if inside(each.label.key))  # type: ignore[attr-defined]

    def may_be_inside(links: Iterable[Link]) -> bool:
        """Return whether a resource is of a VPC that is kept, or none of them is known to be of any."""
        found = [index.vpc_of(link) for link in links]
        return not any(found) or any(vpc in kept for vpc in found)

    touching = (each for each in design.messages if may_be_inside(map(Key, each.touches)))
    return replace(
        design,
        messages=tuple(touching),
        vpcs=of_kept(design.vpcs),
        subnets=of_kept(design.subnets),
        gateways=of_kept(design.gateways),
        route_tables=of_kept(design.route_tables),
        routes=tuple(each for each in design.routes if may_be_inside((each.table,))),
        table_associations=tuple(each for each in design.table_associations if may_be_inside((each.subnet, each.to))),
        acls=of_kept(design.acls),
        acl_entries=tuple(each for each in design.acl_entries if inside(each.acl)),
        acl_associations=tuple(each for each in design.acl_associations if may_be_inside((each.subnet, each.to))),
        groups=of_kept(design.groups),
        group_rules=tuple(each for each in design.group_rules if inside(each.group)),
    )
