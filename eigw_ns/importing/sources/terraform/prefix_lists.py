"""Managed prefix lists of the source: rules and routes about them become rules and routes about their entries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from eigw_ns.cloud.model import Block
from eigw_ns.frozen import frozen
from eigw_ns.importing.design import Key, Outside
from eigw_ns.importing.sources.terraform.resources import Resource
from eigw_ns.importing.sources.terraform.state import State


@frozen
class PrefixLists:
    """The entries of the prefix lists of a state."""

    lists: Mapping[Key, tuple[Block, ...]]

    def entries(self, state: State, resource: Resource, text: str) -> Iterator[Block | Outside]:
        """Yield the blocks of the list with this id; the list itself if it is outside. `resource` uses it."""
        known = state.links.known("list", text)
        if known is None or known not in self.lists:
            yield state.links.outside(text)
            return
        for block in self.lists[known]:
            placed = state.placed(resource, block)
            if placed is not None:
                yield placed


def prefix_lists(state: State) -> PrefixLists:
    """Return the entries of each list, from its blocks and from resources of their own, each once."""
    found = {each.key: [body.block("cidr") for body in each.body.bodies("entry")] for each in _lists(state)}
    for each in state.of("aws_ec2_managed_prefix_list_entry"):
        key = state.links.known("list", each.body.text("prefix_list_id"))
        if key in found:
            found[key].append(each.body.block("cidr"))
    return PrefixLists({key: tuple(dict.fromkeys(block for block in blocks if block)) for key, blocks in found.items()})


def _lists(state: State) -> Iterator[Resource]:
    return state.of("aws_ec2_managed_prefix_list")
