"""A plan for the namespaces that a change of the cloud concerns, as part of the plan for the whole lab.

The rest of the lab is not read. If nothing in it has drifted, the partial plan is the plan for the whole lab, step by
step (tests/unit/test_partial_plan.py). Drift within the part is repaired.

The rest is what the compiler says it is. Most plans need nothing of it. The flows of an address that ends are flushed
in every connection table of the lab. A change of replicas moves the flows of all subnets, so the planner is given the
whole desired state. The planner returns None, and the whole lab must be read, if

- a pair of links is missing: its other end in the rest is missing too
- a replica lacks rules or forwarding: other replicas may carry its flows by now
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from eigw_ns.cloud.ids import EGRESS_ONLY_INTERNET_GATEWAY, INTERNET
from eigw_ns.dataplane.planning import flows
from eigw_ns.dataplane.planning.plan import Plan, Planner, Step, settable
from eigw_ns.dataplane.state import Key, Link, Namespace, NetObject, NetState
from eigw_ns.dataplane.state.naming import kind_of


def make_partial_plan(
    desired: NetState,
    actual: NetState,
    *,
    gateways: Iterable[Namespace],
    came: Iterable[NetObject],
    whole: Callable[[], NetState],
) -> Plan | None:
    """Return the steps from `actual` to `desired`, the states of the namespaces that a change concerns.

    Returns None if the whole lab must be read. `gateways` are the namespaces of the lab's egress-only gateways; flows
    by those elsewhere may end here. `came` are the objects that the lab did not have before the change. `whole` returns
    the desired state of the whole lab.
    """
    here = {thing.namespace for thing in (*desired, *actual)}
    planner = _planner_of_part(desired, actual, gateways, whole, here)
    if planner.rebuilds_links or any(map(planner.is_unready, gateways_among(actual))):
        return None
    if planner.moves_flows:
        planner = _planner_of_lab(actual, whole(), here)
    steps = tuple(planner.steps())
    new = {thing.key for thing in came if isinstance(thing, Namespace)}
    return steps if all(_stays(step, here, new) for step in steps) else None


def _planner_of_part(
    desired: NetState,
    actual: NetState,
    gateways: Iterable[Namespace],
    whole: Callable[[], NetState],
    here: Collection[str],
) -> Planner:
    """Return the planner for the part alone. It flushes connection tables of the whole lab."""
    desired, actual = _thinned(desired, actual)
    beside = [each for each in gateways if each.namespace not in here]

    def tables() -> Iterator[str]:
        standing = {owner.namespace for owner in actual.namespaces()}
        return (name for name in flows.tables(whole()) if name in standing or name not in here)

    wanted = NetState.of((*settable(desired, actual), *beside))
    return Planner(wanted, NetState.of((*actual, *beside)), forget_flows=False, tables=tables)


def _planner_of_lab(actual: NetState, whole: NetState, here: Collection[str]) -> Planner:
    """Return the planner for the whole lab, of which the namespaces elsewhere are as desired."""
    rest = (thing for thing in whole if thing.namespace not in here)
    found = NetState.of((*actual, *rest))
    return Planner(settable(whole, found), found, forget_flows=False)


def _thinned(desired: NetState, actual: NetState) -> tuple[NetState, NetState]:
    """Return both states without the routes of the internet that stay.

    The internet has one for each subnet of the lab, and a route that stays there changes no step.
    """
    routers = {owner.namespace for owner in desired.namespaces() if kind_of(owner.id) == INTERNET}
    there, wanted, same = actual.objects, dict[Key, NetObject](), set[Key]()
    for key, thing in desired.objects.items():
        if key[0] == "route" and key[1] in routers and (there.get(key) is thing or there.get(key) == thing):
            same.add(key)
        else:
            wanted[key] = thing
    return NetState(wanted), NetState({key: thing for key, thing in there.items() if key not in same})


def gateways_among(objects: Iterable[NetObject]) -> list[Namespace]:
    """Return the namespaces of egress-only gateways."""
    owners = (thing for thing in objects if isinstance(thing, Namespace))
    return [owner for owner in owners if kind_of(owner.id) == EGRESS_ONLY_INTERNET_GATEWAY]


def _stays(step: Step, here: Collection[str], new: set[tuple[str, ...]]) -> bool:
    """Return whether the step changes nothing elsewhere. A namespace that vanished takes links elsewhere with it."""
    thing = step.object
    if isinstance(thing, Link):
        return thing.peer is None or thing.peer[0] in here
    return not isinstance(thing, Namespace) or step.verb != "create" or thing.key in new
