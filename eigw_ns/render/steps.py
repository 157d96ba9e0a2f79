"""The steps of a plan, as JSON and as tables that stay readable at 2,000 steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from eigw_ns.dataplane.state import ForeignObject
from eigw_ns.render.table import Cell, Table

if TYPE_CHECKING:
    from eigw_ns.dataplane.planning.plan import Step, Verb

Labels = Mapping[str, str]
"""What people call a namespace."""

_COLOURS: dict[Verb, str] = {
    "create": "green",
    "update": "yellow",
    "delete": "red",
    "flush": "red",
    "teach": "cyan",
    "forget": "yellow",
}
_REASONS_SHOWN = 2


def data(steps: Sequence[Step]) -> dict[str, Any]:
    """Return the steps as `plan -o json` gives them."""
    return {
        "changes": len(steps),
        "steps": [{"verb": step.verb, "object": str(step.object), "reason": step.reason} for step in steps],
    }


def additions_data(additions: Sequence[ForeignObject], labels: Labels) -> list[dict[str, str]]:
    """Return what users have added, as `status -o json` gives it."""
    return [{"node": labels.get(each.namespace, each.namespace), "object": each.text} for each in additions]


def additions_lines(additions: Sequence[ForeignObject], labels: Labels, *, every: bool) -> list[str]:
    """Return a line for each node to which users have added something; only the first objects unless `every`."""
    nodes: dict[str, list[str]] = {}
    for each in additions:
        nodes.setdefault(labels.get(each.namespace, each.namespace), []).append(each.text)
    return [f"added by users in {node}: {_some(texts, len(texts) if every else 3)}" for node, texts in nodes.items()]


def _some(texts: Sequence[str], most: int) -> str:
    more = f"; {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def summary(steps: Sequence[Step], labels: Labels) -> Table:
    """Return a table with a row for each namespace: the steps of each verb, and the most frequent reasons."""
    groups: dict[str, list[Step]] = {}
    for step in steps:
        groups.setdefault(step.object.namespace, []).append(step)
    ordered = sorted(groups.items(), key=lambda item: labels.get(item[0], item[0]))
    verbs = [verb for verb in _COLOURS if any(step.verb == verb for step in steps)]
    rows = tuple(_summary_row(labels.get(name, name), group, verbs) for name, group in ordered)
    return Table("", ("Where", *(verb.capitalize() for verb in verbs), "Why"), rows)


def listing(steps: Sequence[Step], labels: Labels) -> Table:
    """Return a table with a row for each step, in the order of the plan."""
    rows = tuple(
        (str(index), (step.verb, _COLOURS[step.verb]), _where(step, labels), f"{_object(step)}: {step.reason}")
        for index, step in enumerate(steps, 1)
    )
    return Table("", ("#", "Verb", "Where", "What and why"), rows)


def count(steps: Sequence[Step]) -> str:
    """Return a text such as `12 changes in 3 namespaces`."""
    namespaces = len({step.object.namespace for step in steps})
    return f"{counted(len(steps), 'change')} in {counted(namespaces, 'namespace')}"


def drift(steps: Sequence[Step], labels: Labels) -> str:
    """Return a text such as `drift in main/outbound (ruleset inet: missing; 4 more) and 2 other namespaces`."""
    groups: dict[str, list[Step]] = {}
    for step in steps:
        groups.setdefault(step.object.namespace, []).append(step)
    namespace, first = max(groups.items(), key=lambda item: len(item[1]))
    others = f" and {counted(len(groups) - 1, 'other namespace')}" if len(groups) > 1 else ""
    more = f"; {len(first) - 1} more" if len(first) > 1 else ""
    return f"drift in {labels.get(namespace, namespace)} ({_object(first[0])}: {first[0].reason}{more}){others}"


def counted(count: int, noun: str) -> str:
    """Return a text such as `1 change` or `1,200 changes`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _summary_row(label: str, steps: Sequence[Step], verbs: Sequence[Verb]) -> tuple[Cell, ...]:
    counts = Counter(step.verb for step in steps)
    reasons = [reason for reason, _ in Counter(map(_why, steps)).most_common()]
    more = "" if len(reasons) <= _REASONS_SHOWN else f"; {len(reasons) - _REASONS_SHOWN} more"
    numbers = tuple((str(counts[verb]), _COLOURS[verb]) if counts[verb] else "" for verb in verbs)
    return (label, *numbers, "; ".join(reasons[:_REASONS_SHOWN]) + more)


def _why(step: Step) -> str:
    """Return the reason of the step, and the name of an object that is not ours, which a count does not tell."""
    return f"{step.reason}: {_object(step)}" if isinstance(step.object, ForeignObject) else step.reason


def _where(step: Step, labels: Labels) -> str:
    return labels.get(step.object.namespace, step.object.namespace)


def _object(step: Step) -> str:
    """Return the object as text, without its namespace, which has a column of its own."""
    namespace = step.object.namespace
    text = str(step.object)
    for part in (f" in {namespace}", f" of {namespace}", f" {namespace}"):
        text = text.removesuffix(part)
    return text
