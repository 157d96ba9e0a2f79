"""Each folder of tests/golden/plans has a plan: the steps from the lab of `actual.yaml` to that of `topology.yaml`.

`REGENERATE=1 pytest tests/unit/test_golden_plans.py` writes the plans again. Read the difference before you commit it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.planning.plan import make_plan
from eigw_ns.dataplane.state import NetState
from eigw_ns.topology import load

CASES = sorted((Path(__file__).parent.parent / "golden" / "plans").iterdir())


def _state(path: Path) -> NetState:
    if not path.exists():
        return NetState()
    return compile_cloud(load(path.read_bytes(), file=path.name, default_lab="golden").cloud)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.name))
def test_plan(case: Path) -> None:
    steps = make_plan(_state(case / "topology.yaml"), _state(case / "actual.yaml"))
    text = "".join(f"{step}\n" for step in steps)
    golden = case / "plan.txt"
    if os.environ.get("REGENERATE"):
        golden.write_text(text)
    assert text == golden.read_text()
