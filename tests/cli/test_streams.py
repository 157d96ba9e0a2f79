"""Standard streams that fail or are closed: whether anybody listens decides nothing about the work."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eigw_ns.kernel import netns
from eigw_ns.lab import store
from eigw_ns.lab.agent.scene import gateways
from eigw_ns.topology import Topology
from tests.cli.command import SECONDS, Cli, heed_interrupts, process
from tests.labs import until
from tests.slowness import SLOWNESS

PROGRAM = [sys.executable, "-m", "eigw_ns"]


def _unread_pipe() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def _full_disc() -> int:
    return os.open("/dev/full", os.O_WRONLY)


def _gone_terminal() -> int:
    keyboard, screen = os.openpty()
    os.close(keyboard)
    return screen


@pytest.fixture(params=[_unread_pipe, _full_disc, _gone_terminal])
def deaf(request: pytest.FixtureRequest) -> Iterator[int]:
    """A descriptor that nothing can be written to."""
    descriptor = request.param()
    with contextlib.suppress(OSError):
        os.write(descriptor, b"x")
        pytest.fail("somebody listens")
    yield descriptor
    os.close(descriptor)


def untold(deaf: int, *arguments: str) -> int:
    """The exit code where stderr fails."""
    done = subprocess.run(
        [*PROGRAM, *arguments], stdout=subprocess.DEVNULL, stderr=deaf, timeout=SECONDS, check=False
    )
    return done.returncode


def test_talk_that_nobody_hears_changes_no_exit_code(deaf: int, demo_file: Callable[[str], str]) -> None:
    assert untold(deaf, "validate", "-f", demo_file("mine")) == 0
    assert untold(deaf, "validate", "-f", "nowhere.yaml") == 2
    assert untold(deaf, "export") == 1
    assert untold(deaf) == 2


@pytest.mark.root
def test_talk_that_nobody_hears_cuts_no_apply_short(
    deaf: int, cli: Cli, demo_file: Callable[[str], str], lab_name: str
) -> None:
    file = demo_file(lab_name)
    assert untold(deaf, "apply", "-v", "-f", file) == 0
    status = cli("status", "--lab", lab_name)
    assert (status.code, status.out) == (0, "")
    assert untold(deaf, "exec", "--lab", lab_name, "app", "--", "sh", "-c", "exit 7") == 7
    assert untold(deaf, "destroy", "-v", "--lab", lab_name) == 0
    assert not [name for name in netns.names() if name.startswith(f"eigw-{lab_name}-")]


def closed(*numbers: int) -> Callable[[], None]:
    """For `process`: start it without these standard streams."""

    def close() -> None:
        for number in numbers:
            os.close(number)

    return close


NEED_NOTHING = [("--help",), ("version",), ("schema",), ("doctor",)]
NEED_A_FILE = [("validate",), ("explain", "app", "web")]
NEED_A_LAB = [("export",), ("describe",), ("ec2", "describe-vpcs")]


@pytest.mark.parametrize("arguments", NEED_NOTHING + NEED_A_FILE + NEED_A_LAB, ids=" ".join)
def test_closed_streams_are_no_failure(
    arguments: tuple[str, ...], demo_file: Callable[[str], str], stored: Callable[[str], Topology]
) -> None:
    stored("mine")
    file = ("-f", demo_file("mine")) if arguments in NEED_A_FILE else ()
    lab = ("--lab", "mine") if arguments in NEED_A_LAB else ()
    usual = process(*arguments, *file, *lab)
    for number in (0, 1, 2):
        result = process(*arguments, *file, *lab, prepare=closed(number))
        assert result.code == usual.code, result.err
        assert result.out == ("" if number == 1 else usual.out)
        assert result.err == ("" if number == 2 else usual.err)


def test_closed_streams_are_no_success(demo_file: Callable[[str], str]) -> None:
    assert process("export", prepare=closed(1, 2)).code == 1
    assert process("validate", "-f", "nowhere.yaml", prepare=closed(0, 1, 2)).code == 2


@pytest.mark.parametrize("arguments", [("validate",), ("plan",), ("apply", "--lab", "mine"), ("explain", "app", "web")])
def test_no_input_is_not_an_empty_one(arguments: tuple[str, ...]) -> None:
    result = process(*arguments, "-f", "-", prepare=closed(0))
    assert (result.code, result.out) == (2, "")
    assert result.err == "error: cannot read stdin: Bad file descriptor\n"
    assert "the file is empty" in process(*arguments, "-f", "-").err


@pytest.mark.root
def test_a_life_without_streams(cli: Cli, demo_file: Callable[[str], str], lab_name: str) -> None:
    nothing = closed(0, 1, 2)
    file = ("-f", demo_file(lab_name))
    assert process("plan", *file, prepare=nothing).code == 3
    assert process("apply", "-v", *file, prepare=nothing).code == 0
    assert process("plan", *file, prepare=nothing).code == 0
    assert cli("status", "--lab", lab_name).code == 0
    for arguments in (("status",), ("verify",), ("describe",), ("explain", "app", "web", "--probe")):
        assert process(*arguments, "--lab", lab_name, prepare=nothing).code == 0
    look = ("exec", "--lab", lab_name, "app", "--", "test", "-e", "/proc/self/fd/1")
    assert [process(*look, prepare=prepare).code for prepare in (None, nothing)] == [0, 1]  # its own: not ours
    assert process("destroy", "--lab", lab_name, prepare=nothing).code == 0
    assert not [name for name in netns.names() if name.startswith(f"eigw-{lab_name}-")]


@pytest.mark.root
def test_an_agent_that_nobody_reads_watches_on(cli: Cli, demo_file: Callable[[str], str], lab_name: str) -> None:
    file = Path(demo_file(lab_name))
    file.write_text(file.read_text().replace("outbound: {", "outbound: {replicas: 2, "))
    assert cli("apply", "-f", str(file)).code == 0
    (gateway,) = gateways(store.load(lab_name).cloud, synced=False)
    command = [*PROGRAM, "agent", "--repair", "--lab", lab_name]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heed_interrupts
    ) as agent:
        try:
            assert agent.stdout is not None
            assert "watching" in agent.stdout.readline()
            agent.stdout.close()
            for _ in range(2):  # the first of these is what finds that nobody reads
                netns.remove(gateway.replicas[1].namespace)
                until(lambda: netns.exists(gateway.replicas[1].namespace), "the replica is rebuilt", 30 * SLOWNESS)
                until(lambda: cli("status", "--lab", lab_name).code == 0, "all of it is", 30 * SLOWNESS)
            agent.send_signal(signal.SIGTERM)
            _, said = agent.communicate(timeout=SECONDS)
        finally:
            agent.kill()
    assert (agent.returncode, said) == (0, "nobody reads the events any more; the agent goes on\n")
    assert process("destroy", "--lab", lab_name).code == 0


def _ignore_children() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)


@pytest.mark.root
def test_a_shell_that_ignores_its_children(demo_file: Callable[[str], str], lab_name: str) -> None:
    """As after `trap '' CHLD`: the kernel then forgets children before anybody has waited for them."""
    file = Path(demo_file(lab_name))
    file.write_text(file.read_text().replace("outbound: {", "outbound: {replicas: 2, "))  # daemons are children
    result = process("apply", "-f", str(file), prepare=_ignore_children)
    assert result.code == 0, result.err
    for verb, *rest in (("status",), ("verify",), ("exec", "app", "--", "true"), ("destroy",)):
        result = process(verb, "--lab", lab_name, *rest, prepare=_ignore_children)
        assert result.code == 0, result.err
