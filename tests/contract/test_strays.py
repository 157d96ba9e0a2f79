"""What others put into a router: seen, removed, and never taken for something of ours."""

from __future__ import annotations

from eigw_ns.dataplane.state import NetState, Stray
from eigw_ns.kernel.protocol import Kernel
from tests.contract.conftest import World
from tests.contract.samples import Wire


def test_a_stray_is_seen_and_removed_and_nothing_else(world: World, kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    kernel.create(wire.everything())
    stray = world.add_stray(wire.here)
    assert kernel.observe(lab_name) == NetState.of([*wire.everything(), stray])
    assert kernel.observe(lab_name, NetState.of(wire.everything())) == kernel.observe(lab_name)
    kernel.delete([stray])
    assert kernel.observe(lab_name) == NetState.of(wire.everything())


def test_removing_a_stray_that_is_gone_is_fine(world: World, kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    kernel.create(wire.objects)
    stray = world.add_stray(wire.here)
    for _ in range(2):
        kernel.delete([stray])
        assert kernel.observe(lab_name) == NetState.of(wire.objects)
    kernel.delete(reversed(wire.objects))
    kernel.delete([stray])
    assert kernel.observe(lab_name) == NetState()


def test_a_route_of_ours_is_made_also_where_the_stray_in_its_place_has_gone(kernel: Kernel, lab_name: str) -> None:
    """As one does whose link is made anew."""
    wire = Wire(lab_name)
    kernel.create(wire.objects)
    kernel.update([(Stray(wire.here, "route unreachable ::/0 table 254 metric 1024", wire.route().key), wire.route())])
    assert kernel.observe(lab_name) == NetState.of([*wire.objects, wire.route()])


def test_a_route_of_ours_is_not_removed_for_the_stray_in_whose_place_it_is(kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    kernel.create([*wire.objects, wire.route()])
    kernel.delete([Stray(wire.here, "route unreachable ::/0 table 254 metric 1024", wire.route().key)])
    assert kernel.observe(lab_name) == NetState.of([*wire.objects, wire.route()])
