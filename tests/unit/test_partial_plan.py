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
from eigw_ns.dataplane.state import ForeignObject, Link, Namespace, NetObject, NetState
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
        return make_partial_plan(self.part(self.after), self.part(actual), gateways=gateways, came=self.delta.came)


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


# ---- what needs a plan for the whole lab -----------------------------------------------------------------------------

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


def test_an_instance_that_goes_needs_the_whole_lab() -> None:
    """Its flows end in the subnets of its peers, too."""
    change = _with(instances=dict(list(CLOUD.instances.items())[1:]))
    assert change.partial_plan(change.before) is None
    ended = [step for step in make_plan(change.after, change.before) if isinstance(step.object, Flows)]
    assert {step.object.namespace for step in ended} - change.delta.namespaces


def test_replicas_need_the_whole_lab() -> None:
    gateways = CLOUD.egress_only_internet_gateways
    change = _with(egress_only_internet_gateways={key: replace(each, replicas=2) for key, each in gateways.items()})
    assert change.partial_plan(change.before) is None


@pytest.mark.parametrize("kind", [Namespace, Link])
def test_what_vanished_with_links_elsewhere_needs_the_whole_lab(kind: type[NetObject]) -> None:
    change = _rerouted()
    subnet = next(name for name in sorted(change.delta.namespaces) if "subnet" in name)
    gone = {
        key for key, thing in change.before.objects.items() if thing.namespace == subnet and isinstance(thing, kind)
    }
    left = NetState.of(thing for key, thing in change.before.objects.items() if key not in gone)
    assert gone
    assert change.partial_plan(left) is None


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
