"""`eigw-ns graph`: from a file without root, and of a lab with what the kernel says."""

from __future__ import annotations

import json
from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from eigw_ns.kernel.fake.fake_kernel import FakeKernel
from tests.support.command import FAKE_LAB, Cli


@pytest.fixture
def file(demo_file: Callable[[str], str]) -> str:
    """The path of the demo topology."""
    return demo_file("demo")


def test_a_file_is_drawn_without_a_kernel(cli: Cli, file: str) -> None:
    done = cli("graph", file)
    assert done.code == 0, done.err
    assert "──▶ outbound" in done.out
    assert "⊣◀─ refuses" in done.out
    assert cli("graph", "-f", file).out == done.out


def test_ascii_has_no_other_characters(cli: Cli, file: str) -> None:
    assert cli("graph", "--ascii", file).out.isascii()


@pytest.mark.parametrize(
    ("form", "begins"), [("svg", "<svg "), ("mermaid", "flowchart LR\n"), ("dot", "digraph "), ("json", "{")]
)
def test_forms(cli: Cli, file: str, form: str, begins: str) -> None:
    done = cli("graph", "-o", form, "--verdicts", file)
    assert done.code == 0, done.err
    assert done.out.startswith(begins)
    if form == "svg":
        ElementTree.fromstring(done.out)


def test_a_path_and_its_port(cli: Cli, file: str) -> None:
    found = json.loads(cli("graph", "-o", "json", "--path", "web", "app", "--port", "22", file).out)["path"]
    assert found["outcome"] == "blocked"
    assert len(found["hops"]) >= 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--port", "22"), "add --path FROM TO"),
        (("--path", "web", "nobody"), "nobody"),
        (("--drift",), "a file has no drift"),
        (("-o", "png"), "png"),
    ],
)
def test_wrong_questions(cli: Cli, file: str, arguments: tuple[str, ...], words: str) -> None:
    done = cli("graph", *arguments, file)
    assert done.code == 2
    assert words in done.err
    assert not done.out


def test_a_lab_shows_its_replicas_and_its_drift(cli: Cli, applied: FakeKernel) -> None:
    found = cli("graph", "-o", "json", "--drift", "--lab", FAKE_LAB)
    assert found.code == 0, found.err
    (gateway,) = (each for vpc in found.data["vpcs"] for each in vpc["gateways"] if each["kind"] == "egress-only")
    assert [each["in_service"] for each in gateway["replicas"]] == [True, True]
    assert gateway["refused"] == 0
    assert found.data["drift"] == {}
    instance = next(one for vpc in found.data["vpcs"] for subnet in vpc["subnets"] for one in subnet["instances"])
    applied.remove_namespace(f"eigw-{FAKE_LAB}-{instance['id']}")
    drift = cli("graph", "-o", "json", "--drift", "--lab", FAKE_LAB).data["drift"]
    assert drift[instance["id"]] > 0
