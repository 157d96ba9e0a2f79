"""Standard streams that fail or are closed do not change what a verb does."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eigw_ns.dataplane.replication.watched_gateways import gateways
from eigw_ns.kernel.namespaces import netns
from eigw_ns.topology import Topology
from tests.support.command import SECONDS, Cli, heed_interrupts, process
from tests.support.labs import until
from tests.support.slowness import SLOWNESS
from tests.support.stored import store

PROGRAM = [sys.executable, "-m", "eigw_ns"]


def _unread_pipe() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def _full_disk() -> int:
    return os.open("/dev/full", os.O_WRONLY)


def _closed_terminal() -> int:
    keyboard, screen = os.openpty()
    os.close(keyboard)
    return screen


@pytest.fixture(params=[_unread_pipe, _full_disk, _closed_terminal])
def broken(request: pytest.FixtureRequest) -> Iterator[int]:
    """A descriptor to which every write fails."""
    descriptor = request.param()
    with contextlib.suppress(OSError):
        os.write(descriptor, b"x")
        pytest.fail("the write succeeded")
    yield descriptor
    os.close(descriptor)


def code_without_stderr(broken: int, *arguments: str) -> int:
    """Return the exit code of `eigw-ns` with a broken stderr."""
    done = subprocess.run(
        [*PROGRAM, *arguments], stdout=subprocess.DEVNULL, stderr=broken, timeout=SECONDS, check=False
    )
    return done.returncode


def test_a_broken_stderr_changes_no_exit_code(broken: int, demo_file: Callable[[str], str]) -> None:
    assert code_without_stderr(broken, "validate", "-f", demo_file("mine")) == 0
    assert code_without_stderr(broken, "validate", "-f", "nowhere.yaml") == 2
    assert code_without_stderr(broken, "export") == 1
    assert code_without_stderr(broken) == 2


@pytest.mark.root
def test_a_broken_stderr_does_not_interrupt_apply(
    broken: int, cli: Cli, demo_file: Callable[[str], str], lab_name: str
) -> None:
    file = demo_file(lab_name)
    assert code_without_stderr(broken, "apply", "-v", "-f", file) == 0
    status = cli("status", "--lab", lab_name)
    assert (status.code, status.out) == (0, "")
    assert code_without_stderr(broken, "exec", "--lab", lab_name, "app", "--", "sh", "-c", "exit 7") == 7
    assert code_without_stderr(broken, "destroy", "-v", "--lab", lab_name) == 0
    assert not [name for name in netns.names() if name.startswith(f"eigw-{lab_name}-")]


def closed(*numbers: int) -> Callable[[], None]:
    """Return a `prepare` for `process` that closes these standard streams."""

    def close() -> None:
        for number in numbers:
            os.close(number)

    return close


NEED_NOTHING = [("--help",), ("version",), ("schema",), ("doctor",)]
NEED_A_FILE = [("validate",), ("explain", "app", "web")]
NEED_A_LAB = [("export",), ("describe",), ("ec2", "describe-vpcs")]


@pytest.mark.parametrize("arguments", NEED_NOTHING + NEED_A_FILE + NEED_A_LAB, ids=" ".join)
def test_a_closed_stream_is_not_an_empty_one(
    arguments: tuple[str, ...], demo_file: Callable[[str], str], stored: Callable[[str], Topology]
) -> None:
    stored("mine")
    file = ("-f", demo_file("mine")) if arguments in NEED_A_FILE else ()
    lab = ("--lab", "mine") if arguments in NEED_A_LAB else ()
    usual = process(*arguments, *file, *lab)
    for number in (0, 2):
        result = process(*arguments, *file, *lab, prepare=closed(number))
        assert result.code == usual.code, result.err
        assert result.out == usual.out
        assert result.err == ("" if number == 2 else usual.err)
    lost = process(*arguments, *file, *lab, prepare=closed(1))
    if usual.out:
        assert (lost.code, lost.err.splitlines()[-1]) == (1, "error: stdout is closed, so the output is lost")
    else:
        assert (lost.code, lost.err) == (usual.code, usual.err)


def test_closed_streams_do_not_hide_a_failure(demo_file: Callable[[str], str]) -> None:
    assert process("export", prepare=closed(1, 2)).code == 1
    assert process("validate", "-f", "nowhere.yaml", prepare=closed(0, 1, 2)).code == 2


@pytest.mark.parametrize("arguments", [("validate",), ("plan",), ("apply", "--lab", "mine"), ("explain", "app", "web")])
def test_a_closed_stdin_is_not_an_empty_file(arguments: tuple[str, ...]) -> None:
    result = process(*arguments, "-f", "-", prepare=closed(0))
    assert (result.code, result.out) == (2, "")
    assert result.err == "error: cannot read stdin: Bad file descriptor\n"
    assert "the file is empty" in process(*arguments, "-f", "-").err


@pytest.mark.root
def test_every_verb_works_without_streams(cli: Cli, demo_file: Callable[[str], str], lab_name: str) -> None:
    without_streams = closed(0, 1, 2)
    file = ("-f", demo_file(lab_name))
    assert process("plan", *file, prepare=closed(0, 2)).code == 3
    assert process("plan", *file, prepare=without_streams).code == 1  # the plan is lost
    assert process("apply", "-v", *file, prepare=without_streams).code == 0
    assert process("plan", *file, prepare=without_streams).code == 0
    assert cli("status", "--lab", lab_name).code == 0
    for arguments in (("status",), ("verify",), ("describe",), ("explain", "app", "web", "--probe")):
        assert process(*arguments, "--lab", lab_name, prepare=closed(0, 2)).code == 0
    look = ("exec", "--lab", lab_name, "app", "--", "test", "-e", "/proc/self/fd/1")
    assert [process(*look, prepare=prepare).code for prepare in (None, without_streams)] == [0, 1]  # stays closed
    assert process("destroy", "--lab", lab_name, prepare=without_streams).code == 0
    assert not [name for name in netns.names() if name.startswith(f"eigw-{lab_name}-")]


@pytest.mark.root
def test_an_agent_goes_on_after_its_reader_left(cli: Cli, demo_file: Callable[[str], str], lab_name: str) -> None:
    file = Path(demo_file(lab_name))
    file.write_text(file.read_text().replace("outbound: {", "outbound: {replicas: 2, "))
    assert cli("apply", "-f", str(file)).code == 0
    (gateway,) = gateways(store().load(lab_name).cloud)
    command = [*PROGRAM, "agent", "--repair", "--lab", lab_name]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heed_interrupts
    ) as agent:
        try:
            assert agent.stdout is not None
            assert "watching" in agent.stdout.readline()
            agent.stdout.close()
            for _ in range(2):  # the agent notices the closed pipe at the first event
                netns.remove(gateway.replicas[1].namespace)
                until(lambda: netns.exists(gateway.replicas[1].namespace), "the replica is rebuilt", 30 * SLOWNESS)
                until(lambda: cli("status", "--lab", lab_name).code == 0, "the lab is repaired", 30 * SLOWNESS)
            agent.send_signal(signal.SIGTERM)
            _, said = agent.communicate(timeout=SECONDS)
        finally:
            agent.kill()
    assert (agent.returncode, said) == (0, "nobody reads the events any more; the agent goes on\n")
    assert process("destroy", "--lab", lab_name).code == 0


def _ignore_children() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)


@pytest.mark.root
def test_sigchld_that_is_inherited_as_ignored(demo_file: Callable[[str], str], lab_name: str) -> None:
    """As after `trap '' CHLD`: the kernel then reaps children before the program waits for them."""
    file = Path(demo_file(lab_name))
    file.write_text(file.read_text().replace("outbound: {", "outbound: {replicas: 2, "))
    result = process("apply", "-f", str(file), prepare=_ignore_children)
    assert result.code == 0, result.err
    for verb, *rest in (("status",), ("verify",), ("exec", "app", "--", "true"), ("destroy",)):
        result = process(verb, "--lab", lab_name, *rest, prepare=_ignore_children)
        assert result.code == 0, result.err
