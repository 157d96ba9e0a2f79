"""What a lab looks like at a moment, and the events between two moments. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.routing import effective_route_table, route_state
from eigw_ns.cloud.tag_names import named_by_tags
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.dataplane.state.naming import split_name
from eigw_ns.frozen import frozen
from eigw_ns.lab.events.event import SOMEBODY_ELSE, Event, Kind

_APPLYING = ("eigw-ns apply", "eigw-ns agent --repair")
"""Commands of which a change is one event, with the resources in it. An EC2 action is an event for each resource."""

_KINDS: Mapping[str, Kind] = {
    "create": "resource.created",
    "update": "resource.changed",
    "delete": "resource.deleted",
}


@frozen
class Resource:
    """A resource that changes between two clouds, and its facts that do, as (fact, old, new)."""

    change: Literal["create", "update", "delete"]
    kind: str
    name: str
    id: str
    facts: tuple[tuple[str, str | None, str | None], ...]


@frozen
class Words:
    """What people call things: `labels` of the namespaces of a cloud, and how two clouds are compared."""

    labels: Callable[[Cloud], Mapping[str, str]]
    compare: Callable[[Cloud | None, Cloud], Sequence[Resource]]


@frozen
class View:
    """A lab at a moment: the stored cloud; drift, and replicas that carry no flows with the reason, by namespace."""

    cloud: Cloud
    drift: Mapping[str, tuple[str, ...]]
    out: Mapping[str, str]


@frozen
class Authors:
    """The programs that worked on a lab between two views.

    `command` had the lab's lock; empty if none had. `agent` is the lab's agent, which takes replicas out without the
    lock; empty if none runs. `processes` made other transactions of nftables, by namespace.
    """

    command: str
    agent: str
    processes: Mapping[str, tuple[str, ...]]


NOBODY = Authors("", "", {})


def standing(view: View, words: Words) -> Iterator[Event]:
    """Yield what is not as it should be now: routes that are blackholes, replicas out of service, drift."""
    yield from _routes(None, view.cloud, "", words)
    yield from _between(View(view.cloud, {}, {}), view, NOBODY, words)


def news(before: View, after: View, authors: Authors, words: Words) -> Iterator[Event]:
    """Yield what has happened between two views."""
    by = authors.command
    if by.startswith(_APPLYING):
        yield Event("lab.applied", "", "", by, {"resources": _named(words.compare(before.cloud, after.cloud))})
    elif before.cloud is not after.cloud:
        for each in words.compare(before.cloud, after.cloud):
            yield Event(_KINDS[each.change], each.name, each.id, by, _facts(each))
    if before.cloud is not after.cloud:
        yield from _routes(before.cloud, after.cloud, by, words)
    yield from _between(before, after, authors, words)


def _named(resources: Sequence[Resource]) -> list[dict[str, str]]:
    return [{"change": each.change, "kind": each.kind, "name": each.name, "id": each.id} for each in resources]


def _facts(each: Resource) -> dict[str, Any]:
    return {"resource": each.kind, "facts": [{"fact": fact, "old": old, "new": new} for fact, old, new in each.facts]}


def _between(before: View, after: View, authors: Authors, words: Words) -> Iterator[Event]:
    by = authors.command or SOMEBODY_ELSE
    labels = {**words.labels(before.cloud), **words.labels(after.cloud)}

    def event(kind: Kind, namespace: str, author: str, detail: dict[str, Any]) -> Event:
        return about(kind, namespace, author, detail, labels)

    yield from replicas(before.out, after.out, authors, labels)
    for namespace in sorted(before.drift.keys() | after.drift.keys()):
        old, new = before.drift.get(namespace, ()), after.drift.get(namespace, ())
        if found := [step for step in new if step not in old]:
            processes = {"processes": list(authors.processes[namespace])} if namespace in authors.processes else {}
            yield event("drift.found", namespace, SOMEBODY_ELSE, {"steps": found, **processes})
        if gone := [step for step in old if step not in new]:
            yield event("drift.gone", namespace, by, {"steps": gone})


def replicas(
    before: Mapping[str, str], after: Mapping[str, str], authors: Authors, labels: Mapping[str, str]
) -> Iterator[Event]:
    """Yield the replicas that went out of service and came back. Both sides are `View.out`."""
    by = authors.command or authors.agent or SOMEBODY_ELSE
    for namespace in sorted(after.keys() - before.keys()):
        yield about("replica.down", namespace, by, {"reason": after[namespace]}, labels)
    for namespace in sorted(before.keys() - after.keys()):
        yield about("replica.up", namespace, by, {}, labels)


def about(kind: Kind, namespace: str, by: str, detail: Mapping[str, Any], labels: Mapping[str, str]) -> Event:
    """Return an event about a namespace of the lab."""
    return Event(kind, labels.get(namespace, namespace), split_name(namespace)[1], by, detail)


@frozen
class _State:
    """A route as a subnet sees it. `node` and `id` are of the subnet, or of the table if no subnet uses it."""

    node: str
    id: str
    table: str
    destination: str
    target: str
    state: str


def _routes(before: Cloud | None, after: Cloud, by: str, words: Words) -> Iterator[Event]:
    old = {} if before is None else _states(before, words)
    changed: dict[tuple[Kind, str, str], list[_State]] = {}
    for key, route in _states(after, words).items():
        former = old[key].state if key in old else "active"
        if route.state != former:
            kind: Kind = "route.blackhole" if route.state == "blackhole" else "route.active"
            changed.setdefault((kind, route.id, route.node), []).append(route)
    for (kind, place, node), routes in changed.items():
        listed = [{"destination": each.destination, "target": each.target} for each in routes]
        yield Event(kind, node, place, by, {"route_table": routes[0].table, "routes": listed})


def _states(cloud: Cloud, words: Words) -> dict[tuple[str, str], _State]:
    named, labels = named_by_tags(cloud), words.labels(cloud)
    used: dict[str, list[tuple[str, str]]] = {}
    for subnet in named.subnets.values():
        label = labels.get(namespace_name(cloud.lab, subnet.id), subnet.name)
        used.setdefault(effective_route_table(named, subnet).id, []).append((label, subnet.id))
    found: dict[tuple[str, str], _State] = {}
    for table in named.route_tables.values():
        name = f"{named.vpcs[table.vpc_id].name}/{table.name}"
        for node, place in used.get(table.id, [(name, table.id)]):
            for route in table.routes:
                state, destination = route_state(named, table, route), str(route.destination)
                found[place, destination] = _State(node, place, name, destination, route.target_id, state)
    return found
