"""One of the networks of public repositories, with packets. `tests/unit/test_examples.py` has all seven, without."""

from __future__ import annotations

from pathlib import Path

import pytest

from eigw_ns.testing.lab import Lab, read
from eigw_ns.topology import example

pytestmark = pytest.mark.root


def test_a_dual_stack_network_acl_does_what_its_owners_expect(tmp_path: Path) -> None:
    lab = Lab(read(example("private-acl").encode(), "private-acl.yaml"), tmp_path)
    lab.build()
    try:
        report = lab.verify(timeout=0.5)
    finally:
        lab.destroy()
    assert {check.observed for check in report.checks} == {"allowed", "blocked"}
