"""Whose lab it is: other files, other users and other state folders, on the fake kernel."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from eigw_ns.errors import TakeOverError
from eigw_ns.kernel.fake.fake_kernel import FakeKernel
from eigw_ns.lab.lifecycle import gc, operations
from eigw_ns.lab.storage import store as stored_files
from eigw_ns.lab.storage.lock import FileLock
from eigw_ns.lab.storage.origin import Origin, decode, encode
from tests.support.command import FAKE_LAB as LAB
from tests.support.command import Cli
from tests.support.stored import folders, storage, store
from tests.topologies.replicated import tree


@pytest.fixture
def other_file(tmp_path: Path) -> str:
    """Return a file with another topology under the name of the applied lab."""
    file = tmp_path / "other" / f"{LAB}.json"
    file.parent.mkdir()
    file.write_text(tree(1))
    return str(file)


@pytest.fixture
def elsewhere(applied: FakeKernel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Set other folders after the lab was applied."""
    with monkeypatch.context() as patch:
        patch.setenv("EIGW_NS_STATE_DIR", str(tmp_path / "other-state"))
        patch.setenv("EIGW_NS_RUN_DIR", str(tmp_path / "other-run"))
        yield


@contextmanager
def sudo_user(monkeypatch: pytest.MonkeyPatch, uid: int) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: 0)
        patch.setenv("SUDO_UID", str(uid))
        yield


def own_file(tmp_path: Path) -> str:
    return str(tmp_path / f"{LAB}.json")


def test_another_file_needs_take_over(applied: FakeKernel, cli: Cli, other_file: str, tmp_path: Path) -> None:
    before, writes = store().load(LAB), applied.writes
    planned, refused = cli("plan", "-f", other_file), cli("apply", "-f", other_file)
    assert planned.code == 3
    assert f"`apply` refuses this: the lab {LAB} is of another file: {own_file(tmp_path)}" in planned.err
    assert "is of another file" in cli("plan", "-f", other_file, "-o", "json").data["refused"]
    assert refused.code == 1
    assert "--take-over" in refused.err
    assert (store().load(LAB), applied.writes) == (before, writes)

    assert cli("apply", "-f", other_file, "--take-over").code == 0
    assert cli("apply", "-f", other_file).code == 0
    assert cli("apply", "-f", own_file(tmp_path)).code == 1


def test_a_changed_file_of_the_same_user_needs_nothing(
    applied: FakeKernel, cli: Cli, other_file: str, tmp_path: Path
) -> None:
    Path(own_file(tmp_path)).write_text(tree(1))
    assert cli("apply", "-f", own_file(tmp_path)).code == 0
    Path(own_file(tmp_path)).write_text(tree(2))
    assert "take-over" not in cli("plan", "-f", own_file(tmp_path)).err


def test_a_copy_of_the_file_takes_nothing_over(applied: FakeKernel, cli: Cli, other_file: str) -> None:
    Path(other_file).write_text(tree(2))
    assert cli("plan", "-f", other_file).code == 0
    assert cli("apply", "-f", other_file).code == 0


def test_taking_over_the_same_topology_is_recorded(
    applied: FakeKernel, cli: Cli, other_file: str, tmp_path: Path
) -> None:
    Path(other_file).write_text(tree(2))
    assert cli("apply", "-f", other_file, "--take-over").code == 0
    Path(other_file).write_text(tree(1))
    assert cli("apply", "-f", other_file).code == 0
    assert cli("apply", "-f", own_file(tmp_path)).code == 1


def test_a_take_over_that_is_killed_between_its_two_files(
    applied: FakeKernel, cli: Cli, other_file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = stored_files.write_atomically
    with monkeypatch.context() as patch:

        def killed(path: Path, content: str) -> None:
            written(path, content)
            raise KeyboardInterrupt

        patch.setattr(stored_files, "write_atomically", killed)
        assert cli("apply", "-f", other_file, "--take-over").code != 0
    Path(own_file(tmp_path)).write_text(tree(3))
    assert cli("apply", "-f", own_file(tmp_path)).code == 1
    assert cli("apply", "-f", other_file).code == 0


def test_an_empty_lab_has_no_note(applied: FakeKernel, cli: Cli, tmp_path: Path) -> None:
    Path(own_file(tmp_path)).write_text(json.dumps({"lab": LAB}))
    for _ in range(2):
        done = cli("apply", "-f", own_file(tmp_path))
        assert done.code == 0, done.err
    assert applied.labs() == ()


def test_a_lab_that_is_half_built_names_its_folder(machine: FakeKernel, cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / f"{LAB}.json"
    file.write_text(tree(2))
    machine.fail_on = 30
    assert cli("apply", "-f", str(file)).code != 0
    assert LAB in machine.labs()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EIGW_NS_STATE_DIR", str(tmp_path / "s"))
        patch.setenv("EIGW_NS_RUN_DIR", str(tmp_path / "r"))
        refused = cli("destroy", "--lab", LAB)
        assert f"is stored in another state folder: {tmp_path / 'state'}" in refused.err
        assert cli("gc", "--yes").code == 0
    assert LAB in machine.labs()


@pytest.mark.parametrize("verb", ["destroy", "gc"])
def test_a_lab_that_gets_another_folder_while_a_command_waits(
    applied: FakeKernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    noted = {name: each.stored_in for name, each in applied.namespaces.items()}
    for each in applied.namespaces.values():
        each.stored_in = ""
    monkeypatch.setenv("EIGW_NS_STATE_DIR", str(tmp_path / "other-state"))

    @contextmanager
    def hold(_lock: FileLock, _lab: str, _command: str, **_options: object) -> Iterator[None]:
        for name, folder in noted.items():
            applied.namespaces[name].stored_in = folder
        yield

    monkeypatch.setattr(FileLock, "hold", hold)
    if verb == "gc":
        assert gc.remove(applied, storage()) == ()
    else:
        with pytest.raises(TakeOverError, match="another state folder"):
            operations.destroy(applied, storage(), LAB)
    assert LAB in applied.labs()


def test_another_user_needs_take_over(
    applied: FakeKernel, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(own_file(tmp_path)).write_text(tree(1))
    with sudo_user(monkeypatch, 4242):
        refused = cli("apply", "-f", own_file(tmp_path))
        assert refused.code == 1
        assert f"the lab {LAB} is of another user: {own_file(tmp_path)}" in refused.err
        assert cli("apply", "-f", own_file(tmp_path), "--take-over").code == 0
    known = store().origin(LAB)
    assert known is not None
    assert (known.uid, known.user) == (4242, "user 4242")


def test_a_lab_of_an_older_version_is_adopted_once(
    applied: FakeKernel, cli: Cli, other_file: str, tmp_path: Path
) -> None:
    folders().origin_file(LAB).unlink()
    first, second = cli("apply", "-f", other_file), cli("apply", "-f", other_file)
    assert (first.code, second.code) == (0, 0)
    assert f"it was not known who applied the lab {LAB}; from now on it is of {other_file}" in first.err
    assert "not known" not in second.err
    assert cli("apply", "-f", own_file(tmp_path)).code == 1


def test_take_over_needs_a_file(applied: FakeKernel, cli: Cli) -> None:
    assert cli("apply", "--take-over").code == 2


def test_destroy_forgets_who_applied_it(applied: FakeKernel, cli: Cli, other_file: str) -> None:
    assert cli("destroy").code == 0
    assert not folders().origin_file(LAB).exists()
    assert cli("apply", "-f", other_file).code == 0


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("verb", [("apply", "--take-over", "-f"), ("destroy", "--lab"), ("plan", "-f")])
def test_a_lab_of_another_state_folder_is_left_alone(
    applied: FakeKernel, cli: Cli, other_file: str, tmp_path: Path, verb: tuple[str, ...]
) -> None:
    names, writes = applied.names(), applied.writes
    done = cli(*verb, LAB if "--lab" in verb else other_file)
    assert done.code == (3 if "plan" in verb else 1)
    assert f"is stored in another state folder: {tmp_path / 'state'}" in done.err
    assert (applied.names(), applied.writes) == (names, writes)


@pytest.mark.usefixtures("elsewhere")
def test_a_lab_that_its_folder_lost_can_be_taken_over(
    applied: FakeKernel, cli: Cli, other_file: str, tmp_path: Path
) -> None:
    (tmp_path / "state" / LAB / "topology.json").unlink()
    refused = cli("apply", "-f", other_file)
    assert refused.code == 1
    assert f"{tmp_path / 'state'} does not store it any more" in refused.err
    assert "--take-over" in refused.err
    assert cli("apply", "-f", other_file, "--take-over").code == 0
    assert cli("apply", "-f", other_file).code == 0


@pytest.mark.usefixtures("elsewhere")
def test_a_live_lab_of_an_older_version_that_is_not_stored_here(applied: FakeKernel, cli: Cli, other_file: str) -> None:
    for namespace in applied.namespaces.values():
        namespace.stored_in = ""
    refused = cli("apply", "-f", other_file)
    assert refused.code == 1
    assert "it is not known where it is stored" in refused.err
    assert cli("apply", "-f", other_file, "--take-over").code == 0


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("verb", ["verify", "destroy", "status", "apply"])
def test_the_only_lab_is_that_of_this_state_folder(applied: FakeKernel, cli: Cli, verb: str) -> None:
    done = cli(verb)
    assert done.code == 1
    assert "no lab exists" in done.err
    assert f"stored here: {LAB}" in done.err


def test_labs_of_other_folders_do_not_hide_the_only_lab(applied: FakeKernel, cli: Cli, tmp_path: Path) -> None:
    others = {"EIGW_NS_STATE_DIR": str(tmp_path / "s"), "EIGW_NS_RUN_DIR": str(tmp_path / "r")}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in others.items():
            patch.setenv(name, value)
        assert cli("apply", "-f", own_file(tmp_path), "--lab", "second").code == 0
    assert set(applied.labs()) == {LAB, "second"}
    assert cli("status").code == 0
    assert cli("destroy").code == 0
    assert applied.labs() == ("second",)


def test_a_lab_whose_stored_topology_is_lost_is_still_the_only_one(applied: FakeKernel, cli: Cli) -> None:
    store().remove(LAB)
    assert cli("destroy").code == 0
    assert applied.labs() == ()


def test_an_origin_survives_its_file() -> None:
    origin = Origin("/home/\udcff/lab.yaml", 1000, "alice", "2026-11-30 22:00:00+00:00")
    assert decode(encode(origin).encode()) == origin


@pytest.mark.parametrize("damaged", [b"", b"{}", b"[]", b'{"file": 1, "uid": 1, "user": "", "time": ""}', b"\xff"])
def test_a_damaged_origin_is_unknown(damaged: bytes) -> None:
    assert decode(damaged) is None


@pytest.mark.parametrize("verb", [("apply",), ("apply", "--all"), ("ec2",)])
def test_a_copy_of_the_state_folder_does_not_own_the_live_lab(
    applied: FakeKernel, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: tuple[str, ...]
) -> None:
    shutil.copytree(tmp_path / "state", tmp_path / "copy")
    monkeypatch.setenv("EIGW_NS_STATE_DIR", str(tmp_path / "copy"))
    (gateway,) = store().load(LAB).cloud.egress_only_internet_gateways
    tags = ("ec2", "create-tags", "--resources", gateway, "--tags", "Key=a,Value=b")
    writes = applied.writes
    done = cli(*(tags if "ec2" in verb else verb))
    assert done.code == 1
    assert f"is stored in another state folder: {tmp_path / 'state'}" in done.err
    assert applied.writes == writes
