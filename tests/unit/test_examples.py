"""The examples of `init`, of which seven are networks of public repositories: they apply, and their model agrees.

`tests/packets/test_real_networks.py` shows one of them with packets.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from eigw_ns.kernel.fake.fake_kernel import FakeKernel
from eigw_ns.lab.lifecycle import operations
from eigw_ns.lab.storage.folders import LabFolders
from eigw_ns.lab.storage.storage import Storage
from eigw_ns.lab.verify.contradictions import contradictions
from eigw_ns.topology import Topology, dump, example, example_names, from_data, load, to_data

REAL = (
    "egress-by-default",
    "eks",
    "eks-groups",
    "endpoints-by-group",
    "open-default-group",
    "private-acl",
    "two-zones",
)


@pytest.fixture(params=example_names())
def topology(request: pytest.FixtureRequest) -> Topology:
    return load(example(request.param).encode(), file="lab.yaml", default_lab="x")


def test_seven_examples_are_real_networks() -> None:
    real = [name for name in example_names() if example(name).startswith("# A real network: ")]
    assert tuple(real) == REAL
    assert all("\n# The facts of " in example(name) for name in REAL)


def test_what_an_example_expects_is_what_the_model_predicts(topology: Topology) -> None:
    assert list(contradictions(topology)) == []
    assert {expectation.result for expectation in topology.expectations} == {"allowed", "blocked"}


def test_an_example_is_the_same_after_a_round_trip(topology: Topology) -> None:
    again = load(dump(topology).encode(), file="lab.yaml", default_lab="x")
    assert again == topology == from_data(to_data(topology), file="lab.yaml")


def test_an_example_applies_and_a_second_apply_changes_nothing(topology: Topology, tmp_path: Path) -> None:
    kernel, storage = FakeKernel(), Storage.in_folders(LabFolders(tmp_path / "state", tmp_path / "run"))
    assert operations.apply(kernel, storage, topology).steps > 0
    assert operations.apply(kernel, storage, topology).steps == 0
    operations.destroy(kernel, storage, topology.cloud.lab)
    assert kernel.names() == ()
