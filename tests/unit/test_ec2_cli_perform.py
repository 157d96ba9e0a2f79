"""An EC2 action changes both the stored lab and the kernel, or neither. The next one finishes an interrupted change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eigw_ns.cloud.ec2 import api
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.errors import CloudError, EigwError, ForeignError, HostError, KernelError, LockedError, NoSuchLabError
from eigw_ns.kernel.fake.fake_kernel import FakeKernel
from eigw_ns.lab.lifecycle import operations
from eigw_ns.lab.lifecycle.ec2 import perform
from eigw_ns.topology import example, load
from tests.support.stored import folders, journal, lock, storage, store
from tests.support.strategies import GONE
from tests.support.vpc_life import vpc_life

LAB = "demo"
SETTINGS = Settings()


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EIGW_NS_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("EIGW_NS_RUN_DIR", str(tmp_path / "run"))
    return tmp_path


class Lab:
    """The demo lab, applied to a kernel in memory."""

    def __init__(self) -> None:
        self.kernel = FakeKernel()
        operations.apply(self.kernel, storage(), load(example(LAB).encode(), file="demo.yaml", default_lab=LAB))
        cloud = store().load(LAB).cloud
        self.eigw = next(iter(cloud.egress_only_internet_gateways))
        self.vpc = next(iter(cloud.vpcs))
        self.table = next(each.id for each in cloud.route_tables.values() if not each.main)

    def call(self, action: str, **request: Any) -> Any:
        return perform(lambda: self.kernel, storage(), LAB, action, request, SETTINGS).answer

    def delete_gateway(self) -> Any:
        return self.call("DeleteEgressOnlyInternetGateway", EgressOnlyInternetGatewayId=self.eigw)

    def agrees(self) -> bool:
        """Return True if the kernel agrees with the stored lab, and no change is unfinished."""
        return self.kernel.observe(LAB) == compile_cloud(store().load(LAB).cloud) and not journal().unfinished(LAB)


@pytest.fixture
def lab(own_folders: Path) -> Lab:
    return Lab()


def stored() -> bytes:
    return folders().topology_file(LAB).read_bytes()


def no_kernel() -> FakeKernel:
    raise HostError("the kernel is not available", hint="run it as root")


def test_a_change_is_stored_and_in_the_kernel(lab: Lab) -> None:
    expectations = store().load(LAB).expectations
    assert lab.delete_gateway() == {"ReturnCode": True}
    assert store().load(LAB).cloud.egress_only_internet_gateways == {}
    assert store().load(LAB).expectations == expectations != ()
    assert lab.agrees()
    assert namespace_name(LAB, lab.eigw) not in lab.kernel.namespaces
    again = lab.call("CreateEgressOnlyInternetGateway", VpcId=lab.vpc)
    created = again["EgressOnlyInternetGateway"]["EgressOnlyInternetGatewayId"]
    assert created != lab.eigw
    assert lab.agrees()
    assert namespace_name(LAB, created) in lab.kernel.namespaces


def test_the_kernel_follows_a_vpc_from_its_creation_to_its_deletion(lab: Lab) -> None:
    before = set(lab.kernel.namespaces)
    for step, subnet in vpc_life(lab.call):
        assert lab.agrees(), step
        has_ipv6 = step in ("IPv6 block of the subnet", "route", "second IPv6 block")
        assert (namespace_name(LAB, subnet) in lab.kernel.namespaces) is has_ipv6, step
        assert "IPv4 alone" not in step or set(lab.kernel.namespaces) == before, step
    assert set(lab.kernel.namespaces) == before


def test_describing_needs_no_kernel(lab: Lab) -> None:
    before = stored()
    reply = perform(no_kernel, storage(), LAB, "DescribeVpcs", {}, SETTINGS)
    assert [vpc["VpcId"] for vpc in reply.answer["Vpcs"]] == [lab.vpc]
    assert reply.warnings == ()
    assert stored() == before


def test_an_action_that_does_not_mutate_needs_no_lock(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its field says so, whatever its name is."""
    actions = {**api.ACTIONS, "GetVpcs": api.ACTIONS["DescribeVpcs"]}
    monkeypatch.setattr(api, "ACTIONS", actions)
    with lock().hold(LAB, "another process"):
        assert perform(no_kernel, storage(), LAB, "GetVpcs", {}, SETTINGS).answer["Vpcs"]
        with pytest.raises(CloudError) as caught:
            perform(no_kernel, storage(), LAB, "CreateNothing", {}, SETTINGS)
    assert caught.value.code == "InvalidAction"


def test_a_dry_run_needs_no_kernel_and_no_lock(lab: Lab) -> None:
    before = stored()
    request = {"EgressOnlyInternetGatewayId": lab.eigw, "DryRun": True}
    with lock().hold(LAB, "another process"), pytest.raises(CloudError) as caught:
        perform(no_kernel, storage(), LAB, "DeleteEgressOnlyInternetGateway", request, SETTINGS)
    assert caught.value.code == "DryRunOperation"
    with pytest.raises(CloudError) as caught:
        perform(
            no_kernel,
            storage(),
            LAB,
            "DeleteEgressOnlyInternetGateway",
            request | {"EgressOnlyInternetGatewayId": GONE[0]},
            SETTINGS,
        )
    assert caught.value.code == "InvalidGatewayID.NotFound"
    assert stored() == before


def test_an_action_that_changes_nothing_needs_no_kernel(lab: Lab) -> None:
    route = {"RouteTableId": lab.table, "DestinationIpv6CidrBlock": "::/0", "EgressOnlyInternetGatewayId": lab.eigw}
    assert perform(no_kernel, storage(), LAB, "CreateRoute", route, SETTINGS).answer == {"Return": True}


def test_a_tag_is_stored_without_a_kernel_write(lab: Lab) -> None:
    writes = lab.kernel.writes
    lab.call("CreateTags", Resources=[lab.eigw], Tags=[{"Key": "Team", "Value": "x"}])
    assert ("Team", "x") in store().load(LAB).cloud.egress_only_internet_gateways[lab.eigw].tags
    assert lab.kernel.writes == writes
    assert lab.agrees()


def without_kernel(lab: Lab) -> None:
    perform(
        no_kernel,
        storage(),
        LAB,
        "DeleteEgressOnlyInternetGateway",
        {"EgressOnlyInternetGatewayId": lab.eigw},
        SETTINGS,
    )


def while_locked(lab: Lab) -> None:
    with lock().hold(LAB, "another process"):
        lab.delete_gateway()


def with_a_foreign_namespace(lab: Lab) -> None:
    lab.kernel.make_foreign(namespace_name(LAB, lab.vpc))
    lab.delete_gateway()


def refused(lab: Lab) -> None:
    lab.call("DeleteEgressOnlyInternetGateway", EgressOnlyInternetGatewayId=GONE[0])


@pytest.mark.parametrize(
    ("attempt", "error"),
    [
        (without_kernel, HostError),
        (while_locked, LockedError),
        (with_a_foreign_namespace, ForeignError),
        (refused, CloudError),
    ],
)
def test_after_an_error_nothing_has_changed(lab: Lab, attempt: Callable[[Lab], None], error: type[EigwError]) -> None:
    before, writes = stored(), lab.kernel.writes
    with pytest.raises(error):
        attempt(lab)
    assert stored() == before
    assert lab.kernel.writes == writes
    assert not journal().unfinished(LAB)


def test_an_unknown_lab_is_an_error() -> None:
    for request in ({}, {"DryRun": True}):
        for action in ("DescribeVpcs", "CreateInternetGateway"):
            with pytest.raises(NoSuchLabError):
                perform(no_kernel, storage(), "none", action, request, SETTINGS)


def describe(lab: Lab) -> None:
    lab.call("DescribeEgressOnlyInternetGateways")


def change(lab: Lab) -> None:
    lab.call("CreateInternetGateway")


def repeat(lab: Lab) -> None:
    with pytest.raises(CloudError) as caught:
        lab.delete_gateway()
    assert caught.value.code == "InvalidGatewayID.NotFound"


@pytest.mark.parametrize("following", [change, repeat])
def test_the_next_verb_finishes_a_change_that_failed_halfway(lab: Lab, following: Callable[[Lab], None]) -> None:
    probe = Lab()
    before = probe.kernel.writes
    probe.delete_gateway()
    steps = probe.kernel.writes - before
    assert steps > 5
    for step in range(1, steps + 1):
        lab = Lab()
        lab.kernel.fail_on = lab.kernel.writes + step
        with pytest.raises(KernelError) as caught:
            lab.delete_gateway()
        assert "run `eigw-ns apply --lab demo` or any `eigw-ns ec2` verb that changes the lab" in caught.value.hint
        assert store().load(LAB).cloud.egress_only_internet_gateways == {}
        assert journal().unfinished(LAB)
        following(lab)
        assert lab.agrees()


def test_the_next_verb_finishes_a_change_that_was_killed(lab: Lab) -> None:
    class Killed(BaseException):
        pass

    def kill(_verb: str, _thing: object) -> None:
        raise Killed

    lab.kernel.before = kill
    with pytest.raises(Killed):
        lab.delete_gateway()
    assert journal().unfinished(LAB)
    lab.kernel.before = None
    change(lab)
    assert lab.agrees()
    assert store().load(LAB).cloud.egress_only_internet_gateways == {}


def test_describing_an_unfinished_change_warns_and_does_not_finish_it(lab: Lab) -> None:
    lab.kernel.fail_on = lab.kernel.writes + 1
    with pytest.raises(KernelError):
        lab.delete_gateway()
    reply = perform(no_kernel, storage(), LAB, "DescribeEgressOnlyInternetGateways", {}, SETTINGS)
    assert reply.answer == {"EgressOnlyInternetGateways": []}
    assert reply.warnings == ("the lab is being changed, or a change was interrupted: the kernel may differ from this",)
    assert journal().unfinished(LAB)


def cut_short_at(lab: Lab, write: int) -> None:
    """Destroy the lab, and fail at write number `write` to the kernel."""
    lab.kernel.fail_on = lab.kernel.writes + write
    with pytest.raises(KernelError):
        operations.destroy(lab.kernel, storage(), LAB)
    lab.kernel.fail_on = None


def test_an_interrupted_destroy_is_not_undone_until_the_user_runs_apply() -> None:
    probe = Lab()
    before = probe.kernel.writes
    operations.destroy(probe.kernel, storage(), LAB)
    writes = probe.kernel.writes - before
    assert writes > 10
    for step in range(1, writes + 1, 3):
        lab = Lab()
        cut_short_at(lab, step)
        left = lab.kernel.observe(LAB)
        [warning] = perform(no_kernel, storage(), LAB, "DescribeVpcs", {}, SETTINGS).warnings
        assert "is being destroyed, or its destroy was interrupted" in warning
        with pytest.raises(EigwError, match="is half destroyed") as refused:
            change(lab)
        assert "builds the lab again" in refused.value.hint
        assert lab.kernel.observe(LAB) == left
        if step % 2:
            operations.destroy(lab.kernel, storage(), LAB)
            assert not lab.kernel.namespaces
            assert not store().exists(LAB)
        else:
            operations.apply(lab.kernel, storage(), store().load(LAB))
            change(lab)
            assert lab.agrees()
