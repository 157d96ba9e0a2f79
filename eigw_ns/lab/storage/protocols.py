"""What the program needs from the place where labs are kept. Files on this host are the only implementation today."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Protocol

from eigw_ns.frozen import frozen
from eigw_ns.lab.storage.origin import Origin
from eigw_ns.topology import Topology


@frozen
class Stored:
    """A topology and the version of the store that it was read from. A topology from elsewhere has no version."""

    topology: Topology
    version: str = ""


def _tell_nobody(_message: str) -> None: ...


@frozen
class Patience:
    """How many seconds to wait for the lock of a lab. If it is not free at once, `tell` is called with its holder."""

    seconds: float = 0.0
    tell: Callable[[str], None] = _tell_nobody


IMPATIENT = Patience()


class Store(Protocol):
    """The desired state of each lab. It survives a reboot."""

    def labs(self) -> tuple[str, ...]:
        """Return the labs that have a stored topology, sorted. Raises HostError if the store cannot be read."""
        ...

    def exists(self, lab: str) -> bool:
        """Return whether a topology of `lab` is stored, readable or not. Raises HostError if this cannot be known."""
        ...

    def load(self, lab: str) -> Topology:
        """Return the stored topology of `lab`.

        Raises NoSuchLabError if none is stored, EigwError if it is damaged, HostError if it may not be read.
        """
        ...

    def read(self, lab: str) -> Stored:
        """Return what `load` does, and a version that changes with everything that is stored for the lab."""
        ...

    def version(self, lab: str) -> str:
        """Return the version that `read` would return now, without reading; "" if none is stored."""
        ...

    def holds(self, topology: Topology, version: str = "") -> bool:
        """Return whether this topology is stored for its lab. If a topology is damaged, it is not stored.

        `version` is of `read`, if the topology came from there. If it is still stored, nothing need be compared.
        """
        ...

    def require_writable(self, lab: str) -> None:
        """Raise HostError if `save` cannot write. To be called before the first change."""
        ...

    def save(self, topology: Topology, origin: Origin | None = None) -> str:
        """Store the topology under its lab's name, whole or not at all. Raises HostError if it cannot be written.

        Returns the version that `read` would return now. `origin` is stored, too. None leaves the stored origin as it
        is.
        """
        ...

    def save_change(self, known: Stored, topology: Topology) -> str:
        """Store the topology, which follows from what was read, as `save` does. This may cost less.

        Raises HostError if it cannot be written.
        """
        ...

    def origin(self, lab: str) -> Origin | None:
        """Return the stored origin of `lab`; None if it is unknown, as for labs of older versions."""
        ...

    def remove(self, lab: str) -> bool:
        """Remove the stored topology of `lab`. Returns False if none was stored."""
        ...


class Lock(Protocol):
    """One controller per lab. A holder that dies releases the lock."""

    def hold(
        self, lab: str, command: str, *, wait: float = 0.0, tell: Callable[[str], None] = _tell_nobody
    ) -> AbstractContextManager[None]:
        """Hold the lock of `lab` while the block runs. `command` is shown to processes that find the lab locked.

        If another process has the lock, calls `tell` with the holder, and tries again for `wait` seconds. Then raises
        LockedError, which names the holder. Raises HostError if this process cannot lock.
        """
        ...

    def held(self, lab: str) -> bool:
        """Return whether a process has the lock of `lab`. Leaves no trace."""
        ...

    def stamp(self, lab: str) -> str:
        """Return a text that changes whenever a process takes or releases the lock of `lab`. Leaves no trace."""
        ...

    def last(self, lab: str) -> str:
        """Return the command that has the lock of `lab`, or had it last; "" if that is not known. Leaves no trace."""
        ...

    def remove_run_files(self, lab: str) -> None:
        """Remove the lock and the journal of a lab that is gone. The caller holds the lock."""
        ...


class Journal(Protocol):
    """The changes of a lab that were begun and not ended."""

    def written(self, lab: str, intended: Iterable[object], *, destroy: bool = False) -> AbstractContextManager[None]:
        """Write `intended` down and run the block. Keep the journal if the block fails.

        `destroy` says that the block destroys the lab. Raises HostError if the journal cannot be written.
        """
        ...

    def unfinished(self, lab: str) -> bool:
        """Return whether a change of `lab` was begun and not ended."""
        ...

    def destroying(self, lab: str) -> bool:
        """Return whether a destroy of `lab` was begun and not ended."""
        ...
