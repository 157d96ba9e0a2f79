"""Carry out a plan although tenants prevent parts of it: only their own parts may stay undone.

A tenant with root is notified of each change in its namespace, and can undo it faster than we make it. Its own part of
the plan cannot be finished then. Every other part must be.
"""

from __future__ import annotations

from collections.abc import Callable

from eigw_ns.dataplane.planning.plan import Plan, Step
from eigw_ns.dataplane.state import Link, is_tenant
from eigw_ns.dataplane.state.naming import is_tenant_port, port_name, split_name
from eigw_ns.errors import EigwError, HostError, KernelError, LimitError
from eigw_ns.kernel.protocol import Kernel
from eigw_ns.lab.lifecycle.execute import batches, execute
from eigw_ns.lab.lifecycle.progress import Phase, Progress, silent


def execute_around(kernel: Kernel, plan: Plan, again: Callable[[], Plan], progress: Progress = silent) -> None:
    """Carry out the plan. If a step fails that a tenant can influence, carry out all other steps.

    `again` makes the plan of what is left. Raises EigwError after all other steps are done, with the first failure in a
    tenant's namespace. Raises KernelError or HostError if a step fails that no tenant can influence. A limit of the
    host is never a tenant's doing.
    """
    done = 0

    def count(carried_out: int, total: int, step: Step | Phase) -> None:
        nonlocal done
        done = carried_out
        progress(carried_out, total, step)

    try:
        execute(kernel, plan, count)
    except LimitError:
        raise
    except (KernelError, HostError):
        _, failed = next(batches(plan[done:]), ("", []))
        if not any(map(_tenant, failed)):
            raise
        _rest(kernel, again())


def _rest(kernel: Kernel, plan: Plan) -> None:
    parts: dict[str, list[Step]] = {}
    for step in plan:
        parts.setdefault(_tenant(step), []).append(step)
    execute(kernel, tuple(parts.pop("", ())))
    failures: list[EigwError] = []
    for steps in parts.values():
        try:
            execute(kernel, tuple(steps))
        except LimitError:
            raise
        except (KernelError, HostError) as error:
            failures.append(error)
    if failures:
        raise EigwError(
            f"applied, except in tenant namespaces that keep undoing our changes: {failures[0].message}",
            hint="stop the process with root that undoes changes in there, or remove the instance; then apply again",
        )


def _tenant(step: Step) -> str:
    """Return the port of the tenant that can influence the step; empty if none can.

    A tenant can influence its own namespace and the router's end of its veth pair.
    """
    thing = step.object
    if is_tenant(thing.namespace):
        return port_name(split_name(thing.namespace)[1])
    link = thing.name if isinstance(thing, Link) else getattr(thing, "link", "")
    return link if is_tenant_port(link) else ""
