"""What one does with a whole lab: plan, apply, look for drift, destroy."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace

from eigw_ns.cloud.model import Cloud
from eigw_ns.dataplane.compile import compile_cloud
from eigw_ns.dataplane.names import is_name_of
from eigw_ns.dataplane.plan import Plan
from eigw_ns.dataplane.plan import make_plan as plan_states
from eigw_ns.dataplane.state import NOTHING
from eigw_ns.errors import EigwError, ForeignError, NoSuchLabError
from eigw_ns.kernel import netns, process
from eigw_ns.kernel.process import Occupant
from eigw_ns.kernel.protocol import Kernel
from eigw_ns.lab import journal, lock, store
from eigw_ns.lab.agent import background
from eigw_ns.lab.around import execute_around
from eigw_ns.lab.execute import Progress, execute, silent
from eigw_ns.topology import Topology


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply did: steps carried out, and writes asked of the kernel (none when nothing differed).

    `agent` is the process that replaced an agent of an older version, if there was one.
    """

    steps: int
    writes: int
    agent: int | None = None


@dataclass(frozen=True, slots=True)
class Destroyed:
    """What a destroy did: steps carried out, and the processes that live on in namespaces without a name.

    `cloud` is what the lab was, where somebody was inside and that was readable.
    """

    steps: int
    left: tuple[Occupant, ...]
    cloud: Cloud | None


def make_plan(kernel: Kernel, cloud: Cloud) -> Plan:
    """What would change in the live kernel; writes nothing.

    Raises ForeignError where a namespace that we need has a name of ours but not our mark.
    """
    desired = compile_cloud(cloud)
    actual = kernel.observe(cloud.lab, believed=desired)
    foreign = kernel.foreign(owner.namespace for owner in desired.namespaces() if owner.key not in actual.objects)
    if foreign:
        raise ForeignError(
            f"these namespaces exist but are not ours, so they are left alone: {', '.join(foreign)}",
            hint="remove them if they are yours (`ip netns del NAME`), or give the lab another name",
        )
    return plan_states(desired, actual, forget_flows=journal.unfinished(cloud.lab))


def apply(kernel: Kernel, topology: Topology, *, progress: Progress = silent) -> Applied:
    """Make the kernel hold the topology, and store it as what is wanted.

    Only what differs is touched. Raises LockedError, ForeignError, HostError or KernelError; after an error halfway
    the stored topology is the wanted one, and the next apply goes on.
    """
    lab = topology.cloud.lab
    with lock.hold(lab, f"eigw-ns apply ({lab})"):
        start_agent = background.replace_outdated(lab)
        try:
            applied = reconcile(kernel, topology, progress=progress)
            return replace(applied, agent=start_agent()) if start_agent else applied
        except EigwError:
            if start_agent:  # the lab is watched as it was before
                start_agent()
            if not journal.unfinished(lab) and not store.exists(lab):  # nothing was begun: nothing to remember
                lock.remove_run_files(lab)
            raise


def reconcile(kernel: Kernel, topology: Topology, *, progress: Progress = silent) -> Applied:
    """What `apply` does, for a caller that holds the lab's lock.

    The journal is written first: a lab that is stored but not in the kernel yet is always an unfinished one.
    """
    lab = topology.cloud.lab
    before = kernel.writes
    plan = make_plan(kernel, topology.cloud)
    stored = store.holds(topology)
    if plan or journal.unfinished(lab):
        if not stored:
            store.require_writable(lab)
        with journal.written(lab, plan):
            if not stored:
                store.save(topology)
            kernel.stop_orphaned_daemons(lab)
            execute_around(kernel, plan, lambda: make_plan(kernel, topology.cloud), progress)
    elif not stored:
        store.save(topology)
    return Applied(len(plan), kernel.writes - before)


def status(kernel: Kernel, lab: str) -> Plan:
    """The steps that would mend what differs from the stored topology; empty when there is no drift."""
    return make_plan(kernel, store.load(lab).cloud)


def destroy(kernel: Kernel, lab: str, *, progress: Progress = silent) -> Destroyed:
    """Remove everything of the lab that is left, in the kernel and on disk.

    A process that a user began inside is his own: it is told, not ended.

    Raises NoSuchLabError where there is nothing at all.
    """
    if not store.exists(lab) and not len(kernel.outline(lab)):
        raise NoSuchLabError(f"there is no lab {lab}", hint="`eigw-ns status` names the labs that there are")
    background.stop(lab)
    with lock.hold(lab, f"eigw-ns destroy ({lab})"):
        inside = process.occupants(name for name in netns.names() if is_name_of(lab, name))
        cloud = _stored(lab) if inside else None
        steps = dismantle(kernel, lab, progress=progress)
    left = tuple(each for each in inside if each.stays() and not netns.exists(each.namespace))
    return Destroyed(steps, left, cloud)


def _stored(lab: str) -> Cloud | None:
    with contextlib.suppress(EigwError):
        return store.load(lab).cloud
    return None


def dismantle(kernel: Kernel, lab: str, *, progress: Progress = silent) -> int:
    """What takes the lab away, for a caller that holds its lock; how many steps it took.

    Killed anywhere, the journal says that the lab is to go; it is the last thing that does.
    """
    plan = plan_states(NOTHING, kernel.outline(lab))
    with journal.written(lab, plan, destroy=True):
        kernel.stop_orphaned_daemons(lab)
        execute(kernel, plan, progress)
        kernel.remove_husks(name for name in kernel.husks() if is_name_of(lab, name))
        store.remove(lab)
    lock.remove_run_files(lab)
    return len(plan)
