"""Foreign objects in a router: they are observed and removed, and never mistaken for objects of ours."""

from __future__ import annotations

from eigw_ns.dataplane.state import ForeignObject, NetState
from eigw_ns.kernel.protocol import Kernel
from tests.support.small_states import Wire
from tests.support.worlds import World


def test_a_foreign_object_is_observed_and_removed_and_nothing_else(world: World, kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    kernel.create(wire.everything())
    foreign = world.add_foreign_object(wire.here)
    assert kernel.observe(lab_name) == NetState.of([*wire.everything(), foreign])
    assert kernel.observe(lab_name, NetState.of(wire.everything())) == kernel.observe(lab_name)
    kernel.delete([foreign])
    assert kernel.observe(lab_name) == NetState.of(wire.everything())


def test_removing_a_foreign_object_that_is_gone_changes_nothing(world: World, kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    kernel.create(wire.objects)
    foreign = world.add_foreign_object(wire.here)
    for _ in range(2):
        kernel.delete([foreign])
        assert kernel.observe(lab_name) == NetState.of(wire.objects)
    kernel.delete(reversed(wire.objects))
    kernel.delete([foreign])
    assert kernel.observe(lab_name) == NetState()


def test_a_route_of_ours_is_made_if_the_foreign_route_in_its_place_is_gone(kernel: Kernel, lab_name: str) -> None:
    """A foreign route goes when its link is created again, which may happen between plan and change."""
    wire = Wire(lab_name)
    kernel.create(wire.objects)
    foreign = ForeignObject(wire.here, "route unreachable ::/0 table 254 metric 1024", wire.route().key)
    kernel.update([(foreign, wire.route())])
    assert kernel.observe(lab_name) == NetState.of([*wire.objects, wire.route()])


def test_removing_a_foreign_route_does_not_remove_our_route_in_its_place(kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    kernel.create([*wire.objects, wire.route()])
    kernel.delete([ForeignObject(wire.here, "route unreachable ::/0 table 254 metric 1024", wire.route().key)])
    assert kernel.observe(lab_name) == NetState.of([*wire.objects, wire.route()])
