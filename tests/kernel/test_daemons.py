"""Which processes are conntrackds of ours: whoever wants to look like one, and whatever became of their files."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from eigw_ns.dataplane.state import Daemon, NetObject
from eigw_ns.errors import EigwError, LockedError
from eigw_ns.kernel import daemons, netns, process
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.lab import lock
from tests.contract.samples import namespace
from tests.contract.test_replicas import synced
from tests.labs import until
from tests.ordinary import ordinary_user

pytestmark = pytest.mark.root

CONNTRACKD = daemons.installed() or "conntrackd"
PRECIOUS = ("control", "lock", "log", "conntrackd.conf")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run folder of this test."""
    monkeypatch.setenv("EIGW_NS_RUN_DIR", str(tmp_path / "run"))
    return tmp_path / "run"


@pytest.fixture
def kernel(run: Path) -> LinuxKernel:
    return LinuxKernel(run)


def _pretending(folder: Path) -> Path:
    """A program that waits, and looks in every list of processes as a conntrackd does."""
    program = folder / "conntrackd"
    shutil.copy(shutil.which("tail") or "tail", program)
    program.chmod(0o755)
    return program


@contextlib.contextmanager
def _impostors(lab: str, lasts: list[Path], spaces: list[str], folder: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Who looks like a daemon of the lab: an ordinary user's processes, and root's in these namespaces and in none.

    Each has each of `lasts` for the last word of its command line; root's write into a log of their own.
    """
    log = folder / lab / "eigw-00000000000000001" / "log"
    log.parent.mkdir(parents=True)
    with contextlib.ExitStack() as stack:
        user = stack.enter_context(ordinary_user())
        mine, his = _pretending(folder), _pretending(user.home)
        output = stack.enter_context(log.open("w"))
        started = [user.start(str(his), "-f", "/dev/null", str(last)) for last in lasts]
        for place in (*map(netns.inside, spaces), netns.nameless()):
            with place:
                for last in lasts:
                    command = [str(mine), "-f", "/dev/null", str(last)]
                    started.append(subprocess.Popen(command, stdout=output, stderr=output, text=True))
        for each in started:
            stack.enter_context(each)
            stack.callback(each.kill)
        until(lambda: all(_comm(each.pid) == "conntrackd" for each in started), "all look like it")
        yield started


def _comm(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()


def _without_its_name(kernel: LinuxKernel, ground: list[NetObject], daemon: Daemon) -> None:
    kernel.delete(thing for thing in ground if thing.key == ("namespace", daemon.namespace))


def test_nobody_is_taken_for_a_daemon_by_his_looks(
    kernel: LinuxKernel, run: Path, lab_name: str, tmp_path: Path
) -> None:
    """The control: in the same moment, one of ours is seen; and ended, once its namespace has no name any more."""
    ground, daemon = synced(lab_name)
    tenant = namespace(lab_name, "i-00000000000000003")
    kernel.create([*ground, tenant, daemon])
    mine = daemons.of(daemon.namespace)
    assert mine is not None
    victim = tmp_path / "victim"
    victim.mkdir()
    for name in PRECIOUS:
        (victim / name).touch(0o600)
    lasts = [run / lab_name / ".." / ".." / "victim" / "x", run / lab_name / "x", mine.folder / "x", victim / "x"]
    spaces = [tenant.namespace, f"{daemon.namespace}.2"]
    with _impostors(lab_name, lasts, spaces, tmp_path) as impostors, lock.hold(lab_name, "one"):
        assert [thing for thing in kernel.observe(lab_name) if isinstance(thing, Daemon)] == [daemon]
        kernel.end_strays(lab_name)
        assert process.alive(mine.pid)
        _without_its_name(kernel, ground, daemon)
        kernel.end_strays(lab_name)
        until(lambda: not process.alive(mine.pid), "ours has ended")
        assert not mine.folder.exists()
        assert [each.args for each in impostors if each.poll() is not None] == []
        assert sorted(each.name for each in victim.iterdir()) == sorted(PRECIOUS)
        with pytest.raises(LockedError), lock.hold(lab_name, "two"):
            raise AssertionError("two hold the lock")


def _renamed(folder: Path) -> Path:
    program = folder / "keeps-flows"
    shutil.copy(CONNTRACKD, program)
    return program


def _wrapped(folder: Path) -> Path:
    """A script that stays, so that there are two processes."""
    program = folder / "script"
    program.write_text(f"#!/bin/sh\n{CONNTRACKD} \"$@\"\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("made", [_renamed, _wrapped], ids=["another name", "a script"])
def test_a_daemon_is_found_whatever_its_program_was(
    kernel: LinuxKernel, lab_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Callable[[Path], Path]
) -> None:
    """Also when another one is named by now, and that one was replaced, as by an upgrade."""
    program = made(tmp_path)
    monkeypatch.setenv("EIGW_NS_CONNTRACKD", str(program))
    ground, daemon = synced(lab_name)
    kernel.create([*ground, daemon])
    monkeypatch.delenv("EIGW_NS_CONNTRACKD")
    program.unlink()
    program.touch()
    assert kernel.observe(lab_name).objects[daemon.key] == daemon
    watched = kernel.open_daemon(daemon.namespace)
    assert watched is not None
    os.close(watched)
    _without_its_name(kernel, ground, daemon)
    kernel.end_strays(lab_name)
    assert not [words for words in _command_lines() if lab_name in words]


def _command_lines() -> Iterator[str]:
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            yield each.read_text(encoding="utf-8", errors="replace")


def test_a_program_that_leaves_its_log_is_not_left_running(
    kernel: LinuxKernel, lab_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "quiet"
    program.write_text(f"#!/bin/sh\nexec {CONNTRACKD} \"$@\" >/dev/null 2>&1\n")
    program.chmod(0o755)
    monkeypatch.setenv("EIGW_NS_CONNTRACKD", str(program))
    ground, daemon = synced(lab_name)
    kernel.create(ground)
    with pytest.raises(EigwError, match="has left its log"):
        kernel.create([daemon])
    until(lambda: not [words for words in _command_lines() if lab_name in words], "it has ended")


def test_a_daemon_whose_folder_was_lost_is_ended_and_the_next_folder_is_left_alone(
    kernel: LinuxKernel, lab_name: str
) -> None:
    ground, daemon = synced(lab_name)
    kernel.create([*ground, daemon])
    found = daemons.of(daemon.namespace)
    assert found is not None
    shutil.rmtree(found.folder)
    found.folder.mkdir()
    for name in PRECIOUS:
        (found.folder / name).touch()
    assert daemons.of(daemon.namespace) == found
    kernel.delete([daemon])
    assert not process.alive(found.pid)
    assert sorted(each.name for each in found.folder.iterdir()) == sorted(PRECIOUS)


def test_a_process_that_has_got_the_number_of_a_daemon_is_not_it(kernel: LinuxKernel, lab_name: str) -> None:
    ground, daemon = synced(lab_name)
    kernel.create([*ground, daemon])
    found = daemons.of(daemon.namespace)
    assert found is not None
    assert daemons.opened(replace(found, pid=os.getpid())) is None
    watched = daemons.opened(found)  # the control
    assert watched is not None
    os.close(watched)
    kernel.delete([daemon])
    assert daemons.opened(found) is None
