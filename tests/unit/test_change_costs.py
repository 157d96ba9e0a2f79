"""A change of a served lab costs what it touches: what is compiled, observed and written is the same in a larger lab.

The labs differ only in the number of subnets that the change has nothing to do with. `scripts/bench serve` has times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest

from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.dataplane.compile.compiler import Compiler
from eigw_ns.dataplane.state import NOTHING, NetState
from eigw_ns.kernel.fake.fake_kernel import FakeKernel
from eigw_ns.lab.lifecycle import operations
from eigw_ns.lab.live.live_lab import LiveLab
from eigw_ns.topology import load
from scripts.benchmarks.labs import text, tree
from tests.support.stored import storage, store

SMALL, LARGE = 3, 9
LAB = "costs"


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EIGW_NS_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("EIGW_NS_RUN_DIR", str(tmp_path / "run"))


class Costs(Counter[str]):
    """How many parts were compiled, namespaces observed, objects written, and connection tables flushed."""


class Kernel(FakeKernel):
    """A kernel in memory that counts the namespaces that are observed and the objects that are written."""

    def __init__(self, costs: Costs) -> None:
        super().__init__()
        self.costs = costs
        self.before = lambda verb, _: costs.update([verb])

    def observe(self, lab: str, believed: NetState = NOTHING, *, only: Collection[str] | None = None) -> NetState:
        self.costs["observed"] += len(self.namespaces if only is None else only)
        return super().observe(lab, believed, only=only)

    def flush_flows(self, namespace: str, *ranges: Any) -> int:
        self.costs["flushed"] += 1
        return super().flush_flows(namespace, *ranges)


class Lab:
    """A served lab of so many subnets. The first has a route table of its own."""

    def __init__(self, subnets: int, monkeypatch: pytest.MonkeyPatch) -> None:
        content, self.costs = tree(subnets), Costs()
        main = content["vpcs"]["main"]
        main["route_tables"]["own"] = {"routes": [{"destination": "::/0", "target": "outbound"}]}
        main["subnets"]["s000"]["route_table"] = "own"
        kernel, name = Kernel(self.costs), f"{LAB}{subnets}"
        operations.apply(kernel, storage(), load(text(name, content).encode(), file="costs.yaml", default_lab=name))
        cloud = store().load(name).cloud
        self.vpc, self.gateway = next(iter(cloud.vpcs)), next(iter(cloud.egress_only_internet_gateways))
        self.subnet = next(each.id for each in cloud.subnets.values() if each.name == "s000")
        self.table = cloud.subnets[self.subnet].route_table_id
        self.live = LiveLab(lambda: kernel, storage(), name)
        self.live.prepare()
        self._count_parts(monkeypatch)

    def call(self, action: str, **request: Any) -> Any:
        return self.live.perform(action, request, Settings()).answer

    def cost(self, change: Callable[[Lab], Any]) -> dict[str, int]:
        self.costs.clear()
        change(self)
        return dict(self.costs)

    def _count_parts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        inner, costs = Compiler._objects, self.costs

        def counting(compiler: Compiler, kind: str, resource_id: str) -> Any:
            costs["compiled"] += 1
            return inner(compiler, kind, resource_id)

        monkeypatch.setattr(Compiler, "_objects", counting)


def _route(lab: Lab, destination: str) -> dict[str, Any]:
    return {"RouteTableId": lab.table, "DestinationIpv6CidrBlock": destination}


def _create_route(lab: Lab) -> None:
    lab.call("CreateRoute", **_route(lab, "2001:db8:bad::/48"), EgressOnlyInternetGatewayId=lab.gateway)


def _delete_route(lab: Lab) -> None:
    lab.call("DeleteRoute", **_route(lab, "::/0"))


def _run(lab: Lab) -> Any:
    asked = {"ImageId": "ami-0123456789abcdef0", "MinCount": 1, "MaxCount": 1, "SubnetId": lab.subnet}
    return lab.call("RunInstances", **asked)["Instances"][0]["InstanceId"]


def _create_subnet(lab: Lab) -> Any:
    asked = {"VpcId": lab.vpc, "Ipv6CidrBlock": "2600:1f16:aa0:f0::/64", "Ipv6Native": True}
    return lab.call("CreateSubnet", **asked)["Subnet"]["SubnetId"]


def _costs(monkeypatch: pytest.MonkeyPatch, *changes: Callable[[Lab], Any]) -> list[dict[str, int]]:
    """Return what the last of these changes costs in a small and in a large lab."""
    found = []
    for subnets in (SMALL, LARGE):
        with monkeypatch.context() as patch:
            lab = Lab(subnets, patch)
            for change in changes[:-1]:
                change(lab)
            found.append(lab.cost(changes[-1]))
    return found


@pytest.mark.parametrize("change", [_create_route, _delete_route, _run, _create_subnet])
def test_a_change_costs_the_same_in_a_larger_lab(change: Callable[[Lab], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = _costs(monkeypatch, change)
    assert small == large
    assert small["observed"]
    assert small["compiled"]


def test_a_route_compiles_and_observes_its_subnet_the_gateway_and_the_internet(monkeypatch: pytest.MonkeyPatch) -> None:
    _, costs = _costs(monkeypatch, _delete_route)
    assert costs["observed"] == 3
    assert costs["compiled"] == 3


@pytest.mark.parametrize("action", ["StopInstances", "TerminateInstances"])
def test_an_instance_that_ends_costs_a_flush_for_each_table_and_nothing_else_more(
    action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []

    def end(lab: Lab) -> None:
        lab.call(action, InstanceIds=[started[-1]])

    small, large = _costs(monkeypatch, lambda lab: started.append(_run(lab)), end)
    assert large.pop("flushed") - small.pop("flushed") == LARGE - SMALL
    assert small == large


def test_a_subnet_that_goes_costs_the_same_in_a_larger_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    small, large = _costs(
        monkeypatch,
        lambda lab: made.append(_create_subnet(lab)),
        lambda lab: lab.call("DeleteSubnet", SubnetId=made[-1]),
    )
    assert small == large


def test_tags_cost_nothing_in_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    tags = [{"Key": "a", "Value": "b"}]
    _, costs = _costs(monkeypatch, lambda lab: lab.call("CreateTags", Resources=[lab.subnet], Tags=tags))
    assert not costs.pop("observed")
    assert not costs.keys() - {"compiled"}
