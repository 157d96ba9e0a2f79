"""Limits of connections follow from the size of the host's connection tables."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace
from ipaddress import IPv6Network

import pytest

from eigw_ns.cloud.model import Cloud, ConnectionTracking, Instance
from eigw_ns.cloud.nodes import find
from eigw_ns.dataplane.compile import limits
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.dataplane.rulesets import owner_rules
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
    words = [rule.split() for chain in _rules(state, namespace).chains for rule in chain.rules if "ct count" in rule]
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


SEVERAL = [
    pytest.param((1,), (), id="an address more"),
    pytest.param(tuple(range(1, 40)), (), id="40 addresses"),
    pytest.param((), (1,), id="a prefix"),
    pytest.param((1, 2), (1, 7), id="addresses and prefixes"),
]


def _with_several(cloud: Cloud, further: tuple[int, ...], places: tuple[int, ...]) -> tuple[Cloud, Instance]:
    """Return the cloud with more addresses and prefixes of `mate`, and this instance."""
    old = cloud.instances[find(cloud, "mate").id]
    assert old.ipv6_address is not None
    prefixes = tuple(IPv6Network(((int(old.ipv6_address) >> 48) + place << 48, 80)) for place in places)
    mate = replace(old, ipv6_addresses=tuple(old.ipv6_address + each for each in further), ipv6_prefixes=prefixes)
    return replace(cloud, instances={**cloud.instances, mate.id: mate}), mate


@pytest.mark.parametrize(("further", "places"), SEVERAL)
def test_addresses_share_the_limit_of_their_instance(further: tuple[int, ...], places: tuple[int, ...]) -> None:
    """All blocks of the instance have one number, which each rule that counts by a source asks for first."""
    cloud, mate = _with_several(_cloud(), further, places)
    state = compile_cloud(cloud)
    for resource_id in (find(cloud, "main/a").id, *cloud.egress_only_internet_gateways):
        rules = _rules(state, namespace_name(cloud.lab, resource_id))
        (owners,) = (item for item in rules.sets if item.name == "owners")
        assert {block for block, _ in owners.elements} == set(map(str, mate.blocks))
        assert len({number for _, number in owners.elements}) == 1
        for chain in rules.chains:
            for number, rule in enumerate(chain.rules):
                if re.search(_BY_ADDRESS, rule) and chain.name not in _BEHIND:
                    assert any("map @owners goto" in before for before in chain.rules[:number]), rule


_BEHIND = ("begun", "begun_owner")
"""Chains that follow on the rules of `begin`. The second one notes peers by address only of the first address."""

_BY_ADDRESS = r"(add|update) @\w+ \{ (iifname \. )?ip6 [sd]addr( \. meta mark)?( ct| limit| \})"
"""What counts by an address, with nothing else of the packet but a hash or its interface."""


def test_an_instance_with_one_address_costs_no_rule() -> None:
    """Linux forgets what a set that differs has counted, so the sets of other instances stay as they are."""
    plain = _cloud()
    rulesets = [thing for thing in compile_cloud(plain) if isinstance(thing, Ruleset)]
    assert not any("owner" in item.name for ruleset in rulesets for item in ruleset.sets)
    assert not any("owner" in chain.name for ruleset in rulesets for chain in ruleset.chains)
    crowded, _ = _with_several(plain, (1,), ())
    several, lone = (_rules(compile_cloud(each), _subnet(each)) for each in (crowded, plain))
    assert {item for item in lone.sets if item.size} <= set(several.sets)
    assert _limits(compile_cloud(plain), _subnet(plain)) == _limits(compile_cloud(crowded), _subnet(crowded))[:2]


def test_numbers_of_instances_differ_and_follow_from_their_ids() -> None:
    cloud, mate = _with_several(_cloud(), (1,), ())
    many = [replace(mate, id=f"i-{number:017x}") for number in range(2_000)]
    (owners,) = owner_rules.owners(many)
    assert owner_rules.count((owners,)) == 2_000
    assert set(owner_rules.owners(many[:7])[0].elements) <= set(owners.elements)
    assert owner_rules.owners([cloud.instances[find(cloud, "app").id]]) == ()


def _subnet(cloud: Cloud) -> str:
    return namespace_name(cloud.lab, find(cloud, "main/a").id)


def _rules(state: NetState, namespace: str) -> Ruleset:
    rules = state.objects["ruleset", namespace, "inet"]
    assert isinstance(rules, Ruleset)
    return rules
