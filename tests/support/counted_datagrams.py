"""Datagrams from one side of a wire to the other, and rules that count them."""

from __future__ import annotations

import time
from collections.abc import Callable

from eigw_ns.dataplane.state import Address, NetObject
from tests.support.slowness import SLOWNESS
from tests.support.small_states import Wire, rules
from tests.support.worlds import World

DEADLINE = 5.0 * SLOWNESS  # seconds


class Talk:
    """A wire with addresses on both sides. Rules on the right count the packets to UDP port 7 there."""

    def __init__(self, lab: str) -> None:
        self.wire = Wire(lab)
        self.rules = rules(self.wire.there)
        self.sources = [f"2001:db8:1::{number}" for number in range(1, 5)]
        self.destination = "2001:db8:1::a"

    @property
    def objects(self) -> list[NetObject]:
        near = [Address(self.wire.here, "fabric", f"{address}/64") for address in self.sources]
        return [*self.wire.objects, self.rules, *near, Address(self.wire.there, "up", f"{self.destination}/64")]

    def all_sources_send(self, world: World) -> None:
        for source in self.sources:
            world.send((self.wire.here, source), (self.wire.there, self.destination))
        self.wait_for(lambda: world.kernel.counters(self.wire.there)["seen"].packets >= len(self.sources))

    @staticmethod
    def wait_for(condition: Callable[[], bool]) -> None:
        end = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < end, "the condition was not met in time"
