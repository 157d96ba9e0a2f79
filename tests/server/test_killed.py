"""A server that is killed at any moment: the next start finishes what was begun, loses nothing, and lets nothing in."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from eigw_ns.cloud.nodes import find
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.kernel.namespaces import netns
from eigw_ns.topology import load
from tests.support.command import process
from tests.support.labs import PATIENCE
from tests.support.serving import serving
from tests.topologies.egress import APP, TREE, WEB

pytestmark = pytest.mark.root

PORT = 9


@pytest.mark.parametrize("kills", [4, pytest.param(40, marks=[pytest.mark.nightly, pytest.mark.timeout(600)])])
def test_killed_at_any_moment_the_next_start_goes_on(
    lab_name: str, tmp_path_factory: pytest.TempPathFactory, kills: int
) -> None:
    parent = tmp_path_factory.mktemp("killed")
    folders = {"EIGW_NS_STATE_DIR": str(parent / "state"), "EIGW_NS_RUN_DIR": str(parent / "run")}
    tree = json.dumps({"lab": lab_name, **TREE})
    assert process("apply", "-q", "-f", "-", stdin=tree, env=folders).code == 0
    moments = random.Random(lab_name)
    acknowledged: dict[str, bool] = {}
    with _attacked(lab_name, tree) as arrived:
        for _ in range(kills):
            with serving("--lab", lab_name, "--listen", "127.0.0.1:0", env=folders) as server:
                ec2 = server.client()
                _compare(ec2, acknowledged)
                killer = threading.Timer(moments.uniform(0.05, 0.8), server.process.send_signal, [signal.SIGKILL])
                killer.start()
                with contextlib.suppress(BotoCoreError, _Gone), _unless_gone():
                    _change(ec2, acknowledged)
                killer.join()
                server.wait()
        with serving("--lab", lab_name, "--listen", "127.0.0.1:0", env=folders) as server:
            _compare(server.client(), acknowledged)
            server.end()
        assert process("status", "--lab", lab_name, env=folders).code == 0
        assert not arrived(), "a packet that the internet began came in"
    assert process("destroy", "-q", "--lab", lab_name, env=folders).code == 0


def _change(ec2: Any, acknowledged: dict[str, bool]) -> None:
    """Make and remove routes and subnets until the server is gone. Notes which routes must be there, or not."""
    (vpc,) = ec2.describe_vpcs()["Vpcs"]
    tables = ec2.describe_route_tables()["RouteTables"]
    (table,) = (each["RouteTableId"] for each in tables if each["Associations"])
    for turn in range(1, 10_000):
        _turn(ec2, vpc["VpcId"], table, turn, acknowledged)


def _turn(ec2: Any, vpc: str, table: str, turn: int, acknowledged: dict[str, bool]) -> None:
    (gateway,) = ec2.describe_egress_only_internet_gateways()["EgressOnlyInternetGateways"]
    destination = f"2001:db8:{turn % 5 + 1:x}::/48"
    asked = {"RouteTableId": table, "DestinationIpv6CidrBlock": destination}
    there = destination in _destinations(ec2)
    acknowledged.pop(destination, None)
    if there:
        ec2.delete_route(**asked)
    else:
        ec2.create_route(**asked, EgressOnlyInternetGatewayId=gateway["EgressOnlyInternetGatewayId"])
    acknowledged[destination] = not there
    if turn % 3 == 0:
        made = ec2.create_subnet(VpcId=vpc, Ipv6CidrBlock=_free(ec2), Ipv6Native=True)["Subnet"]
        ec2.delete_subnet(SubnetId=made["SubnetId"])


class _Gone(Exception):
    """The worker has ended before it answered, so the change may have been made, or not."""


@contextlib.contextmanager
def _unless_gone() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] != "Unavailable":
            raise
        raise _Gone from error


def _free(ec2: Any) -> str:
    taken = {
        each["Ipv6CidrBlock"]
        for subnet in ec2.describe_subnets()["Subnets"]
        for each in subnet["Ipv6CidrBlockAssociationSet"]
    }
    return next(text for number in range(2, 99) if (text := f"2600:1f16:aa0:55{number:02x}::/64") not in taken)


def _destinations(ec2: Any) -> set[str]:
    return {
        route["DestinationIpv6CidrBlock"]
        for table in ec2.describe_route_tables()["RouteTables"]
        for route in table["Routes"]
    }


def _compare(ec2: Any, acknowledged: dict[str, bool]) -> None:
    """Check that every change that was answered is there. One that was not answered may be, or not."""
    found = _destinations(ec2)
    assert {each: each in found for each in acknowledged} == acknowledged


@contextlib.contextmanager
def _attacked(lab: str, tree: str) -> Iterator[Callable[[], bool]]:
    """Send datagrams from the internet to the instance, without end. Yields whether one has arrived."""
    cloud = load(tree.encode(), file="t.yaml", default_lab=lab).cloud
    inside, outside = (namespace_name(lab, find(cloud, node).id) for node in ("app", "web"))
    with netns.inside(inside):
        receiver = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with netns.inside(outside):
        sender = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with receiver, sender:
        receiver.bind(("::", PORT))
        sender.bind((WEB, PORT + 1))
        receiver.setblocking(False)
        ended = threading.Event()

        def attack() -> None:
            while not ended.wait(0.001):
                with contextlib.suppress(OSError):
                    sender.sendto(b"x", (APP, PORT))

        attacker = threading.Thread(target=attack)
        attacker.start()
        try:
            yield lambda: _arrived(receiver)
        finally:
            ended.set()
            attacker.join()
        receiver.settimeout(PATIENCE)  # the control: an answer comes in, to the same socket
        receiver.sendto(b"x", (WEB, PORT + 1))
        sender.settimeout(PATIENCE)
        _, peer = sender.recvfrom(10)
        sender.sendto(b"answer", peer)
        assert receiver.recv(10) == b"answer"


def _arrived(receiver: socket.socket) -> bool:
    with contextlib.suppress(BlockingIOError):
        receiver.recv(10)
        return True
    return False
