"""EC2 actions on a stored lab: what they change is stored, and the kernel follows, before they answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from eigw_ns.cloud.ec2 import api
from eigw_ns.cloud.ec2.schema import Reply, Request
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.errors import EigwError
from eigw_ns.kernel.protocol import Kernel
from eigw_ns.lab import journal, lock, operations, store
from eigw_ns.topology import Topology

KernelFactory = Callable[[], Kernel]
"""Gives the kernel when it is needed. Raises HostError where there is none to work with."""


def perform(kernel_factory: KernelFactory, lab: str, action: str, request: Request, settings: Settings) -> Reply:
    """Carry out an EC2 action (`CreateRoute`) on the stored lab; where it changes the cloud, the kernel too.

    A change that was cut short before is finished first; a destroy that was cut short stays one, and what would change
    the lab is refused. Describing and dry runs change nothing: they need neither root nor a lab that is alive. Raises
    CloudError where AWS would refuse, NoSuchLabError, LockedError, ForeignError and HostError; nothing has changed
    then. Raises KernelError where Linux refuses halfway: the stored lab is the new one then, and the hint says what
    makes the kernel agree.
    """
    if request.get("DryRun") is True:
        return api.call(store.load(lab).cloud, action, request, settings)
    if action.startswith("Describe"):
        reply = api.call(store.load(lab).cloud, action, request, settings)
        return replace(reply, warnings=(*_unfinished(lab), *reply.warnings))
    with lock.hold(lab, f"eigw-ns ec2 {action} ({lab})"):
        _finish(kernel_factory, lab)
        stored = store.load(lab)
        reply = api.call(stored.cloud, action, request, settings)
        if reply.cloud != stored.cloud:
            _reconcile(kernel_factory(), replace(stored, cloud=reply.cloud))
        return reply


def _reconcile(kernel: Kernel, wanted: Topology) -> None:
    try:
        operations.reconcile(kernel, wanted)
    except EigwError as error:
        if store.holds(wanted):
            error.hint = (
                "the request is stored, but the kernel holds only a part of it, and lets nothing in; the next"
                f" changing `eigw-ns ec2` verb, or `eigw-ns apply --lab {wanted.cloud.lab}`, does the rest"
            )
        raise


def _finish(kernel_factory: KernelFactory, lab: str) -> None:
    """Do the rest of a change that was cut short. The caller holds the lab's lock."""
    if journal.destroying(lab):
        raise EigwError(
            f"the lab {lab} is to be destroyed: its `eigw-ns destroy` was cut short",
            hint=f"`eigw-ns destroy --lab {lab}` does the rest; `eigw-ns apply --lab {lab}` brings the lab back",
        )
    if journal.unfinished(lab):
        _reconcile(kernel_factory(), store.load(lab))


def _unfinished(lab: str) -> tuple[str, ...]:
    """What whoever asks must know of a lab that is not as it is stored."""
    if journal.destroying(lab):
        return (f"the lab {lab} is being destroyed, or its destroy was cut short: not all of this is alive",)
    if journal.unfinished(lab):
        return ("a change of the lab is being made, or was cut short: the kernel may not agree with this yet",)
    return ()
