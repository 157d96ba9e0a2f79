"""Standard streams that fail: whether anybody listens decides nothing about the work."""

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
from tests.cli.command import SECONDS, Cli, heed_interrupts, process
from tests.labs import until

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
                until(lambda: netns.exists(gateway.replicas[1].namespace), "the replica is rebuilt", 30)
                until(lambda: cli("status", "--lab", lab_name).code == 0, "all of it is", 30)
            agent.send_signal(signal.SIGTERM)
            _, said = agent.communicate(timeout=SECONDS)
        finally:
            agent.kill()
    assert (agent.returncode, said) == (0, "nobody reads the events any more; the agent goes on\n")
    assert process("destroy", "--lab", lab_name).code == 0
