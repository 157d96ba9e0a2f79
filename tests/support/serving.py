"""`eigw-ns serve` as a process, with botocore as the client."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import botocore.session
from botocore.config import Config

from tests.support.command import SECONDS
from tests.support.labs import until

SESSION = botocore.session.Session()
"""It keeps EC2's model, which takes 0.2 s to load, for all clients of the tests in this process."""

AS_SYSTEMD = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
environment = {**os.environ, "LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
os.execve(sys.executable, [sys.executable, "-m", "eigw_ns", *sys.argv[2:]], environment)
"""
"""A program that becomes `eigw-ns`, with a socket passed on to it. Its first argument is the descriptor."""


@dataclass
class Serving:
    """A server that runs: its process, what its first line said, and the file of its stderr."""

    process: subprocess.Popen[str]
    access: dict[str, Any]
    log: IO[str]

    @property
    def url(self) -> str:
        """The URL of the endpoint."""
        return str(self.access["endpoint"])

    @property
    def address(self) -> tuple[str, int]:
        """The address and port."""
        host, _, port = self.url.removeprefix("http://").rpartition(":")
        return host, int(port)

    def client(self, service: str = "ec2", *, region: str = "us-east-1", secret: str | None = None) -> Any:
        """Return botocore's client, which does not try again."""
        return SESSION.create_client(
            service,
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id=self.access["access_key_id"],
            aws_secret_access_key=secret or self.access["secret_access_key"],
            config=Config(retries={"total_max_attempts": 1}, max_pool_connections=50),
        )

    def children(self) -> list[int]:
        """Return the processes that the server has forked."""
        pid = self.process.pid
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send the signal. Return the exit code and stderr."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> tuple[int, str]:
        """Wait until the server has ended. Return its exit code and stderr."""
        self.process.communicate(timeout=SECONDS)
        return self.process.returncode, text_of(self.log)


@contextlib.contextmanager
def serving(
    *arguments: str,
    start: Callable[..., subprocess.Popen[str]] = subprocess.Popen,
    env: Mapping[str, str] | None = None,
    command: Sequence[str] = (sys.executable, "-m", "eigw_ns"),
    **settings: Any,
) -> Iterator[Serving]:
    """Run `eigw-ns serve -o json` on a free port, and end it after the block. `start` starts the process."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:  # a pipe that nobody reads would stop a busy server
        process = start(
            [*command, "serve", *arguments, "-o", "json"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, **(env or {})},
            **settings,
        )
        try:
            yield Serving(process, json.loads(first_line(process, log)), log)
        finally:
            if process.poll() is None:
                process.terminate()
            with contextlib.suppress(ValueError):  # the test has read its output
                process.communicate(timeout=SECONDS)


def first_line(process: subprocess.Popen[str], log: IO[str]) -> str:
    """Return the first line of stdout. Fails with what stderr says if there is none."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], SECONDS)
    line = process.stdout.readline() if ready else ""
    assert line, text_of(log) if ready else "no line came"
    return line


def text_of(log: IO[str]) -> str:
    """Return all that was written to the file."""
    log.seek(0)
    return log.read()


@contextlib.contextmanager
def paused(*arguments: str, env: Mapping[str, str], when: Callable[[], bool]) -> Iterator[subprocess.Popen[str]]:
    """Run `eigw-ns serve` until `when` is true, stop it by SIGSTOP, and yield it. It is not ready yet."""
    pipe, null = subprocess.PIPE, subprocess.DEVNULL
    command = [sys.executable, "-m", "eigw_ns", "serve", *arguments, "-o", "json"]
    process = subprocess.Popen(command, stdout=pipe, stderr=null, text=True, env={**os.environ, **env})
    assert process.stdout is not None
    with process.stdout:
        try:
            until(when, "the server has come so far")
            process.send_signal(signal.SIGSTOP)
            assert not select.select([process.stdout], [], [], 0)[0], "it is ready already"
            yield process
        finally:
            process.kill()
            process.wait()
