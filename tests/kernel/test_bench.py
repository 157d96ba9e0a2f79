"""A quick run of `scripts/bench` prints JSON and leaves nothing behind. Its verdicts are not tested."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from eigw_ns.kernel.namespaces import netns
from tests.support.command import SECONDS, heed_interrupts
from tests.support.labs import until
from tests.support.slowness import SLOWNESS

TOP = Path(__file__).parents[2]
BENCH = (sys.executable, "-P", "-m", "scripts.benchmarks")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(TOP)}

pytestmark = pytest.mark.root


def labs() -> set[str]:
    return {name for name in netns.names() if name.startswith("eigw-bench")}


def test_rows_as_json_and_nothing_left() -> None:
    before = labs()
    done = subprocess.run(
        [*BENCH, "packets", "help", "--quick", "--rounds", "1", "-o", "json"],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    assert labs() <= before
    assert (done.returncode, done.stderr) == (0, "")
    rows = json.loads(done.stdout)["rows"]
    assert {row["benchmark"] for row in rows} == {"packets", "help"}
    for row in rows:
        assert set(row) == {"benchmark", "name", "against", "ratio", "spread", "target", "verdict", "detail"}
        low, high = row["spread"]
        assert low <= row["ratio"] <= high
        assert (row["verdict"] is None) == (row["target"] is None)
    packets = {(row["name"], row["against"]): row for row in rows if row["benchmark"] == "packets"}
    for name, target in (("bulk TCP", 0.95), ("64-byte UDP", 0.92), ("new connections", 0.85)):
        assert packets[name, "no rules"]["target"] == {"least": target}
        assert packets[name, "no rules"]["ratio"] > 0


def test_the_script_and_the_floor_build_the_same_lab_as_the_program() -> None:
    """The benchmark itself compares them, and fails if a step is left."""
    command = [*BENCH, "build", "--quick", "--rounds", "1", "--subnets", "2", "-o", "json"]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "script" in {row["against"] for row in json.loads(done.stdout)["rows"]}


@pytest.mark.parametrize(("name", "number"), [("packets", signal.SIGINT), ("build", signal.SIGTERM)])
def test_an_interrupt_leaves_nothing(name: str, number: signal.Signals) -> None:
    before = labs()
    running = subprocess.Popen(
        [*BENCH, name, "-q"],
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=heed_interrupts,
    )
    until(lambda: not labs() <= before or running.poll() is not None, "a lab", patience=20 * SLOWNESS)
    running.send_signal(number)
    _, said = running.communicate(timeout=SECONDS)
    assert (running.returncode, said.decode().strip()) == (130, "error: interrupted")
    assert labs() <= before
