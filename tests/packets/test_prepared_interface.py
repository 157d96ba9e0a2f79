"""An instance takes a prepared interface: its addresses carry packets, and no flow of an earlier instance goes on."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from eigw_ns.cloud.ec2.api import call
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.planning.plan import make_plan
from eigw_ns.lab.lifecycle.execute import execute
from eigw_ns.topology import Topology
from tests.support.labs import SILENCE, Lab
from tests.topologies.egress import TREE, WEB

pytestmark = pytest.mark.root

ONE = {"ImageId": "ami-0123456789abcdef0", "MinCount": 1, "MaxCount": 1}


def ec2(lab: Lab, action: str, **request: Any) -> dict[str, Any]:
    """Carry out an action on the lab, and change the kernel to what it made."""
    assert lab.current is not None
    reply = call(lab.current.cloud, action, request)
    execute(lab.kernel, make_plan(compile_cloud(reply.cloud), lab.kernel.observe(lab.name)))
    lab.current = Topology(reply.cloud)
    return reply.answer


def launch(lab: Lab, interface_id: str) -> str:
    interface = {"DeviceIndex": 0, "NetworkInterfaceId": interface_id}
    return str(ec2(lab, "RunInstances", **ONE, NetworkInterfaces=[interface])["Instances"][0]["InstanceId"])


def reaches(lab: Lab, source: str, destination: str, address: str) -> bool:
    """Return whether a datagram arrives. The destination's own node is the canary: its listener hears that."""
    with (
        lab.open_socket(destination, kind=socket.SOCK_DGRAM) as server,
        lab.open_socket(destination, kind=socket.SOCK_DGRAM) as canary,
        lab.open_socket(source, kind=socket.SOCK_DGRAM) as client,
    ):
        server.bind((address, 9))
        client.sendto(b"x", (address, 9))
        server.settimeout(SILENCE)
        try:
            heard = server.recv(16) == b"x"
        except TimeoutError:
            heard = False
        canary.sendto(b"canary", (address, 9))
        assert server.recv(16) == b"canary"
        return heard


def test_an_instance_on_a_prepared_interface_has_its_address_and_leaves_it(lab_name: str) -> None:
    lab = Lab(lab_name)
    lab.apply(json.dumps(TREE))
    assert lab.current is not None
    (subnet,), groups = lab.current.cloud.subnets, lab.current.cloud.security_groups.values()
    (group,) = (each.id for each in groups if each.name == "open")
    wanted = {"SubnetId": subnet, "Groups": [group], "Ipv6AddressCount": 1}
    made = ec2(lab, "CreateNetworkInterface", **wanted)["NetworkInterface"]
    eni, address = made["NetworkInterfaceId"], made["Ipv6Address"]
    assert not list(lab.plan(json.dumps(TREE)))  # it moves no packet: the kernel has nothing for it

    first = launch(lab, eni)
    with lab.stream("app", "web", WEB, 4444) as beside, lab.stream(first, "web", WEB) as stream:
        assert stream.client.getsockname()[0] == address
        assert stream.works() and beside.works()
        assert reaches(lab, "app", first, address)  # the control: only the gateway keeps the internet out
        assert not reaches(lab, "web", first, address)

        ec2(lab, "TerminateInstances", InstanceIds=[first])
        (kept,) = ec2(lab, "DescribeNetworkInterfaces", NetworkInterfaceIds=[eni])["NetworkInterfaces"]
        assert (kept["Status"], kept["Ipv6Address"]) == ("available", address)
        assert stream.silent() and beside.works()

        second = launch(lab, eni)
        assert stream.silent() and beside.works()
        with lab.stream(second, "web", WEB, 4445) as again:
            assert again.client.getsockname()[0] == address
            assert again.works()
        assert not reaches(lab, "web", second, address)
        assert beside.retransmissions() == 0
