"""Our one nftables table in a namespace: write a `Ruleset` as a transaction, and read a listing back as a `Ruleset`.

A change is one transaction, preceded by one that fills new sets (`Nft.apply`). It declares the table, removes what is
no longer wanted, and empties and refills chains and sets. Counters are never deleted and created again, so they keep
their numbers. If the hook or priority of a base chain changes, the same transaction deletes and recreates the chain:
the kernel refuses to change it in place. A dormant table wakes by the declaration alone, since that has no flags.

A libnftables context belongs to the namespace in which it was made, and its errors are text. Both stay inside this
module.
"""

from __future__ import annotations

import errno
import re
import sys
from collections.abc import Iterator, Mapping
from itertools import dropwhile, takewhile

from eigw_ns.dataplane.state import FAMILY_OF_SIDE, GROUP, Family, NftChain, NftSet, ReplicaMap, Ruleset
from eigw_ns.errors import HostError, KernelError, kernel_error
from eigw_ns.kernel.processes.signals import uninterrupted
from eigw_ns.kernel.protocol import Count

TABLE = "eigw_ns"
FAMILIES: tuple[Family, ...] = ("inet", "bridge", "netdev")

BINDING_FIX = (
    "apt install python3-nftables libnftables1"
    if sys.prefix == sys.base_prefix
    else "this installation does not see Debian's python3-nftables: apt install libnftables1, and install eigw-ns with"
    " its extra `nft` (pipx install '.[nft]', uv tool install '.[nft]', pip install '.[nft]')"
)
"""The hint if the binding is missing. PyPI has only copies of it, under other names; the extra is one of them."""

_BLOCK = re.compile(r"\t(counter|set|map|chain) (\S+) \{")
_COUNTED = re.compile(r"packets (\d+) bytes (\d+)")
_DORMANT = re.compile(r"^\tflags .*\bdormant\b", re.MULTILINE)
_ASLEEP = "dormant "
_SIDES = {family: side for side, family in FAMILY_OF_SIDE.items()}
_MASKED = re.compile(r"\btcp flags & \(([a-z |]+)\) != ([a-z]+)(?= |$)", re.MULTILINE)
"""How nft 1.1.3 (Debian 13) lists what nft 1.0.6 lists as `tcp flags != syn / fin,syn`."""

_FILL = re.compile(r"\t# count \d+$")
"""What nft 1.1.7 adds to the size of a set: the number of its elements."""

_STRING = re.compile(r'"[^"]*"')
_ON_ITS_LINE = str.maketrans({"\n": r"\n", "\t": r"\t"})
"""nft accepts line ends and tabs in a string (a name, a comment) and lists them raw: a string may look like a chain."""

_NO_TABLE = "No such file or directory"


class Nft:
    """A libnftables context for the namespace in which this thread was when the object was made.

    Raises HostError if the Python binding or the library is missing.
    """

    def __init__(self) -> None:
        try:
            import nftables  # not at the top: this loads the library
        except ImportError as error:
            raise HostError(
                "the Python binding of libnftables is missing",
                hint=BINDING_FIX,
            ) from error
        with uninterrupted():  # a half-made context prints an error when it is deleted
            self._nft = nftables.Nftables()
        self._nft.set_numeric_proto_output(True)  # names come from /etc/protocols, which some hosts lack

    def apply(self, new: Ruleset | None, old: Ruleset | None) -> int:
        """Replace the table `old` by `new`; None stands for no table. Returns the number of transactions.

        One transaction makes the change. Before it, another one fills the new sets, which no rule uses yet. For sets of
        ranges of several fields (pipapo), Linux activates new elements at the end of a transaction, but new rules at
        its beginning. In one transaction, packets that both tables allow would be dropped for milliseconds.
        """
        wanted = new or old
        if wanted is None:
            return 0
        commands = [text for text in (_new_sets(new, old), transaction(new, old)) if text]
        for text in commands:
            self.run(text, f"load the {wanted}")
        return len(commands)

    def run(self, commands: str, doing: str) -> str:
        """Run nft commands as one transaction. Returns their output. Raises KernelError with nft's own message."""
        code, output, complaint = self._nft.cmd(commands)
        if code != 0:
            raise _error(doing, complaint)
        return str(output)

    def version(self) -> str:
        """Return the version of the library, such as 1.0.6; empty if it lacks JSON output, which alone contains it."""
        self._nft.set_json_output(True)
        _, output, _ = self._nft.cmd("list tables")
        self._nft.set_json_output(False)
        found = re.search(r'"version": "([^"]+)"', str(output))
        return found[1] if found else ""

    def listing(self, family: str, *, stateless: bool = True) -> str:
        """Return the output of `nft list table`; empty if there is no such table."""
        self._nft.set_stateless_output(stateless)
        code, output, complaint = self._nft.cmd(f"list table {family} {TABLE}")
        if code == 0:
            return str(output)
        if _NO_TABLE in complaint:
            return ""
        raise _error(f"list the table {family} {TABLE}", complaint)


def _error(doing: str, complaint: str) -> Exception:
    """Return the error that nft's text means. Its first line is the message; the rest points into the commands."""
    first = complaint.strip().splitlines()[0] if complaint.strip() else "nft gave no reason"
    if "Operation not permitted" in complaint:
        return kernel_error(doing, errno.EPERM)
    if _NO_TABLE in complaint:
        return kernel_error(doing, errno.ENOENT, detail=first)
    if "File exists" in complaint:
        return kernel_error(doing, errno.EEXIST, detail=first)
    if "Operation not supported" in complaint or "Protocol not supported" in complaint:
        return kernel_error(doing, errno.EOPNOTSUPP, detail=first)
    return KernelError(doing, detail=first)


def transaction(new: Ruleset | None, old: Ruleset | None) -> str:
    """Return the nft commands that change the table `old` to `new`."""
    if new is None:
        return f"delete table {old.family} {TABLE}\n" if old else ""
    before = _removals(new, old) if old else (f"create table {new.family} {TABLE}",)  # refused if it exists
    return "".join(f"{line}\n" for line in (*before, *_declaration(new)))


def _new_sets(new: Ruleset | None, old: Ruleset | None) -> str:
    """Return the nft commands that create and fill the sets that only `new` has. Not maps: they may need chains."""
    if not new or not old:
        return ""
    names = {item.name for item in old.sets}
    fresh = [item for item in new.sets if item.name not in names and item.elements and not item.data_type]
    if not fresh:
        return ""
    lines = (line for item in fresh for line in _set_declaration(item))
    return "".join(f"{line}\n" for line in (f"table {new.family} {TABLE} {{", *lines, "}"))


def group_transaction(group: ReplicaMap | None, old: ReplicaMap | None) -> str:
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
        if chain.name not in chains or chains[chain.name].hook != chain.hook.removeprefix(_ASLEEP):
            yield f"delete chain {where} {chain.name}"
    for counter in old.counters:
        if counter not in new.counters:
            yield f"delete counter {where} {counter}"


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


def _normalized(listing: str) -> str:
    """Return the listing as nft 1.0.6 (Debian 12) would print it, which is how our rules are written.

    Line ends and tabs inside strings are escaped, so that every line is a line of nft's own.
    """
    listing = _STRING.sub(lambda found: found[0].translate(_ON_ITS_LINE), listing)
    return _MASKED.sub(lambda found: f"tcp flags != {found[2]} / {found[1].replace(' | ', ',')}", listing)


def parse_groups(listing: str, namespace: str) -> Iterator[ReplicaMap]:
    """Yield the replica maps of a listing. A map without elements does not count."""
    side = _SIDES.get(_family(listing)) if f"map {GROUP}" in listing else None
    if side is None:
        return
    for kind, name, body in _blocks(listing):
        if kind == "map" and name.startswith(GROUP):
            shares = tuple(sorted((*_interval(key), mac) for key, mac in _members(body)))
            if shares:
                yield ReplicaMap(namespace, side, name, shares)


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
        return NftChain(name, f"{_ASLEEP}{body[0]}" if dormant else body[0], tuple(body[1:]))
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


def parse_counters(listing: str) -> Mapping[str, Count]:
    """Return the named counters of a listing that is not stateless."""
    return {
        name: Count(int(found[1]), int(found[2]))
        for kind, name, body in _blocks(listing)
        if kind == "counter" and (found := _COUNTED.fullmatch("".join(body[-1:])))
    }
