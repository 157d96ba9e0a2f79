"""Which routers a description counts, and what it says about routers that are gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eigw_ns.cloud.ec2.schema import Shape
from eigw_ns.cloud.model import Cloud
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.planning.plan import make_plan
from eigw_ns.dataplane.state import NOTHING
from eigw_ns.kernel.fake.fake_kernel import FakeKernel
from eigw_ns.lab.lifecycle import description
from eigw_ns.lab.lifecycle.execute import execute
from eigw_ns.render import aws
from eigw_ns.topology import example, load
from tests.support.small_cloud import EIGW, IGW, SPARE_IGW, SUBNET, Account, small_cloud

REPLICATED = example("demo").replace("outbound: {", "outbound: {replicas: 2, ").encode()
MEMBERS = {"EgressOnlyInternetGateways": "EgressOnlyInternetGatewayId", "InternetGateways": "InternetGatewayId"}


def shown(cloud: Cloud, kinds: Iterable[str], tags: tuple[tuple[str, str], ...] = ()) -> Iterator[str]:
    """Yield the routers as the answers of EC2 show them: subnets if nothing else is shown, and attached gateways."""
    shapes: dict[str, list[Shape]] = aws.describe(cloud, kinds, tags)
    if list(shapes) == ["Subnets"]:
        yield from (shape["SubnetId"] for shape in shapes["Subnets"])
    for kind, member in MEMBERS.items():
        yield from (shape[member] for shape in shapes.get(kind, ()) if shape["Attachments"])


@pytest.mark.parametrize("kind", [None, *aws.KINDS])
@pytest.mark.parametrize("tags", [(), (("Name", "outbound"),), (("Team", "net"),), (("Team", "net"), ("Name", "x"))])
def test_the_routers_are_those_that_are_shown(kind: str | None, tags: tuple[tuple[str, str], ...]) -> None:
    account = Account()
    account.do("CreateTags", Resources=[EIGW, IGW, SPARE_IGW, SUBNET], Tags=[{"Key": "Team", "Value": "net"}])
    kinds = (kind,) if kind else tuple(aws.KINDS)
    found = description.counted_routers(account.cloud, kinds, tags)
    assert found == tuple(shown(account.cloud, kinds, tags))
    if len(tags) < 2 and kind in ("Subnets", "InternetGateways") and tags != (("Name", "outbound"),):
        assert found


@given(st.sets(st.sampled_from(list(aws.KINDS))))
def test_subnets_are_counted_only_alone(kinds: set[str]) -> None:
    found = description.counted_routers(small_cloud(), kinds)
    assert found == tuple(shown(small_cloud(), kinds))
    assert SPARE_IGW not in found  # detached: it has no namespace
    assert (SUBNET in found) is (kinds == {"Subnets"})


def built() -> tuple[Cloud, FakeKernel]:
    cloud, kernel = load(example("demo").encode(), file="demo.yaml", default_lab="demo").cloud, FakeKernel()
    execute(kernel, make_plan(compile_cloud(cloud), NOTHING))
    return cloud, kernel


def test_routers_that_are_gone_have_no_counters() -> None:
    cloud, kernel = built()
    every = description.counted_routers(cloud, aws.KINDS)
    whole = description.read(kernel, cloud, every)
    assert set(whole.counters) == set(every)
    assert "drop_inbound" in whole.counters[every[0]]
    assert (whole.gone, whole.gone_gateways, whole.replicas) == ((), (), {})
    empty = description.read(FakeKernel(), cloud, every)
    assert (empty.gone, empty.counters) == (every, {})


def test_a_gateway_whose_replicas_are_gone_is_named() -> None:
    cloud = load(REPLICATED, file="demo.yaml", default_lab="demo").cloud
    every = description.counted_routers(cloud, ["EgressOnlyInternetGateways"])
    found = description.read(FakeKernel(), cloud, every)
    assert found.gone_gateways == ("main/outbound",)
    assert (found.gone, found.replicas) == (every, {})
    subnets = description.read(FakeKernel(), cloud, description.counted_routers(cloud, ["Subnets"]))
    assert subnets.gone_gateways == ()  # it is not shown
