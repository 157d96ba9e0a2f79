"""What a plan does about replicas: which leave first, which join last, and which flows they are taught."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv6Network

import pytest

from eigw_ns.cloud.ids import replica_id
from eigw_ns.cloud.model import Cloud
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.dataplane.planning.flows import Flows
from eigw_ns.dataplane.planning.plan import Plan, make_plan
from eigw_ns.dataplane.state import (
    BUCKETS,
    TAUGHT,
    Buckets,
    Forget,
    Link,
    NetState,
    ReplicaMap,
    Ruleset,
    Teach,
)
from eigw_ns.topology import from_data, load, to_data
from tests.support.small_cloud import EIGW, PRIVATE_TABLE, SUBNET, VPC, small_cloud
from tests.topologies.blocks import of_vpc


def _cloud(number: int) -> Cloud:
    cloud = small_cloud()
    gateway = replace(cloud.egress_only_internet_gateways[EIGW], replicas=number)
    return replace(cloud, egress_only_internet_gateways={EIGW: gateway})


def _state(number: int) -> NetState:
    return compile_cloud(_cloud(number))


def _name(number: int) -> str:
    return namespace_name("small", replica_id(EIGW, number))


ONE, TWO, THREE = (_name(number) for number in (1, 2, 3))
ALL: Buckets = ((0, BUCKETS - 1),)


def _without(state: NetState, *namespaces: str) -> NetState:
    """Return the state of the kernel after these namespaces were removed, with the far ends of their links."""
    return NetState.of(
        thing
        for thing in state
        if thing.namespace not in namespaces
        and not (isinstance(thing, Link) and thing.peer is not None and thing.peer[0] in namespaces)
    )


def _as_before(state: NetState, *namespaces: str) -> NetState:
    """Return the state with rules of these namespaces as versions before 0.2 made them, without taught flows."""
    return NetState.of(
        replace(thing, sets=tuple(item for item in thing.sets if item.name != TAUGHT))
        if isinstance(thing, Ruleset) and thing.namespace in namespaces
        else thing
        for thing in state
    )


def _size(buckets: Buckets) -> int:
    return sum(last - first + 1 for first, last in buckets)


def _lessons(plan: Plan) -> list[tuple[str, str, int]]:
    """Return (verb, namespace, number of buckets) of each step about flows, and (verb, "", 0) for groups."""
    found: list[tuple[str, str, int]] = []
    for step in plan:
        if isinstance(step.object, Teach | Forget):
            found.append((step.verb, step.object.namespace, _size(step.object.buckets)))
        elif isinstance(step.object, ReplicaMap) and step.object.side == "fabric":
            found.append((step.verb, "", 0))
    return found


def _groups(plan: Plan) -> Iterator[tuple[int, str]]:
    return ((at, step.verb) for at, step in enumerate(plan) if isinstance(step.object, ReplicaMap))


THIRD = BUCKETS // 3


def test_two_join_the_first() -> None:
    plan = make_plan(_state(3), _state(1))
    assert _lessons(plan) == [
        ("teach", TWO, THIRD),
        ("teach", THREE, THIRD),
        ("create", "", 0),
        ("teach", TWO, THIRD),
        ("teach", THREE, THIRD),
        ("forget", ONE, 2 * THIRD),
    ]
    first = min(at for at, step in enumerate(plan) if step.verb == "teach")
    assert all(isinstance(step.object, ReplicaMap | Teach | Forget) for step in plan[first:])


def test_all_but_the_first_leave_before_any_other_step() -> None:
    plan = make_plan(_state(1), _state(3))
    told = [("teach", ONE, 2 * THIRD)]
    assert _lessons(plan) == [("forget", ONE, 2 * THIRD), *told, ("delete", "", 0), *told]
    assert [at for at, _ in _groups(plan)] == [2, 3]


def test_a_third_joins_two() -> None:
    """The second one gives flows to the third and gets others from the first: buckets stay in order."""
    plan = make_plan(_state(3), _state(2))
    told = [("teach", TWO, THIRD // 2), ("teach", THREE, THIRD)]
    lost = [("forget", ONE, THIRD // 2), ("forget", TWO, THIRD)]
    assert _lessons(plan) == [("forget", TWO, THIRD // 2), *told, ("update", "", 0), *told, *lost]
    assert [verb for _, verb in _groups(plan)] == ["update", "update"]


@pytest.mark.parametrize("victim", [ONE, TWO, THREE])
def test_a_lost_namespace_leaves_at_once_and_comes_back_last(victim: str) -> None:
    desired = _state(3)
    plan = make_plan(desired, _without(desired, victim))
    others = sorted({ONE, TWO, THREE} - {victim})
    half = THIRD // 2
    taken = [("teach", each, half) for each in others]
    given = [("teach", victim, THIRD)]
    assert _lessons(plan) == [
        *(("forget", each, half) for each in others),
        *taken,
        ("update", "", 0),
        *taken,
        *given,
        ("update", "", 0),
        *given,
        *(("forget", each, half) for each in others),
    ]


def test_a_replica_whose_link_is_rebuilt_leaves_and_comes_back() -> None:
    desired = _state(3)
    link = next(thing for thing in desired if isinstance(thing, Link) and thing.namespace == TWO and thing.name == "up")
    assert link.peer is not None
    gone = {link.key, ("link", *link.peer)}
    plan = make_plan(desired, NetState.of(thing for thing in desired if thing.key not in gone))
    assert [verb for verb, name, _ in _lessons(plan) if name == TWO] == ["forget", "teach", "teach"]
    assert [verb for _, verb in _groups(plan)] == ["update"] * 4


def test_the_last_one_keeps_its_share_even_if_it_is_rebuilt() -> None:
    """No bucket moves, but the rebuilt replica is taught all flows of its share."""
    desired = _state(2)
    plan = make_plan(desired, _without(desired, ONE, TWO))
    assert list(_groups(plan)) == []
    told = [("teach", ONE, BUCKETS // 2), ("teach", TWO, BUCKETS // 2)]
    assert [each for each in _lessons(plan) if each[0] == "teach"] == [*told, *told]


def test_a_single_gateway_that_is_rebuilt_is_taught_all_flows() -> None:
    desired = _state(1)
    told = ("teach", ONE, BUCKETS)
    assert _lessons(make_plan(desired, _without(desired, ONE))) == [told, told]


def test_a_gateway_of_a_new_lab_is_taught_no_flow() -> None:
    assert _lessons(make_plan(_state(3), NetState())) == [("create", "", 0)]


@pytest.mark.parametrize("number", [1, 3])
def test_a_replica_with_rules_of_an_earlier_version_forgets_and_is_taught_all_flows(number: int) -> None:
    """Flows of such a replica may be copies, whose windows would be set by the next segment."""
    desired, names = _state(number), [ONE, TWO, THREE][:number]
    share = BUCKETS // number
    told = [("teach", each, share) for each in names]
    plan = make_plan(desired, _as_before(desired, *names))
    assert _lessons(plan) == [*told, *(("forget", each, BUCKETS) for each in names), *told]


def test_after_a_change_that_was_cut_short_no_replica_is_trusted() -> None:
    desired = _state(2)
    plan = make_plan(desired, desired, forget_flows=True)
    told = [("teach", each, BUCKETS // 2) for each in (ONE, TWO)]
    assert _lessons(plan) == [*told, *(("forget", each, BUCKETS) for each in (ONE, TWO)), *told]


def _without_route(cloud: Cloud) -> Cloud:
    table = cloud.route_tables[PRIVATE_TABLE]
    return replace(cloud, route_tables={**cloud.route_tables, table.id: replace(table, routes=())})


def test_a_flow_whose_route_goes_is_not_taught_to_replicas_that_stay() -> None:
    plan = make_plan(compile_cloud(_without_route(_cloud(2))), _state(3))
    assert [step.verb for step in plan if isinstance(step.object, Teach)] == []


def test_a_replica_that_goes_with_a_move_to_another_vpc_forgets_nothing_at_the_end() -> None:
    """It is gone by then. The gateway has a group in each VPC's fabric, so none leaves a group that stays."""
    cloud = _without_route(_cloud(2))
    other = replace(
        cloud.vpcs[VPC], id=VPC[:-1] + "f", ipv6_associations=of_vpc(VPC, IPv6Network("2600:1f16:aa0:5600::/56"))
    )
    gateway = replace(cloud.egress_only_internet_gateways[EIGW], vpc_id=other.id)
    moved = replace(cloud, vpcs={**cloud.vpcs, other.id: other}, egress_only_internet_gateways={EIGW: gateway})
    plan = make_plan(compile_cloud(moved), _state(3))
    gone = next(at for at, step in enumerate(plan) if step.verb == "delete" and step.object.namespace == THREE)
    assert [name for verb, name, _ in _lessons(plan[gone:]) if name == THREE] == []


def test_a_route_that_leads_elsewhere_ends_the_flows_in_the_subnet() -> None:
    here, gone = compile_cloud(_cloud(1)), compile_cloud(_without_route(_cloud(1)))
    ended = [step.object for step in make_plan(gone, here) if isinstance(step.object, Flows) and step.object.gone]
    assert [each.namespace for each in ended] == [namespace_name("small", SUBNET)]
    assert [first for each in ended for _, first, _ in each.gone] == ["::", AFTER]


def test_a_route_that_was_missing_ends_no_flow() -> None:
    """It may have been removed by hand just before."""
    here, gone = compile_cloud(_cloud(1)), compile_cloud(_without_route(_cloud(1)))
    assert not [step for step in make_plan(here, gone) if isinstance(step.object, Flows) and step.object.gone]


AFTER = "2600:1f16:aa0:5600::"  # this entry follows the VPC's own block, whose route stays


def test_replicas_of_a_file_are_written_back() -> None:
    gateways = b"egress_only_internet_gateways: {outbound: {replicas: 3}}"
    text = b"vpcs: {main: {ipv6_cidr_block: '2600:1f16:aa0:5500::/56', %b}}" % gateways
    topology = load(text, file="lab.yaml", default_lab="lab")
    (gateway,) = from_data(to_data(topology)).cloud.egress_only_internet_gateways.values()
    assert gateway.replicas == 3
