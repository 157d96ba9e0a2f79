"""A plan ends the flows of instances that go or give their address away, wherever it is cut, and no other flows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest

from eigw_ns.cloud.model import Cloud
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.compile.names import namespace_name, port_name
from eigw_ns.dataplane.planning.flows import Flows
from eigw_ns.dataplane.planning.plan import make_plan
from eigw_ns.dataplane.rulesets.group_rules import SOURCES
from eigw_ns.dataplane.state import Address, NetObject, NetState, Route, Ruleset
from eigw_ns.kernel.fake.fake_kernel import FakeKernel
from eigw_ns.lab.lifecycle.execute import execute
from tests.support.small_cloud import EIGW, INSTANCE, PLAIN_SUBNET, SUBNET, small_cloud

OTHER = "i-0000000000000000b"
PEER = "2001:db8:80::1"
TABLES = (SUBNET, PLAIN_SUBNET, EIGW)


def _successor(cloud: Cloud) -> Cloud:
    """Return the same cloud, in which another instance has the address."""
    old = cloud.instances[INSTANCE]
    return replace(cloud, instances={OTHER: replace(old, id=OTHER, name=OTHER)})


def _beside(cloud: Cloud) -> Cloud:
    """Return the same cloud, in which the other instance already exists, with its own address."""
    old = cloud.instances[INSTANCE]
    other = replace(old, id=OTHER, name=OTHER, ipv6_address=old.addresses[0] + 1)
    return replace(cloud, instances={INSTANCE: old, OTHER: other})


BEFORE, AFTER = small_cloud(), _successor(small_cloud())
ADDRESS = str(BEFORE.instances[INSTANCE].ipv6_address)
OLD, NEW = compile_cloud(BEFORE), compile_cloud(AFTER)


def _running(state: NetState = OLD) -> FakeKernel:
    """Return the old lab. Each connection table has flows of the instance, begun by either end, and one of others."""
    kernel = FakeKernel()
    execute(kernel, make_plan(state, NetState()))
    for resource in TABLES:
        kernel.namespaces[_name(resource)].flows += [(ADDRESS, PEER), (PEER, ADDRESS), ("2001:db8::1", PEER)]
    return kernel


def _name(resource_id: str) -> str:
    return namespace_name(BEFORE.lab, resource_id)


def _inherited(kernel: FakeKernel) -> bool:
    """Return whether a flow with the address exists while the new instance is connected and may send from there."""
    state = kernel.observe(BEFORE.lab)
    wired = ("link", _name(SUBNET), port_name(OTHER)) in state.objects
    sets = (item for thing in state if isinstance(thing, Ruleset) for item in thing.sets if item.name == SOURCES)
    sends = any(source == f'"{port_name(OTHER)}" . {ADDRESS}' for item in sets for source, _ in item.elements)
    flows = (flow for space in kernel.namespaces.values() for flow in space.flows)
    return wired and sends and any(ADDRESS in flow for flow in flows)


def _flushed(desired: NetState, actual: NetState, *, unfinished: bool = False) -> Iterator[Flows]:
    steps = make_plan(desired, actual, forget_flows=unfinished)
    return (step.object for step in steps if isinstance(step.object, Flows) and step.object.ended)


def _without(state: NetState, gone: Iterable[NetObject]) -> NetState:
    keys = {thing.key for thing in gone}
    return NetState.of(thing for thing in state if thing.key not in keys)


@pytest.mark.parametrize("old", [OLD, compile_cloud(_beside(BEFORE))], ids=["comes", "was there"])
def test_a_successor_gets_no_flow_wherever_the_plan_is_cut(old: NetState) -> None:
    plan = make_plan(NEW, _running(old).observe(BEFORE.lab))
    for cut in range(len(plan) + 1):
        kernel = _running(old)
        for step in plan[:cut]:
            execute(kernel, (step,))
            assert not _inherited(kernel), f"after {step}"
        for step in make_plan(NEW, kernel.observe(BEFORE.lab), forget_flows=True):
            execute(kernel, (step,))
            assert not _inherited(kernel), f"cut before step {cut}, then after {step}"
        assert kernel.observe(BEFORE.lab) == NEW


def test_flows_of_other_instances_stay() -> None:
    kernel = _running()
    execute(kernel, make_plan(NEW, kernel.observe(BEFORE.lab)))
    assert [kernel.namespaces[_name(resource)].flows for resource in TABLES] == [[("2001:db8::1", PEER)]] * 3


def test_an_instance_that_only_goes_takes_its_flows_along() -> None:
    gone = compile_cloud(replace(BEFORE, instances={}))
    assert {flows.namespace for flows in _flushed(gone, OLD)} >= {_name(resource) for resource in TABLES}


def test_no_flow_is_flushed_if_no_instance_goes() -> None:
    assert not list(_flushed(OLD, NetState()))
    assert not list(_flushed(OLD, OLD))
    assert not list(_flushed(OLD, compile_cloud(replace(BEFORE, instances={}))))


def test_an_address_that_only_the_tenant_added_ends_no_flows() -> None:
    forged = Address(_name(INSTANCE), "eth0", "2600:1f16:aa0:5502::99/128")
    assert not list(_flushed(OLD, NetState.of([*OLD, forged])))
    assert {flows.ended for flows in _flushed(NEW, NetState.of([*OLD, forged]))} == {(ADDRESS,)}


@pytest.mark.parametrize("unfinished", [False, True])
def test_if_the_router_lost_the_old_instance_flows_of_its_address_are_flushed(unfinished: bool) -> None:
    subnet = _name(SUBNET)
    lost = _without(OLD, (thing for thing in OLD if thing.namespace == subnet and isinstance(thing, Route)))
    assert {flows.ended for flows in _flushed(NEW, lost)} == {
        (ADDRESS,)
    }  # the element that lets it send shows that it existed
    gone = _without(OLD, (thing for thing in OLD if thing.namespace == subnet))
    assert {flows.ended for flows in _flushed(NEW, gone, unfinished=unfinished)} == {(ADDRESS,)}
    alone = _without(gone, (thing for thing in OLD if thing.namespace == _name(INSTANCE)))
    assert bool(list(_flushed(NEW, alone, unfinished=unfinished))) is unfinished
