"""An instance with root does what it can in its namespace: the lab's owner can still change and destroy the lab.

Each act of `hostile_tenant.py` is done in a running lab. The next apply must succeed, repair our objects and find
nothing more to do, while the neighbour's connection loses no packet. In another lab, after the same act, destroy must
leave nothing.
"""

from __future__ import annotations

import pytest

from eigw_ns.kernel.namespaces import netns
from tests.support.hostile_tenant import ACTS, ONLY_ITS_OWN, Act, done
from tests.support.labs import Lab
from tests.topologies.egress import WEB
from tests.topologies.two_tenants import TEXT

pytestmark = pytest.mark.root


@pytest.fixture
def lab(lab_name: str) -> Lab:
    built = Lab(lab_name)
    built.apply(TEXT)
    return built


acts = pytest.mark.parametrize("act", ACTS, ids=lambda act: str(act.__name__))


@acts
def test_the_next_apply_repairs_the_lab(lab: Lab, act: Act) -> None:
    with lab.stream("mate", "web", WEB, 4001) as neighbour:
        assert neighbour.works()
        with done(lab, act):
            assert bool(lab.plan(TEXT)) is (act not in ONLY_ITS_OWN)
            lab.apply(TEXT)
            assert [str(step) for step in lab.plan(TEXT)] == []
            with lab.stream("app", "web", WEB, 4002) as stream:
                assert stream.works()
        assert neighbour.works()
        assert neighbour.retransmissions() == 0


@acts
def test_destroy_leaves_nothing(lab: Lab, act: Act) -> None:
    with done(lab, act):
        assert lab.kernel.labs().count(lab.name) == 1
        lab.destroy()
        assert [name for name in netns.names() if name.startswith(f"eigw-{lab.name}-")] == []
