"""What `serve` prints for people: the lines set what clients read, and README has the same."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from eigw_ns.server.instructions import CLIENTS, Access
from eigw_ns.server.keys import Key
from eigw_ns.server.labs import Place

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
KEY = Key("AKIAX", "of-the-key")
ACCESS = Access("http://127.0.0.1:8471", ((Place("demo"), KEY),))


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
    *_, last = Access("http://localhost", ((Place("demo"), KEY),), Path("/run/x")).lines()
    assert "curl --unix-socket /run/x" in last


def test_each_lab_is_named_with_its_region_and_its_account() -> None:
    other = Key("123456789012", "of-another-key")
    places = ((Place("prod", "eu-west-1"), KEY), (Place("spare", "us-west-2", other.id), other))
    access = Access("http://127.0.0.1:8471", places)
    lines = list(access.lines())
    assert "export AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1" in lines
    assert (
        "# the lab spare answers in us-west-2 and for the account 123456789012: "
        "AWS_REGION=us-west-2 AWS_ACCESS_KEY_ID=123456789012 AWS_SECRET_ACCESS_KEY=of-another-key"
    ) in lines
    document = access.document()
    assert document["region"] == "eu-west-1"
    assert [tuple(each.values()) for each in document["labs"]] == [  # type: ignore[attr-defined]
        ("prod", "eu-west-1", None, "AKIAX", "of-the-key"),
        ("spare", "us-west-2", other.id, other.id, "of-another-key"),
    ]
