"""Fixtures of the command line tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from eigw_ns.cli.program import run
from eigw_ns.lab.storage import store
from eigw_ns.topology import Topology, example, load
from tests.cli.command import Cli, Result


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give this test its own state and run folders, and none of the user's settings. Return their parent."""
    for name in [name for name in os.environ if name.startswith("EIGW_NS_") or name == "NO_COLOR"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("EIGW_NS_ROOTLESS", "0")  # a test that wants rootless asks for it, whatever user runs the tests
    monkeypatch.setenv("EIGW_NS_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("EIGW_NS_RUN_DIR", str(tmp_path / "run"))
    return tmp_path


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Return a function that runs `eigw-ns` in this process."""

    def call(*arguments: str) -> Result:
        capsys.readouterr()
        code = run(arguments)
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture
def demo_file(tmp_path: Path) -> Callable[[str], str]:
    """Return a function that writes the demo topology under a lab's name and returns the path."""

    def write(lab: str) -> str:
        path = tmp_path / f"{lab}.yaml"
        path.write_text(example("demo").replace("lab: demo", f"lab: {lab}"), encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def stored(demo_file: Callable[[str], str]) -> Callable[[str], Topology]:
    """Return a function that stores the demo topology as if it had been applied."""

    def save(lab: str) -> Topology:
        topology = load(Path(demo_file(lab)).read_bytes(), file="demo.yaml", default_lab=lab)
        store.save(topology)
        return topology

    return save
