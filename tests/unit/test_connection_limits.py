"""Limits of connections follow from the size of the host's connection tables."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest

from eigw_ns.cloud.model import Cloud, ConnectionTracking
from eigw_ns.cloud.nodes import find
from eigw_ns.dataplane.compile import limits
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.dataplane.state import NetState, Ruleset
from eigw_ns.topology import load
from tests.support.small_cloud import small_cloud
from tests.topologies.egress import MATE, TREE

SIZES = [1_000, 7_680, 65_536, 131_071]


def _cloud() -> Cloud:
    """Return a cloud with a gateway and a subnet of two instances."""
    tree = copy.deepcopy(TREE)
    tree["vpcs"]["main"]["instances"]["mate"] = {"subnet": "a", "ipv6_address": MATE}
    return load(json.dumps(tree).encode(), file="tree", default_lab="limits").cloud


def _limits(state: NetState, namespace: str) -> list[int]:
    """Return the limits that the rules of a namespace have, in their order."""
    rules = state.objects["ruleset", namespace, "inet"]
    assert isinstance(rules, Ruleset)
    words = [rule.split() for chain in rules.chains for rule in chain.rules if "ct count" in rule]
    return [int(each[each.index("count") + 1]) * int(each[each.index("mod") + 1]) for each in words]


@pytest.mark.parametrize("table", SIZES)
def test_the_limits_leave_room_in_a_small_table(table: int) -> None:
    cloud = _cloud()
    state = compile_cloud(cloud, table)
    (gateway,) = cloud.egress_only_internet_gateways
    subnet = find(cloud, "main/a").id
    for instance in _limits(state, namespace_name(cloud.lab, subnet)):
        assert table // 10 < instance <= table // 8
    source, whole = _limits(state, namespace_name(cloud.lab, gateway))
    assert table // 10 < source <= table // 8
    assert table // 2 < whole <= table - table // 4


@pytest.mark.parametrize("table", [262_144, 1 << 20, None])
def test_a_table_of_a_usual_host_changes_no_limit(table: int | None) -> None:
    assert compile_cloud(small_cloud(), table) == compile_cloud(small_cloud())
    assert limits.lowered([], table) is None


def test_a_limit_below_the_share_stays() -> None:
    low = ConnectionTracking(max_connections=300, max_connections_per_source=20)
    assert limits.of_gateway(low, 7_680) == low


def test_the_lowest_limits_are_named() -> None:
    found = limits.lowered([ConnectionTracking(), ConnectionTracking(max_connections=500)], 7_680)
    assert found == limits.Limits(7_680, 960, 960, 500)
    assert "7,680 entries" in str(found)
    assert "960" in str(found)


@pytest.mark.parametrize("further", [1, 3, 39])
def test_addresses_share_the_limit_of_their_instance(further: int) -> None:
    """Connections and fragments are counted by address, and an instance must not get more of them with each one."""
    cloud = _cloud()
    instance = cloud.instances[find(cloud, "mate").id]
    addresses = tuple(instance.addresses[0] + number for number in range(1, 1 + further))
    crowded = replace(cloud, instances={**cloud.instances, instance.id: replace(instance, ipv6_addresses=addresses)})
    subnet = namespace_name("limits", find(cloud, "main/a").id)
    for lone, shared in (
        (_limits(compile_cloud(cloud), subnet), _limits(compile_cloud(crowded), subnet)),
        (_rates(compile_cloud(cloud), subnet), _rates(compile_cloud(crowded), subnet)),
    ):
        assert lone
        assert len(lone) == len(shared)
        assert all(0.9 * most < (1 + further) * each <= most for each, most in zip(shared, lone, strict=True))


def _rates(state: NetState, namespace: str) -> list[int]:
    """Return the fragments a second that the rules of a namespace let an address send, in their order."""
    rules = state.objects["ruleset", namespace, "inet"]
    assert isinstance(rules, Ruleset)
    words = (rule.split() for chain in rules.chains for rule in chain.rules if "@rates" in rule)
    return [int(each[each.index("rate") + 1].removesuffix("/second")) for each in words]
