"""Prefix lists of the design: a route or a rule with one stands for one route or rule for each entry."""

from __future__ import annotations

from eigw_ns.cloud.model import Block
from eigw_ns.importing.sources.cloudformation.collected import Collected
from eigw_ns.importing.sources.cloudformation.item import Item, block_of
from eigw_ns.importing.sources.cloudformation.values import Reference, Value

_MOST = 50_000


def prefix_list(item: Item) -> None:
    """Note the entries of a prefix list, if all of them are known."""
    entries = item.value("Entries")
    values = entries if isinstance(entries, tuple) else ()
    blocks = [block_of(each.get("Cidr")) if isinstance(each, dict) else None for each in values]
    known = tuple(block for block in blocks if block is not None)
    if isinstance(entries, tuple) and len(known) == len(blocks):
        item.collected.prefix_lists[item.key.text] = known


def entries_of(collected: Collected, value: Value) -> tuple[Block, ...] | None:
    """Return the entries of the prefix list that a value refers to; None if they are not in the design.

    Entries that were used too often are not given: each use becomes as many routes or rules.
    """
    if not isinstance(value, Reference) or value.attribute:
        return None
    found = collected.prefix_lists.get(value.key)
    collected.expanded += len(found or ())
    return found if collected.expanded <= _MOST else None
