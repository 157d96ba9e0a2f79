"""A plan for the namespaces that a change concerns is the plan for the whole lab, if nothing drifted elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv6Network
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.model import Route as CloudRoute
from eigw_ns.dataplane.compile.incremental import IncrementalCompiler
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.dataplane.planning.flows import Flows
from eigw_ns.dataplane.planning.partial import gateways_among, make_partial_plan
from eigw_ns.dataplane.planning.plan import Plan, make_plan
from eigw_ns.dataplane.state import ForeignObject, Forwarding, Link, Namespace, NetObject, NetState, Teach
from tests.support.changes import changed, same_lab
from tests.support.small_cloud import small_cloud
from tests.support.strategies import clouds


class Change:
    """A change of a cloud: the states of the whole lab, and the namespaces that the change concerns."""

    def __init__(self, before: Cloud, after: Cloud) -> None:
        compiler = IncrementalCompiler(before, None)
        self.before = compiler.state()
        self.delta = compiler.update(after)
        self.after = compiler.state()

    def part(self, state: NetState) -> NetState:
        return NetState.of(thing for thing in state if thing.namespace in self.delta.namespaces)

    def partial_plan(self, actual: NetState) -> Plan | None:
        gateways = gateways_among((*self.before, *self.after))
        parts = self.part(self.after), self.part(actual)
        return make_partial_plan(*parts, gateways=gateways, came=self.delta.came, whole=lambda: self.after)


@given(clouds(), st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_a_partial_plan_is_the_plan_for_the_whole_lab(first: Cloud, draw: st.DataObject) -> None:
    before = same_lab(first)
    change = Change(before, changed(before, draw))
    actual = _drifted(change, draw) if draw.draw(st.booleans()) else change.before
    plan = change.partial_plan(actual)
    event("a part" if plan else "nothing" if plan == () else "the whole lab")
    if plan is not None:
        assert plan == make_plan(change.after, actual)


def _drifted(change: Change, draw: st.DataObject) -> NetState:
    """Return the state before the change, without some objects of the part, and with foreign ones in it."""
    inside = [key for key, thing in change.before.objects.items() if thing.namespace in change.delta.namespaces]
    gone = draw.draw(st.sets(st.sampled_from(inside), max_size=2)) if inside else set()
    names = sorted({key[1] for key in inside})
    more = [ForeignObject(draw.draw(st.sampled_from(names)), "table ip6 other")] if names else []
    return NetState.of([*(thing for key, thing in change.before.objects.items() if key not in gone), *more])


# ---- what concerns the rest of the lab ------------------------------------------------------------------------------

CLOUD = small_cloud()


def _with(**sections: Mapping[str, Any]) -> Change:
    """Return the change from the small cloud to one with other sections."""
    given: Mapping[str, Any] = sections
    return Change(CLOUD, replace(CLOUD, **given))


def _rerouted() -> Change:
    """Return a change of one route of a table that is not the main one."""
    table = next(each for each in CLOUD.route_tables.values() if not each.main)
    routes = (*table.routes, CloudRoute(IPv6Network("2001:db8:bad::/48"), "blackhole"))
    return _with(route_tables={**CLOUD.route_tables, table.id: replace(table, routes=routes)})


def test_a_route_needs_a_part() -> None:
    change = _rerouted()
    plan = change.partial_plan(change.before)
    assert plan
    assert plan == make_plan(change.after, change.before)
    flushed = [step.object for step in plan if isinstance(step.object, Flows)]
    assert flushed, "flows to the destination end, although the gateway keeps the rules that let them pass"


def test_the_flows_of_an_instance_that_goes_end_in_the_subnets_of_its_peers_too() -> None:
    change = _with(instances=dict(list(CLOUD.instances.items())[1:]))
    plan = change.partial_plan(change.before)
    assert plan == make_plan(change.after, change.before)
    ended = {step.object.namespace for step in plan if isinstance(step.object, Flows)}
    assert ended - change.delta.namespaces
    assert {namespace_name(CLOUD.lab, each) for each in CLOUD.subnets} <= ended


@pytest.mark.parametrize("numbers", [(1, 2), (3, 2), (2, 1)])
def test_replicas_take_over_the_flows_of_all_subnets(numbers: tuple[int, int]) -> None:
    before, after = (replace(CLOUD, egress_only_internet_gateways=_replicated(number)) for number in numbers)
    change = Change(before, after)
    plan = change.partial_plan(change.before)
    assert plan == make_plan(change.after, change.before)
    told = [step.object for step in plan if isinstance(step.object, Teach)]
    assert told
    assert {name for lesson in told for name in lesson.subnets} - change.delta.namespaces


def _replicated(replicas: int) -> Mapping[str, Any]:
    return {key: replace(each, replicas=replicas) for key, each in CLOUD.egress_only_internet_gateways.items()}


@pytest.mark.parametrize("kind", [Namespace, Link])
def test_after_links_to_elsewhere_vanished_the_whole_lab_is_read(kind: type[NetObject]) -> None:
    change = _rerouted()
    subnet = next(name for name in sorted(change.delta.namespaces) if "subnet" in name)
    gone = {
        key for key, thing in change.before.objects.items() if thing.namespace == subnet and isinstance(thing, kind)
    }
    left = NetState.of(thing for key, thing in change.before.objects.items() if key not in gone)
    assert gone
    assert change.partial_plan(left) is None


def test_if_a_replica_of_the_part_is_broken_the_whole_lab_is_read() -> None:
    """The others take over its flows first, by maps that are elsewhere."""
    before = replace(CLOUD, egress_only_internet_gateways=_replicated(2))
    table = next(each for each in CLOUD.route_tables.values() if not each.main)
    change = Change(before, replace(before, route_tables={**CLOUD.route_tables, table.id: replace(table, routes=())}))
    replica = next(name for name in sorted(change.delta.namespaces) if "eigw-0" in name)
    left = [thing for thing in change.before if thing != Forwarding(replica)]
    assert len(left) < len(change.before)
    assert change.partial_plan(NetState.of(left)) is None


def test_drift_within_the_part_is_repaired() -> None:
    change = _rerouted()
    subnet = next(name for name in sorted(change.delta.namespaces) if "subnet" in name)
    foreign = ForeignObject(subnet, "table ip6 other")
    plan = change.partial_plan(NetState.of([*change.before, foreign]))
    assert plan is not None
    assert [step.verb for step in plan if step.object == foreign] == ["delete"]


def test_drift_elsewhere_is_not_read() -> None:
    change = _rerouted()
    fabric = namespace_name(CLOUD.lab, next(iter(CLOUD.vpcs)))
    assert fabric not in change.delta.namespaces
    plan = change.partial_plan(NetState.of([*change.before, ForeignObject(fabric, "table ip6 other")]))
    assert plan is not None
    assert all(step.object.namespace != fabric for step in plan)
