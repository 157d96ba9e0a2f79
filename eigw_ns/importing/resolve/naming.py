"""Names for the resources of a design: short, valid in a topology file, and independent of random ids.

A name is the last step of the Name tag (`Net/Vpc/front` is `front`) without the prefix of its VPC or stack. Without a
tag it is the logical id or the address. Equal ones get the letter of their zone, else that id or address, else a
number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from eigw_ns.cloud import ids
from eigw_ns.frozen import frozen
from eigw_ns.importing.design import Key, Label
from eigw_ns.topology.forms import MAX_NAME, as_name

LONGEST = 33
"""Characters: a probe's name has `probe-` before it."""

_RESERVED = ("internet", "blackhole", "default", "unknown")
_ID_PREFIX = "sg-"


@frozen
class Named:
    """A resource that needs a name. `kind` is its word if its own name cannot be used: `subnet`."""

    label: Label
    kind: str
    zone: str | None = None


def names(wanted: Sequence[Named], prefixes: Collection[str], taken: Collection[str] = ()) -> dict[Key, str]:
    """Return a name for each resource, all different and none of `taken`."""
    plain = {each.label.key: _plain(each, prefixes) for each in wanted}
    known = {each.label.key: each for each in wanted}
    given: dict[Key, str] = {}
    for spell in (_with_zone, _with_name):
        counted = Counter(plain.values())
        plain = {key: spell(known[key], name) if counted[name] > 1 else name for key, name in plain.items()}
    used = set(taken)
    for key, name in plain.items():
        given[key] = free_name(name, used)
        used.add(given[key])
    return given


def _plain(wanted: Named, prefixes: Collection[str]) -> str:
    tag = dict(wanted.label.tags).get("Name", "").rpartition("/")[2]
    name = as_name(tag, 4 * LONGEST) or as_name(wanted.label.name, 4 * LONGEST)
    for prefix in sorted(map(_as_prefix, prefixes), key=len, reverse=True):
        if prefix != "-" and name.startswith(prefix) and len(name) > len(prefix):
            name = name.removeprefix(prefix)
    if ids.kind_of(name) is None or wanted.kind == "security group":
        name = name.removeprefix(_ID_PREFIX) or name
    return _allowed(_cut(name, LONGEST) or as_name(wanted.kind, LONGEST), wanted)


def _as_prefix(text: str) -> str:
    return f"{as_name(text, LONGEST)}-"


def _allowed(name: str, wanted: Named) -> str:
    word = as_name(wanted.kind, LONGEST)
    own_id = name == as_name(wanted.label.name, LONGEST)
    foreign = ids.kind_of(name) is not None and not own_id
    return _joined(name, word) if name in _RESERVED or foreign else name


def _with_zone(wanted: Named, name: str) -> str:
    return _joined(name, wanted.zone) if wanted.zone else name


def _with_name(wanted: Named, name: str) -> str:
    own = as_name(wanted.label.name, LONGEST)
    return name if own in ("", name) else _joined(name, own)


def _joined(name: str, suffix: str) -> str:
    suffix = _cut(suffix, LONGEST // 2)
    return f"{_cut(name, LONGEST - 1 - len(suffix))}-{suffix}"


def _cut(name: str, longest: int) -> str:
    return name[:longest].strip("-")


def free_name(name: str, used: Collection[str]) -> str:
    """Return the name in the length of names, with a number if another resource has it."""
    number, free = 2, _cut(name, MAX_NAME)
    while free in used:
        suffix = f"-{number}"
        free, number = f"{_cut(name, MAX_NAME - len(suffix))}{suffix}", number + 1
    return free


Names = Mapping[Key, str]
