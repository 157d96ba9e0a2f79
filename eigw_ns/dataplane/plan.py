"""From what is to what shall be: a tuple of small steps in an order that never opens a gate too early."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from eigw_ns.dataplane.state import NetObject

Verb = Literal["create", "update", "delete", "flush"]


@dataclass(frozen=True, slots=True)
class Flows:
    """The connection table of a gateway, and the flows that may stay in it.

    Each of `keep` is (source prefix, first destination, last destination), the original direction's.
    """

    namespace: str
    keep: tuple[tuple[str, str, str], ...]

    def __str__(self) -> str:
        return f"flows of {self.namespace}"


@dataclass(frozen=True, slots=True)
class Step:
    """One change: what is done to which object, and why. `old` is the object an update replaces."""

    verb: Verb
    object: NetObject | Flows
    reason: str
    old: NetObject | None = None

    def __str__(self) -> str:
        return f"{self.verb} {self.object} ({self.reason})"
