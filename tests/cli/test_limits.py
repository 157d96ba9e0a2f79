"""Limits that a command meets: each is set by the test, in a user namespace, a cgroup or a process of its own."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eigw_ns.cli import program
from eigw_ns.kernel.namespaces import userns
from tests.support.command import Cli, process

pytestmark = pytest.mark.root


def in_a_user_namespace(key: str, value: str) -> Callable[[], None]:
    """Return a `prepare` for `process` that sets a sysctl `user.…` in a user namespace."""

    def enter() -> None:
        userns.create()
        Path(f"/proc/sys/{key.replace('.', '/')}").write_text(value, encoding="ascii")

    return enter


def test_too_few_network_namespaces(demo_file: Callable[[str], str], lab_name: str) -> None:
    few = in_a_user_namespace("user.max_net_namespaces", "3")
    result = process("apply", "-f", demo_file(lab_name), prepare=few)
    assert result.code == 5, result.err
    assert "all of user.max_net_namespaces are in use (3)" in result.err
    assert "hint: sudo sysctl user.max_net_namespaces=N" in result.err
    assert "changed by half" in result.err
    assert "No space left" not in result.err


def test_doctor_warns_before_the_limit_is_reached() -> None:
    few = in_a_user_namespace("user.max_net_namespaces", "30")
    checks = {each["name"]: each for each in process("doctor", "-o", "json", prepare=few).data["checks"]}
    assert checks["number of namespaces"]["detail"] == "user.max_net_namespaces is 30"
    assert checks["network namespaces"]["outcome"] == "ok"


@pytest.mark.parametrize("kind", ["user", "mnt", "net"])
def test_rootless_with_too_few_namespaces(kind: str, demo_file: Callable[[str], str], lab_name: str) -> None:
    none = in_a_user_namespace(f"user.max_{kind}_namespaces", "0")
    result = process("--rootless", "apply", "-f", demo_file(lab_name), prepare=none)
    assert result.code == 5, result.err
    assert f"user.max_{kind}_namespaces" in result.err


def test_too_few_open_files(demo_file: Callable[[str], str], lab_name: str) -> None:
    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))

    result = process("apply", "-f", demo_file(lab_name), prepare=few)
    assert result.code == 5, result.err
    assert "this process may open only 20 files" in result.err
    assert "ulimit -n" in result.err


@pytest.fixture
def one_process(lab_name: str) -> Iterator[Callable[[], None]]:
    """Yield a `prepare` for `process` that puts it into a cgroup of one process."""
    version_1 = Path("/sys/fs/cgroup/pids")
    group = (version_1 if version_1.is_dir() else version_1.parent) / f"eigw-ns-{lab_name}"
    with contextlib.ExitStack() as stack:
        try:
            group.mkdir()
            stack.callback(group.rmdir)
            (group / "pids.max").write_text("1")
        except OSError as error:
            pytest.skip(f"no cgroup can be made here: {error}")
        yield lambda: _join(group)


def _join(group: Path) -> None:
    (group / "cgroup.procs").write_text(str(os.getpid()))


def test_too_few_processes(
    cli: Cli, demo_file: Callable[[str], str], lab_name: str, one_process: Callable[[], None]
) -> None:
    file = Path(demo_file(lab_name))
    file.write_text(file.read_text().replace("outbound: {", "outbound: {replicas: 2, "))
    result = process("apply", "--agent", "-f", str(file), prepare=one_process)
    assert result.code == 5, result.err
    assert "this process may start no more processes" in result.err
    assert "pids.max" in result.err
    assert cli("status", "--lab", lab_name).code == 0  # the control: only the agent is missing
    verified = process("verify", "--lab", lab_name, "--timeout", "0.2", prepare=one_process)
    assert verified.code == 0, verified.err
    assert cli("destroy", "--lab", lab_name).code == 0


def test_too_little_memory_is_not_a_bug(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(program.cli, "main", fail)
    result = cli("export")
    assert result.code == 5
    assert "error: run the command: no memory is left for this process" in result.err
    assert "memory.max" in result.err
