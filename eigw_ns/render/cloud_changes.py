"""What changes between two clouds, in AWS's words: `~ subnet prod/app-a: route table private → public`.

Resources are compared by id, and otherwise by name: a resource that an EC2 action has made again has another id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from eigw_ns.cloud.model import Cloud
from eigw_ns.dataplane.exposure import Exposure, exposed
from eigw_ns.frozen import frozen
from eigw_ns.render.cloud_facts import Described, Facts, Names, allowed, described, names

Kind = Literal["create", "update", "delete"]

_SIGNS: dict[Kind, str] = {"create": "+", "update": "~", "delete": "-"}
_FACTS_SHOWN = 3
_RULES_SHOWN = 3


@frozen
class FactChange:
    """A fact of a resource that changes. `old` or `new` is None if the resource has no such fact before or after."""

    fact: str
    old: str | None
    new: str | None


@frozen
class ResourceChange:
    """A resource that changes, and its facts that do. A resource that comes or goes has all its facts here."""

    change: Kind
    kind: str
    name: str
    id: str
    facts: tuple[FactChange, ...]


@frozen
class CloudChanges:
    """All changes between two clouds. `names` are those of all resources before and after, by id."""

    resources: tuple[ResourceChange, ...]
    exposures: tuple[Exposure, ...]
    names: Names


def compare(before: Cloud | None, after: Cloud) -> CloudChanges:
    """Return what changes from `before` (None: no cloud is known, so everything is new) to `after`."""
    known = (names(before) if before else {}) | names(after)
    if before is not None and before == after:
        return CloudChanges((), (), known)
    old = list(described(before, known)) if before else []
    resources = tuple(_changes(old, list(described(after, known))))
    return CloudChanges(resources, tuple(exposed(before, after)), known)


def _changes(old: Sequence[Described], new: Sequence[Described]) -> Iterator[ResourceChange]:
    pairs = _pairs(old, new)
    kept = {resource.id for resource in pairs.values()}
    for resource in old:
        if resource.id not in kept and not resource.made_with_vpc:
            yield _changed("delete", resource, resource.facts, {})
    for resource in new:
        former = pairs.get(resource.id)
        if former is not None and former.facts != resource.facts:
            yield _changed("update", resource, former.facts, resource.facts)
        elif former is None and not resource.made_with_vpc:
            yield _changed("create", resource, {}, resource.facts)


def _pairs(old: Sequence[Described], new: Sequence[Described]) -> dict[str, Described]:
    """Return what each resource of `new` was in `old`, by its new id."""
    by_id = {resource.id: resource for resource in old}
    pairs = {resource.id: by_id.pop(resource.id) for resource in new if resource.id in by_id}
    by_name = {(resource.kind, resource.name): resource for resource in by_id.values()}
    for resource in new:
        former = by_name.get((resource.kind, resource.name))
        if former is not None and resource.id not in pairs:
            pairs[resource.id] = former
    return pairs


def _changed(change: Kind, resource: Described, old: Facts, new: Facts) -> ResourceChange:
    every = dict.fromkeys((*old, *new))
    facts = (FactChange(fact, old.get(fact), new.get(fact)) for fact in every if old.get(fact) != new.get(fact))
    return ResourceChange(change, resource.kind, resource.name, resource.id, tuple(facts))


def lines(changes: CloudChanges, *, every: bool) -> list[str]:
    """Return a line for each changed fact, and for each resource that comes or goes.

    A line about a resource that comes has its first facts; all of them if `every`.
    """
    return [line for change in changes.resources for line in _lines(change, every)]


def _lines(change: ResourceChange, every: bool) -> Iterator[str]:
    head = f"{_SIGNS[change.change]} {change.kind} {change.name}"
    if change.change == "update":
        yield from (f"{head}: {_fact(fact)}" for fact in change.facts)
    elif change.change == "create" and change.facts:
        most = len(change.facts) if every else _FACTS_SHOWN
        yield f"{head}: {_some([_value(fact.fact, fact.new) for fact in change.facts], most)}"
    else:
        yield head


def _fact(change: FactChange) -> str:
    if change.old is None:
        return f"+ {_value(change.fact, change.new)}"
    if change.new is None:
        return f"- {_value(change.fact, change.old)}"
    return f"{change.fact} {change.old or 'no notes'} → {change.new or 'no notes'}"


def _value(fact: str, value: str | None) -> str:
    return f"{fact} {value}" if value else fact


def _some(texts: Sequence[str], most: int) -> str:
    more = f"; {len(texts) - most} more" if len(texts) > most else ""
    return "; ".join(texts[:most]) + more


def warnings(changes: CloudChanges) -> list[str]:
    """Return a line for each subnet and instance that the internet will reach and does not reach now."""
    return [f"! {_exposure(each, changes.names)}" for each in changes.exposures]


def _exposure(exposure: Exposure, known: Names) -> str:
    name = known[exposure.id]
    if not exposure.rules:
        return f"subnet {name} becomes reachable from the internet"
    rules = ", ".join(_rules(exposure, known))
    if exposure.further:
        return f"instance {name} becomes reachable from the internet by more packets: {rules}"
    return f"instance {name} becomes reachable from the internet: {rules}"


def _rules(exposure: Exposure, known: Names) -> Iterable[str]:
    texts = [allowed(rule, known) for rule in exposure.rules]
    more = [f"{len(texts) - _RULES_SHOWN} more"] if len(texts) > _RULES_SHOWN else []
    return texts[:_RULES_SHOWN] + more


def data(changes: CloudChanges) -> dict[str, Any]:
    """Return the changes as `plan -o json` has them."""
    return {
        "changes": [
            {
                "change": each.change,
                "kind": each.kind,
                "name": each.name,
                "id": each.id,
                "facts": [{"fact": fact.fact, "old": fact.old, "new": fact.new} for fact in each.facts],
            }
            for each in changes.resources
        ],
        "exposed": [
            {
                "id": each.id,
                "name": changes.names[each.id],
                "rules": [allowed(rule, changes.names) for rule in each.rules],
                "further": each.further,
            }
            for each in changes.exposures
        ],
    }
