"""Fixtures of the command line tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eigw_ns.cli import context
from eigw_ns.cli.program import run
from eigw_ns.kernel.fake.fake_kernel import FakeKernel
from eigw_ns.topology import Topology, example, load
from tests.support.command import FAKE_LAB, Cli, Result
from tests.support.stored import store
from tests.topologies.replicated import tree


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give this test its own state and run folders, and none of the user's settings. Return their parent."""
    use_folders(tmp_path, monkeypatch)
    return tmp_path


def use_folders(parent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let labs be stored below this folder, with none of the user's settings."""
    for name in [name for name in os.environ if name.startswith("EIGW_NS_") or name == "NO_COLOR"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("EIGW_NS_ROOTLESS", "0")  # a test that wants rootless asks for it, whatever user runs the tests
    monkeypatch.setenv("EIGW_NS_STATE_DIR", str(parent / "state"))
    monkeypatch.setenv("EIGW_NS_RUN_DIR", str(parent / "run"))


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
def machine(monkeypatch: pytest.MonkeyPatch) -> FakeKernel:
    """The machine that every verb of the test works on."""
    machine = FakeKernel()
    monkeypatch.setattr(context, "this_machine", lambda run: machine)
    monkeypatch.setattr("eigw_ns.kernel.host.features.require", lambda: None)
    return machine


@pytest.fixture
def applied(machine: FakeKernel, cli: Cli, tmp_path: Path) -> FakeKernel:
    """Apply a lab with two replicas to the fake kernel. Return the kernel."""
    file = tmp_path / f"{FAKE_LAB}.json"
    file.write_text(tree(2))
    done = cli("apply", "-f", str(file))
    assert done.code == 0, done.err
    return machine


@pytest.fixture
def own_signals() -> Iterator[None]:
    """Give the agent signal handlers that do not outlive the test."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def demo_file(tmp_path: Path) -> Callable[[str], str]:
    """Return a function that writes the demo topology under a lab's name and returns the path."""

    return lambda lab: write_demo(tmp_path, lab)


def write_demo(folder: Path, lab: str) -> str:
    """Write the demo topology under a lab's name. Return the path."""
    path = folder / f"{lab}.yaml"
    path.write_text(example("demo").replace("lab: demo", f"lab: {lab}"), encoding="utf-8")
    return str(path)


@pytest.fixture
def stored(demo_file: Callable[[str], str]) -> Callable[[str], Topology]:
    """Return a function that stores the demo topology as if it had been applied."""

    def save(lab: str) -> Topology:
        topology = load(Path(demo_file(lab)).read_bytes(), file="demo.yaml", default_lab=lab)
        store().save(topology)
        return topology

    return save


@pytest.fixture(scope="module")
def shared_lab(module_lab_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Yield the demo topology, applied once for a module, and the parent of its folders. Tests use `standing`."""
    parent = tmp_path_factory.mktemp("shared")
    with pytest.MonkeyPatch.context() as patch:
        use_folders(parent, patch)
        assert run(["apply", "-q", "-f", write_demo(parent, module_lab_name)]) == 0
    yield module_lab_name, parent
    with pytest.MonkeyPatch.context() as patch:
        use_folders(parent, patch)
        assert run(["status", "--lab", module_lab_name]) == 0, "a test changed the lab that it shares"
        assert run(["destroy", "-q", "--lab", module_lab_name]) == 0


@pytest.fixture
def standing(shared_lab: tuple[str, Path], own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a lab that runs and is stored. The tests of a module share it, so they must not change it."""
    lab, parent = shared_lab
    use_folders(parent, monkeypatch)
    return lab
