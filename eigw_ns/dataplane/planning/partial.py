"""A plan for the namespaces that a change of the cloud concerns, as part of the plan for the whole lab.

The rest of the lab is not read. If nothing in it has drifted, the partial plan is the plan for the whole lab, step by
step (tests/unit/test_partial_plan.py). Drift within the part is repaired. Some steps depend on the whole lab or change
it: the flows of an instance that goes are ended in every subnet; a change of replicas moves flows of all subnets; a
pair of links has its other end elsewhere. Then the planner returns None.
"""

from __future__ import annotations

from collections.abc import Iterable

from eigw_ns.cloud.ids import EGRESS_ONLY_INTERNET_GATEWAY, INTERNET
from eigw_ns.dataplane.planning import flows
from eigw_ns.dataplane.planning.plan import Plan, Planner, Step, settable
from eigw_ns.dataplane.state import Key, Link, Namespace, NetObject, NetState
from eigw_ns.dataplane.state.naming import kind_of


def make_partial_plan(
    desired: NetState, actual: NetState, *, gateways: Iterable[Namespace], came: Iterable[NetObject]
) -> Plan | None:
    """Return the steps from `actual` to `desired`, the states of the namespaces that a change concerns.

    Returns None if the lab needs a plan as a whole. `gateways` are the namespaces of the lab's egress-only gateways;
    flows by those elsewhere may end here. `came` are the objects that the lab did not have before the change.
    """
    desired, actual = _thinned(desired, actual)
    here = {thing.namespace for thing in desired} | {thing.namespace for thing in actual}
    beside = [each for each in gateways if each.namespace not in here]
    wanted = NetState.of((*settable(desired, actual), *beside))
    planner = Planner(wanted, NetState.of((*actual, *beside)), forget_flows=False)
    if planner.moves_flows or planner.rebuilds_links or flows.ended_addresses(wanted, actual, after_crash=False):
        return None
    steps = tuple(planner.steps())
    new = {thing.key for thing in came if isinstance(thing, Namespace)}
    return steps if all(_stays(step, here, new) for step in steps) else None


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


def _stays(step: Step, here: set[str], new: set[tuple[str, ...]]) -> bool:
    """Return whether the step changes nothing elsewhere. A namespace that vanished takes links elsewhere with it."""
    thing = step.object
    if isinstance(thing, Link):
        return thing.peer is None or thing.peer[0] in here
    return not isinstance(thing, Namespace) or step.verb != "create" or thing.key in new
