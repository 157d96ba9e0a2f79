"""`scripts/bench` explains itself, and says what is wrong, without root and without measuring."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.benchmarks import catalogue

TOP = Path(__file__).parents[2]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "scripts.benchmarks", *arguments]
    return subprocess.run(command, env={"PYTHONPATH": str(TOP)}, capture_output=True, text=True, check=False)


def test_help_explains_every_benchmark() -> None:
    done = bench("--help")
    assert done.returncode == 0
    words = " ".join(done.stdout.split())
    for name in catalogue.NAMES:
        benchmark = catalogue.load(name)
        assert f"{name}: {benchmark.summary}" in words
        assert benchmark.explain


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("bulid",), "error: there is no benchmark bulid"),
        (("build", "--subnets", "many"), "'many' is no list of numbers"),
        (("build", "--subnets", "1"), "from 2 to 1000 subnets each"),
        (("--rounds", "0"), "--rounds"),
    ],
)
def test_a_wrong_command_line_is_explained(arguments: tuple[str, ...], said: str) -> None:
    done = bench(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_tool_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = importlib.import_module("scripts.benchmarks.benchmark")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(module.HostError) as caught:
        module.require({"ip": "iproute2", "bridge": "iproute2", "nft": "nftables"})
    assert "ip, bridge, nft" in caught.value.message
    assert caught.value.hint == "apt-get install iproute2 nftables"
    assert caught.value.exit_code == 5
