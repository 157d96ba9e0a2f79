"""A compiler that follows the changes of a cloud has the same state as one that compiles the whole cloud."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eigw_ns.cloud.model import Cloud
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.compile.incremental import IncrementalCompiler
from eigw_ns.dataplane.compile.memo import Tracking
from eigw_ns.dataplane.state import Key, NetObject, NetState
from tests.support.changes import changed, same_lab
from tests.support.small_cloud import small_cloud
from tests.support.strategies import clouds


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
    cloud = same_lab(first)
    compiler, before = IncrementalCompiler(cloud, 800), compile_cloud(cloud, 800)
    assert list(compiler.state()) == list(before)
    for _ in range(draw.draw(st.integers(1, 5))):
        cloud = changed(cloud, draw)
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
    after = replace(cloud, route_tables={**cloud.route_tables, table.id: replace(table, routes=())})
    compiler.update(after)
    subnets = {each.id for each in cloud.subnets.values() if each.route_table_id == table.id}
    assert subnets
    assert {resource_id for kind, resource_id in made if kind in ("subnet", "way back")} == subnets
    assert not [each for each in made if each[0] in ("fabric", "instance", "host", "internet")]
    made.clear()
    compiler.update(replace(after, client_tokens={}))
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
