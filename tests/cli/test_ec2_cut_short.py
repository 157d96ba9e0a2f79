"""An ec2 verb that is killed between kernel changes: the next change finishes it, and describing reports it."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.nodes import find
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.kernel.namespaces import netns
from eigw_ns.lab.lifecycle.ec2 import perform
from tests.support.command import Cli
from tests.support.dying_kernel import DyingKernel
from tests.support.labs import SILENCE, Lab
from tests.support.stored import journal, storage, store

pytestmark = pytest.mark.root

WEB = "2001:db8:80::1"


def killed_in(lab: str, batches: int, gateway: str) -> bool:
    """Delete the gateway in a process that dies after `batches` batches. Return True if it died."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            request = {"EgressOnlyInternetGatewayId": gateway}
            perform(
                lambda: DyingKernel(batches), storage(), lab, "DeleteEgressOnlyInternetGateway", request, Settings()
            )
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0
    return os.WIFSIGNALED(status)


@pytest.mark.timeout(240)
def test_killed_anywhere_the_next_verb_finishes(cli: Cli, demo_file: Callable[[str], str], lab_name: str) -> None:
    file = demo_file(lab_name)
    batches, died = 0, True
    while died:
        assert cli("apply", "-f", file).code == 0
        lab = Lab(lab_name, current=store().load(lab_name))
        gateway = find(store().load(lab_name).cloud, "outbound").id
        with lab.stream("app", "web", WEB) as stream:
            assert stream.works()
            died = killed_in(lab_name, batches, gateway)
            assert journal().unfinished(lab_name) == died

            described = cli("ec2", "describe-route-tables", "--filters", "Name=route.state,Values=blackhole")

            assert ("was interrupted" in described.err) is died
            assert len(described.data["RouteTables"]) == 1
            assert journal().unfinished(lab_name) is died  # describing repairs nothing
            assert cli("ec2", "create-internet-gateway").code == 0
            assert not journal().unfinished(lab_name)
            assert lab.kernel.observe(lab_name) == compile_cloud(store().load(lab_name).cloud)
            assert cli("status", "--lab", lab_name).code == 0
            assert stream.silent()
        batches += 1
    assert batches > 4
    with lab.listening("web", WEB, 5000), lab.open_socket("www") as client:  # the control: the host still answers
        client.settimeout(SILENCE * 10)
        client.connect((WEB, 5000))
    assert cli("destroy", "--lab", lab_name).code == 0
    assert not [name for name in netns.names() if name.startswith(f"eigw-{lab_name}-")]
