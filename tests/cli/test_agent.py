"""The agent if it has nothing to do, and how it ends. The rest of its tests: tests/packets/test_failover.py."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from eigw_ns.topology import Topology
from tests.support.command import SECONDS, Cli, process

pytestmark = pytest.mark.root


def events(text: str) -> list[tuple[str, str]]:
    """What happened, and why."""
    read: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
    return [(each["event"], each.get("reason", "")) for each in read]


NO_REPLICAS = ("nothing to watch", "no gateway has several replicas")


def test_once_where_there_is_nothing_to_watch(cli: Cli, stored: Callable[[str], Topology], lab_name: str) -> None:
    stored(lab_name)
    once = ("agent", "--lab", lab_name, "--once", "-o", "json")
    gone = process(*once)
    build = f"nothing of the lab is in the kernel: `eigw-ns apply --lab {lab_name}` builds it"
    assert (gone.code, events(gone.out)) == (3, [("nothing to watch", build)])
    assert cli("apply", "--lab", lab_name).code == 0
    alone = process(*once)
    assert (alone.code, events(alone.out)) == (0, [NO_REPLICAS])
    assert cli("destroy", "--lab", lab_name).code == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_it_says_so_goes_on_and_ends_when_told(
    cli: Cli, demo_file: Callable[[str], str], lab_name: str, number: signal.Signals, code: int
) -> None:
    assert cli("apply", "-f", demo_file(lab_name)).code == 0
    command = [sys.executable, "-m", "eigw_ns", "agent", "--lab", lab_name, "-o", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            begun = events(running.stdout.readline() + running.stdout.readline())
            running.send_signal(number)
            ended = events(running.communicate(timeout=SECONDS)[0])
        finally:
            running.kill()
    assert begun == [("watching", ""), NO_REPLICAS]
    assert ended == [("stopped", "")]
    assert running.returncode == code
    assert cli("destroy", "--lab", lab_name).code == 0
