"""An instance with root does what it can in its namespace: the lab's owner can still change and destroy the lab.

Each act of `hostile_tenant.py` is done in a running lab. The next apply must succeed, repair our objects and find
nothing more to do, while the neighbour's connection loses no packet. In another lab, after the same act, destroy must
leave nothing.
"""

from __future__ import annotations

from typing import Any

import pytest
from pyroute2 import IPRoute

from eigw_ns.errors import EigwError
from eigw_ns.kernel import linux
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.netlink.socket import Message
from eigw_ns.kernel.writing import tenant_conflicts
from tests.support import hostile_tenant
from tests.support.hostile_tenant import ACTS, ONLY_ITS_OWN, Act, done
from tests.support.labs import Lab
from tests.topologies.egress import APP, WEB
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


class Racer:
    """A tenant that wins some races: it puts its address back between our look at its namespace and our change."""

    def __init__(self, races: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.races = races
        self._honest = tenant_conflicts.remove_conflicts
        self._length = 64
        monkeypatch.setattr(tenant_conflicts, "remove_conflicts", self._remove_conflicts)

    def _remove_conflicts(self, *arguments: Any) -> list[Message]:
        messages = self._honest(*arguments)
        if self.races:
            self.races -= 1
            with IPRoute() as netlink:
                (link,) = netlink.link_lookup(ifname="eth0")
                netlink.addr("del", index=link, address=APP, prefixlen=self._length)
                self._length += 1  # a prefix length that our message does not name
                netlink.addr("add", index=link, address=APP, prefixlen=self._length)
        return messages


def test_a_tenant_must_win_every_race(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    with done(lab, hostile_tenant.adds_its_address_again_with_another_prefix):
        racer = Racer(linux._RACES - 1, monkeypatch)
        lab.apply(TEXT)
        assert racer.races == 0
        with lab.stream("app", "web", WEB, 4002) as stream:
            assert stream.works()


def test_a_tenant_that_wins_every_race_is_named(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    with done(lab, hostile_tenant.adds_its_address_again_with_another_prefix):
        Racer(linux._RACES, monkeypatch)
        with pytest.raises(EigwError, match=rf"create the address {APP}/128 on eth0 in {lab.namespace('app')}"):
            lab.apply(TEXT)
