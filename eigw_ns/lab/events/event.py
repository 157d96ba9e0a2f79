"""An event of a lab. `kind` never changes, since programs read it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from eigw_ns.frozen import frozen

Kind = Literal[
    "lab.applied",
    "lab.destroyed",
    "resource.created",
    "resource.changed",
    "resource.deleted",
    "route.active",
    "route.blackhole",
    "replica.down",
    "replica.up",
    "drift.found",
    "drift.gone",
    "drops.burst",
    "link.down",
    "events.lost",
]

SOMEBODY_ELSE = "somebody else"
"""The author of a change of the kernel that no command of ours made."""

_ACTION = re.compile(r"(eigw-ns ec2 )(\w+)")
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@frozen
class Event:
    """Something that happened to a lab. `node` and `id` are empty if it is about the whole lab.

    `by` is the command that did it, or `SOMEBODY_ELSE`; empty if that is not known.
    """

    kind: Kind
    node: str
    id: str
    by: str
    detail: Mapping[str, Any]


def author(command: str, lab: str) -> str:
    """Return the command of a lock's record as users type it: `eigw-ns ec2 create-route`."""
    return _ACTION.sub(_as_verb, command.removesuffix(f" ({lab})"))


def _as_verb(found: re.Match[str]) -> str:
    return found[1] + _WORD.sub("-", found[2]).lower()
