"""One lab for each module of attacks: the gateway must survive each attack unchanged."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.attack_bench import Bench, building


@pytest.fixture(scope="module")
def bench(module_lab_name: str) -> Iterator[Bench]:
    """The gateway of a VPC, and a wire on each side of it."""
    with building(module_lab_name) as built:
        yield built
