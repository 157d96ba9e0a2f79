"""The core selects tests that exist, each choice at least one, and shows every requirement on forwarding."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.core import CORE, LEFT_OUT, Choice, concerns, selected

TOP = Path(__file__).parents[2]
TABLE = (TOP / "tests" / "packets" / "CONFORMANCE.md").read_text()
FORWARDING = [f"G{number}" for number in range(1, 10)]


def _tests_of(choice: Choice) -> set[str]:
    """Return the names of the tests that the choice selects, without parameters."""
    place, _, name = choice.place.partition("::")
    return {name.partition("[")[0]} if name else set(re.findall(r"^def (test_\w+)", (TOP / place).read_text(), re.M))


def _collected(session: pytest.Session) -> list[str]:
    """Return the ids of the tests that carry the mark `core`. A run of a part of the tests has to collect them."""
    ids = [item.nodeid for item in session.items if item.get_closest_marker("core")]
    if all(any(choice.selects(test) for test in ids) for choice in CORE):
        return ids
    words = ["-m", "pytest", "--collect-only", "-q", "-n", "0", "-p", "no:cacheprovider", "-m", "core"]
    done = subprocess.run([sys.executable, *words], cwd=TOP, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if line.startswith("tests/")]


def test_every_choice_selects_a_test_and_only_these_are_collected(request: pytest.FixtureRequest) -> None:
    ids = _collected(request.session)
    assert [test for test in ids if not selected(test)] == []
    assert [choice.place for choice in CORE if not any(choice.selects(test) for test in ids)] == []


@pytest.mark.parametrize("choice", LEFT_OUT, ids=lambda choice: choice.place.rpartition("::")[2])
def test_what_is_left_out_exists_and_would_be_in(choice: Choice) -> None:
    place, _, name = choice.place.partition("::")
    assert f"def {name}(" in (TOP / place).read_text()
    assert any(each.selects(choice.place) for each in CORE)
    assert not selected(choice.place)


@pytest.mark.parametrize("requirement", FORWARDING)
def test_every_requirement_on_forwarding_is_shown_by_a_test_of_its_row(requirement: str) -> None:
    rows = "".join(line for line in TABLE.splitlines() if line.startswith(f"| {requirement} |"))
    chosen = [choice for choice in CORE if requirement in choice.promises]
    assert chosen
    for choice in chosen:
        assert any(f"`{name}`" in rows for name in _tests_of(choice)), choice


@pytest.mark.parametrize(
    ("test", "chosen"),
    [
        ("tests/a/test_b.py::test_c", True),
        ("tests/a/test_b.py::test_c[fake-1]", True),
        ("tests/a/test_b.py::test_cd", False),
        ("tests/a/test_bc.py::test_c", False),
    ],
)
def test_what_a_choice_selects(test: str, chosen: bool) -> None:
    assert Choice("tests/a/test_b.py::test_c", "why").selects(test) is chosen


def test_a_choice_may_be_narrowed_by_a_part_of_the_id() -> None:
    choice = Choice("tests/contract", "why", only="[fake")
    assert choice.selects("tests/contract/test_objects.py::test_x[fake-1]")
    assert not choice.selects("tests/contract/test_objects.py::test_x[linux-1]")


def test_only_files_that_may_have_a_test_of_the_core_are_imported() -> None:
    assert concerns("tests")
    assert concerns("tests/packets/attacks")
    assert concerns("tests/unit/test_core.py")
    assert not concerns("tests/packets/test_aws_rows.py")


@pytest.mark.parametrize(("expression", "outcome"), [("", ["day"]), ("nightly or not nightly", ["day", "night"])])
def test_nightly_tests_run_only_if_they_are_named(tmp_path: Path, expression: str, outcome: list[str]) -> None:
    (tmp_path / "conftest.py").write_text("from tests.conftest import pytest_collection_modifyitems\n")
    marked = "import pytest\ndef test_day(): pass\n@pytest.mark.nightly\ndef test_night(): pass\n"
    (tmp_path / "test_it.py").write_text(marked)
    words = ["-m", "pytest", "-v", "-p", "no:cacheprovider", "-c", str(TOP / "pyproject.toml"), "-m", expression]
    done = subprocess.run([sys.executable, *words, str(tmp_path)], cwd=TOP, capture_output=True, text=True)
    assert re.findall(r"::test_(\w+) PASSED", done.stdout) == outcome, done.stdout + done.stderr
