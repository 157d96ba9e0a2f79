"""The conformance table names every requirement, and only tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent.parent
TABLE = (TESTS / "packets" / "CONFORMANCE.md").read_text()
REQUIREMENTS = (
    *(f"G{number}" for number in range(1, 10)),
    *(f"I{number}" for number in range(1, 6)),
    *(f"F{number}" for number in range(1, 4)),
    *(f"S{number}" for number in range(1, 5)),
    *(f"R{number}" for number in range(1, 6)),
)


def test_every_requirement_has_a_row() -> None:
    rows = re.findall(r"^\| ([A-Z]\d) \|.*`test_\w+` \|$", TABLE, re.MULTILINE)
    assert sorted(set(rows)) == sorted(REQUIREMENTS)


def test_every_test_it_names_exists() -> None:
    sources = "\n".join(path.read_text() for path in TESTS.rglob("test_*.py"))
    missing = [name for name in re.findall(r"`(test_\w+)`", TABLE) if f"def {name}(" not in sources]
    assert missing == []
