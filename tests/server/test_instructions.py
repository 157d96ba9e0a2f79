"""What `serve` prints for people: the lines set what clients read, and README has the same."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from eigw_ns.server.instructions import CLIENTS, Access
from eigw_ns.server.keys import Key

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
ACCESS = Access("http://127.0.0.1:8471", Key("AKIAX", "of-the-key"))


def test_a_shell_takes_the_lines() -> None:
    script = "\n".join((*ACCESS.lines(), "env"))
    done = subprocess.run(["sh", "-c", script], env={}, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    found = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert {name: text for name, text in found.items() if name.startswith("AWS_")} == {
        "AWS_ENDPOINT_URL_EC2": "http://127.0.0.1:8471",
        "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:8471",
        "AWS_ACCESS_KEY_ID": "AKIAX",
        "AWS_SECRET_ACCESS_KEY": "of-the-key",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


@pytest.mark.parametrize(("client", "example"), CLIENTS)
def test_each_client_is_in_the_lines_and_in_readme(client: str, example: str) -> None:
    assert f"#   {client}: {example}" in list(ACCESS.lines())
    assert f"| {client} | `{example}`" in README


def test_a_unix_socket_is_named() -> None:
    *_, last = Access("http://localhost", Key("AKIAX", "of-the-key"), Path("/run/x")).lines()
    assert "curl --unix-socket /run/x" in last
