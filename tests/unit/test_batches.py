"""Batches of a plan: its steps in their order, and configuration of one namespace at a time."""

from __future__ import annotations

from typing import get_args

from hypothesis import HealthCheck, given, settings

from eigw_ns.cloud.model import Cloud
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.planning.plan import make_plan
from eigw_ns.dataplane.state import (
    NOTHING,
    Address,
    Configuration,
    Fdb,
    Neighbour,
    NetObject,
    Route,
    RoutingRule,
    batch_key,
)
from eigw_ns.lab.lifecycle.execute import batches
from tests.support.strategies import clouds


def test_five_types_configure_a_namespace() -> None:
    kinds = {kind for kind in get_args(NetObject) if issubclass(kind, Configuration)}
    assert kinds == {Address, Neighbour, Fdb, RoutingRule, Route}


@given(clouds())
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_plan_is_the_sum_of_its_batches(cloud: Cloud) -> None:
    plan = make_plan(compile_cloud(cloud), NOTHING)
    found = list(batches(plan))
    assert tuple(step for _, steps in found for step in steps) == plan
    for verb, steps in found:
        assert {step.verb for step in steps} == {verb}
        assert len({batch_key(step.object) for step in steps}) == 1
        configuring = [step for step in steps if isinstance(step.object, Configuration)]
        assert configuring in ([], steps)
        assert len({step.object.namespace for step in configuring}) <= 1
