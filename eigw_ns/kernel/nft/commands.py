"""Write a `Ruleset` as nft commands: one transaction, preceded by one that fills new sets (`loader.replace_table`).

A transaction declares the table, removes what is no longer wanted, and empties and refills chains and sets. Counters
are never deleted and created again, so they keep their numbers. If the hook or priority of a base chain changes, the
same transaction deletes and recreates the chain: the kernel refuses to change it in place. A dormant table wakes by the
declaration alone, since that has no flags.

If only elements differ, the transaction has only those. One more route for one of 200 subnets is two elements of a set
that has 201, and takes Linux and libnftables 10 ms instead of 60.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from eigw_ns.dataplane.state import NftSet, ReplicaMap, Ruleset
from eigw_ns.kernel.nft.library import TABLE

_PLAIN = re.compile(r'[\w:."/-]+( \. [\w:."/-]+)+')
"""An element without comments, timeouts and so on: what a listing shows is foreign text."""

ASLEEP = "dormant "
"""Prefix of the hook of a base chain in a dormant table."""


def transaction(new: Ruleset | None, old: Ruleset | None) -> str:
    """Return the nft commands that change the table `old` to `new`."""
    if new is None:
        return f"delete table {old.family} {TABLE}\n" if old else ""
    if old and _without_elements(new) == _without_elements(old):
        return "".join(f"{line}\n" for line in _element_changes(new, old))
    before = _removals(new, old) if old else (f"create table {new.family} {TABLE}",)  # refused if it exists
    return "".join(f"{line}\n" for line in (*before, *_declaration(new)))


def new_sets(new: Ruleset | None, old: Ruleset | None) -> str:
    """Return the nft commands that create and fill the sets that only `new` has. Not maps: they may need chains."""
    if not new or not old:
        return ""
    names = {item.name for item in old.sets}
    fresh = [item for item in new.sets if item.name not in names and item.elements and not item.data_type]
    if not fresh:
        return ""
    lines = (line for item in fresh for line in _set_declaration(item))
    return "".join(f"{line}\n" for line in (f"table {new.family} {TABLE} {{", *lines, "}"))


def replica_map_transaction(group: ReplicaMap | None, old: ReplicaMap | None) -> str:
    """Return the nft commands that replace a group's shares in one step. None for `group` removes them."""
    there = group or old
    if there is None:
        return ""
    where = f"{there.family} {TABLE} {there.name}"
    members = ", ".join(f"{first}-{last} : {mac}" for first, last, mac in group.shares) if group else ""
    return f"flush map {where}\n" + (f"add element {where} {{ {members} }}\n" if members else "")


def _removals(new: Ruleset, old: Ruleset) -> Iterator[str]:
    where = f"{old.family} {TABLE}"
    chains = {chain.name: chain for chain in new.chains}
    sets = {item.name: item for item in new.sets}
    for chain in old.chains:
        yield f"flush chain {where} {chain.name}"
    for item in old.sets:  # before the chains: elements of a map may jump to them, as in older versions
        kind = _kind(item)
        if item.name not in sets or _shape(sets[item.name]) != _shape(item):
            yield f"delete {kind} {where} {item.name}"
        elif not item.size and not item.is_group:  # sets that packets fill keep their elements, groups their shares
            yield f"flush {kind} {where} {item.name}"
    for chain in old.chains:
        if chain.name not in chains or chains[chain.name].hook != chain.hook.removeprefix(ASLEEP):
            yield f"delete chain {where} {chain.name}"
    for counter in old.counters:
        if counter not in new.counters:
            yield f"delete counter {where} {counter}"


def _without_elements(ruleset: Ruleset) -> Ruleset:
    return replace(ruleset, sets=tuple(replace(item, elements=()) for item in ruleset.sets))


def _element_changes(new: Ruleset, old: Ruleset) -> Iterator[str]:
    """Yield what removes elements, then the sets with the elements that are added."""
    where = f"{new.family} {TABLE}"
    added: list[NftSet] = []
    for item, before in zip(new.sets, old.sets, strict=True):
        if item.elements == before.elements or item.is_group:
            continue
        wanted = set(item.elements)
        gone = [key for key, value in before.elements if (key, value) not in wanted]
        if _takes_single_elements(item) and 2 * len(gone) < len(before.elements) and all(map(_PLAIN.fullmatch, gone)):
            yield from [f"delete element {where} {item.name} {{ {', '.join(gone)} }}"] if gone else []
            item = replace(item, elements=tuple(sorted(wanted - set(before.elements))))
        else:
            yield f"flush {_kind(item)} {where} {item.name}"
        added.append(item)
    yield from (f"table {new.family} {TABLE} {{", *(line for item in added for line in _set_declaration(item)), "}")


def _takes_single_elements(item: NftSet) -> bool:
    """Return whether elements can be deleted by what a listing shows.

    nft 1.0.6 must know all ranges of a set of one field to delete one of them, and cannot write raw octets of a packet
    outside of a declaration.
    """
    return not item.data_type and "@" not in item.key_type and " . " in item.key_type


def _shape(item: NftSet) -> tuple[str, str, bool, int, str]:
    return item.key_type, item.data_type, item.interval, item.size, item.timeout


def _kind(item: NftSet) -> str:
    return "map" if item.data_type else "set"


def _declaration(ruleset: Ruleset) -> Iterator[str]:
    yield f"table {ruleset.family} {TABLE} {{"
    for counter in ruleset.counters:
        yield f"counter {counter} {{ }}"
    for chain in ruleset.chains:  # declared first: maps and rules refer to them
        yield f"chain {chain.name} {{ {chain.hook} }}"
    for item in ruleset.sets:
        yield from _set_declaration(item)
    for chain in ruleset.chains:
        # a listing omits this match as implied, but nft rejects some expressions without it
        prefix = "meta protocol ip6 " if ruleset.family == "netdev" and not chain.hook else ""
        yield f"chain {chain.name} {{"
        yield from (f"{prefix}{rule}" for rule in chain.rules)
        yield "}"
    yield "}"


def _set_declaration(item: NftSet) -> Iterator[str]:
    types = f"{item.key_type} : {item.data_type}" if item.data_type else item.key_type
    word = "typeof" if "@" in item.key_type else "type"  # octets of a packet have no type of their own
    dynamic = f"flags dynamic,timeout; timeout {item.timeout}" if item.timeout else "flags dynamic"
    flags = f"size {item.size}; {dynamic}; " if item.size else "flags interval; " if item.interval else ""
    members = ", ".join(f"{key} : {value}" if value else key for key, value in item.elements)
    elements = f"elements = {{ {members} }}" if members else ""
    yield f"{_kind(item)} {item.name} {{ {word} {types}; {flags}{elements}\n}}"
