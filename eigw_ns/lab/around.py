"""Carrying out a plan around tenants that stand in its way: theirs is the only part that may stay undone.

A tenant with root can undo what is done in its namespace faster than we do it (it hears of each change). Then its own
part of the plan cannot be finished; everybody else's must be.
"""

from __future__ import annotations

from collections.abc import Callable

from eigw_ns.dataplane.names import port_name
from eigw_ns.dataplane.plan import Plan, Step
from eigw_ns.dataplane.state import TENANT_KINDS, Link, is_tenant
from eigw_ns.errors import EigwError, HostError, KernelError
from eigw_ns.kernel.protocol import Kernel
from eigw_ns.lab.execute import Progress, batches, execute, silent

_PORTS = tuple(f"{kind}-" for kind in TENANT_KINDS)


def execute_around(kernel: Kernel, plan: Plan, again: Callable[[], Plan], progress: Progress = silent) -> None:
    """Carry out the plan; where a step fails in which a tenant has a say, all that is left but the tenant's part.

    `again` makes the plan of what is left. Raises EigwError that names the tenants in the way, when all else is done;
    KernelError or HostError where a step fails that is no tenant's.
    """
    done = 0

    def count(carried_out: int, total: int, step: Step) -> None:
        nonlocal done
        done = carried_out
        progress(carried_out, total, step)

    try:
        execute(kernel, plan, count)
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
        except (KernelError, HostError) as error:
            failures.append(error)
    if failures:
        raise EigwError(
            f"all is done but what tenants prevent in their own namespaces: {failures[0].message}",
            hint="somebody with root in there undoes what is done: stop it, or remove the instance, then apply again",
        )


def _tenant(step: Step) -> str:
    """The port of the tenant who has a say in the step: in its namespace, or at the router's end of its line."""
    thing = step.object
    if is_tenant(thing.namespace):
        return port_name("-".join(thing.namespace.rsplit("-", 2)[1:]))
    link = thing.name if isinstance(thing, Link) else getattr(thing, "link", "")
    return link if link.startswith(_PORTS) else ""
