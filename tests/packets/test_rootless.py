"""The packet suite again, by an ordinary user: in the user's own namespaces, which a pause process keeps.

Its core runs each time, the rest at night. Left out are tests that take long and need no more of the kernel than the
rest: predictions, load, floods, the kinds of death, heartbeats, and acts of a hostile tenant.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from eigw_ns.kernel.namespaces import netns
from eigw_ns.topology import example
from tests.support.ordinary_user import REPO, ordinary_user
from tests.support.slowness import SLOWNESS

pytestmark = [pytest.mark.root, pytest.mark.timeout(300)]

LEFT_OUT = (
    "test_aws_rows.py",
    "test_explain_agrees.py",
    "test_failover.py",
    "test_flows_under_attack.py",
    "test_fragment_floods.py",
    "test_heartbeats.py",
    "test_hostile_root.py",
    "test_inherited_flows.py",
    "test_under_load.py",
    Path(__file__).name,
)
AT_LEAST = {"core": 40, "": 200}
"""The fewest tests of each selection (`-m`): if the suite moves elsewhere, these are not reached."""
SECONDS = 280 * SLOWNESS


@pytest.mark.parametrize("selection", ["core", pytest.param("", marks=pytest.mark.nightly, id="all")])
def test_the_packet_suite_passes_without_root(selection: str, lab_name: str) -> None:
    folder = REPO / "tests" / "packets"
    ignored = [f"--ignore={folder / name}" for name in LEFT_OUT]
    pytest_ = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", selection, *ignored)
    with ordinary_user() as user:
        lab = user.home / "lab.yaml"
        lab.write_text(example("minimal").replace("lab: minimal", f"lab: {lab_name}"))
        lab.chmod(0o644)
        assert user.eigw("--rootless", "apply", "-q", "-f", str(lab)).code == 0
        assert not [name for name in netns.names() if name.startswith(f"eigw-{lab_name}-")], (
            "the host must not have the namespaces"
        )
        try:
            inside = ("--rootless", "exec", "app", "--", *pytest_, f"--basetemp={user.home / 'pytest'}", str(folder))
            env = {"HYPOTHESIS_STORAGE_DIRECTORY": str(user.home / "hypothesis")}
            result = user.run(sys.executable, "-m", "eigw_ns", *inside, env=env, seconds=SECONDS)
        finally:
            ended = user.eigw("--rootless", "destroy", "-q")
    assert result.code == 0, result.out[-6000:] + result.err
    summary = re.search(r"^(\d+) passed(?:, \d+ deselected)? in ", result.out, re.MULTILINE)
    assert summary, "something was skipped"
    assert int(summary.group(1)) >= AT_LEAST[selection]
    assert ended.code == 0
