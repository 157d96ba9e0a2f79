"""Conditions for working without root: sysctls that forbid it, and folders that belong to the user."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from eigw_ns.cli.program import run
from eigw_ns.errors import HostError
from eigw_ns.kernel.namespaces import pause_process, userns
from eigw_ns.lab.host import rootless
from eigw_ns.lab.storage.folders import LabFolders


@pytest.mark.parametrize(
    ("sysctls", "code", "reason", "fix"),
    [
        ({"user.max_user_namespaces": "0"}, errno.ENOSPC, "user.max_user_namespaces is 0", "max_user_namespaces=15000"),
        (
            {"kernel.unprivileged_userns_clone": "0"},
            errno.EPERM,
            "kernel.unprivileged_userns_clone is 0",
            "sudo sysctl kernel.unprivileged_userns_clone=1",
        ),
        (
            {"user.max_user_namespaces": "96365", "kernel.apparmor_restrict_unprivileged_userns": "1"},
            errno.EACCES,
            "kernel.apparmor_restrict_unprivileged_userns is 1",
            "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile with `userns,`",
        ),
        ({}, errno.EPERM, "Operation not permitted", "--security-opt seccomp=unconfined"),
    ],
)
def test_what_forbids_user_namespaces_is_named_with_its_fix(
    sysctls: dict[str, str], code: int, reason: str, fix: str
) -> None:
    error = userns.refusal(code, read=sysctls.get)
    assert isinstance(error, HostError)
    assert reason in error.message
    assert fix in error.hint
    assert error.hint.endswith("or run eigw-ns as root")


def test_no_sysctl_is_named_if_user_namespaces_are_allowed() -> None:
    allowed = {"user.max_user_namespaces": "96365", "kernel.unprivileged_userns_clone": "1"}
    assert userns.forbidden(allowed.get) == ("", "")


def test_the_folders_follow_xdg(tmp_path: Path) -> None:
    environment = {"XDG_STATE_HOME": "/somewhere/state", "XDG_RUNTIME_DIR": str(tmp_path), "HOME": "/home/u"}
    assert rootless.folders(environment, os.geteuid()) == LabFolders(
        Path("/somewhere/state/eigw-ns"), tmp_path / "eigw-ns"
    )


@pytest.mark.parametrize("runtime", ["", "/nonexistent", "/proc/1"])
def test_a_runtime_folder_that_is_not_the_users_is_not_used(runtime: str) -> None:
    """`su` keeps XDG_RUNTIME_DIR of the other user."""
    assert rootless.folders({"HOME": "/home/u", "XDG_RUNTIME_DIR": runtime}, 4321) == LabFolders(
        Path("/home/u/.local/state/eigw-ns"), Path("/tmp/eigw-ns-4321")
    )


def test_a_record_without_its_lock_belongs_to_a_dead_pause_process(tmp_path: Path) -> None:
    record = tmp_path / "keeper"
    assert pause_process.find(record) is None
    record.write_text(f'{{"pid": {os.getpid()}, "namespace": 1}}')
    assert pause_process.find(record) is None


def test_a_process_that_reuses_the_id_of_a_pause_process_is_left_alone(tmp_path: Path) -> None:
    """Two containers may share a run folder, and the id may belong to another process here."""
    record = tmp_path / "keeper"
    mine = pause_process.Keeper(os.getpid(), 1)
    record.write_text(f'{{"pid": {mine.pid}, "namespace": {mine.namespace}}}')
    with record.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert pause_process.find(record) == mine
        for attempt in (pause_process.join, pause_process.end):
            with pytest.raises(HostError, match="is not visible from here") as caught:
                attempt(mine)
            assert "EIGW_NS_RUN_DIR" in caught.value.hint


def test_the_option_must_precede_the_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["apply", "--rootless"]) == 2
    assert "write it before the verb: `eigw-ns --rootless VERB …`" in capsys.readouterr().err
