"""What carries out EC2's actions for the worker: the interface, and its implementation on a served lab."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from eigw_ns.cloud.ec2.schema import Reply, Request
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.frozen import frozen
from eigw_ns.lab.live.live_lab import LiveLab
from eigw_ns.lab.storage.protocols import Patience


class Performer(Protocol):
    """One lab. The worker calls it from two threads, but changes only from one.

    An action that changes nothing must not wait for one that does. It runs in a thread that has no network namespace
    of its own, so it must not use the kernel.
    """

    def perform(self, action: str, request: Request, settings: Settings, patience: Patience) -> Reply:
        """Carry out the action, and return when its change is stored and in the kernel. Raises EigwError."""
        ...

    def reset(self) -> None:
        """Remove everything of the lab, and make it again, empty."""
        ...


@frozen
class ServedLab:
    """A lab whose state is kept in memory (`lab.live`). `empty` makes it again, empty."""

    live: LiveLab
    empty: Callable[[], None]

    def perform(self, action: str, request: Request, settings: Settings, patience: Patience) -> Reply:
        """See `Performer`."""
        return self.live.perform(action, request, settings, patience)

    def reset(self) -> None:
        """See `Performer`."""
        self.empty()
