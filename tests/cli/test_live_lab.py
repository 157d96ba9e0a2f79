"""A served lab on Linux: killed between changes of the kernel, the next process finishes, and no packet gets in.

`eigw-ns apply` and `eigw-ns ec2` work beside the process that serves the lab.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.nodes import find
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.lab.lifecycle import operations
from eigw_ns.lab.live.live_lab import LiveLab
from eigw_ns.lab.storage.protocols import Patience
from tests.support.command import Cli
from tests.support.dying_kernel import DyingKernel
from tests.support.labs import Lab
from tests.support.stored import journal, storage, store
from tests.topologies import two_tenants
from tests.topologies.egress import MATE

pytestmark = pytest.mark.root

WEB = "2001:db8:80::1"
SETTINGS = Settings()


class Served:
    """The demo lab, applied and served."""

    def __init__(self, name: str) -> None:
        cloud = store().load(name).cloud
        self.name = name
        self.eigw = next(iter(cloud.egress_only_internet_gateways))
        app = next(each for each in cloud.instances.values() if each.name == "app")
        subnet = cloud.subnets[app.subnet_id]
        main = next(each.id for each in cloud.route_tables.values() if each.vpc_id == subnet.vpc_id and each.main)
        self.table = subnet.route_table_id or main
        self.live = self.serve(LinuxKernel())

    def serve(self, kernel: LinuxKernel) -> LiveLab:
        return LiveLab(lambda: kernel, storage(), self.name)

    def route(self, destination: str) -> dict[str, str]:
        return {"RouteTableId": self.table, "DestinationIpv6CidrBlock": destination}

    def add(self, destination: str) -> None:
        request = {**self.route(destination), "EgressOnlyInternetGatewayId": self.eigw}
        self.live.perform("CreateRoute", request, SETTINGS, Patience(60))

    def destinations(self) -> set[str]:
        return {str(each.destination) for each in store().load(self.name).cloud.route_tables[self.table].routes}

    def killed_after(self, batches: int, destination: str) -> bool:
        """Delete the route in a process that dies after so many batches. Returns whether it died."""
        child = os.fork()
        if child == 0:
            code = 1
            try:
                self.serve(DyingKernel(batches)).perform("DeleteRoute", self.route(destination), SETTINGS)
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0
        return os.WIFSIGNALED(status)


@pytest.mark.timeout(240)
def test_killed_anywhere_the_next_change_finishes(cli: Cli, demo_file: Callable[[str], str], lab_name: str) -> None:
    """Deleting the default route ends open flows, also if the process that deletes it is killed."""
    assert cli("apply", "-f", demo_file(lab_name)).code == 0
    served, lab = Served(lab_name), Lab(lab_name, current=store().load(lab_name))
    served.add("2001:db8:cafe::/48")
    died, batches = True, 0
    while died:
        with lab.stream("app", "web", WEB) as stream:
            assert stream.works()
            died = served.killed_after(batches, "::/0")
            assert journal().unfinished(lab_name) == died
            served.live = served.serve(LinuxKernel())
            tag = [{"Key": "round", "Value": str(batches)}]
            served.live.perform("CreateTags", {"Resources": [served.eigw], "Tags": tag}, SETTINGS)
            assert not journal().unfinished(lab_name)
            assert served.destinations() & {"::/0", "2001:db8:cafe::/48"} == {"2001:db8:cafe::/48"}
            assert lab.kernel.observe(lab_name) == compile_cloud(store().load(lab_name).cloud)
            assert stream.silent()
        served.add("::/0")
        batches += 2  # tests/unit/test_live_lab.py kills at every one
    assert batches > 3
    assert cli("status", "--lab", lab_name).code == 0
    with lab.stream("app", "web", WEB) as stream:  # the control: the path works
        assert stream.works()


def test_an_instance_that_ends_takes_its_flows_with_it_and_no_others(
    cli: Cli, tmp_path: Path, lab_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a part of the lab is observed. The stream of the other instance is in the same tables."""
    (tmp_path / f"{lab_name}.yaml").write_text(two_tenants.TEXT)
    assert cli("apply", "--lab", lab_name, "-f", str(tmp_path / f"{lab_name}.yaml")).code == 0
    monkeypatch.setattr(operations, "reconcile", None)  # the whole lab
    lab, kernel = Lab(lab_name, current=store().load(lab_name)), LinuxKernel()
    live, app = LiveLab(lambda: kernel, storage(), lab_name), find(store().load(lab_name).cloud, "app").id
    with lab.stream("app", "web", WEB) as ending, lab.stream("mate", "web", WEB, port=4444) as other:
        assert ending.works()
        assert other.works()
        live.perform("StopInstances", {"InstanceIds": [app]}, SETTINGS)
        for node in ("a", "outbound"):
            assert {flow.source for flow in kernel.flows(lab.namespace(node))} == {MATE}
        assert ending.silent()
        assert other.works()
        assert other.retransmissions() == 0
    live.perform("TerminateInstances", {"InstanceIds": [app]}, SETTINGS)
    assert cli("status", "--lab", lab_name).code == 0


def test_no_change_is_lost_beside_other_processes(cli: Cli, demo_file: Callable[[str], str], lab_name: str) -> None:
    """Two processes serve the lab at once. `eigw-ns ec2` and `eigw-ns apply` change it meanwhile."""
    assert cli("apply", "-f", demo_file(lab_name)).code == 0
    served, each = Served(lab_name), 8
    children = [_serving(served, first, each) for first in (100, 200)]
    options = ["--route-table-id", served.table, "--egress-only-internet-gateway-id", served.eigw]
    for number in range(300, 303):
        block = ["--destination-ipv6-cidr-block", f"2001:db8:{number}::/48"]
        assert cli("ec2", "create-route", "--lab", lab_name, *options, *block).code == 0
        assert cli("apply", "--lab", lab_name).code == 0
    for child in children:
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
    numbers = [*range(100, 100 + each), *range(200, 200 + each), *range(300, 303)]
    assert served.destinations() >= {f"2001:db8:{number}::/48" for number in numbers}
    assert cli("status", "--lab", lab_name).code == 0


def _serving(served: Served, first: int, changes: int) -> int:
    """Start a process that serves the lab and adds routes. Returns its pid."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            served.live = served.serve(LinuxKernel())
            for number in range(first, first + changes):
                served.add(f"2001:db8:{number}::/48")
            code = 0
        finally:
            os._exit(code)
    return child
