"""A plan ends the flows of instances that go or give their address away, wherever it is cut, and no other flows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network

import pytest

from eigw_ns.cloud.model import Cloud
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.compile.names import namespace_name, port_name
from eigw_ns.dataplane.planning.flows import Flows, of_routes
from eigw_ns.dataplane.planning.plan import make_plan
from eigw_ns.dataplane.rulesets.gateway_rules import PER_GATEWAY, ROUTED, plain_set
from eigw_ns.dataplane.rulesets.group_rules import SENDING, SOURCES
from eigw_ns.dataplane.state import Address, Namespace, NetObject, NetState, Route, Ruleset
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


# ---- prefixes --------------------------------------------------------------------------------------------------------

PREFIX = IPv6Network("2600:1f16:aa0:5501:7::/80")
INSIDE = PREFIX[0x77]
HOLDING: dict[str, tuple[tuple[IPv6Address, ...], tuple[IPv6Network, ...]]] = {
    "prefix": ((), (PREFIX,)),
    "address": ((INSIDE,), ()),
}


def _held_by(owner: str, holding: str) -> Cloud:
    """Return the cloud of two instances, one of which has the prefix, or the address in it."""
    cloud = _beside(BEFORE)
    addresses, prefixes = HOLDING[holding]
    richer = replace(cloud.instances[owner], ipv6_addresses=addresses, ipv6_prefixes=prefixes)
    return replace(cloud, instances={**cloud.instances, owner: richer})


def _covering(text: str) -> bool:
    return INSIDE in IPv6Network(text)


def _sends(state: NetState, port: str) -> bool:
    """Return whether the instance at the port may send from the address in the prefix."""
    sets = (item for thing in state if isinstance(thing, Ruleset) for item in thing.sets if item.name in SENDING)
    pairs = (element.split(" . ") for item in sets for element, _ in item.elements)
    return any(found.strip('"') == port and _covering(source) for found, source in pairs)


def _leads(state: NetState, port: str) -> bool:
    routes = (thing for thing in state if isinstance(thing, Route) and thing.link == port)
    return any(_covering(thing.destination) for thing in routes)


@pytest.mark.parametrize("after", HOLDING)
@pytest.mark.parametrize("before", HOLDING)
def test_the_new_owner_of_a_prefix_or_of_an_address_in_it_gets_no_flows_of_another(before: str, after: str) -> None:
    """Wherever the plan is cut: the other one cannot send, has no route and no flows, before the new one may send."""
    old, new = (compile_cloud(_held_by(*each)) for each in ((INSTANCE, before), (OTHER, after)))
    flow = (str(INSIDE), PEER)

    def check(kernel: FakeKernel, step: object) -> None:
        state = kernel.observe(BEFORE.lab)
        if _sends(state, port_name(OTHER)):
            assert not _sends(state, port_name(INSTANCE)), f"after {step}"
            assert not _leads(state, port_name(INSTANCE)), f"after {step}"
            assert not any(flow in space.flows for space in kernel.namespaces.values()), f"after {step}"

    plan = make_plan(new, old)
    for cut in range(len(plan) + 1):
        kernel = _running(old)
        for resource in TABLES:
            kernel.namespaces[_name(resource)].flows.append(flow)
        for step in (*plan[:cut], None):
            for each in (step,) if step else make_plan(new, kernel.observe(BEFORE.lab), forget_flows=True):
                execute(kernel, (each,))
                check(kernel, each)
        assert kernel.observe(BEFORE.lab) == new
        assert _sends(new, port_name(OTHER))


def test_flows_of_a_prefix_that_an_instance_gives_up_are_flushed_and_no_others() -> None:
    kernel = _running(compile_cloud(_held_by(INSTANCE, "prefix")))
    spaces = [kernel.namespaces[_name(resource)] for resource in TABLES]
    before = [[*space.flows] for space in spaces]
    for space in spaces:
        space.flows += [(str(INSIDE), PEER), (PEER, str(PREFIX[-1]))]
    execute(kernel, make_plan(OLD, kernel.observe(BEFORE.lab)))
    assert [space.flows for space in spaces] == before


def test_if_the_router_lost_its_routes_flows_of_a_prefix_are_flushed() -> None:
    """The element that lets the previous owner send shows that it existed."""
    old = compile_cloud(_held_by(INSTANCE, "prefix"))
    lost = _without(old, (thing for thing in old if thing.namespace == _name(SUBNET) and isinstance(thing, Route)))
    (ended,) = {flows.ended for flows in _flushed(compile_cloud(_held_by(OTHER, "prefix")), lost)}
    assert str(PREFIX) in ended


# ---- flows whose route is gone ---------------------------------------------------------------------------------------

_ROUTES = ("2001:db8:1::/64 . 2000::/3", "2001:db8:2::/64 . 2000::/3")


def _gateway(*routed: str) -> Ruleset:
    sets = plain_set(ROUTED, "ipv6_addr . ipv6_addr", routed, interval=True), PER_GATEWAY
    return Ruleset(_name(EIGW), "inet", sets=sets)


@pytest.mark.parametrize(
    ("before", "after", "ends"),
    [
        (_ROUTES[:1], _ROUTES, False),
        (_ROUTES, _ROUTES[:1], True),
        (_ROUTES[:1], _ROUTES[1:], True),
        (("2001:db8:1::/64 . 2000::-2000::1",), ("2001:db8:1::/64 . 2000::/127",), False),
        ((*_ROUTES, '2001:db8:3::/64 . 2000::/3 comment "mine"'), _ROUTES, True),
    ],
    ids=["more routes", "fewer routes", "other routes", "another notation", "an element of others"],
)
def test_flows_of_a_gateway_are_flushed_if_a_route_is_gone(
    before: tuple[str, ...], after: tuple[str, ...], ends: bool
) -> None:
    stands = Namespace(_name(EIGW), BEFORE.lab, EIGW)
    states = (NetState.of((stands, _gateway(*routed))) for routed in (after, before))
    assert [each.keep is not None for each in of_routes(*states, after_crash=False)] == [True] * ends
