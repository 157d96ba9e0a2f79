"""Fifty clients at once, and other programs beside them: no change is lost, and the store is equal to the kernel."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.command import process
from tests.support.serving import Serving, serving
from tests.topologies.egress import TREE

pytestmark = pytest.mark.root

CLIENTS = 50
_LATER = frozenset({"RequestLimitExceeded", "Unavailable"})
"""Codes of requests that were not carried out, and that clients repeat."""


@pytest.fixture
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    parent = tmp_path_factory.mktemp("crowd")
    return {"EIGW_NS_STATE_DIR": str(parent / "state"), "EIGW_NS_RUN_DIR": str(parent / "run")}


@pytest.fixture
def crowded(lab_name: str, folders: dict[str, str]) -> Iterator[Serving]:
    tree = json.dumps({"lab": lab_name, **TREE})
    assert process("apply", "-q", "-f", "-", stdin=tree, env=folders).code == 0
    with serving("--lab", lab_name, "--listen", "127.0.0.1:0", env=folders) as server:
        yield server
        code, _ = server.end()
    assert code == 0
    assert process("destroy", "-q", "--lab", lab_name, env=folders).code == 0


class Client:
    """One of the clients: it makes and removes routes of its own table, and notes what was acknowledged."""

    def __init__(self, ec2: Any, vpc: str, gateway: str, number: int) -> None:
        self._ec2, self._gateway, self._number = ec2, gateway, number
        self.table = str(ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"])
        self.routes: set[str] = set()
        self.refused: Counter[str] = Counter()
        self.acknowledged = 0

    def work(self, until: float) -> None:
        for turn in range(100_000):
            if time.monotonic() > until:
                return
            destination = f"2001:db8:{self._number + 1:x}:{turn % 7 + 1:x}::/64"
            try:
                self._turn(destination)
                self.acknowledged += 1
            except ClientError as error:
                self.refused[error.response["Error"]["Code"]] += 1

    def _turn(self, destination: str) -> None:
        asked = {"RouteTableId": self.table, "DestinationIpv6CidrBlock": destination}
        if destination in self.routes:
            self._ec2.delete_route(**asked)
            self.routes.remove(destination)
        else:
            self._ec2.create_route(**asked, EgressOnlyInternetGatewayId=self._gateway)
            self.routes.add(destination)


@pytest.mark.parametrize("seconds", [4, pytest.param(60, marks=[pytest.mark.nightly, pytest.mark.timeout(300)])])
def test_fifty_clients_lose_no_change(crowded: Serving, lab_name: str, folders: dict[str, str], seconds: float) -> None:
    ec2 = crowded.client()
    (vpc,) = ec2.describe_vpcs()["Vpcs"]
    (gateway,) = ec2.describe_egress_only_internet_gateways()["EgressOnlyInternetGateways"]
    ids = vpc["VpcId"], gateway["EgressOnlyInternetGatewayId"]
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = list(pool.map(lambda number: Client(ec2, *ids, number), range(CLIENTS)))
        end = time.monotonic() + seconds
        beside = threading.Thread(target=_beside, args=(lab_name, folders, ids[0], end))
        beside.start()
        list(pool.map(lambda client: client.work(end), clients))
        beside.join()
    found = {
        table["RouteTableId"]: {
            route["DestinationIpv6CidrBlock"] for route in table["Routes"] if route.get("GatewayId") != "local"
        }
        for table in ec2.get_paginator("describe_route_tables").paginate().build_full_result()["RouteTables"]
    }
    assert {client.table: client.routes for client in clients} == {each.table: found[each.table] for each in clients}
    assert set().union(*(client.refused for client in clients)) <= _LATER
    assert all(client.acknowledged for client in clients), "a client got no turn"
    (tagged,) = ec2.describe_vpcs()["Vpcs"]
    assert {"Key": "beside", "Value": "yes"} in tagged["Tags"]
    assert process("status", "--lab", lab_name, env=folders).code == 0, "the store and the kernel differ"


def _beside(lab: str, folders: dict[str, str], vpc: str, end: float) -> None:
    """Change the lab by the command line, as another user of the machine does, as often as there is time."""
    while True:
        tag = ("--resources", vpc, "--tags", "Key=beside,Value=yes")
        done = process("ec2", "create-tags", "--lab", lab, "--lock-timeout", "30", *tag, env=folders)
        assert done.code == 0, done.err
        again = process("apply", "-q", "--lab", lab, "--lock-timeout", "30", env=folders)
        assert again.code == 0, again.err
        if time.monotonic() > end:
            return
