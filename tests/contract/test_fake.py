"""What only the fake does: it fails on demand, lets a test act between two changes, and is stricter than Linux."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eigw_ns.dataplane.state import NetObject, NetState
from eigw_ns.errors import KernelError
from eigw_ns.kernel.fake.fake_kernel import FakeKernel
from tests.support.small_states import Wire, unknown_sysctls


class Killed(Exception):
    """Stands for the end of the program."""


def test_the_change_of_a_given_number_fails_and_only_it() -> None:
    wire, kernel = Wire("lab"), FakeKernel(unknown=unknown_sysctls())
    kernel.fail_on = 3
    with pytest.raises(KernelError):
        kernel.create(wire.objects)
    assert kernel.writes == 3
    assert kernel.observe("lab").objects.keys() == NetState.of(wire.objects[:2]).objects.keys()
    kernel.create(wire.objects[2:])
    assert kernel.observe("lab") == NetState.of(wire.objects)


def test_every_change_is_shown_before_it_happens() -> None:
    wire, kernel = Wire("lab"), FakeKernel(unknown=unknown_sysctls())
    shown: list[tuple[str, NetObject | str, bool]] = []
    kernel.before = lambda verb, thing: shown.append((verb, thing, "lab" in kernel.labs()))
    kernel.create([wire.left])
    kernel.delete([wire.left])
    kernel.delete([wire.left])
    assert shown == [("create", wire.left, False), ("delete", wire.left, True), ("delete", wire.left, False)]


def test_state_can_change_between_two_changes() -> None:
    wire, kernel = Wire("lab"), FakeKernel(unknown=unknown_sysctls())

    def interfere(_verb: str, thing: NetObject | str) -> None:
        if thing == wire.near:
            kernel.remove_namespace(wire.there)

    kernel.before = interfere
    with pytest.raises(KernelError):
        kernel.create(wire.objects)
    assert kernel.observe("lab") == NetState.of(wire.alone)


def test_a_program_can_be_killed_before_any_change() -> None:
    wire, kernel = Wire("lab"), FakeKernel(unknown=unknown_sysctls())

    def kill(verb: str, thing: NetObject | str) -> None:
        raise Killed

    kernel.create(wire.alone)
    kernel.before = kill
    with pytest.raises(Killed):
        kernel.delete(wire.alone)
    assert kernel.observe("lab") == NetState.of(wire.alone)


def test_only_mtu_state_and_bridge_of_a_link_change_in_place() -> None:
    """Linux can change the MAC too, but then loses the neighbours. So a plan creates the pair again."""
    wire, kernel = Wire("lab"), FakeKernel(unknown=unknown_sysctls())
    kernel.create(wire.objects)
    for wrong in (replace(wire.near, mac="06:00:00:00:00:99"), replace(wire.near, peer=(wire.there, "other"))):
        with pytest.raises(KernelError):
            kernel.update([(wire.near, wrong)])
    with pytest.raises(KernelError):
        kernel.update([(wire.near, wire.far)])
    with pytest.raises(KernelError):
        kernel.update([(wire.left, replace(wire.left, lab="other"))])
    assert kernel.observe("lab") == NetState.of(wire.objects)
