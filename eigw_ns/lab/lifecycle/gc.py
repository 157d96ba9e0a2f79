"""Find and remove what dead labs left behind. Nothing is removed unless the user asks for it.

    namespace    has our mark, but no topology of its lab is stored: here, or in the folder that the lab names
    husk         a stale namespace name: our name under /run/netns without a namespace, left by a killed creation
    run folder   lock and journal of a lab that is not stored and not running

A lab is left alone while a command works on it, an agent watches it, or the pytest process that made it runs. Agents
and pytest may use other folders than we do, so they show that they are alive by a socket
(`kernel.processes.liveness`). A namespace without our mark is never touched, whatever its name is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from eigw_ns.dataplane.compile.names import lab_of
from eigw_ns.kernel.protocol import Kernel, Machine
from eigw_ns.lab.agent import background
from eigw_ns.lab.lifecycle import operations, ownership
from eigw_ns.lab.storage.folders import labs_in
from eigw_ns.lab.storage.storage import Storage

Kind = Literal["namespace", "husk", "run folder"]


@dataclass(frozen=True, slots=True, order=True)
class Leftover:
    """One thing that no lab needs any more. `name` is a namespace name or the path of a folder."""

    lab: str
    kind: Kind
    name: str


def find(kernel: Machine, storage: Storage, lab: str | None = None) -> tuple[Leftover, ...]:
    """Return the leftovers of `lab`, or of all labs, sorted. Changes nothing."""
    needed = kernel.needed_labs()
    found = (*_namespaces(kernel, storage), *_stale_names(kernel), *_run_folders(kernel, storage))
    needed |= kernel.needed_labs()  # again: an agent or a pytest may have started during the search
    left = (thing for thing in found if lab in (None, thing.lab) and thing.lab not in needed)
    return tuple(sorted(thing for thing in left if not storage.lock.held(thing.lab)))


def remove(kernel: Machine, storage: Storage, lab: str | None = None) -> tuple[Leftover, ...]:
    """Remove the leftovers of `lab`, or of all labs, and return them.

    Each lab is locked while its leftovers are removed. Raises LockedError if a command now works on one of the labs.
    """
    leftovers = find(kernel, storage, lab)
    removed: list[Leftover] = []
    for name in sorted({thing.lab for thing in leftovers}):
        with storage.lock.hold(name, f"eigw-ns gc ({name})"):
            removed += _remove(kernel, storage, name, [thing for thing in leftovers if thing.lab == name])
    return tuple(removed)


def _remove(kernel: Machine, storage: Storage, lab: str, leftovers: list[Leftover]) -> list[Leftover]:
    """Remove what is still a leftover, and return it. The lab may have been applied before we had its lock."""
    if lab in kernel.needed_labs() or ownership.is_stored_elsewhere(kernel, storage.folders, lab):
        return []
    if storage.store.exists(lab):
        leftovers = [thing for thing in leftovers if thing.kind == "husk"]
    else:
        background.stop(storage.folders, lab)
    if any(thing.kind == "namespace" for thing in leftovers):
        operations.dismantle(kernel, storage, lab)  # lets nothing in; removes stale names and the run folder, too
        return leftovers
    kernel.remove_stale_names(thing.name for thing in leftovers if thing.kind == "husk")
    if not storage.store.exists(lab):
        kernel.stop_orphaned_daemons(lab)
        storage.lock.remove_run_files(lab)
    return leftovers


def _namespaces(kernel: Kernel, storage: Storage) -> Iterator[Leftover]:
    for lab in kernel.labs():
        if not storage.store.exists(lab) and not ownership.is_stored_elsewhere(kernel, storage.folders, lab):
            yield from (Leftover(lab, "namespace", owner.namespace) for owner in kernel.observe(lab).namespaces())


def _stale_names(kernel: Kernel) -> Iterator[Leftover]:
    for name in kernel.stale_names():
        lab = lab_of(name)
        if lab is not None:
            yield Leftover(lab, "husk", name)


def _run_folders(kernel: Kernel, storage: Storage) -> Iterator[Leftover]:
    alive = {*kernel.labs(), *storage.store.labs()}
    folders = storage.folders
    with folders.run_errors(f"look into {folders.run}"):
        found = tuple(labs_in(folders.run))
    for lab in found:
        if lab not in alive:
            yield Leftover(lab, "run folder", str(folders.lock_file(lab).parent))
