"""Read a listing of our table back as a `Ruleset` and its replica maps.

Rules have to be compared as text, so the listing is text. Sets are read from it too: asking for them as JSON takes half
as long as the listing, which has them already. Counters are read by netlink (`kernel.netlink.counters`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import dropwhile, takewhile

from eigw_ns.dataplane.state import FAMILY_OF_SIDE, GROUP, Family, NftChain, NftSet, ReplicaMap, Ruleset
from eigw_ns.kernel.nft.commands import ASLEEP

FAMILIES: tuple[Family, ...] = ("inet", "bridge", "netdev")
"""The families in which a namespace may have our table."""

_SIDES = {family: side for side, family in FAMILY_OF_SIDE.items()}
_BLOCK = re.compile(r"\t(counter|set|map|chain) (\S+) \{")
_DORMANT = re.compile(r"^\tflags .*\bdormant\b", re.MULTILINE)
_MASKED = re.compile(r"\btcp flags & \(([a-z |]+)\) != ([a-z]+)(?= |$)", re.MULTILINE)
"""How nft 1.1.3 (Debian 13) lists what nft 1.0.6 lists as `tcp flags != syn / fin,syn`."""

_HANDLED = re.compile(r"\t\t(.*) # handle (\d+)")
"""A rule in a listing with handles. Lines of sets have no handle; those of chains and sets themselves have one tab."""

_FILL = re.compile(r"\t# count \d+$")
"""What nft 1.1.7 adds to the size of a set: the number of its elements."""

_STRING = re.compile(r'"[^"]*"')
_ON_ITS_LINE = str.maketrans({"\n": r"\n", "\t": r"\t"})
"""nft accepts line ends and tabs in a string (a name, a comment) and lists them raw: a string may look like a chain."""


def parse(listing: str, namespace: str) -> Ruleset | None:
    """Return the `Ruleset` of a stateless listing of our table; None for an empty listing.

    A dormant table's base chains see no packets, so their hooks are marked: they differ from the desired ones.
    """
    if not listing:
        return None
    dormant = _DORMANT.search(listing) is not None
    counters: list[str] = []
    sets: list[NftSet] = []
    chains: list[NftChain] = []
    for kind, name, body in _blocks(listing):
        if kind == "counter":
            counters.append(name)
        elif kind == "chain":
            chains.append(_chain(name, body, dormant))
        else:
            sets.append(_set(name, body))
    return Ruleset(
        namespace,
        _family(listing),
        tuple(sorted(counters)),
        tuple(sorted(sets, key=lambda item: item.name)),
        tuple(sorted(chains, key=lambda item: item.name)),
    )


def parse_replica_maps(listing: str, namespace: str) -> Iterator[ReplicaMap]:
    """Yield the replica maps of a listing. A map without elements does not count."""
    side = _SIDES.get(_family(listing)) if f"map {GROUP}" in listing else None
    if side is None:
        return
    for kind, name, body in _blocks(listing):
        if kind == "map" and name.startswith(GROUP):
            shares = tuple(sorted((*_interval(key), mac) for key, mac in _members(body)))
            if shares:
                yield ReplicaMap(namespace, side, name, shares)


def handles(listing: str) -> dict[int, str]:
    """Return the rules of a listing with handles, by handle. A handle is unique in its table."""
    found = (_HANDLED.fullmatch(line) for line in _normalized(listing).split("\n"))
    return {int(each[2]): each[1] for each in found if each is not None}


def _normalized(listing: str) -> str:
    """Return the listing as nft 1.0.6 (Debian 12) would print it, which is how our rules are written.

    Line ends and tabs inside strings are escaped, so that every line is a line of nft's own.
    """
    listing = _STRING.sub(lambda found: found[0].translate(_ON_ITS_LINE), listing)
    return _MASKED.sub(lambda found: f"tcp flags != {found[2]} / {found[1].replace(' | ', ',')}", listing)


def _interval(text: str) -> tuple[int, int]:
    """Parse `0x0-0x117`, `0x400/22` (of 32 bits) or one number. Returns first and last number."""
    first, _, length = text.partition("/")
    if length:
        return int(first, 0), int(first, 0) + (1 << (32 - int(length))) - 1
    first, _, last = text.partition("-")
    return int(first, 0), int(last or first, 0)


def _family(listing: str) -> Family:
    return next(family for family in FAMILIES if listing.startswith(f"table {family} "))


def _blocks(listing: str) -> Iterator[tuple[str, str, list[str]]]:
    """Yield (kind, name, lines inside, as nft 1.0.6 prints them) of each object in the table."""
    kind, name, body = "", "", list[str]()
    for line in _normalized(listing).split("\n"):  # splitlines() splits at other characters too, even in strings
        start = _BLOCK.fullmatch(line)
        if start:
            kind, name, body = start.group(1), start.group(2), []
        elif line == "\t}" and kind:
            yield kind, name, body
            kind = ""
        elif kind:
            body.append(line.strip())


def _chain(name: str, body: list[str], dormant: bool) -> NftChain:
    if body and body[0].startswith("type "):
        return NftChain(name, f"{ASLEEP}{body[0]}" if dormant else body[0], tuple(body[1:]))
    return NftChain(name, "", tuple(body))


def _set(name: str, body: list[str]) -> NftSet:
    head = list(takewhile(_describes_set, body))
    said = {word: rest for word, _, rest in (line.partition(" ") for line in head)}
    key_type, _, data_type = (said.pop("type", "") or said.pop("typeof", "")).partition(" : ")
    size = int(_FILL.sub("", said.pop("size", "0")))
    flags = said.pop("flags", "")
    timeout = said.pop("timeout", "") if size and flags == "dynamic,timeout" else ""
    wanted = ("dynamic,timeout" if timeout else "dynamic",) if size else ("", "interval")
    if said or flags not in wanted:  # a timeout of a set without size, a comment: not a set of ours
        key_type = "; ".join(head)
    elements = [] if size or name.startswith(GROUP) else sorted(_members(body))
    return NftSet(name, key_type, tuple(elements), data_type, flags == "interval", size, timeout)


def _describes_set(line: str) -> bool:
    """Return whether the line describes the set, not its elements, which come last."""
    return not line.startswith("elements = {")


def _members(body: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the (key, value) elements of a set or map."""
    found = re.match(r"elements = \{ (.*) \}", " ".join(dropwhile(_describes_set, body)))
    for part in found.group(1).split(", ") if found else ():
        key, _, value = part.strip().partition(" : ")
        yield key, value
