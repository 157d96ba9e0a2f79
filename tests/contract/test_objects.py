"""Every kind of object: created, observed exactly as created, deleted, and deleted again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import pytest

from eigw_ns.dataplane.state import (
    Address,
    Forwarding,
    NetObject,
    NetState,
    NftChain,
    NftSet,
    RoutingRule,
)
from eigw_ns.errors import ExistsError
from eigw_ns.kernel.protocol import Kernel
from tests.support.small_states import Fabric, Wire, bridge_rules, rules, sysctls


@dataclass(frozen=True)
class Case:
    """Objects of one kind, `made` on the `ground` that they need."""

    ground: list[NetObject]
    made: list[NetObject]


def _wire(lab: str, *made: Callable[[Wire], NetObject]) -> Case:
    wire = Wire(lab)
    return Case(wire.objects, [make(wire) for make in made])


def _pair(lab: str) -> Case:
    wire = Wire(lab)
    return Case(wire.unwired, [wire.near, wire.far])


def _bridge(lab: str) -> Case:
    fabric = Fabric(lab)
    return Case([fabric.fabric, sysctls(fabric.fabric)], [fabric.bridge])


def _ports(lab: str) -> Case:
    fabric = Fabric(lab)
    return Case(fabric.unwired, [*fabric.ports, *fabric.ends])


def _fdb(lab: str) -> Case:
    fabric = Fabric(lab)
    return Case(fabric.objects, [fabric.entry(0), fabric.entry(1)])


def _large_sets(lab: str) -> Case:
    """Return sets of more than one netlink page of elements, with adjacent elements that must not be merged."""
    wire = Wire(lab)
    subnets = tuple(sorted((f"2001:db8:{number:x}::/48", "") for number in range(1, 600)))
    hosts = tuple(sorted((f"2001:db8::{number:x}", "accept") for number in range(1, 600)))
    sets = (NftSet("hosts", "ipv6_addr", hosts, "verdict"), NftSet("subnets", "ipv6_addr", subnets, interval=True))
    return Case(wire.alone, [rules(wire.here, sets=sets, chains=(NftChain("unused"),))])


CASES: dict[str, Callable[[str], Case]] = {
    "namespace": lambda lab: Case([], Wire(lab).alone),
    "veth pair in two namespaces": _pair,
    "bridge": _bridge,
    "bridge ports": _ports,
    "static fdb": _fdb,
    "addresses": lambda lab: _wire(
        lab,
        lambda wire: wire.address("2001:db8:1::1/64"),
        lambda wire: wire.address("2001:db8:1::2/128"),
        lambda wire: wire.address("fe80::1/64"),
        lambda wire: Address(wire.here, "lo", "3fff:fff:ffff::1/128"),
    ),
    "permanent neighbour": lambda lab: _wire(lab, lambda wire: wire.neighbour()),
    "default route": lambda lab: _wire(lab, lambda wire: wire.route()),
    "on-link route": lambda lab: _wire(lab, lambda wire: wire.route("2001:db8:1::5/128", via="")),
    "route by a global next hop": lambda lab: _wire(
        lab, Wire.address, lambda wire: wire.route("2001:db8:2::/48", via="2001:db8:1::2")
    ),
    "blackhole route": lambda lab: _wire(lab, lambda wire: wire.blackhole("2001:db8:2::/48")),
    "routes by source": lambda lab: _wire(
        lab,
        lambda wire: wire.route("2001:db8:2::/48", source="2001:db8:a::/48"),
        lambda wire: wire.route("2001:db8:2::/48", source="2000::/3", via="fe80::2"),
    ),
    "routes of two metrics": lambda lab: _wire(
        lab, lambda wire: wire.route(), lambda wire: replace(wire.blackhole(), metric=2048)
    ),
    "routing rules": lambda lab: _wire(
        lab,
        lambda wire: RoutingRule(wire.here, 100, 0x1, "main"),
        lambda wire: RoutingRule(wire.here, 200, 0, "blackhole"),
    ),
    "ruleset inet": lambda lab: _wire(lab, lambda wire: rules(wire.here)),
    "ruleset bridge": lambda lab: _wire(lab, lambda wire: bridge_rules(wire.here)),
    "rulesets of both families": lambda lab: _wire(
        lab, lambda wire: rules(wire.here), lambda wire: bridge_rules(wire.here)
    ),
    "ruleset of empty sets": lambda lab: _wire(
        lab,
        lambda wire: rules(
            wire.here,
            sets=(NftSet("a", "ipv6_addr", interval=True), NftSet("b", "ipv6_addr", data_type="verdict")),
            chains=(),
        ),
    ),
    "ruleset of large sets": _large_sets,
    "forwarding": lambda lab: _wire(lab, lambda wire: Forwarding(wire.here)),
    "all of it": lambda lab: Case([], Wire(lab).everything()),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, lab_name: str) -> Case:
    return CASES[request.param](lab_name)


def backwards(things: Iterable[NetObject]) -> list[NetObject]:
    return list(reversed(list(things)))


def test_what_is_created_is_observed_and_nothing_else(kernel: Kernel, lab_name: str, case: Case) -> None:
    kernel.create(case.ground)
    kernel.create(case.made)
    assert kernel.observe(lab_name) == NetState.of([*case.ground, *case.made])


def test_what_is_removed_is_gone_and_all_else_stays(kernel: Kernel, lab_name: str, case: Case) -> None:
    kernel.create([*case.ground, *case.made])
    kernel.delete(backwards(case.made))
    assert kernel.observe(lab_name) == NetState.of(case.ground)


def test_an_object_can_be_removed_twice_and_made_again(kernel: Kernel, lab_name: str, case: Case) -> None:
    kernel.create([*case.ground, *case.made])
    kernel.delete(backwards(case.made))
    kernel.delete(backwards(case.made))
    kernel.create(case.made)
    assert kernel.observe(lab_name) == NetState.of([*case.ground, *case.made])


def test_removing_from_a_missing_namespace_changes_nothing(kernel: Kernel, lab_name: str, case: Case) -> None:
    kernel.delete(backwards([*case.ground, *case.made]))
    assert kernel.observe(lab_name) == NetState()


@pytest.mark.parametrize("case", [name for name in CASES if name != "forwarding"], indirect=True)
def test_creating_what_exists_is_an_error(kernel: Kernel, lab_name: str, case: Case) -> None:
    """Forwarding is the exception: it is a switch, which may be switched on again."""
    kernel.create([*case.ground, *case.made])
    with pytest.raises(ExistsError):
        kernel.create(case.made)
    assert kernel.observe(lab_name) == NetState.of([*case.ground, *case.made])
