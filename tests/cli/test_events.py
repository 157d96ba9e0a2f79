"""`eigw-ns events` on Linux: what somebody else, a command and the agent do to a lab, line by line."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eigw_ns.cli.context import labels
from eigw_ns.cloud.nodes import find
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.kernel.fake.fake_kernel import FakeKernel
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.kernel.namespaces import netns
from eigw_ns.lab.events.event import Event
from eigw_ns.lab.events.follow import Follower, Settings
from eigw_ns.lab.events.views import Words
from eigw_ns.render import events
from tests.support.command import FAKE_LAB, Cli, heed_interrupts
from tests.support.labs import PATIENCE, until
from tests.support.stored import storage, store
from tests.topologies.egress import APP
from tests.topologies.replicated import tree


class Following:
    """`eigw-ns events --follow` as a process, and the events that it has printed."""

    def __init__(self, lab: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "eigw_ns", "events", "--follow", "--lab", lab, "-o", "json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heed_interrupts,
        )
        assert self.process.stderr is not None
        assert self.process.stderr.readline() == f"following the lab {lab}\n"
        self.events: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def first(self, kind: str, **wanted: str) -> dict[str, Any]:
        """Wait for an event of this kind with these members, and return it. Forget it and all before it."""
        found: list[int] = []

        def come() -> bool:
            found[:] = [
                number
                for number, each in enumerate(self.events)
                if each["kind"] == kind and wanted.items() <= each.items()
            ][:1]
            return bool(found)

        until(come, f"{kind} {wanted} among {self.events}")
        event = self.events[found[0]]
        del self.events[: found[0] + 1]
        return event

    def end(self, *signals: int) -> int:
        for number in signals:
            self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self._reader.join()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        return code


@pytest.fixture
def lab(cli: Cli, tmp_path: Path, lab_name: str) -> Iterator[str]:
    """A lab with two replicas, applied."""
    file = tmp_path / f"{lab_name}.json"
    file.write_text(tree(2))
    assert cli("apply", "-q", "-f", str(file), "--lab", lab_name).code == 0
    yield lab_name
    if store().exists(lab_name):
        cli("destroy", "-q", "--lab", lab_name)


def namespace(lab: str, node: str) -> str:
    return namespace_name(lab, find(store().load(lab).cloud, node).id)


def delete_route(lab: str) -> str:
    """Delete the default route of the instance's subnet by hand. Return the subnet's namespace."""
    cloud = store().load(lab).cloud
    name = namespace_name(lab, next(iter(cloud.subnets)))
    subprocess.run(["ip", "-n", name, "-6", "route", "del", "default", "dev", "fabric"], check=True)
    return name


@pytest.mark.root
def test_what_happens_to_a_lab_is_told_line_by_line(cli: Cli, lab: str) -> None:
    following = Following(lab)
    delete_route(lab)
    found = following.first("drift.found", by="somebody else")
    assert found["node"].startswith("main/")
    assert found["lab"] == lab
    assert "route ::/0" in found["detail"]["steps"][0]

    assert cli("apply", "-q", "--lab", lab).code == 0
    assert following.first("lab.applied", by="eigw-ns apply")["detail"] == {"resources": []}
    assert following.first("drift.gone", by="eigw-ns apply")["node"] == found["node"]

    with netns.inside(namespace(lab, "web")), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
        for _ in range(200):
            sender.sendto(b"x", (APP, 4444))
    burst = following.first("drops.burst")
    assert burst["detail"]["reason"] == "inbound"
    assert burst["detail"]["packets"] >= 100

    subprocess.run(["ip", "-n", namespace(lab, "app"), "link", "set", "dev", "eth0", "down"], check=True)
    assert following.first("link.down", node="main/app")["detail"] == {"link": "eth0", "removed": False}
    following.first("drift.found", node="main/app")
    assert cli("apply", "-q", "--lab", lab).code == 0

    gateway = next(iter(store().load(lab).cloud.egress_only_internet_gateways))
    delete = "delete-egress-only-internet-gateway"
    assert cli("ec2", delete, "--lab", lab, "--egress-only-internet-gateway-id", gateway).code == 0
    assert following.first("resource.deleted", by=f"eigw-ns ec2 {delete}")["id"] == gateway
    lost = following.first("route.blackhole", by=f"eigw-ns ec2 {delete}")
    assert lost["detail"]["routes"] == [{"destination": "::/0", "target": gateway}]
    now = cli("events", "--lab", lab, "-o", "json")
    assert now.code == 0
    assert [json.loads(each)["kind"] for each in now.out.splitlines()] == ["route.blackhole"]

    assert cli("destroy", "-q", "--lab", lab).code == 0
    following.first("lab.destroyed", by="eigw-ns destroy")
    assert following.end() == 0


@pytest.mark.root
def test_a_replica_that_dies_goes_down_and_comes_up_again(cli: Cli, lab: str) -> None:
    following = Following(lab)
    assert cli("apply", "-q", "--lab", lab, "--agent").code == 0
    following.first("lab.applied")
    gateway = next(iter(store().load(lab).cloud.egress_only_internet_gateways))
    netns.remove(namespace_name(lab, f"{gateway}.2"))
    down = following.first("replica.down")
    assert (down["node"], down["by"]) == ("main/outbound#2", "eigw-ns agent")
    up = following.first("replica.up", node="main/outbound#2")
    assert up["by"].startswith("eigw-ns agent")
    assert following.end(signal.SIGINT) == 130


@pytest.mark.root
def test_a_reader_that_goes_away_ends_it(lab: str) -> None:
    command = [sys.executable, "-m", "eigw_ns", "events", "--follow", "--lab", lab]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        process.stderr.readline()
        process.stdout.close()
        assert process.wait(PATIENCE) == 0


@pytest.mark.root
def test_lost_reports_are_an_event_and_the_lab_is_read_again(lab: str) -> None:
    found: list[Event] = []
    reading, writing = os.pipe()

    def say(event: Event) -> None:
        found.append(event)
        if event.kind == "drift.found":
            os.write(writing, b"x")

    before = len(list(Path("/proc/self/fd").iterdir()))
    settings = Settings(room=1, ends=(reading,))
    follower = Follower(LinuxKernel(), storage(), lab, Words(labels, events.compare), say, settings)

    def disturb() -> None:
        lines = "".join(f"route add unreachable 2001:db8:{number:x}::/48\n" for number in range(300))
        name = namespace_name(lab, next(iter(store().load(lab).cloud.subnets)))
        subprocess.run(["ip", "-n", name, "-6", "-batch", "-"], input=lines, text=True, check=True)

    follower.run(ready=disturb)
    for each in (reading, writing):
        os.close(each)
    assert "events.lost" in [each.kind for each in found]
    assert found[-1].kind == "drift.found"
    assert len(list(Path("/proc/self/fd").iterdir())) == before - 2


def test_a_lab_without_faults_has_no_events(cli: Cli, applied: FakeKernel) -> None:
    done = cli("events", "--lab", FAKE_LAB)
    assert (done.code, done.out) == (0, "")


def test_what_is_wrong_now_is_told_without_following(cli: Cli, applied: FakeKernel) -> None:
    gateway = next(iter(store().load(FAKE_LAB).cloud.egress_only_internet_gateways))
    applied.delete([each for each in applied.outline(FAKE_LAB) if each.namespace.endswith(f"{gateway}.2")])
    done = cli("events", "--lab", FAKE_LAB, "-o", "json")
    told = [json.loads(line) for line in done.out.splitlines()]
    assert {each["kind"] for each in told} == {"drift.found"}
    assert "main/outbound#2" in {each["node"] for each in told}
    assert cli("events", "--lab", "other").code == 1
