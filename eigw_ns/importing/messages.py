"""What an import says about a design: messages with a level and a place.

A message reads `LEVEL PLACE: what; remedy`. It never has a random id or a time in it, so the same input gives the same
messages.
"""

from __future__ import annotations

from typing import Literal

from eigw_ns.frozen import frozen

Level = Literal["refuse", "finding", "note", "info"]
"""`refuse`: it decides what is reachable, and we do not know it. `note`: left out, stricter here or equal.

`finding`: the design is faulty. `info`: chosen or inferred; shown with `-v` only.
"""

LEVELS: tuple[Level, ...] = ("refuse", "finding", "note", "info")
"""The levels, the most important one first."""


@frozen
class Place:
    """Where something stands in a source.

    `file` is the path as the user gave it, below the source; None if the source has no files (a state on standard
    input). `line` counts from 1. `address` is the name that the user knows: a logical id, a resource address of
    Terraform, an id of AWS.
    """

    address: str
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where} {self.address}".strip() if self.file else self.address


@frozen
class Message:
    """One thing to say about a design. `touches` are the keys of the resources that it is about.

    A subnet that a message of level `refuse` touches, directly or by its route table, its network ACL, or its VPC, has
    an unknown class. `remedy` is what the user can do, or "". `code` is that of a finding (`EIGW001`).
    """

    level: Level
    place: Place
    what: str
    remedy: str = ""
    touches: frozenset[str] = frozenset()
    code: str | None = None

    def __str__(self) -> str:
        return f"{self.level} {self.place}: {self.what}{self.remedy and f'; {self.remedy}'}"
