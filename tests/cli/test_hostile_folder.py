"""Root does not work in folders that another user can change, and follows no link in its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from eigw_ns.errors import HostError
from eigw_ns.kernel.fake.fake_kernel import FakeKernel
from eigw_ns.lab.agent import background
from tests.support.command import Cli
from tests.support.stored import folders

pytestmark = pytest.mark.root

LAB, USER = "hostile", 65534
FILES = ("lock", "journal", "agent", "agent.log", "topology.json", "source")
VARIABLES = {"EIGW_NS_STATE_DIR": "state", "EIGW_NS_RUN_DIR": "run"}
VERBS = (
    ("apply", "-f", "{file}"),
    ("apply", "-f", "{file}", "--agent"),
    ("plan", "-f", "{file}"),
    ("apply", "--all"),
    ("status", "--lab", LAB),
    ("agent", "--once", "--lab", LAB),
    ("gc", "--yes"),
    ("ec2", "create-tags", "--lab", LAB, "--resources", "vpc-1", "--tags", "Key=a,Value=b"),
    ("destroy", "--lab", LAB),
)


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A file of root that the user's links lead to. It is a valid pid file of a process that must not be ended."""
    file = tmp_path / "precious"
    file.write_text(f"{os.getpid()} 1")
    return file


def _links(folder: Path, precious: Path) -> None:
    """Fill the lab's folder with links to root's file."""
    folder.mkdir(parents=True)
    for name in FILES:
        (folder / name).symlink_to(precious)


def _give(*places: Path) -> None:
    for place in places:
        os.chown(place, USER, USER, follow_symlinks=False)


def _own(folder: Path, precious: Path) -> Path:
    _links(folder / LAB, precious)
    _give(folder, folder / LAB)
    return folder


def _only_the_lab(folder: Path, precious: Path) -> Path:
    _links(folder / LAB, precious)
    _give(folder / LAB)
    return folder / LAB


def _link(folder: Path, precious: Path) -> Path:
    _links(precious.parent / "roots" / LAB, precious)
    folder.symlink_to(precious.parent / "roots")
    _give(folder)
    return folder


def _parent(folder: Path, precious: Path) -> Path:
    """Root's folder in a user's: the user can rename it, and put a link in its place."""
    _links(folder / LAB, precious)
    _give(folder.parent)
    return folder.parent


def _lab_is_a_link(folder: Path, precious: Path) -> Path:
    _links(precious.parent / "roots", precious)
    folder.mkdir(parents=True)
    (folder / LAB).symlink_to(precious.parent / "roots")
    _give(folder / LAB)
    return folder / LAB


def _tree(top: Path) -> dict[Path, tuple[int, int, int, int]]:
    found = {path: path.lstat() for path in top.rglob("*")}
    return {path: (each.st_ino, each.st_uid, each.st_size, each.st_mtime_ns) for path, each in found.items()}


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("prepare", [_own, _link, _parent], ids=lambda prepare: prepare.__name__)
def test_every_verb_refuses_a_folder_that_another_user_can_change(
    cli: Cli, machine: FakeKernel, demo_file: Callable[[str], str], precious: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, prepare: Callable[[Path, Path], Path], variable: str,
) -> None:  # fmt: skip
    file, folder = demo_file(LAB), tmp_path / "users" / VARIABLES[variable]
    assert cli("apply", "-f", file).code == 0
    writes = machine.writes
    folder.parent.mkdir()
    monkeypatch.setenv(variable, str(folder))
    place = prepare(folder, precious)
    before = _tree(tmp_path)
    for verb in VERBS:
        done = cli(*(word.format(file=file) for word in verb))
        assert (done.code, done.out) == (5, ""), verb
        error, hint = done.err.splitlines()
        assert str(folder) in error and f"{place} belongs to the user" in error and f"({USER})" in error, verb
        assert f"set {variable} to a folder that only root can change" in hint, verb
        assert f"chown 0:0 {place}" in hint
    assert _tree(tmp_path) == before
    assert machine.writes == writes


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("prepare", [_only_the_lab, _lab_is_a_link], ids=lambda prepare: prepare.__name__)
def test_verbs_that_change_a_lab_refuse_its_folder(
    cli: Cli, machine: FakeKernel, demo_file: Callable[[str], str], precious: Path, tmp_path: Path,
    prepare: Callable[[Path, Path], Path], variable: str,
) -> None:  # fmt: skip
    file, folder = demo_file(LAB), tmp_path / VARIABLES[variable]
    assert cli("apply", "-f", file).code == 0
    shutil.rmtree(folder)
    place, writes = prepare(folder, precious), machine.writes
    before = _tree(folder)
    for verb in (("apply", "-f", file), ("destroy", "--lab", LAB)):
        done = cli(*verb)
        assert done.code == 5, verb
        assert f"{place} belongs to the user" in done.err
    assert _tree(folder) == before
    assert machine.writes == writes
    assert precious.read_text() == f"{os.getpid()} 1"


@pytest.mark.parametrize("name", ["lock", "journal"])
def test_no_link_is_followed_in_roots_own_run_folder(
    cli: Cli, machine: FakeKernel, demo_file: Callable[[str], str], precious: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "run" / LAB).mkdir(parents=True)
    (tmp_path / "run" / LAB / name).symlink_to(precious)
    done = cli("apply", "-f", demo_file(LAB))
    assert done.code == 5
    assert f"{name} is a symbolic link" in done.err
    assert "hint: remove the link in " in done.err
    assert precious.read_text() == f"{os.getpid()} 1"
    assert machine.labs() == ()


@pytest.mark.parametrize("name", ["topology.json", "source"])
def test_links_in_roots_own_state_folder_are_replaced(
    cli: Cli, machine: FakeKernel, demo_file: Callable[[str], str], precious: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "state" / LAB).mkdir(parents=True)
    (tmp_path / "state" / LAB / name).symlink_to(precious)
    assert cli("apply", "-f", demo_file(LAB)).code == 0
    assert not (tmp_path / "state" / LAB / name).is_symlink()
    assert precious.read_text() == f"{os.getpid()} 1"
    assert machine.labs() == (LAB,)


def test_the_files_of_the_agent_are_no_links(precious: Path, tmp_path: Path) -> None:
    (tmp_path / "run" / LAB).mkdir(parents=True)
    for name in ("agent", "agent.log"):
        (tmp_path / "run" / LAB / name).symlink_to(precious)
    with pytest.raises(HostError, match=r"agent\.log is a symbolic link"):
        background.start(folders(), LAB, repair=False)
    with pytest.raises(HostError, match="agent is a symbolic link"), background.alone(FakeKernel(), folders(), LAB):
        raise AssertionError("it is the agent")
    assert not background.stop(folders(), LAB)
    assert precious.read_text() == f"{os.getpid()} 1"


def test_doctor_reports_the_folder(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    _give(tmp_path / "run")
    checks = {check["name"]: check for check in cli("doctor", "-o", "json").data["checks"]}
    assert checks["run folder"]["outcome"] == "missing"
    assert f"({USER})" in checks["run folder"]["detail"]
    assert checks["state folder"]["outcome"] == "ok"
