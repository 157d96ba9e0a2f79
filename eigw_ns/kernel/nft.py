"""Our one nftables table in a namespace: value to transaction, listing back to value.

A change is one transaction, after one for sets that are new (`Nft.apply`): the table is ensured, what is no longer
wanted is removed, chains and sets are emptied and filled again. Counters are never removed and made again, so their
numbers live on. A base chain whose hook or priority changes is deleted and made anew in the same transaction, since the
kernel refuses to change it in place. A table that somebody made dormant wakes with the declaration alone, which has no
flags.

A libnftables context belongs to the namespace it was constructed in, its errors are text only: both end here.
"""

from __future__ import annotations

import errno
import re
import sys
from collections.abc import Iterator, Mapping
from itertools import dropwhile, takewhile

from eigw_ns.dataplane.state import GROUP, Family, NextHopGroup, NftChain, NftSet, Ruleset
from eigw_ns.errors import HostError, KernelError, kernel_error
from eigw_ns.kernel.interrupts import uninterrupted
from eigw_ns.kernel.protocol import Count

TABLE = "eigw_ns"
FAMILIES: tuple[Family, ...] = ("inet", "bridge", "netdev")

BINDING_FIX = (
    "apt install python3-nftables libnftables1"
    if sys.prefix == sys.base_prefix
    else "this installation does not see Debian's python3-nftables: apt install libnftables1, and install eigw-ns with"
    " its extra `nft` (pipx install '.[nft]', uv tool install '.[nft]', pip install '.[nft]')"
)
"""What to do where the binding is missing. PyPI knows it only under the names of copies; the extra is one of them."""

_BLOCK = re.compile(r"\t(counter|set|map|chain) (\S+) \{")
_COUNTED = re.compile(r"packets (\d+) bytes (\d+)")
_DORMANT = re.compile(r"^\tflags .*\bdormant\b", re.MULTILINE)
_ASLEEP = "dormant "
_MASKED = re.compile(r"\btcp flags & \(([a-z |]+)\) != ([a-z]+)(?= |$)", re.MULTILINE)
"""How nft 1.1.3 (Debian 13) lists what is `tcp flags != syn / fin,syn` for 1.0.6."""

_FILL = re.compile(r"\t# count \d+$")
"""What nft 1.1.7 adds to the size of a set: how many elements there are."""

_STRING = re.compile(r'"[^"]*"')
_ON_ITS_LINE = str.maketrans({"\n": r"\n", "\t": r"\t"})
"""nft takes line ends and tabs in a string (a name, a comment) and lists them as they are: a chain may stand there."""

_NO_TABLE = "No such file or directory"


class Nft:
    """libnftables, speaking to the namespace this thread was in when the object was made.

    Raises HostError where the Python binding or the library is missing.
    """

    def __init__(self) -> None:
        try:
            import nftables  # only here: importing it loads the library
        except ImportError as error:
            raise HostError(
                "the Python binding of libnftables is missing",
                hint=BINDING_FIX,
            ) from error
        with uninterrupted():  # one half made says so, on stderr, when it ends
            self._nft = nftables.Nftables()
        self._nft.set_numeric_proto_output(True)  # names come from /etc/protocols, which not every host has

    def apply(self, new: Ruleset | None, old: Ruleset | None) -> int:
        """Replace the table `old` by `new`; None stands for no table. How many transactions it took.

        One changes all that packets meet. Before it, sets that no rule looks in yet are filled: of ranges of several
        fields (pipapo) Linux shows the elements only at the end of a transaction, the rules at its beginning, and for
        milliseconds nobody would be allowed what both tables allow.
        """
        wanted = new or old
        if wanted is None:
            return 0
        commands = [text for text in (_new_sets(new, old), transaction(new, old)) if text]
        for text in commands:
            self.run(text, f"load the {wanted}")
        return len(commands)

    def run(self, commands: str, doing: str) -> str:
        """Run nft commands as one transaction; their output. Raises KernelError in nft's own words."""
        code, output, complaint = self._nft.cmd(commands)
        if code != 0:
            raise _error(doing, complaint)
        return str(output)

    def version(self) -> str:
        """The library's own, such as 1.0.6; empty where it was built without JSON, which alone tells it."""
        self._nft.set_json_output(True)
        _, output, _ = self._nft.cmd("list tables")
        self._nft.set_json_output(False)
        found = re.search(r'"version": "([^"]+)"', str(output))
        return found[1] if found else ""

    def listing(self, family: str, *, stateless: bool = True) -> str:
        """`nft list table`; empty where there is no such table."""
        self._nft.set_stateless_output(stateless)
        code, output, complaint = self._nft.cmd(f"list table {family} {TABLE}")
        if code == 0:
            return str(output)
        if _NO_TABLE in complaint:
            return ""
        raise _error(f"list the table {family} {TABLE}", complaint)


def _error(doing: str, complaint: str) -> Exception:
    """nft gives text only; the first line says it, the rest points into the commands."""
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
    """The nft commands that lead from `old` to `new`."""
    if new is None:
        return f"delete table {old.family} {TABLE}\n" if old else ""
    before = _removals(new, old) if old else (f"create table {new.family} {TABLE}",)  # refused where there is one
    return "".join(f"{line}\n" for line in (*before, *_declaration(new)))


def _new_sets(new: Ruleset | None, old: Ruleset | None) -> str:
    """The nft commands that make and fill the sets of `new` whose names `old` does not have. Maps may need chains."""
    if not new or not old:
        return ""
    names = {item.name for item in old.sets}
    fresh = [item for item in new.sets if item.name not in names and item.elements and not item.data_type]
    if not fresh:
        return ""
    lines = (line for item in fresh for line in _set_declaration(item))
    return "".join(f"{line}\n" for line in (f"table {new.family} {TABLE} {{", *lines, "}"))


def group_transaction(group: NextHopGroup | None, old: NextHopGroup | None) -> str:
    """The nft commands that give a group its shares, or (None) take them away, in one step."""
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
    for item in old.sets:  # before the chains go: elements of a map may jump to them, as older versions' do
        kind = _kind(item)
        if item.name not in sets or _shape(sets[item.name]) != _shape(item):
            yield f"delete {kind} {where} {item.name}"
        elif not item.size and not item.is_group:  # what packets have filled in goes on counting; a group stays
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
    for chain in ruleset.chains:  # named first: maps and rules refer to them
        yield f"chain {chain.name} {{ {chain.hook} }}"
    for item in ruleset.sets:
        yield from _set_declaration(item)
    for chain in ruleset.chains:
        # what a listing leaves out since it goes without saying, though nft does not take it so for each expression
        prefix = "meta protocol ip6 " if ruleset.family == "netdev" and not chain.hook else ""
        yield f"chain {chain.name} {{"
        yield from (f"{prefix}{rule}" for rule in chain.rules)
        yield "}"
    yield "}"


def _set_declaration(item: NftSet) -> Iterator[str]:
    types = f"{item.key_type} : {item.data_type}" if item.data_type else item.key_type
    dynamic = f"flags dynamic,timeout; timeout {item.timeout}" if item.timeout else "flags dynamic"
    flags = f"size {item.size}; {dynamic}; " if item.size else "flags interval; " if item.interval else ""
    members = ", ".join(f"{key} : {value}" if value else key for key, value in item.elements)
    elements = f"elements = {{ {members} }}" if members else ""
    yield f"{_kind(item)} {item.name} {{ type {types}; {flags}{elements}\n}}"


def parse(listing: str, namespace: str) -> Ruleset | None:
    """The value that a stateless listing of our table shows; None for an empty listing.

    The base chains of a dormant table meet no packet, so their hooks differ from those of one that is awake.
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


def _in_known_words(listing: str) -> str:
    """As nft 1.0.6 (Debian 12) lists it, in whose words our rules are written; a line of it is one of nft's own."""
    listing = _STRING.sub(lambda found: found[0].translate(_ON_ITS_LINE), listing)
    return _MASKED.sub(lambda found: f"tcp flags != {found[2]} / {found[1].replace(' | ', ',')}", listing)


def parse_groups(listing: str, namespace: str) -> Iterator[NextHopGroup]:
    """The groups that a listing shows; an empty one is none."""
    for kind, name, body in _blocks(listing) if f"map {GROUP}" in listing else ():
        if kind == "map" and name.startswith(GROUP):
            shares = tuple(sorted((*_interval(key), mac) for key, mac in _members(body)))
            if shares:
                yield NextHopGroup(namespace, _family(listing), name, shares)


def _interval(text: str) -> tuple[int, int]:
    """`0x0-0x117`, `0x400/22` (of 32 bits) or one number."""
    first, _, length = text.partition("/")
    if length:
        return int(first, 0), int(first, 0) + (1 << (32 - int(length))) - 1
    first, _, last = text.partition("-")
    return int(first, 0), int(last or first, 0)


def _family(listing: str) -> Family:
    return next(family for family in FAMILIES if listing.startswith(f"table {family} "))


def _blocks(listing: str) -> Iterator[tuple[str, str, list[str]]]:
    """(kind, name, lines inside, in known words) of each object in the table."""
    kind, name, body = "", "", list[str]()
    for line in _in_known_words(listing).split("\n"):  # splitlines() knows other ends, which strings may hold
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
    head = list(takewhile(_tells_of_all, body))
    said = {word: rest for word, _, rest in (line.partition(" ") for line in head)}
    key_type, _, data_type = (said.pop("type", "") or said.pop("typeof", "")).partition(" : ")
    size = int(_FILL.sub("", said.pop("size", "0")))
    flags = said.pop("flags", "")
    timeout = said.pop("timeout", "") if size and flags == "dynamic,timeout" else ""
    wanted = ("dynamic,timeout" if timeout else "dynamic",) if size else ("", "interval")
    if said or flags not in wanted:  # a timeout of a set without size, a comment: it is not ours
        key_type = "; ".join(head)
    elements = [] if size or name.startswith(GROUP) else sorted(_members(body))
    return NftSet(name, key_type, tuple(elements), data_type, flags == "interval", size, timeout)


def _tells_of_all(line: str) -> bool:
    """Whether it stands before a set's elements, which come last."""
    return not line.startswith("elements = {")


def _members(body: list[str]) -> Iterator[tuple[str, str]]:
    """The (key, value) elements of a set or map."""
    found = re.match(r"elements = \{ (.*) \}", " ".join(dropwhile(_tells_of_all, body)))
    for part in found.group(1).split(", ") if found else ():
        key, _, value = part.strip().partition(" : ")
        yield key, value


def parse_counters(listing: str) -> Mapping[str, Count]:
    """The named counters of a listing that is not stateless."""
    return {
        name: Count(int(found[1]), int(found[2]))
        for kind, name, body in _blocks(listing)
        if kind == "counter" and (found := _COUNTED.fullmatch("".join(body[-1:])))
    }
