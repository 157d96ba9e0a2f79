"""What a VPC was created with: its main route table, its default network ACL and its default security group.

Terraform has no resource for them unless the configuration adopts them (`aws_default_route_table`, …). Arguments of
other resources can name them by attributes of the VPC. One that is named so and not adopted becomes an item of the
design.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from eigw_ns.frozen import frozen
from eigw_ns.importing.design import Key, Label, Link
from eigw_ns.importing.sources.terraform.invented import VPCS
from eigw_ns.importing.sources.terraform.links import Links, Sort
from eigw_ns.importing.sources.terraform.resources import Resource
from eigw_ns.importing.sources.terraform.state import State


@frozen
class Default:
    """A default of one VPC. `adopted` is True if a resource of the state manages it."""

    key: Key
    vpc: Resource
    adopted: bool


@frozen
class Defaults:
    """The defaults of one sort by their VPC, and a way to resolve ids that mean them."""

    sort: Sort
    by_vpc: Mapping[Key, Default]
    ids: Mapping[str, Key]
    links: Links

    def link(self, text: str) -> Link:
        """Return the resource or the default that an id means."""
        known = self.links.known(self.sort, text)
        return known or self.ids.get(text) or self.links.outside(text)

    def used(self, keys: set[Key]) -> Iterator[Default]:
        """Yield the defaults that no resource manages and that `keys` has."""
        return (each for each in self.by_vpc.values() if not each.adopted and each.key in keys)

    def vpc_of(self, key: Key) -> Key | None:
        """Return the VPC that has this default."""
        return next((vpc for vpc, each in self.by_vpc.items() if each.key == key), None)


def defaults(state: State, sort: Sort, adopting: str, attribute: str, *others: str) -> Defaults:
    """Return the defaults of one sort. `adopting` is the type that adopts one.

    `attribute` of a VPC holds its id, and `others` hold the same id unless a resource of the state has theirs.
    """
    found: dict[Key, Default] = {}
    ids: dict[str, Key] = {}
    for vpc in state.of(*VPCS):
        adopter = _adopter(state, sort, adopting, vpc, vpc.body.text(attribute))
        key = adopter or Key(f"{vpc.address}.{attribute}")
        found[vpc.key] = Default(key, vpc, adopter is not None)
        ids |= {text: key for name in (attribute, *others) if (text := vpc.body.text(name))}
    return Defaults(sort, found, ids, state.links)


def _adopter(state: State, sort: Sort, adopting: str, vpc: Resource, text: str) -> Key | None:
    """Return what manages the default: the resource with its id, or the adopting one that names the VPC."""
    named = (each.key for each in state.of(adopting) if state.links.known("vpc", each.body.text("vpc_id")) == vpc.key)
    return state.links.known(sort, text) or next(named, None)


def label_of(default: Default, name: str) -> Label:
    """Return the label of a default that no resource manages."""
    return Label(default.key, replace(default.vpc.place, address=default.key.text), name)
