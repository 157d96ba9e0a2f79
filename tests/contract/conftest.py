"""The two kernels under one contract."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.kernel.protocol import Machine
from tests.support.worlds import FakeWorld, LinuxWorld, World


@pytest.fixture(params=["fake", pytest.param("linux", marks=pytest.mark.root)])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Yield each kernel in turn."""
    if request.param == "fake":
        yield FakeWorld()
        return
    world = LinuxWorld(LinuxKernel())
    yield world
    for pid in list(world.started):
        world.end(pid)


@pytest.fixture
def kernel(world: World) -> Machine:
    return world.kernel
