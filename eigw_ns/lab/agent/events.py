"""What the agent reports. `code` identifies the event; it never changes, since programs read it.

`kind` is what `eigw-ns events` calls the same; None if it has no word for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from eigw_ns.frozen import frozen
from eigw_ns.lab.events.event import Kind


@frozen
class Event:
    """Something that the agent saw or did."""

    code: ClassVar[str]
    kind: ClassVar[Kind | None] = None


EventSink = Callable[[Event], None]
"""Called with each event when it happens."""


@frozen
class Watching(Event):
    """The agent has begun to watch so many replicas."""

    code: ClassVar[str] = "watching"
    lab: str
    replicas: int


@frozen
class NothingToWatch(Event):
    """The lab is not in the kernel, or none of its gateways has several replicas. Both may change."""

    code: ClassVar[str] = "nothing to watch"
    lab: str
    reason: str


@frozen
class LabGone(Event):
    """The lab was destroyed, so the agent ends."""

    code: ClassVar[str] = "the lab is gone"
    kind: ClassVar[Kind | None] = "lab.destroyed"
    lab: str
    reason: str


@frozen
class Stopped(Event):
    """The agent ends because a signal told it to."""

    code: ClassVar[str] = "stopped"
    lab: str


@frozen
class ReplicaDead(Event):
    """A replica was taken out. The others carry its flows."""

    code: ClassVar[str] = "replica dead"
    kind: ClassVar[Kind | None] = "replica.down"
    replica: str
    reason: str


@frozen
class ReplicaStillDead(Event):
    """A replica that was taken out before, or could not be taken out, carries no flows at the end of `--once`."""

    code: ClassVar[str] = "replica still dead"
    kind: ClassVar[Kind | None] = "replica.down"
    replica: str
    reason: str


@frozen
class ReplicaBack(Event):
    """A replica has its share of the flows again."""

    code: ClassVar[str] = "replica back"
    kind: ClassVar[Kind | None] = "replica.up"
    replica: str


@frozen
class CannotPutBack(Event):
    """A replica is well again, but the kernel refused to give it its share."""

    code: ClassVar[str] = "cannot put back"
    replica: str
    reason: str


@frozen
class CannotTeach(Event):
    """A replica that takes flows over could not be told them."""

    code: ClassVar[str] = "cannot teach"
    gateway: str
    reason: str


@frozen
class Repaired(Event):
    """The lab was repaired, in so many steps."""

    code: ClassVar[str] = "repaired"
    kind: ClassVar[Kind | None] = "lab.applied"
    steps: int


@frozen
class CannotRepair(Event):
    """The lab could not be repaired. The agent will try again."""

    code: ClassVar[str] = "cannot repair"
    reason: str
