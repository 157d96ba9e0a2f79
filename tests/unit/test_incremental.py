"""A compiler that follows the changes of a cloud has the same state as one that compiles the whole cloud."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eigw_ns.cloud.model import Cloud
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.compile.incremental import IncrementalCompiler
from eigw_ns.dataplane.compile.memo import Tracking
from eigw_ns.dataplane.state import Key, NetObject, NetState
from tests.support.small_cloud import small_cloud
from tests.support.strategies import DESTINATIONS, clouds

LAB = "lab"
SECTIONS = tuple(field.name for field in fields(Cloud) if field.name != "lab")


def _same_lab(cloud: Cloud) -> Cloud:
    return replace(cloud, lab=LAB)


def _replaced(cloud: Cloud, section: str, content: Mapping[str, Any]) -> Cloud:
    changed: Mapping[str, Any] = {section: content}
    return replace(cloud, **changed)


def _without(cloud: Cloud, section: str, draw: st.DataObject) -> Cloud:
    """Return the cloud without one resource that nothing refers to but routes."""
    content = getattr(cloud, section)
    gone = draw.draw(st.sampled_from(sorted(content))) if content else None
    return _replaced(cloud, section, {key: thing for key, thing in content.items() if key != gone})


def _changed(cloud: Cloud, section: str, draw: st.DataObject, change: Callable[[Any], Any]) -> Cloud:
    """Return the cloud with one resource of the section changed."""
    content = getattr(cloud, section)
    if not content:
        return cloud
    chosen = draw.draw(st.sampled_from(sorted(content)))
    return _replaced(cloud, section, {**content, chosen: change(content[chosen])})


def _rerouted(cloud: Cloud, draw: st.DataObject) -> Cloud:
    destination = draw.draw(st.sampled_from(DESTINATIONS))
    targets = [*cloud.egress_only_internet_gateways, *cloud.internet_gateways, "blackhole"]
    target = draw.draw(st.sampled_from(targets))

    def change(table: Any) -> Any:
        others = tuple(route for route in table.routes if route.destination != destination)
        if len(others) < len(table.routes) or not table.routes:
            return replace(table, routes=others)
        return replace(table, routes=(*others, replace(others[0], destination=destination, target_id=target)))

    return _changed(cloud, "route_tables", draw, change)


def _reassociated(cloud: Cloud, draw: st.DataObject) -> Cloud:
    def change(subnet: Any) -> Any:
        tables = [each.id for each in cloud.route_tables.values() if each.vpc_id == subnet.vpc_id]
        return replace(subnet, route_table_id=draw.draw(st.sampled_from([None, *tables])))

    return _changed(cloud, "subnets", draw, change)


def _regrouped(cloud: Cloud, draw: st.DataObject) -> Cloud:
    return _changed(cloud, "security_groups", draw, lambda group: replace(group, rules=group.rules[1:]))


def _tagged(cloud: Cloud, draw: st.DataObject) -> Cloud:
    section = draw.draw(st.sampled_from(("vpcs", "subnets", "instances", "egress_only_internet_gateways")))
    return _changed(cloud, section, draw, lambda thing: replace(thing, tags=(("key", "value"),)))


def _detached(cloud: Cloud, draw: st.DataObject) -> Cloud:
    return _changed(cloud, "internet_gateways", draw, lambda gateway: replace(gateway, vpc_id=None))


def _scaled(cloud: Cloud, draw: st.DataObject) -> Cloud:
    number = draw.draw(st.integers(1, 3))
    return _changed(cloud, "egress_only_internet_gateways", draw, lambda each: replace(each, replicas=number))


def _equal(cloud: Cloud) -> Cloud:
    for section in SECTIONS:
        cloud = _replaced(cloud, section, dict(getattr(cloud, section)))
    return cloud


CHANGES: tuple[Callable[[Cloud, st.DataObject], Cloud], ...] = (
    _rerouted,
    _reassociated,
    _regrouped,
    _tagged,
    _detached,
    _scaled,
    lambda cloud, draw: _without(cloud, "instances", draw),
    lambda cloud, draw: _without(cloud, "hosts", draw),
    lambda cloud, draw: _without(cloud, "egress_only_internet_gateways", draw),
    lambda cloud, draw: _without(cloud, "internet_gateways", draw),
    lambda cloud, draw: replace(cloud, client_tokens={}),
    lambda cloud, draw: _equal(cloud),
    lambda cloud, draw: _same_lab(draw.draw(clouds())),
)


def _by_key(objects: Iterable[NetObject]) -> dict[Key, NetObject]:
    return {thing.key: thing for thing in objects}


def _missing_or_other(one: NetState, other: NetState, *, missing: bool = False) -> dict[Key, NetObject]:
    """Return the objects of one state that the other lacks, or, unless only those are wanted, has otherwise."""
    return {
        key: thing
        for key, thing in one.objects.items()
        if (key not in other.objects if missing else other.objects.get(key) != thing)
    }


@given(clouds(), st.data())
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
def test_any_series_of_changes_compiles_to_the_state_of_the_last_cloud(first: Cloud, draw: st.DataObject) -> None:
    cloud = _same_lab(first)
    compiler, before = IncrementalCompiler(cloud, 800), compile_cloud(cloud, 800)
    assert list(compiler.state()) == list(before)
    for _ in range(draw.draw(st.integers(1, 5))):
        for change in draw.draw(st.lists(st.sampled_from(CHANGES), min_size=1, max_size=2)):
            cloud = change(cloud, draw)
        delta, whole = compiler.update(cloud), compile_cloud(cloud, 800)
        assert list(compiler.state()) == list(whole), "the same objects in the same order"
        assert _by_key(delta.came) == _missing_or_other(whole, before, missing=True)
        assert _by_key(delta.former) == _missing_or_other(before, whole)
        assert compiler.namespaces() == {thing.namespace for thing in whole}
        some = frozenset(draw.draw(st.lists(st.sampled_from(sorted(compiler.namespaces()) or [""]))))
        assert list(compiler.state(some)) == [thing for thing in whole if thing.namespace in some]
        before = whole


def test_a_change_of_one_route_table_makes_nothing_of_other_subnets_again(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = small_cloud()
    compiler = IncrementalCompiler(cloud, None)
    made: list[tuple[str, str]] = []
    inner = compiler._compiler._objects

    def noting(kind: str, resource_id: str) -> Any:
        made.append((kind, resource_id))
        return inner(kind, resource_id)

    monkeypatch.setattr(compiler._compiler, "_objects", noting)
    table = next(each for each in cloud.route_tables.values() if not each.main)
    changed = replace(cloud, route_tables={**cloud.route_tables, table.id: replace(table, routes=())})
    compiler.update(changed)
    subnets = {each.id for each in cloud.subnets.values() if each.route_table_id == table.id}
    assert subnets
    assert {resource_id for kind, resource_id in made if kind in ("subnet", "way back")} == subnets
    assert not [each for each in made if each[0] in ("fabric", "instance", "host", "internet")]
    made.clear()
    compiler.update(replace(changed, client_tokens={}))
    assert made == []


def test_a_compiler_follows_one_lab() -> None:
    with pytest.raises(ValueError, match="other"):
        IncrementalCompiler(small_cloud(), None).update(replace(small_cloud(), lab="other"))


# ---- what keeps results ----------------------------------------------------------------------------------------------


class Sums:
    """Results of a section of numbers: each doubled, whether it is large, and the sum of all that are."""

    def __init__(self, numbers: Mapping[str, int]) -> None:
        self.tracking = Tracking()
        self.numbers = self.tracking.section("numbers", numbers)
        self.calls: list[str] = []

    def total(self) -> int:
        return self.tracking.recall(3, self._total)

    def large(self, name: str) -> bool:
        return self.tracking.recall(2, self._large, name)

    def _large(self, name: str) -> bool:
        self.calls.append(name)
        return self.numbers[name] > 10

    def _total(self) -> int:
        self.calls.append("total")
        return sum(self.large(name) for name in self.numbers)


def test_a_result_that_comes_out_equal_makes_nothing_again() -> None:
    sums = Sums({"a": 1, "b": 20})
    assert sums.large("b")
    sums.calls.clear()
    assert sums.tracking.update({"numbers": {"a": 1, "b": 30}}) == []
    assert sums.calls == ["b"]


def test_a_result_whose_resource_has_gone_raises_key_error() -> None:
    sums = Sums({"a": 1, "b": 20})
    assert sums.large("b")
    assert sums.tracking.update({"numbers": {"a": 1}}) == [(sums._large, "b")]
    with pytest.raises(KeyError):
        sums.large("b")
    sums.tracking.update({"numbers": {"a": 1, "b": 5}})
    assert not sums.large("b")


def test_results_that_nothing_reads_are_dropped() -> None:
    sums = Sums({"a": 1, "b": 20})
    assert sums.total() == 1
    sums.tracking.update({"numbers": {"a": 1}})
    assert sums.total() == 0
    sums.calls.clear()
    sums.tracking.update({"numbers": {"a": 1, "b": 50}})
    assert sums.total() == 1
    assert sorted(sums.calls) == ["b", "total"]
    sums.tracking.forget(sums._total)
    assert not sums.tracking._results
    assert not sums.tracking._inputs


def test_a_result_cannot_recall_one_of_its_own_rank() -> None:
    tracking = Tracking()
    with pytest.raises(ValueError, match="lower rank"):
        tracking.recall(1, lambda: tracking.recall(1, int))
