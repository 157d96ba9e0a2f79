"""State and mocks of one design give the same topology, but for the blocks that AWS or we choose, and for places."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eigw_ns.importing.detect import Kind
from eigw_ns.importing.options import Options
from eigw_ns.importing.read import read
from eigw_ns.importing.resolve.choices import Choices
from eigw_ns.importing.resolve.imported import imported
from eigw_ns.topology import dump

INPUTS = Path(__file__).parent / "inputs"


def neutral(kind: Kind, path: str) -> str:
    """Return the file of a design without prefixes of IPv6 blocks, and without tags that AWS or the source adds."""
    found = imported(read(kind, {path: (INPUTS / path).read_bytes()}, Options()), Choices(lab="same"))
    assert found.topology, found.messages
    text = re.sub("2001:db8:aa0:[0-9a-f]{1,2}(?=[0-9a-f]{2}:)|2001:db8:aa0:", "BLOCK:", dump(found.topology))
    return "\n".join(line for line in text.splitlines() if "eigw-ns:source:" not in line)


@pytest.mark.parametrize("folder", ["tf-1", "tf-2"])
def test_a_state_and_a_run_with_mocks_give_the_same_topology(folder: str) -> None:
    assert neutral(Kind.STATE, f"{folder}/state.json") == neutral(Kind.TEST_STATE, f"{folder}/mocked.jsonl")
