"""Operations on a whole lab: plan, apply, find drift, destroy."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from eigw_ns.cloud.model import Cloud
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.compile.limits import Limits, lowered
from eigw_ns.dataplane.compile.names import is_name_of, namespace_name
from eigw_ns.dataplane.state import NOTHING, ForeignObject, NetState
from eigw_ns.errors import EigwError, ForeignError, HostError, NoSuchLabError
from eigw_ns.frozen import frozen
from eigw_ns.kernel.protocol import Kernel, Machine, Occupant
from eigw_ns.lab.agent import background
from eigw_ns.lab.lifecycle import ownership
from eigw_ns.lab.lifecycle.ownership import Claim
from eigw_ns.lab.lifecycle.progress import Phase, Progress, silent
from eigw_ns.lab.storage.protocols import IMPATIENT, Patience, Store, Stored
from eigw_ns.lab.storage.storage import Storage
from eigw_ns.topology import Topology

if TYPE_CHECKING:
    from eigw_ns.dataplane.planning.plan import Plan


Announce = Callable[[Cloud | None, Cloud], None]
"""Called with the cloud that was stored for a lab (None: none that can be read) and the cloud that replaces it."""


def _announce_nothing(_stored: Cloud | None, _given: Cloud) -> None: ...


@frozen
class Applied:
    """Result of an apply: number of steps, and number of writes to the kernel. Both are 0 if nothing differed.

    `topology` is what the kernel holds now. `agent` is the process that replaced an agent of an older version, if there
    was one. `adopted`: it was not known before from which file the stored lab came.
    """

    steps: int
    writes: int
    topology: Topology
    agent: int | None = None
    adopted: bool = False


@frozen
class Destroyed:
    """Result of a destroy: number of steps, and processes that still run in namespaces whose names were removed.

    `cloud` is the stored cloud of the lab; None if no process was inside or the stored topology was not readable.
    """

    steps: int
    left: tuple[Occupant, ...]
    cloud: Cloud | None


def make_plan(kernel: Kernel, storage: Storage, cloud: Cloud) -> Plan:
    """Return the plan that would bring the kernel to `cloud`. Writes nothing.

    Raises ForeignError if a namespace that we need exists without our mark.
    """
    desired = compile_cloud(cloud, kernel.connection_table())
    actual = kernel.observe(cloud.lab, believed=desired)
    require_ours(kernel, desired, actual)
    unfinished = storage.journal.unfinished(cloud.lab)
    if desired == actual and not unfinished:  # the planner would take 10 ms to import
        return ()
    from eigw_ns.dataplane.planning.plan import make_plan as plan_states

    return plan_states(desired, actual, forget_flows=unfinished)


def require_ours(kernel: Kernel, desired: NetState, actual: NetState) -> None:
    """Raise ForeignError if a namespace that we need exists without our mark."""
    foreign = kernel.foreign(owner.namespace for owner in desired.namespaces() if owner.key not in actual.objects)
    if foreign:
        raise ForeignError(
            f"these namespaces exist but were not made by eigw-ns, so they are left alone: {', '.join(foreign)}",
            hint="if they are yours, remove them (`ip netns del NAME`); otherwise give the lab another name",
        )


def lowered_limits(kernel: Kernel, cloud: Cloud) -> Limits | None:
    """Return the limits of connections that the host's tables make lower than the cloud's; None if none is lower."""
    wanted = (gateway.connection_tracking for gateway in cloud.egress_only_internet_gateways.values())
    return lowered(wanted, kernel.connection_table())


def apply(
    kernel: Kernel,
    storage: Storage,
    topology: Topology,
    *,
    version: str = "",
    claim: Claim | None = None,
    progress: Progress = silent,
    patience: Patience = IMPATIENT,
    announce: Announce = _announce_nothing,
) -> Applied:
    """Bring the kernel to the topology, and store the topology as the desired state.

    Only what differs is changed. `version` is that of the store, if the topology was read there. `claim` is stored; it
    is None if the topology is of no file. `patience` is for the lab's lock. `announce` is called before the first write
    to the kernel. Raises TakeOverError, LockedError, ForeignError, HostError or KernelError. After an error halfway the
    topology is stored, and the next apply continues from there.
    """
    lab = topology.cloud.lab
    return _apply(kernel, storage, lab, lambda: Stored(topology, version), progress, patience, claim, announce)


def apply_stored(
    kernel: Kernel, storage: Storage, lab: str, *, progress: Progress = silent, patience: Patience = IMPATIENT
) -> Applied:
    """Bring the kernel to the stored topology, as `apply` does.

    The topology is read after the lock is taken. Otherwise this would undo the change of a command that had the lock.
    """
    return _apply(kernel, storage, lab, lambda: storage.store.read(lab), progress, patience)


def _apply(
    kernel: Kernel,
    storage: Storage,
    lab: str,
    read: Callable[[], Stored],
    progress: Progress,
    patience: Patience,
    claim: Claim | None = None,
    announce: Announce = _announce_nothing,
) -> Applied:
    with storage.lock.hold(lab, f"eigw-ns apply ({lab})", wait=patience.seconds, tell=patience.tell):
        given = read()
        if claim is not None:
            ownership.require_origin(storage, given, claim)
        start_agent = background.replace_outdated(storage.folders, lab)
        try:
            applied = reconcile(
                kernel,
                storage,
                given.topology,
                version=given.version,
                claim=claim,
                progress=progress,
                announce=announce,
            )
            return replace(applied, agent=start_agent()) if start_agent else applied
        except EigwError:
            if start_agent:  # the lab is watched as it was before
                start_agent()
            if not (storage.journal.unfinished(lab) or storage.store.exists(lab)):  # nothing was begun: leave no files
                storage.lock.remove_run_files(lab)
            raise


def reconcile(
    kernel: Kernel,
    storage: Storage,
    topology: Topology,
    *,
    version: str = "",
    claim: Claim | None = None,
    progress: Progress = silent,
    announce: Announce = _announce_nothing,
) -> Applied:
    """Do what `apply` does, for a caller that holds the lab's lock."""
    lab = topology.cloud.lab
    before = kernel.writes
    progress(0, 0, Phase("read the lab"))
    ownership.require_folder(kernel, storage, lab, take_over=claim is not None and claim.take_over)
    plan = make_plan(kernel, storage, topology.cloud)
    origin = claim.origin if claim else None
    known = storage.store.origin(lab) if claim else None
    adopted = claim is not None and known is None and storage.store.exists(lab)
    stored = storage.store.holds(topology, version) and not (claim and claim.replaces(known))
    if stored:
        carry_out(kernel, storage, topology, plan, _save_nothing, progress)
    else:
        former = stored_cloud(storage, lab)

        def save() -> None:
            storage.store.save(topology, origin)
            announce(former, topology.cloud)

        storage.store.require_writable(lab)
        carry_out(kernel, storage, topology, plan, save, progress)
    return Applied(len(plan), kernel.writes - before, topology, adopted=adopted)


def _save_nothing() -> None:
    """Leave the stored topology as it is."""


def carry_out(
    kernel: Kernel,
    storage: Storage,
    topology: Topology,
    plan: Plan,
    save: Callable[[], None],
    progress: Progress = silent,
) -> None:
    """Store the topology by `save`, and carry out the plan that leads to it, for a caller that holds the lab's lock.

    The journal is written before the topology, and the topology before the kernel: a lab that is stored but not yet in
    the kernel always counts as unfinished.
    """
    lab = topology.cloud.lab
    if not plan and not storage.journal.unfinished(lab):
        save()
        ownership.note_folder(kernel, storage, lab)
        return
    from eigw_ns.lab.lifecycle.tenant_isolation import execute_around

    with storage.journal.written(lab, plan), ownership.folder_noted(kernel, storage, lab):
        save()
        kernel.stop_orphaned_daemons(lab)
        execute_around(kernel, plan, lambda: make_plan(kernel, storage, topology.cloud), progress)


def status(kernel: Kernel, storage: Storage, lab: str) -> Plan:
    """Return the steps that would bring the kernel to the stored topology; empty if there is no drift."""
    return make_plan(kernel, storage, storage.store.load(lab).cloud)


def additions(kernel: Kernel, cloud: Cloud) -> Sequence[ForeignObject]:
    """Return what users have added to the lab's instances and internet hosts. It is theirs, and no drift."""
    return kernel.additions([namespace_name(cloud.lab, node) for node in (*cloud.instances, *cloud.hosts)])


def drift(kernel: Kernel, storage: Storage, lab: str) -> Plan:
    """Return what `status` does, to explain what packets do.

    A lab that is not running at all, or is being changed, has no drift.
    """
    return status(kernel, storage, lab) if len(kernel.outline(lab)) and not storage.lock.held(lab) else ()


def drift_beside(kernel: Kernel, storage: Storage, lab: str) -> Plan:
    """Return what `drift` does, for a plan of another cloud.

    A stored topology that cannot be read has no drift, and neither has a lab whose last change was interrupted.
    """
    if not storage.journal.unfinished(lab):
        with contextlib.suppress(EigwError):
            return drift(kernel, storage, lab)
    return ()


def destroy(
    kernel: Machine, storage: Storage, lab: str, *, progress: Progress = silent, patience: Patience = IMPATIENT
) -> Destroyed:
    """Remove everything of the lab, in the kernel and on disk.

    Processes that users started inside are reported, not ended. Raises NoSuchLabError if nothing of the lab exists,
    TakeOverError if the live lab is stored in another folder.
    """
    if not storage.store.exists(lab) and not len(kernel.outline(lab)):
        raise NoSuchLabError(f"there is no lab {lab}", hint="`eigw-ns labs` lists the labs")
    ownership.require_folder(kernel, storage, lab, take_over=True)
    background.stop(storage.folders, lab)
    with storage.lock.hold(lab, f"eigw-ns destroy ({lab})", wait=patience.seconds, tell=patience.tell):
        ownership.require_folder(kernel, storage, lab, take_over=True)  # again: a command had the lock
        inside = kernel.processes_in(name for name in kernel.names() if is_name_of(lab, name))
        cloud = stored_cloud(storage, lab) if inside else None
        steps = dismantle(kernel, storage, lab, progress=progress)
    left = tuple(each for each in inside if kernel.stays(each) and not kernel.exists(each.namespace))
    return Destroyed(steps, left, cloud)


def stored_cloud(storage: Storage, lab: str) -> Cloud | None:
    """Return the stored cloud of the lab; None if none is stored or it cannot be read."""
    with contextlib.suppress(EigwError):
        return storage.store.load(lab).cloud
    return None


def dismantle(kernel: Kernel, storage: Storage, lab: str, *, progress: Progress = silent) -> int:
    """Remove the lab, for a caller that holds its lock. Returns the number of steps.

    The journal is removed last: if we are killed at any point, it says that the lab is being destroyed. Raises
    HostError if the stored topology cannot be removed.
    """
    from eigw_ns.dataplane.planning.plan import make_plan as plan_states
    from eigw_ns.lab.lifecycle.execute import execute

    progress(0, 0, Phase("read the lab"))
    plan = plan_states(NOTHING, kernel.outline(lab))
    with storage.journal.written(lab, plan, destroy=True):
        kernel.stop_orphaned_daemons(lab)
        execute(kernel, plan, progress)
        kernel.remove_stale_names(name for name in kernel.stale_names() if is_name_of(lab, name))
        _forget(storage.store, lab)
    storage.lock.remove_run_files(lab)
    return len(plan)


def _forget(store: Store, lab: str) -> None:
    try:
        store.remove(lab)
    except HostError as error:
        raise HostError(
            f"the namespaces of the lab {lab} are gone, but its stored topology is not: {error.message}",
            hint=f"make the folder writable, then run `eigw-ns destroy --lab {lab}` again",
        ) from error
