"""A lab that a long-living process serves: each change stores and carries out what it concerns, and loses nothing."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.dataplane.state import NOTHING, NetState
from eigw_ns.errors import CloudError, EigwError, KernelError, LockedError, NoSuchLabError
from eigw_ns.kernel.fake.fake_kernel import FakeKernel
from eigw_ns.lab.lifecycle import ec2, operations
from eigw_ns.lab.live.live_lab import LiveLab
from eigw_ns.lab.storage.protocols import Patience, Stored
from eigw_ns.lab.storage.store import FileStore
from eigw_ns.topology import Topology, example, load
from tests.support.stored import folders, journal, lock, storage, store
from tests.support.vpc_life import vpc_life

LAB = "demo"
SETTINGS = Settings()
BAD = "2001:db8:bad::/48"
PEER = "2001:db8:80::1"


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EIGW_NS_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("EIGW_NS_RUN_DIR", str(tmp_path / "run"))
    return tmp_path


class Kernel(FakeKernel):
    """A kernel in memory that notes what is observed: a part of the lab, or the whole of it (None)."""

    def __init__(self) -> None:
        super().__init__()
        self.observed: list[frozenset[str] | None] = []

    def observe(self, lab: str, believed: NetState = NOTHING, *, only: Collection[str] | None = None) -> NetState:
        self.observed.append(None if only is None else frozenset(only))
        return super().observe(lab, believed, only=only)


class Lab:
    """The demo lab, applied to a kernel in memory and served."""

    def __init__(self) -> None:
        self.kernel = Kernel()
        operations.apply(self.kernel, storage(), load(example(LAB).encode(), file="demo.yaml", default_lab=LAB))
        cloud = store().load(LAB).cloud
        self.eigw = next(iter(cloud.egress_only_internet_gateways))
        self.vpc = next(iter(cloud.vpcs))
        self.table = next(each.id for each in cloud.route_tables.values() if not each.main)
        self.live = LiveLab(lambda: self.kernel, storage(), LAB)
        self.kernel.observed.clear()

    def call(self, action: str, **request: Any) -> Any:
        return self.live.perform(action, request, SETTINGS).answer

    def add_route(self, destination: str = BAD) -> Any:
        return self.call("CreateRoute", **self.route(destination), EgressOnlyInternetGatewayId=self.eigw)

    def route(self, destination: str = BAD) -> dict[str, Any]:
        return {"RouteTableId": self.table, "DestinationIpv6CidrBlock": destination}

    def destinations(self) -> set[str]:
        return {str(route.destination) for route in store().load(LAB).cloud.route_tables[self.table].routes}

    def agrees(self) -> bool:
        """Return True if the kernel agrees with the stored lab, and no change is unfinished."""
        return self.kernel.observe(LAB) == compile_cloud(store().load(LAB).cloud) and not journal().unfinished(LAB)


@pytest.fixture
def lab(own_folders: Path) -> Lab:
    return Lab()


def test_a_change_is_stored_and_in_the_kernel_and_reads_only_its_part(lab: Lab) -> None:
    assert lab.add_route() == {"Return": True}
    observed = lab.kernel.observed[:]
    assert BAD in lab.destinations()
    assert lab.agrees()
    assert len(observed) == 1
    assert observed[0] is not None
    assert 0 < len(observed[0]) < len(lab.kernel.namespaces)
    lab.call("DeleteRoute", **lab.route())
    assert BAD not in lab.destinations()
    assert lab.agrees()


def test_the_kernel_follows_a_vpc_from_its_creation_to_its_deletion(lab: Lab) -> None:
    before = set(lab.kernel.namespaces)
    for step, _ in vpc_life(lab.call):
        assert None not in lab.kernel.observed, f"{step} reads the whole lab"
        assert lab.agrees(), step
        lab.kernel.observed.clear()
    assert set(lab.kernel.namespaces) == before


@pytest.mark.parametrize("action", ["StopInstances", "TerminateInstances", "UnassignIpv6Addresses"])
def test_flows_of_an_instance_that_loses_its_link_end_in_every_table(lab: Lab, action: str) -> None:
    """Flows with its peers in other subnets are in their tables too."""
    cloud = store().load(LAB).cloud
    subnet = next(each.id for each in cloud.subnets.values() if each.name == "private-a")
    asked = {"ImageId": "ami-0123456789abcdef0", "MinCount": 1, "MaxCount": 1, "SubnetId": subnet}
    (made,) = lab.call("RunInstances", **asked)["Instances"]
    assert lab.agrees()
    address, (interface,) = made["Ipv6Address"], made["NetworkInterfaces"]
    tables = [namespace_name(LAB, owner) for owner in (*cloud.subnets, lab.eigw)]
    for table in tables:
        lab.kernel.namespaces[table].flows += [(address, PEER), (PEER, address), ("2001:db8::1", PEER)]
    lab.kernel.observed.clear()
    if action == "UnassignIpv6Addresses":
        lab.call(action, NetworkInterfaceId=interface["NetworkInterfaceId"], Ipv6Addresses=[address])
    else:
        lab.call(action, InstanceIds=[made["InstanceId"]])
    assert None not in lab.kernel.observed
    assert lab.agrees()
    for table in tables:
        assert lab.kernel.namespaces[table].flows == [("2001:db8::1", PEER)], table
    if action == "StopInstances":
        lab.call("StartInstances", InstanceIds=[made["InstanceId"]])
        assert lab.agrees()


def test_replicas_that_end_with_their_gateway_are_no_reason_to_read_the_whole_lab(lab: Lab) -> None:
    cloud = store().load(LAB).cloud
    gateways = {key: replace(each, replicas=3) for key, each in cloud.egress_only_internet_gateways.items()}
    operations.apply(lab.kernel, storage(), Topology(replace(cloud, egress_only_internet_gateways=gateways)))
    lab.kernel.observed.clear()
    lab.call("DeleteEgressOnlyInternetGateway", EgressOnlyInternetGatewayId=lab.eigw)
    assert None not in lab.kernel.observed
    assert lab.agrees()


def test_a_series_of_changes_of_every_kind_leaves_no_drift(lab: Lab) -> None:
    lab.add_route()
    lab.call("CreateTags", Resources=[lab.eigw], Tags=[{"Key": "a", "Value": "b"}])
    assert lab.agrees()
    edge = next(iter(store().load(LAB).cloud.internet_gateways))
    lab.call("ReplaceRoute", **lab.route(), GatewayId=edge)
    assert lab.agrees()
    lab.call("DetachInternetGateway", InternetGatewayId=edge, VpcId=lab.vpc)
    assert lab.agrees()
    lab.call("AttachInternetGateway", InternetGatewayId=edge, VpcId=lab.vpc)
    assert lab.agrees()
    lab.call("DeleteEgressOnlyInternetGateway", EgressOnlyInternetGatewayId=lab.eigw)
    assert lab.agrees()
    assert operations.status(lab.kernel, storage(), LAB) == ()


def test_a_refused_action_changes_nothing(lab: Lab) -> None:
    writes = lab.kernel.writes
    with pytest.raises(CloudError, match="does not exist"):
        lab.call(
            "CreateRoute",
            **{**lab.route(), "RouteTableId": "rtb-0123456789abcdef0"},
            EgressOnlyInternetGatewayId=lab.eigw,
        )
    assert lab.kernel.writes == writes
    assert lab.kernel.observed == []


def test_a_change_of_another_process_is_not_lost(lab: Lab) -> None:
    """The lab is served, and `apply` or `eigw-ns ec2` change it beside."""
    lab.add_route()
    request = {**lab.route("2001:db8:cafe::/48"), "EgressOnlyInternetGatewayId": lab.eigw}
    ec2.perform(lambda: lab.kernel, storage(), LAB, "CreateRoute", request, SETTINGS)
    lab.add_route("2001:db8:f00d::/48")
    assert lab.destinations() >= {BAD, "2001:db8:cafe::/48", "2001:db8:f00d::/48"}
    assert lab.agrees()


def test_a_description_shows_the_change_of_another_process(lab: Lab) -> None:
    lab.live.stored()
    request = {**lab.route(), "EgressOnlyInternetGatewayId": lab.eigw}
    ec2.perform(lambda: lab.kernel, storage(), LAB, "CreateRoute", request, SETTINGS)
    shown = lab.live.describe("DescribeRouteTables", {"RouteTableIds": [lab.table]}, SETTINGS).answer
    assert BAD in str(shown)


def test_a_description_waits_for_no_lock_and_reads_the_store_once(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.live.stored()
    monkeypatch.setattr("eigw_ns.lab.storage.store.read_file", None)
    with lock().hold(LAB, "another"):
        for _ in range(3):
            assert lab.live.perform("DescribeRouteTables", {}, SETTINGS).answer["RouteTables"]
        with pytest.raises(LockedError, match="another"):
            lab.add_route()
    assert lab.kernel.observed == []


def test_changes_are_appended_to_a_log_until_the_lab_is_closed(lab: Lab) -> None:
    file, log = folders().topology_file(LAB), folders().changes_file(LAB)
    before = file.read_bytes()
    lab.add_route()
    assert file.read_bytes() == before
    assert log.exists()
    lab.live.close()
    assert not log.exists()
    assert BAD in lab.destinations()
    version = store().version(LAB)
    lab.live.close()
    assert store().version(LAB) == version
    lab.call("DeleteRoute", **lab.route())
    assert BAD not in lab.destinations()
    assert lab.agrees()


def test_a_lab_that_is_not_stored(own_folders: Path) -> None:
    live = LiveLab(FakeKernel, storage(), "none")
    for action in ("DescribeRouteTables", "CreateInternetGateway"):
        with pytest.raises(NoSuchLabError):
            live.perform(action, {}, SETTINGS)


# ---- drift -----------------------------------------------------------------------------------------------------------


def _gone(lab: Lab, word: str) -> str:
    name = next(name for name in sorted(lab.kernel.namespaces) if word in name)
    lab.kernel.remove_namespace(name)
    return name


@pytest.mark.parametrize("word", ["-subnet-", "-i-", "-eigw-"])
def test_a_namespace_that_vanished_is_made_again(lab: Lab, word: str) -> None:
    """In the part or not: the whole lab is reconciled, as its other links are gone too."""
    lab.add_route()
    _gone(lab, word)
    lab.call("DeleteRoute", **lab.route())
    assert None in lab.kernel.observed
    assert lab.agrees()


def test_a_lab_that_is_stored_but_not_running_is_built(lab: Lab) -> None:
    for name in list(lab.kernel.namespaces):
        lab.kernel.remove_namespace(name)
    lab.call("CreateTags", Resources=[lab.eigw], Tags=[{"Key": "a", "Value": "b"}])
    assert lab.agrees()


def test_drift_in_the_part_is_repaired_and_elsewhere_is_left(lab: Lab) -> None:
    lab.add_route()
    part = lab.kernel.observed[0]
    assert part
    for name in (min(name for name in part if "-subnet-" in name), min(lab.kernel.namespaces.keys() - part)):
        space = lab.kernel.namespaces[name]
        gone = next(key for key in space.objects if key[0] in ("route", "forwarding", "neighbour"))
        del space.objects[gone]
    lab.call("DeleteRoute", **lab.route())
    left = {step.object.namespace for step in operations.status(lab.kernel, storage(), LAB)}
    assert left == {min(lab.kernel.namespaces.keys() - part)}


# ---- interrupted changes ---------------------------------------------------------------------------------------------


def test_an_interrupted_change_is_finished_first(lab: Lab) -> None:
    lab.live.stored()
    lab.kernel.fail_on = lab.kernel.writes + 1
    with pytest.raises(KernelError) as caught:
        lab.add_route()
    assert "the request is stored" in caught.value.hint
    assert journal().unfinished(LAB)
    assert lab.live.describe("DescribeVpcs", {}, SETTINGS).warnings
    lab.kernel.fail_on = None
    lab.call("CreateInternetGateway")
    assert BAD in lab.destinations()
    assert lab.agrees()


def test_after_an_interrupted_destroy_nothing_changes(lab: Lab) -> None:
    with pytest.raises(RuntimeError), journal().written(LAB, (), destroy=True):
        raise RuntimeError
    with pytest.raises(EigwError, match="half destroyed"):
        lab.add_route()


class KilledError(BaseException):
    """The process was killed: nothing of it runs after this."""


@pytest.mark.parametrize("verb", ["CreateRoute", "DeleteEgressOnlyInternetGateway"])
def test_killed_before_any_write_the_next_process_finishes(lab: Lab, verb: str) -> None:
    """What was acknowledged before stays. The change itself is whole or was never begun."""
    lab.add_route("2001:db8:cafe::/48")
    killed, writes = True, 0
    while killed:
        request = {"EgressOnlyInternetGatewayId": lab.eigw}
        request |= lab.route("::/1") if verb == "CreateRoute" else {}
        killed = _killed(lab, writes, verb, request)
        lab.kernel.before = None
        lab.live = LiveLab(lambda: lab.kernel, storage(), LAB)
        assert journal().unfinished(LAB) == killed
        lab.call("CreateTags", Resources=[lab.vpc], Tags=[{"Key": "round", "Value": str(writes)}])
        assert "2001:db8:cafe::/48" in lab.destinations()
        assert lab.agrees()
        _begin_again(lab, verb)
        writes += 1
    assert writes > 2


@pytest.mark.parametrize("stored", [False, True], ids=["before", "after"])
def test_killed_around_the_store(lab: Lab, stored: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal is there already, so the next process brings the kernel to what is stored."""
    real = FileStore.save_change

    def dying(files: FileStore, known: Stored, given: Topology) -> str:
        if stored:
            real(files, known, given)
        raise KilledError

    lab.add_route("2001:db8:cafe::/48")
    with monkeypatch.context() as patch:
        patch.setattr(FileStore, "save_change", dying)
        with pytest.raises(KilledError):
            lab.add_route()
    assert journal().unfinished(LAB)
    lab.live = LiveLab(lambda: lab.kernel, storage(), LAB)
    lab.call("CreateTags", Resources=[lab.vpc], Tags=[{"Key": "a", "Value": "b"}])
    assert (BAD in lab.destinations()) is stored
    assert "2001:db8:cafe::/48" in lab.destinations()
    assert lab.agrees()


@pytest.mark.parametrize("action", ["StopInstances", "TerminateInstances"])
def test_an_instance_that_ends_leaves_no_flow_if_the_change_is_killed(lab: Lab, action: str) -> None:
    """Its flows with peers are in tables of the rest of the lab, which the change does not observe."""
    cloud = store().load(LAB).cloud
    tables = [namespace_name(LAB, owner) for owner in (*cloud.subnets, lab.eigw)]
    asked = {"ImageId": "ami-0123456789abcdef0", "MinCount": 1, "MaxCount": 1, "SubnetId": next(iter(cloud.subnets))}
    killed, writes = True, 0
    while killed:
        lab.kernel.before = None
        (made,) = lab.call("RunInstances", **asked)["Instances"]
        flows = (made["Ipv6Address"], PEER), (PEER, made["Ipv6Address"]), ("2001:db8::1", PEER)
        for table in tables:
            lab.kernel.namespaces[table].flows[:] = flows
        killed = _killed(lab, writes, action, {"InstanceIds": [made["InstanceId"]]})
        lab.kernel.before = None
        lab.live = LiveLab(lambda: lab.kernel, storage(), LAB)
        lab.call("CreateTags", Resources=[lab.vpc], Tags=[{"Key": "round", "Value": str(writes)}])
        assert lab.agrees()
        assert not [flow for table in tables for flow in lab.kernel.namespaces[table].flows if flow in flows[:2]]
        writes += 1
    assert writes > len(tables)
    assert all(lab.kernel.namespaces[table].flows == [flows[2]] for table in tables), "no other flow ended"


def _begin_again(lab: Lab, verb: str) -> None:
    """Undo the finished action, so that it can be killed at the next write."""
    if verb == "CreateRoute":
        lab.call("DeleteRoute", **lab.route("::/1"))
        return
    made = lab.call("CreateEgressOnlyInternetGateway", VpcId=lab.vpc)["EgressOnlyInternetGateway"]
    lab.eigw = made["EgressOnlyInternetGatewayId"]


def _killed(lab: Lab, writes: int, verb: str, request: dict[str, Any]) -> bool:
    """Perform an action in a process that dies at the write after so many. Returns whether it died."""
    left = writes

    def die(_verb: str, _thing: object) -> None:
        nonlocal left
        if left == 0:
            raise KilledError
        left -= 1

    lab.kernel.before = die
    try:
        lab.live.perform(verb, request, SETTINGS)
    except KilledError:
        return True
    return False


# ---- several callers -------------------------------------------------------------------------------------------------


def test_changes_of_several_processes_at_once_are_all_kept(lab: Lab) -> None:
    """Two processes serve the lab, and a third one changes it without serving it."""
    others = [LiveLab(lambda: lab.kernel, storage(), LAB) for _ in range(2)]
    patience = Patience(30)

    def serve(live: LiveLab, first: int) -> None:
        for number in range(first, first + 12):
            live.perform("CreateRoute", _nth(lab, number), SETTINGS, patience)

    def run_ec2(first: int) -> None:
        for number in range(first, first + 12):
            ec2.perform(lambda: lab.kernel, storage(), LAB, "CreateRoute", _nth(lab, number), SETTINGS, patience)

    threads = [threading.Thread(target=serve, args=(each, 100 * (at + 1))) for at, each in enumerate(others)]
    threads.append(threading.Thread(target=run_ec2, args=(300,)))
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            lab.live.describe("DescribeRouteTables", {}, SETTINGS)
            thread.join(0.01)
    numbers = (first + number for first in (100, 200, 300) for number in range(12))
    assert lab.destinations() >= {_nth(lab, number)["DestinationIpv6CidrBlock"] for number in numbers}
    assert lab.agrees()
    assert operations.status(lab.kernel, storage(), LAB) == ()


def _nth(lab: Lab, number: int) -> dict[str, Any]:
    return {**lab.route(f"2001:db8:{number}::/48"), "EgressOnlyInternetGatewayId": lab.eigw}
