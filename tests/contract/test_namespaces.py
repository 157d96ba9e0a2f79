"""Which namespaces belong to a lab, and what goes with a namespace that we or another program delete."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.dataplane.state import Address, NetObject, NetState, Route
from eigw_ns.errors import ExistsError, ForeignError, MissingError
from eigw_ns.kernel.protocol import Kernel
from tests.support.slowness import SLOWNESS
from tests.support.small_states import LEFT_ID, Fabric, Wire, namespace, rules, sysctls
from tests.support.worlds import World

DEADLINE = 5.0 * SLOWNESS  # seconds; the far ends of a deleted namespace's links go about 15 ms later


def becomes(observed: Callable[[], NetState], wanted: NetState) -> NetState:
    """Observe until the state is as wanted or the deadline has passed, and return the last state."""
    end = time.monotonic() + DEADLINE
    while (state := observed()) != wanted and time.monotonic() < end:
        pass
    return state


def test_a_lab_that_does_not_exist_has_no_objects(kernel: Kernel, lab_name: str) -> None:
    assert kernel.observe(lab_name) == NetState()
    assert lab_name not in kernel.labs()
    assert kernel.foreign([namespace_name(lab_name, LEFT_ID)]) == ()


def test_a_lab_is_listed_while_it_has_a_namespace(kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    kernel.create([wire.left, wire.right])
    assert kernel.labs().count(lab_name) == 1
    kernel.delete([wire.left])
    assert lab_name in kernel.labs()
    kernel.delete([wire.right])
    assert lab_name not in kernel.labs()


def test_labs_are_sorted(kernel: Kernel, lab_name: str) -> None:
    labs = [f"{lab_name}-{name}" for name in ("b", "c", "a")]
    kernel.create([namespace(lab, LEFT_ID) for lab in labs])
    assert [lab for lab in kernel.labs() if lab in labs] == sorted(labs)


def test_a_lab_whose_name_begins_like_another_is_not_the_other(kernel: Kernel, lab_name: str) -> None:
    """The name `eigw-a-b-…` begins like the namespaces of lab `a`, but the mark says `a-b`."""
    short, long = Wire(lab_name), Wire(f"{lab_name}-b")
    kernel.create([*short.everything(), *long.everything()])
    assert kernel.observe(short.left.lab) == NetState.of(short.everything())
    assert kernel.observe(long.left.lab) == NetState.of(long.everything())
    assert {short.left.lab, long.left.lab} <= set(kernel.labs())
    kernel.delete([short.left, short.right])
    assert kernel.observe(short.left.lab) == NetState()
    assert kernel.observe(long.left.lab) == NetState.of(long.everything())


def test_the_mark_decides_the_lab_and_not_the_name(kernel: Kernel, lab_name: str) -> None:
    """The name can be read as lab `a` with the id `b-subnet-…`, or as lab `a-b`."""
    lab = f"{lab_name}-b"
    kernel.create([namespace(lab, LEFT_ID)])
    assert kernel.observe(lab_name) == NetState()
    assert [owner.lab for owner in kernel.observe(lab).namespaces()] == [lab]


def test_a_foreign_namespace_is_listed_as_foreign_and_not_observed(world: World, kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    world.make_foreign(wire.there)
    kernel.create(wire.alone)
    assert kernel.observe(lab_name) == NetState.of(wire.alone)
    nowhere = namespace_name(lab_name, "i-00000000000000009")
    assert kernel.foreign([wire.there, wire.here, nowhere]) == (wire.there,)


def test_foreign_namespaces_are_listed_in_order(world: World, kernel: Kernel, lab_name: str) -> None:
    names = [namespace_name(lab_name, name) for name in ("c", "a", "b")]
    for name in names:
        world.make_foreign(name)
    assert kernel.foreign(names) == tuple(sorted(names))
    assert kernel.foreign(names[:2]) == tuple(sorted(names[:2]))
    assert lab_name not in kernel.labs()


def test_a_foreign_namespace_is_not_created_and_not_removed(world: World, kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    world.make_foreign(wire.here)
    with pytest.raises(ExistsError):
        kernel.create([wire.left])
    with pytest.raises(ForeignError):
        kernel.delete([wire.left])
    assert world.exists(wire.here)
    assert kernel.foreign([wire.here]) == (wire.here,)


def test_a_namespace_goes_with_all_that_is_in_it(world: World, kernel: Kernel, lab_name: str) -> None:
    """The far ends of its links go too, and what was on those."""
    wire = Wire(lab_name)
    there: list[NetObject] = [Route(wire.there, "2001:db8:3::/48", blackhole=True), rules(wire.there)]
    hanging: list[NetObject] = [
        Address(wire.there, "up", "2001:db8:1::2/64"),
        Route(wire.there, "::/0", "up", "fe80::1"),
    ]
    kernel.create([*wire.objects, *there, *hanging])
    kernel.delete([wire.left])
    assert not world.exists(wire.here)
    left = NetState.of([wire.right, sysctls(wire.right), *there])
    assert becomes(lambda: kernel.observe(lab_name), left) == left


def test_a_namespace_that_another_program_removed_is_gone(world: World, kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    kernel.create(wire.everything())
    world.remove_namespace(wire.here)
    left = NetState.of([wire.right, sysctls(wire.right)])
    assert becomes(lambda: kernel.observe(lab_name), left) == left
    kernel.delete(list(reversed(wire.everything())))
    assert kernel.observe(lab_name) == NetState()


def test_a_namespace_that_another_program_removed_can_be_made_again(
    world: World, kernel: Kernel, lab_name: str
) -> None:
    fabric = Fabric(lab_name)
    kernel.create([*fabric.objects, fabric.entry(0), fabric.entry(1)])
    world.remove_namespace(fabric.left.namespace)
    lost = (fabric.left, sysctls(fabric.left), fabric.ports[0], fabric.ends[0])
    left = NetState.of(thing for thing in [*fabric.objects, fabric.entry(1)] if thing not in lost)
    assert becomes(lambda: kernel.observe(lab_name), left) == left
    kernel.create([*lost, fabric.entry(0)])
    assert kernel.observe(lab_name) == NetState.of([*fabric.objects, fabric.entry(0), fabric.entry(1)])


@pytest.mark.parametrize("end", ["near", "far"])
def test_a_pair_goes_whole_whichever_end_is_removed(kernel: Kernel, lab_name: str, end: str) -> None:
    wire = Wire(lab_name)
    kernel.create([*wire.objects, wire.address(), wire.neighbour(), wire.route()])
    kernel.delete([getattr(wire, end)])
    assert kernel.observe(lab_name) == NetState.of(wire.unwired)


@pytest.mark.parametrize("gone", ["near", "far"])
def test_a_pair_goes_whole_although_one_end_waits_for_its_settings(kernel: Kernel, lab_name: str, gone: str) -> None:
    wire = Wire(lab_name)
    kernel.create([*wire.unwired, wire.near])
    kernel.delete([getattr(wire, gone)])
    assert kernel.observe(lab_name) == NetState.of(wire.unwired)


def test_removing_the_namespace_of_an_end_that_waits_removes_the_pair(kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    kernel.create([*wire.unwired, wire.near])
    kernel.delete([wire.right])
    left = NetState.of(wire.alone)
    assert becomes(lambda: kernel.observe(lab_name), left) == left


def test_a_stale_name_prevents_nothing_and_can_be_removed(world: World, kernel: Kernel, lab_name: str) -> None:
    """It is not ours and not foreign. `remove_stale_names` removes it, and never removes a namespace."""
    wire = Wire(lab_name)
    for name in (wire.there, wire.here):
        world.leave_stale_name(name)
    assert [name for name in kernel.stale_names() if name in (wire.here, wire.there)] == sorted([wire.here, wire.there])
    assert kernel.foreign([wire.here, wire.there]) == ()
    assert lab_name not in kernel.labs()
    kernel.create(wire.alone)
    assert wire.here not in kernel.stale_names()
    writes = kernel.writes
    kernel.remove_stale_names([wire.here, wire.there])
    assert kernel.writes > writes
    assert wire.there not in kernel.stale_names()
    assert kernel.observe(lab_name) == NetState.of(wire.alone)
    writes = kernel.writes
    kernel.remove_stale_names([wire.here, wire.there])
    assert kernel.writes == writes


def test_removing_a_bridge_frees_its_ports(kernel: Kernel, lab_name: str) -> None:
    fabric = Fabric(lab_name)
    kernel.create([*fabric.objects, fabric.entry(0)])
    kernel.delete([fabric.bridge])
    free = [replace(port, bridge=None) for port in fabric.ports]
    left = [thing for thing in fabric.unwired if thing != fabric.bridge]
    assert kernel.observe(lab_name) == NetState.of([*left, *free, *fabric.ends])


def test_counters_and_flows_of_a_missing_namespace_are_an_error(kernel: Kernel, lab_name: str) -> None:
    with pytest.raises(MissingError):
        kernel.counters(namespace_name(lab_name, LEFT_ID))
    with pytest.raises(MissingError):
        kernel.flush_flows(namespace_name(lab_name, LEFT_ID), [])


def test_only_changes_count_as_writes(world: World, kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)

    def writes() -> int:
        before = kernel.writes
        kernel.observe(lab_name)
        kernel.labs()
        kernel.foreign([wire.here, wire.there])
        if world.exists(wire.here):
            kernel.counters(wire.here)
        assert kernel.writes == before
        return before

    assert writes() == 0
    kernel.create([])
    kernel.delete([])
    assert writes() == 0
    count = 0
    for thing in (*wire.unwired, rules(wire.here), wire.address()):
        if isinstance(thing, Address):
            kernel.create([wire.near, wire.far])
            assert writes() > count
        count = writes()
        kernel.create([thing])
        assert writes() > count
    kernel.create([wire.route()])
    count = writes()
    kernel.update([(wire.route(), wire.blackhole())])
    assert writes() > count
    count = writes()
    kernel.delete([wire.blackhole()])
    assert writes() > count
    count = writes()
    kernel.delete([wire.left])
    assert writes() > count


def test_the_connection_table_of_a_namespace_has_a_size(kernel: Kernel) -> None:
    assert (kernel.connection_table() or 0) > 0


@pytest.mark.parametrize("drift", ["none", "far namespace", "far link"])
def test_a_part_of_a_lab_is_observed_as_in_the_whole(world: World, kernel: Kernel, lab_name: str, drift: str) -> None:
    """Both ends of a pair prove that it is a pair, also if only one of them is in the part."""
    wire = Wire(lab_name)
    kernel.create(wire.everything())
    if drift == "far namespace":
        world.remove_namespace(wire.there)
        becomes(lambda: NetState.of(each for each in kernel.observe(lab_name) if each.key == wire.near.key), NetState())
    elif drift == "far link":
        world.set_down(wire.far)
    whole = kernel.observe(lab_name)
    for name in (wire.here, wire.there):
        part = NetState.of(thing for thing in whole if thing.namespace == name)
        assert kernel.observe(lab_name, whole, only=[name]) == part
    assert kernel.observe(lab_name, only=[f"eigw-{lab_name}-elsewhere"]) == NetState()
    assert kernel.observe(lab_name, only=[wire.here, wire.there]) == whole
