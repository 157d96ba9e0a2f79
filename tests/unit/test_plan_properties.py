"""A plan leads from any cloud to any other, also if it is cut anywhere and resumed, and then nothing is left to do."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eigw_ns.cloud.model import Cloud
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.planning.flows import Flows
from eigw_ns.dataplane.planning.plan import Plan, Step, make_plan
from eigw_ns.dataplane.rulesets.group_rules import SENDING
from eigw_ns.dataplane.state import (
    ForeignObject,
    Forget,
    Forwarding,
    Link,
    Namespace,
    NetState,
    ReplicaMap,
    Route,
    Ruleset,
    Teach,
    is_tenant,
)
from eigw_ns.kernel.fake.fake_kernel import FakeKernel
from eigw_ns.lab.lifecycle.execute import execute
from tests.support.strategies import clouds

LAB = "lab"


def _same_lab(cloud: Cloud) -> Cloud:
    return replace(cloud, lab=LAB)


@given(clouds())
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_a_state_does_not_differ_from_itself(cloud: Cloud) -> None:
    state = compile_cloud(cloud)
    assert state == compile_cloud(cloud)
    assert make_plan(state, state) == ()


@given(clouds(), clouds())
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_a_plan_leads_from_any_cloud_to_any_other(before: Cloud, after: Cloud) -> None:
    kernel = FakeKernel()
    for cloud in (_same_lab(before), _same_lab(after)):
        desired = compile_cloud(cloud)
        execute(kernel, make_plan(desired, kernel.observe(LAB)))
        assert kernel.observe(LAB) == desired
    writes = kernel.writes
    execute(kernel, make_plan(desired, kernel.observe(LAB)))
    assert kernel.writes == writes


@given(clouds(), clouds(), st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_a_plan_cut_anywhere_is_finished_by_the_next(before: Cloud, after: Cloud, data: st.DataObject) -> None:
    kernel = FakeKernel()
    execute(kernel, make_plan(compile_cloud(_same_lab(before)), NetState()))
    desired = compile_cloud(_same_lab(after))
    plan = make_plan(desired, kernel.observe(LAB))
    execute(kernel, plan[: data.draw(st.integers(0, len(plan)))])
    execute(kernel, make_plan(desired, kernel.observe(LAB)))
    assert kernel.observe(LAB) == desired
    execute(kernel, make_plan(NetState(), kernel.observe(LAB)))
    assert len(kernel.observe(LAB)) == 0


@given(clouds(), clouds())
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_no_plan_lets_packets_pass_too_early_or_too_long(before: Cloud, after: Cloud) -> None:
    desired, actual = compile_cloud(_same_lab(after)), compile_cloud(_same_lab(before))
    plan = make_plan(desired, actual)
    verbs = [(step.verb, step.object) for step in plan]
    on = [index for index, (verb, thing) in enumerate(verbs) if verb == "create" and isinstance(thing, Forwarding)]
    off = {thing.namespace: index for index, (verb, thing) in enumerate(verbs) if _stops(verb, thing)}
    for index, (verb, thing) in enumerate(verbs):
        if verb == "create" and not isinstance(thing, (Forwarding, *_JOINING)):
            assert all(index < opened for opened in on), f"{thing} comes after a router may forward"
        if verb == "delete" and isinstance(thing, (Namespace, Ruleset)) and thing.namespace in off:
            assert off[thing.namespace] < index, f"{thing} goes while it still routes"
        if isinstance(thing, Flows) and thing.ended:  # before an instance is connected or may send, and after the rules
            assert not any(isinstance(other, Link) and verb == "create" for verb, other in verbs[:index]), (
                f"{thing} go when another may have their address"
            )
            assert not any(map(_lets_send, plan[:index])), f"{thing} go when another may send from their address"
            assert all(map(_lets_send, _rules(plan[index:])))
        elif isinstance(thing, Flows):
            assert all(later == "flush" or isinstance(other, _JOINING) for later, other in verbs[index:])
        elif _lets_send(plan[index]):
            assert all(map(_lets_send, _rules(plan[index:]))), f"{thing} comes before rules that others need"


@given(clouds(), clouds(), st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_foreign_objects_go_after_all_of_ours_are_made(before: Cloud, after: Cloud, data: st.DataObject) -> None:
    """A foreign object may block packets until ours do. One in the place of a route is replaced with the route."""
    kernel, desired = FakeKernel(), compile_cloud(_same_lab(after))
    execute(kernel, make_plan(compile_cloud(_same_lab(before)), NetState()))
    routers = [owner.namespace for owner in kernel.observe(LAB).namespaces() if not is_tenant(owner.namespace)]
    routes = [thing for thing in desired if isinstance(thing, Route) and thing.namespace in routers]
    added = [ForeignObject(name, "table ip6 other") for name in routers]
    added += [ForeignObject(each.namespace, f"route {each}", each.key) for each in routes if data.draw(st.booleans())]
    for thing in added:
        kernel.namespaces[thing.namespace].put(thing)
    plan = make_plan(desired, kernel.observe(LAB))
    gone = [index for index, step in enumerate(plan) if isinstance(step.object, ForeignObject)]
    staying = {owner.namespace for owner in desired.namespaces()}
    wanted = {each for each in added if not each.place and each.namespace in staying}
    assert {plan[index].object for index in gone} == wanted
    for step in plan[gone[0] :] if gone else ():
        assert isinstance(step.object, (ForeignObject, *_JOINING)), step
    execute(kernel, plan)
    assert kernel.observe(LAB) == desired


_JOINING = (ReplicaMap, Teach, Forget)
"""The last steps: replicas are taught flows and get their buckets. Each has all rules, whatever its buckets are."""


def _stops(verb: str, thing: object) -> bool:
    return verb == "delete" and isinstance(thing, Forwarding)


def _rules(plan: Plan) -> list[Step]:
    """Return the steps with rules, except those of rules that depend on links."""
    return [step for step in plan if isinstance(step.object, Ruleset) and step.object.family != "netdev"]


def _lets_send(step: Step) -> bool:
    """Return whether an instance may send after the step that could not before, in a subnet that has rules already."""
    if not isinstance(step.old, Ruleset) or not isinstance(step.object, Ruleset):
        return False
    return bool(_senders(step.object) - _senders(step.old))


def _senders(ruleset: Ruleset) -> set[tuple[str, str]]:
    return {element for item in ruleset.sets if item.name in SENDING for element in item.elements}
