"""Carry out a plan: steps in their order, neighbours of one `batch_key` together, since Linux is faster in batches."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from eigw_ns.dataplane.planning.flows import Flows
from eigw_ns.dataplane.planning.plan import Plan, Step
from eigw_ns.dataplane.state import Address, Forget, Link, NetObject, Teach, batch_key
from eigw_ns.errors import EigwError, LimitError
from eigw_ns.kernel.protocol import Change, Kernel
from eigw_ns.lab.lifecycle.progress import Phase, Progress, silent

_BATCH = 500  # steps at once: their progress is told when all are done


def execute(kernel: Kernel, plan: Plan, progress: Progress = silent) -> None:
    """Carry out the plan. What was done before a failing step stays done; the next plan leads on from there."""
    done = 0
    for verb, steps in batches(plan):
        progress(done, len(plan), _phase(verb, steps))
        try:
            _run(kernel, verb, steps)
        except EigwError as error:
            if isinstance(error, LimitError) or (done and not error.hint):  # a part of the first batch may be done
                half = "the lab is changed by half and lets nothing in; apply it again, or destroy it"
                error.hint = f"{error.hint}\n{half}".lstrip()
            raise
        for step in steps:
            done += 1
            progress(done, len(plan), step)
    unsettled = {step.object.namespace for step in plan if _takes_a_moment(step)}
    if unsettled:
        progress(done, len(plan), Phase("wait until links and addresses are ready"))
    kernel.settle(unsettled)


def _phase(verb: str, steps: list[Step]) -> Phase:
    more = f" and {len(steps) - 1:,} more" if len(steps) > 1 else ""
    return Phase(f"{verb} {steps[0].object}{more}")


def _takes_a_moment(step: Step) -> bool:
    return step.verb != "delete" and isinstance(step.object, (Address, Link))


def batches(plan: Plan) -> Iterator[tuple[str, list[Step]]]:
    """Yield the steps that go to the kernel together, with their verb. If they fail, one of them is the reason."""
    for (verb, _), run in groupby(plan, key=lambda step: (step.verb, batch_key(step.object))):
        steps = list(run)
        for start in range(0, len(steps), _BATCH):
            yield verb, steps[start : start + _BATCH]


def _run(kernel: Kernel, verb: str, steps: list[Step]) -> None:
    match verb:
        case "create":
            kernel.create(_objects(steps))
        case "delete":
            kernel.delete(_objects(steps))
        case "teach":
            kernel.teach([step.object for step in steps if isinstance(step.object, Teach)])
        case "update":
            kernel.update(_changes(steps))
        case _:
            for step in steps:
                if isinstance(step.object, Flows):
                    kernel.flush_flows(step.object.namespace, step.object.keep, step.object.ended, step.object.gone)
                elif isinstance(step.object, Forget):
                    kernel.forget(step.object)


def _changes(steps: list[Step]) -> Iterator[Change]:
    for step in steps:
        if step.old is not None and not isinstance(step.object, Flows | Teach | Forget):
            yield step.old, step.object


def _objects(steps: list[Step]) -> list[NetObject]:
    return [step.object for step in steps if not isinstance(step.object, Flows | Teach | Forget)]
