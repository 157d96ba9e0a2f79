"""What dead labs left behind: found by our mark, shown, and removed only when asked to.

    namespace    bears our mark, but no topology of its lab is stored (the state folder was lost, or another one is set)
    husk         a name of ours under /run/netns with no namespace behind it: a creation was killed in the middle
    run folder   lock and journal of a lab that is neither stored nor alive

A lab that somebody works on right now is left alone, and so is one that an agent watches or that the process of a
pytest has made, as long as they live: those may have folders of their own, and show signs of life. A namespace without
our mark is never touched, whatever its name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from eigw_ns.dataplane.names import lab_of
from eigw_ns.kernel import life
from eigw_ns.kernel.protocol import Kernel
from eigw_ns.lab import lock, operations, paths, store
from eigw_ns.lab.agent import background

Kind = Literal["namespace", "husk", "run folder"]


@dataclass(frozen=True, slots=True, order=True)
class Leftover:
    """One thing that nobody needs any more. `name` is a namespace's, or a folder."""

    lab: str
    kind: Kind
    name: str


def find(kernel: Kernel, lab: str | None = None) -> tuple[Leftover, ...]:
    """The leftovers of `lab`, or of all labs, sorted; changes nothing."""
    needed = life.labs()
    found = (*_namespaces(kernel), *_husks(kernel), *_run_folders(kernel))
    needed |= life.labs()  # who has begun since, too
    left = (thing for thing in found if lab in (None, thing.lab) and thing.lab not in needed)
    return tuple(sorted(thing for thing in left if not lock.held(thing.lab)))


def remove(kernel: Kernel, lab: str | None = None) -> tuple[Leftover, ...]:
    """Remove the leftovers of `lab`, or of all labs; what they were.

    Each lab is locked meanwhile. Raises LockedError where somebody has begun to work on one since.
    """
    leftovers = find(kernel, lab)
    removed: list[Leftover] = []
    for name in sorted({thing.lab for thing in leftovers}):
        with lock.hold(name, f"eigw-ns gc ({name})"):
            removed += _remove(kernel, name, [thing for thing in leftovers if thing.lab == name])
    return tuple(removed)


def _remove(kernel: Kernel, lab: str, leftovers: list[Leftover]) -> list[Leftover]:
    """Remove what is a leftover still, now that nobody else works on the lab: it may have been applied meanwhile."""
    if lab in life.labs():
        return []
    if store.exists(lab):
        leftovers = [thing for thing in leftovers if thing.kind == "husk"]
    else:
        background.stop(lab)
    if any(thing.kind == "namespace" for thing in leftovers):
        operations.dismantle(kernel, lab)  # in the order that lets nothing in, and with husks and run folder
        return leftovers
    kernel.remove_husks(thing.name for thing in leftovers if thing.kind == "husk")
    if not store.exists(lab):
        kernel.stop_orphaned_daemons(lab)
        lock.remove_run_files(lab)
    return leftovers


def _namespaces(kernel: Kernel) -> Iterator[Leftover]:
    for lab in kernel.labs():
        if not store.exists(lab):
            yield from (Leftover(lab, "namespace", owner.namespace) for owner in kernel.observe(lab).namespaces())


def _husks(kernel: Kernel) -> Iterator[Leftover]:
    for name in kernel.husks():
        lab = lab_of(name)
        if lab is not None:
            yield Leftover(lab, "husk", name)


def _run_folders(kernel: Kernel) -> Iterator[Leftover]:
    alive = {*kernel.labs(), *store.labs()}
    with paths.run_errors(f"look into {paths.run_dir()}"):
        found = tuple(paths.labs_in(paths.run_dir()))
    for lab in found:
        if lab not in alive:
            yield Leftover(lab, "run folder", str(paths.lock_file(lab).parent))
