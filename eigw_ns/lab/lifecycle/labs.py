"""The labs that this state folder stores, and those that run."""

from __future__ import annotations

from eigw_ns.frozen import frozen
from eigw_ns.kernel.protocol import Kernel
from eigw_ns.lab.lifecycle import ownership
from eigw_ns.lab.storage.origin import Origin
from eigw_ns.lab.storage.storage import Storage


@frozen
class KnownLab:
    """A lab. `running` is None if this process may not look. `elsewhere` is the state folder that a live lab names,
    if it is not this one. `origin` is unknown for labs of older versions, and for those that are not stored here.
    """

    name: str
    stored: bool
    running: bool | None
    elsewhere: str = ""
    origin: Origin | None = None


def known_labs(kernel: Kernel | None, storage: Storage) -> tuple[KnownLab, ...]:
    """Return the labs that are stored here or run, sorted. Without a kernel, return those that are stored here."""
    stored = storage.store.labs()
    alive = kernel.labs() if kernel else ()
    return tuple(_known(kernel, storage, lab, lab in stored, lab in alive) for lab in sorted({*stored, *alive}))


def _known(kernel: Kernel | None, storage: Storage, lab: str, stored: bool, alive: bool) -> KnownLab:
    elsewhere = ownership.folder_elsewhere(kernel, storage.folders, lab) if kernel and alive else ""
    origin = storage.store.origin(lab) if stored else None
    return KnownLab(lab, stored, alive if kernel else None, elsewhere, origin)
