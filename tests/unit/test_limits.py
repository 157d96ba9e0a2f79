"""A limit of the host, its cgroup or the process is an error of its own, with exit code 5 and what raises it."""

from __future__ import annotations

import errno
import os
import resource
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from eigw_ns.cloud.model import Cloud
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.planning.plan import make_plan
from eigw_ns.dataplane.state import NOTHING
from eigw_ns.errors import HostError, KernelError, LimitError, kernel_error, limit_error
from eigw_ns.kernel.fake.fake_kernel import FakeKernel
from eigw_ns.kernel.host import features
from eigw_ns.kernel.namespaces import limits, netns, userns
from eigw_ns.kernel.processes import process
from eigw_ns.kernel.traffic import sockets
from eigw_ns.lab.lifecycle.execute import execute
from eigw_ns.lab.lifecycle.tenant_isolation import execute_around
from eigw_ns.topology import example, load


@pytest.mark.parametrize(
    ("code", "fix"), [(errno.EMFILE, "ulimit -n"), (errno.ENFILE, "fs.file-max"), (errno.ENOMEM, "memory.max")]
)
def test_an_errno_that_means_a_limit(code: int, fix: str) -> None:
    error = kernel_error("open it", code)
    assert isinstance(error, LimitError)
    assert error.exit_code == HostError.exit_code == 5
    assert error.message.startswith("open it: ")
    assert fix in error.hint


def test_eagain_means_a_limit_only_for_processes() -> None:
    assert limit_error("read it", errno.EAGAIN) is None
    started = limit_error("start it", errno.EAGAIN, starting=True)
    assert started is not None
    assert "pids.max" in started.hint
    assert limit_error("start it", errno.ENOENT, starting=True) is None


@pytest.mark.parametrize("key", [limits.NETWORK, limits.MOUNT, limits.USER, limits.MOUNTS])
def test_the_sysctl_that_limits_is_named(key: str) -> None:
    error = limits.refusal("make it", errno.ENOSPC, key, {key: "5"}.get)
    assert isinstance(error, LimitError)
    assert error.message == f"make it: all of {key} are in use (5)"
    assert error.hint.startswith(f"sudo sysctl {key}=N ")
    assert isinstance(limits.refusal("make it", errno.EINVAL, key), KernelError)


@pytest.mark.parametrize("key", [limits.NETWORK, limits.MOUNT, limits.USER])
def test_rootless_names_the_sysctl_that_limits(key: str) -> None:
    error = userns.refusal(errno.ENOSPC, key, {"user.max_user_namespaces": "5", key: "5"}.get)
    assert isinstance(error, LimitError)
    assert key in error.message


def _cloud() -> Cloud:
    return load(example("minimal").encode(), file="minimal.yaml", default_lab="minimal").cloud


def _full(_verb: str, _thing: object) -> None:
    raise LimitError("create it: full", hint="make room")


def test_a_limit_is_not_a_tenants_doing() -> None:
    """The batch that fails has tenants' namespaces in it."""
    kernel = FakeKernel()
    kernel.before = _full
    plan = make_plan(compile_cloud(_cloud()), NOTHING)
    with pytest.raises(LimitError, match="full"):
        execute_around(kernel, plan, lambda: plan)


def test_what_is_half_built_is_not_left_without_a_word() -> None:
    kernel = FakeKernel()
    kernel.before = _full
    with pytest.raises(LimitError) as caught:
        execute(kernel, make_plan(compile_cloud(_cloud()), NOTHING))
    first, second = caught.value.hint.splitlines()
    assert first == "make room"
    assert "changed by half" in second


@pytest.fixture
def own_files() -> Iterator[None]:
    """Restore the limit of open files after the test."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("own_files")
def test_a_small_soft_limit_of_open_files_is_raised() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, hard))
    assert features.files() == ""
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 64


@pytest.mark.parametrize("failing", [1, 2])
def test_a_process_that_cannot_be_detached(failing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first fork is in this process, the second in its child."""
    fork, calls = os.fork, iter((1, 2))

    def limited() -> int:
        if next(calls) == failing:
            raise BlockingIOError(errno.EAGAIN, "try again")
        return fork()

    monkeypatch.setattr(os, "fork", limited)
    with pytest.raises(LimitError, match="may start no more processes"):
        process.leave(["/bin/true"], -1, -1, {})


def test_a_program_that_cannot_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def limited(*_: object, **__: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "try again")

    monkeypatch.setattr("subprocess.Popen", limited)
    with pytest.raises(LimitError, match="start true: this process may start no more processes"):
        process.run(["true"])


def test_sockets_are_closed_without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(ThreadPoolExecutor, "submit", no_thread)
    opened = [socket.socket() for _ in range(3)]
    sockets.close_all(opened)
    assert [each.fileno() for each in opened] == [-1, -1, -1]


def test_a_full_run_folder_is_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(LimitError) as refused:
        netns.prepare_directory()
    assert (refused.value.message, refused.value.hint) == (
        "make the directory /run/netns: /run is full",
        "free space or inodes there: df -i /run",
    )
