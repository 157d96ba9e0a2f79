"""The sysctls of many namespaces, written through instances of procfs of our own, or through /proc."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from eigw_ns.errors import HostError
from eigw_ns.kernel.namespaces import netns, sysctl
from eigw_ns.kernel.namespaces.sysctl import FORWARDING, Trees

pytestmark = pytest.mark.root

_SEVERAL = 5


def _forbidden() -> int:
    raise HostError("make an instance of procfs")


def _descriptors() -> list[str]:
    return sorted(each.name for each in Path("/proc/self/fd").iterdir())


@pytest.mark.parametrize("forbidden", [False, True])
def test_each_namespace_gets_its_own_value(forbidden: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two namespaces for one instance of procfs, so that several instances are used."""
    monkeypatch.setattr(sysctl, "_FEW", 2)
    if forbidden:
        monkeypatch.setattr(sysctl, "detached_procfs", _forbidden)
    before = _descriptors()
    with contextlib.ExitStack() as stack, Trees() as trees:
        for number in range(_SEVERAL):
            stack.enter_context(netns.nameless())
            with trees.here() as tree:
                assert tree.read(FORWARDING) == "0"
                tree.write(FORWARDING, str(number % 2))
            assert sysctl.read(FORWARDING) == str(number % 2)
    assert _descriptors() == before


def test_no_directory_shows_our_instance_of_procfs() -> None:
    mounts = Path("/proc/self/mounts")
    before = mounts.read_text()
    with netns.nameless(), Trees() as trees, trees.here() as tree:
        assert tree.read(FORWARDING) == "0"
        assert mounts.read_text() == before
