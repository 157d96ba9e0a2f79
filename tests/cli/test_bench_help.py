"""Help and usage errors of `scripts/bench`, without root and without measuring."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from eigw_ns.errors import HostError
from scripts.benchmarks import __main__ as program
from scripts.benchmarks import catalogue, growth
from scripts.benchmarks.benchmark import Job, require
from scripts.benchmarks.labs import Workshop

TOP = Path(__file__).parents[2]


def test_help_explains_every_benchmark() -> None:
    command = [sys.executable, "-P", "-m", "scripts.benchmarks", "--help"]
    done = subprocess.run(command, env={"PYTHONPATH": str(TOP)}, capture_output=True, text=True, check=True)
    words = " ".join(done.stdout.split())
    for name in catalogue.NAMES:
        benchmark = catalogue.load(name)
        assert f"{name}: {benchmark.summary.rstrip('.')}:" in words
        assert benchmark.explain


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bulid"], "there is no benchmark bulid"),
        (["build", "--subnets", "many"], "'many' is not a valid list of numbers"),
        (["build", "--subnets", "1"], "each number must be from 2 to 1000"),
        (["--rounds", "0"], "0 is not in the range"),
    ],
)
def test_a_wrong_command_line_is_explained(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", *arguments])
    assert program.main() == 2
    assert said in capsys.readouterr().err


def test_a_missing_tool_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HostError) as caught:
        require({"ip": "iproute2", "bridge": "iproute2", "nft": "nftables"})
    assert "ip, bridge, nft" in caught.value.message
    assert caught.value.hint == "apt-get install iproute2 nftables"
    assert caught.value.exit_code == 5


def test_growth_is_measured_against_the_growth_of_the_floor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A subnet among 500 costs the program 1.5 of one among 100, and the floor 1.25."""
    costs = [{100: [4.0, 4.0], 500: [6.0, 6.0]}, {100: [2.0, 2.0], 500: [2.5, 2.5]}]
    monkeypatch.setattr(growth, "_costs", lambda _job: costs)
    job = Job(Workshop(tmp_path), (100, 500), 2, quick=False, step=lambda: None)
    rows = {line.document()["name"]: line.document() for line in growth.BENCHMARK.rows(job)}
    assert {name: row["ratio"] for name, row in rows.items()} == {
        "a subnet among 500": 1.5,
        "a subnet among 500, floor": 1.25,
        "a subnet among 500, beyond floor": 1.2,
    }
    assert rows["a subnet among 500, beyond floor"]["verdict"] == "missed"
