"""Showing changes of the cloud and steps in the kernel, as `plan`, `apply` and `status` do."""

from __future__ import annotations

from collections.abc import Sequence

from eigw_ns.cli.context import apply_again, labels, open_storage
from eigw_ns.cli.output import show_json, show_lines, show_tables
from eigw_ns.cli.talk import Talk
from eigw_ns.cloud.model import Cloud
from eigw_ns.dataplane.planning.plan import Step
from eigw_ns.dataplane.state import ForeignObject
from eigw_ns.kernel.protocol import Kernel
from eigw_ns.lab.lifecycle import operations
from eigw_ns.lab.storage.storage import Storage
from eigw_ns.render import cloud_changes
from eigw_ns.render import steps as render
from eigw_ns.render.cloud_changes import CloudChanges

CHANGES = 3
"""The exit code where changes are pending or the kernel has drifted."""


def warn_of_drift(kernel: Kernel, cloud: Cloud, talk: Talk) -> None:
    """Say where the kernel differs from what was applied: there, packets may do something else than predicted."""
    steps = operations.drift(kernel, open_storage(), cloud.lab)
    if steps:
        where = render.drift(steps, labels(cloud))
        talk.note(f"warning: {where}: packets may do something else than predicted")
        talk.note(f"hint: `eigw-ns status --lab {cloud.lab}` shows it; `{apply_again(cloud.lab)}` repairs it")


def show_plan(
    kernel: Kernel, storage: Storage, cloud: Cloud, changes: CloudChanges, steps: Sequence[Step], talk: Talk
) -> None:
    """Print the changes of the cloud, then the steps in the kernel: all with -v, otherwise those that repair drift."""
    show_lines([*cloud_changes.lines(changes, every=talk.verbose), *cloud_changes.warnings(changes)])
    if not changes.resources:
        if steps:
            talk.note(_difference(kernel, storage, cloud.lab))
        show_steps(steps, cloud, "table", talk)
        return
    more = "" if talk.verbose else "; -v shows every step"
    talk.note(f"in the kernel: {render.count(steps)}{more}" if steps else "the kernel does not change")
    drifted = operations.drift_beside(kernel, storage, cloud.lab)
    if drifted:
        talk.note(f"{render.drift(drifted, labels(cloud))}: `apply` repairs it, too")
    if talk.verbose or drifted:
        show_steps(steps if talk.verbose else drifted, cloud, "table", talk)


def _difference(kernel: Kernel, storage: Storage, lab: str) -> str:
    """Return why the kernel must change though the cloud does not."""
    if storage.journal.unfinished(lab):
        return "a change was interrupted, or is in progress: the kernel has only a part of what was applied"
    if not len(kernel.outline(lab)):
        return f"the lab {lab} is stored, but not in the kernel (after a reboot?)"
    return "drift: the topology does not change, but the kernel differs from what was applied"


def tell_additions(kernel: Kernel, cloud: Cloud, talk: Talk) -> None:
    """Say what users have added to instances and internet hosts: packets may take another way than predicted."""
    for line in render.additions_lines(operations.additions(kernel, cloud), labels(cloud), every=talk.verbose):
        talk.note(line)


def show_steps(
    steps: Sequence[Step], cloud: Cloud, output: str, talk: Talk, additions: Sequence[ForeignObject] | None = None
) -> None:
    """Print the steps: as JSON, or one line a namespace, or all with -v. Nodes have the names of `cloud`.

    `additions` are what users have added to the namespaces of tenants, for the verb that shows them.
    """
    if output == "json":
        more = {} if additions is None else {"additions": render.additions_data(additions, labels(cloud))}
        show_json({**render.data(steps), **more})
        return
    for line in render.additions_lines(additions or (), labels(cloud), every=talk.verbose):
        talk.note(line)
    if not steps:
        return
    show_tables([(render.listing if talk.verbose else render.summary)(steps, labels(cloud))])
    talk.note(render.count(steps) + ("" if talk.verbose else "; -v shows every step"))
