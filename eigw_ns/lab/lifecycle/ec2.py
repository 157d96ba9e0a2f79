"""EC2 actions on a stored lab. An action returns after its change is stored and in the kernel."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace

from eigw_ns.cloud import nodes
from eigw_ns.cloud.ec2 import api
from eigw_ns.cloud.ec2.schema import Reply, Request
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.model import Cloud
from eigw_ns.errors import EigwError
from eigw_ns.kernel.protocol import Kernel
from eigw_ns.lab.lifecycle import operations
from eigw_ns.lab.storage.protocols import IMPATIENT, Journal, Patience
from eigw_ns.lab.storage.storage import Storage
from eigw_ns.topology import Topology

KernelFactory = Callable[[], Kernel]
"""Returns the kernel when it is needed. Raises HostError if this host cannot run labs."""


def perform(
    kernel_factory: KernelFactory,
    storage: Storage,
    lab: str,
    action: str,
    request: Request,
    settings: Settings,
    patience: Patience = IMPATIENT,
) -> Reply:
    """Carry out an EC2 action (`CreateRoute`) on the stored lab. If it changes the cloud, change the kernel too.

    An interrupted change is finished first. After an interrupted destroy, every action that mutates is refused. Others
    and dry runs change nothing, and need no root and no running lab. `patience` is for the lab's lock.

    Raises CloudError if AWS would refuse; also NoSuchLabError, LockedError, ForeignError and HostError. Nothing has
    changed then. Raises KernelError if Linux refuses a step halfway: the new state is stored then, and the hint says
    how to bring the kernel to it.
    """
    if not mutates(action, request):
        reply = api.call(storage.store.load(lab).cloud, action, request, settings)
        return replace(reply, warnings=(*unfinished(storage.journal, lab), *reply.warnings))
    with locked(kernel_factory, storage, lab, action, patience):
        stored = storage.store.load(lab)
        reply = api.call(stored.cloud, action, request, settings)
        if reply.cloud == stored.cloud:
            return reply
        wanted, told = followed(stored, reply.cloud)
        reconcile(kernel_factory(), storage, wanted)
        return replace(reply, warnings=(*reply.warnings, *told))


def followed(stored: Topology, cloud: Cloud) -> tuple[Topology, tuple[str, ...]]:
    """Return the topology with this cloud, and a warning about what it loses.

    It loses the expectations of which an end is gone, or has no IPv6 address: no file may name such a node.
    """
    if not stored.expectations:
        return replace(stored, cloud=cloud), ()
    silent = {each.id for each in cloud.instances.values() if not each.addresses}
    index = nodes.NodeIndex(each for each in nodes.nodes(cloud) if each.id not in silent)
    kept = tuple(each for each in stored.expectations if index.has(each.source) and index.has(each.destination))
    lost = len(stored.expectations) - len(kept)
    why = "they name an instance that is terminated or has no IPv6 address"
    told = (f"{lost} of the lab's expectations were removed: {why}",) if lost else ()
    return replace(stored, cloud=cloud, expectations=kept), told


def mutates(action: str, request: Request) -> bool:
    """Return whether the action may change the cloud. An unknown one is refused, so it changes nothing."""
    known = api.ACTIONS.get(action)
    return request.get("DryRun") is not True and known is not None and known.mutates


@contextlib.contextmanager
def locked(
    kernel_factory: KernelFactory, storage: Storage, lab: str, action: str, patience: Patience
) -> Iterator[None]:
    """Hold the lab's lock while the block carries out an action. An interrupted change is finished first.

    Raises LockedError, what `reconcile` raises, and EigwError after an interrupted destroy.
    """
    with storage.lock.hold(lab, f"eigw-ns ec2 {action} ({lab})", wait=patience.seconds, tell=patience.tell):
        _finish(kernel_factory, storage, lab)
        yield


def reconcile(kernel: Kernel, storage: Storage, wanted: Topology) -> None:
    """Bring the whole lab to the topology. The caller holds the lab's lock. Raises what `operations.reconcile` does."""
    with hinting(storage, wanted):
        operations.reconcile(kernel, storage, wanted)


@contextlib.contextmanager
def hinting(storage: Storage, wanted: Topology) -> Iterator[None]:
    """Add to an error of the block what finishes the change, if the topology is stored by then."""
    try:
        yield
    except EigwError as error:
        if storage.store.holds(wanted):
            error.hint = (
                "the request is stored, but the kernel has only a part of it, which lets in no extra traffic; to finish"
                f" it, run `eigw-ns apply --lab {wanted.cloud.lab}` or any `eigw-ns ec2` verb that changes the lab"
            )
        raise


def _finish(kernel_factory: KernelFactory, storage: Storage, lab: str) -> None:
    if storage.journal.destroying(lab):
        raise EigwError(
            f"the lab {lab} is half destroyed: its `eigw-ns destroy` was interrupted",
            hint=f"`eigw-ns destroy --lab {lab}` finishes it; `eigw-ns apply --lab {lab}` builds the lab again",
        )
    if storage.journal.unfinished(lab):
        reconcile(kernel_factory(), storage, storage.store.load(lab))


def unfinished(journal: Journal, lab: str) -> tuple[str, ...]:
    """Return the warnings about a lab whose kernel state may differ from the stored topology."""
    if journal.destroying(lab):
        return (f"the lab {lab} is being destroyed, or its destroy was interrupted: parts of this are not running",)
    if journal.unfinished(lab):
        return ("the lab is being changed, or a change was interrupted: the kernel may differ from this",)
    return ()
