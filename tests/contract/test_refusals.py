"""Which changes are refused, with which type of error, and that a refused change has no effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from eigw_ns.dataplane.state import (
    Address,
    Fdb,
    Forwarding,
    Link,
    NetObject,
    NetState,
    NftChain,
    RoutingRule,
    Ruleset,
    Sysctls,
)
from eigw_ns.errors import EigwError, ExistsError, KernelError, MissingError
from eigw_ns.kernel.protocol import Kernel
from tests.support.small_states import Fabric, Wire, rules, sysctls
from tests.support.worlds import World

HOMELESS: dict[str, Callable[[Wire], list[NetObject]]] = {
    "sysctls": lambda wire: [sysctls(wire.left)],
    "ruleset": lambda wire: [rules(wire.here)],
    "bridge": lambda wire: [Link(wire.here, "br0", "bridge", "06:00:00:00:00:01")],
    "veth pair": lambda wire: [wire.near, wire.far],
    "address": lambda wire: [wire.address()],
    "address of the loopback": lambda wire: [Address(wire.here, "lo", "3fff::1/128")],
    "neighbour": lambda wire: [wire.neighbour()],
    "fdb": lambda wire: [Fdb(wire.here, "fabric", "06:00:00:00:00:01")],
    "routing rule": lambda wire: [RoutingRule(wire.here, 100, 1, "main")],
    "route": lambda wire: [wire.route()],
    "blackhole": lambda wire: [wire.blackhole()],
    "forwarding": lambda wire: [Forwarding(wire.here)],
}


@pytest.mark.parametrize("kind", HOMELESS)
def test_nothing_is_made_in_a_missing_namespace(kernel: Kernel, lab_name: str, kind: str) -> None:
    with pytest.raises(MissingError):
        kernel.create(HOMELESS[kind](Wire(lab_name)))
    assert lab_name not in kernel.labs()


@pytest.mark.parametrize("end", ["near", "far"])
def test_a_pair_needs_both_its_namespaces(kernel: Kernel, lab_name: str, end: str) -> None:
    wire = Wire(lab_name)
    here: list[NetObject] = [wire.left, sysctls(wire.left)] if end == "near" else [wire.right, sysctls(wire.right)]
    kernel.create(here)
    with pytest.raises(MissingError):
        kernel.create([wire.near, wire.far])
    assert kernel.observe(lab_name) == NetState.of(here)


@pytest.mark.parametrize("first", ["near", "far"])
def test_creating_one_end_creates_the_other_which_waits(kernel: Kernel, lab_name: str, first: str) -> None:
    wire = Wire(lab_name)
    one, two = (wire.near, wire.far) if first == "near" else (wire.far, wire.near)
    kernel.create([*wire.unwired, one])
    waiting = kernel.observe(lab_name).objects[two.key]
    assert isinstance(waiting, Link)
    assert not waiting.up and waiting.peer is None
    assert kernel.observe(lab_name) == NetState.of([*wire.unwired, one, waiting])
    with pytest.raises(ExistsError):
        kernel.create([one])
    kernel.create([two])
    assert kernel.observe(lab_name) == NetState.of(wire.objects)


def test_an_end_names_the_other(kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    kernel.create(wire.unwired)
    with pytest.raises(KernelError):
        kernel.create([replace(wire.near, peer=None)])
    assert kernel.observe(lab_name) == NetState.of(wire.unwired)


def test_either_end_may_come_first_and_the_other_much_later(kernel: Kernel, lab_name: str) -> None:
    """In one `create`, the two ends of a pair need not be next to each other."""
    fabric = Fabric(lab_name)
    kernel.create(fabric.unwired)
    kernel.create([fabric.ends[0], fabric.ports[1], fabric.ports[0], fabric.ends[1]])
    assert kernel.observe(lab_name) == NetState.of(fabric.objects)


LINKLESS: dict[str, Callable[[Wire], NetObject]] = {
    "address": Wire.address,
    "neighbour": Wire.neighbour,
    "route": Wire.route,
    "on-link route": lambda wire: wire.route(via=""),
    "fdb": lambda wire: Fdb(wire.here, "fabric", "06:00:00:00:00:01"),
}


@pytest.mark.parametrize("kind", LINKLESS)
def test_nothing_is_made_on_a_missing_link(kernel: Kernel, lab_name: str, kind: str) -> None:
    wire = Wire(lab_name)
    kernel.create(wire.unwired)
    with pytest.raises(MissingError):
        kernel.create([LINKLESS[kind](wire)])
    assert kernel.observe(lab_name) == NetState.of(wire.unwired)


def test_a_port_needs_its_bridge(kernel: Kernel, lab_name: str) -> None:
    fabric = Fabric(lab_name)
    ground = [thing for thing in fabric.unwired if thing != fabric.bridge]
    kernel.create(ground)
    with pytest.raises(MissingError):
        kernel.create([*fabric.ports, *fabric.ends])


def test_a_link_cannot_join_a_missing_bridge(kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    kernel.create(wire.objects)
    with pytest.raises(MissingError):
        kernel.update([(wire.near, replace(wire.near, bridge="nowhere"))])
    assert kernel.observe(lab_name) == NetState.of(wire.objects)


def test_a_static_entry_needs_a_bridge_port(kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    kernel.create(wire.objects)
    with pytest.raises(EigwError):  # Linux returns EOPNOTSUPP, which is read as a kernel without the feature
        kernel.create([Fdb(wire.here, "fabric", "06:00:00:00:00:01")])
    assert kernel.observe(lab_name) == NetState.of(wire.objects)


@pytest.mark.parametrize("whose", ["port", "bridge"])
def test_a_static_entry_cannot_be_the_bridges_own(kernel: Kernel, lab_name: str, whose: str) -> None:
    """The bridge already has entries for the MAC of each of its ports, and for its own."""
    fabric = Fabric(lab_name)
    kernel.create(fabric.objects)
    mac = fabric.ports[0].mac if whose == "port" else fabric.bridge.mac
    with pytest.raises(KernelError):
        kernel.create([Fdb(fabric.here, fabric.ports[0].name, mac)])
    assert kernel.observe(lab_name) == NetState.of(fabric.objects)


def test_an_address_is_added_once_whatever_its_prefix_length(kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    ground = [*wire.objects, wire.address("2001:db8::1/64")]
    kernel.create(ground)
    with pytest.raises(KernelError):
        kernel.create([wire.address("2001:db8::1/128")])
    assert kernel.observe(lab_name) == NetState.of(ground)


def test_a_next_hop_must_be_on_the_link(kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    far_away = wire.route("2001:db8:2::/48", via="2001:db8:1::2")
    kernel.create(wire.objects)
    with pytest.raises(KernelError):
        kernel.create([far_away])
    ground = [*wire.objects, wire.route("2001:db8:1::2/128", via="")]
    kernel.create([ground[-1], far_away])
    assert kernel.observe(lab_name) == NetState.of([*ground, far_away])


def test_an_interface_has_at_most_15_characters(kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    kernel.create(wire.alone)
    bridge = Link(wire.here, "b" * 15, "bridge", "06:00:00:00:00:01")
    with pytest.raises(KernelError):
        kernel.create([replace(bridge, name="b" * 16)])
    kernel.create([bridge])
    assert kernel.observe(lab_name) == NetState.of([*wire.alone, bridge])


@pytest.mark.parametrize(
    "rule", ['counter name "nothing"', "ip6 saddr @nothing drop", "jump nothing", "ip6 saddr vmap @nothing"]
)
def test_rules_name_only_what_is_in_their_table(kernel: Kernel, lab_name: str, rule: str) -> None:
    wire = Wire(lab_name)
    kernel.create(wire.alone)
    with pytest.raises(KernelError):
        kernel.create([Ruleset(wire.here, "inet", chains=(NftChain("a", "", (rule,)),))])
    assert kernel.observe(lab_name) == NetState.of(wire.alone)


def test_sysctls_of_a_missing_interface_are_refused(kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    kernel.create(wire.alone)
    with pytest.raises(MissingError):
        kernel.create([Sysctls(wire.here, (("net.ipv6.conf.fabric.autoconf", "0"),))])


def test_what_was_made_before_the_refused_one_stays(kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    kernel.create(wire.objects)
    with pytest.raises(MissingError):
        kernel.create([wire.address(), wire.neighbour(), replace(wire.route(), link="nowhere"), Forwarding(wire.here)])
    assert kernel.observe(lab_name) == NetState.of([*wire.objects, wire.address(), wire.neighbour()])


def test_what_was_made_before_in_other_namespaces_stays(kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    kernel.create(wire.objects)
    blackhole = replace(wire.blackhole(), namespace=wire.there)
    with pytest.raises(KernelError):
        kernel.create([blackhole, wire.blackhole(), wire.blackhole()])
    assert kernel.observe(lab_name) == NetState.of([*wire.objects, blackhole, wire.blackhole()])


def test_removing_goes_on_after_an_object_that_is_gone(world: World, kernel: Kernel, lab_name: str) -> None:
    """This holds for each kind, and also if the namespace of the first object is gone."""
    wire, fabric = Wire(f"{lab_name}-a"), Fabric(f"{lab_name}-b")
    both = [replace(wire.route(), namespace=name) for name in (wire.here, fabric.here)]
    things: list[NetObject] = [
        *both,
        *(Forwarding(name) for name in (wire.here, fabric.here)),
        *(rules(name) for name in (wire.here, fabric.here)),
        *(Link(name, "br0", "bridge", fabric.bridge.mac) for name in (wire.here, fabric.here)),
        wire.left,
        fabric.left,
    ]
    kernel.create([*fabric.unwired, rules(fabric.here), Forwarding(fabric.here)])
    kernel.delete(things)
    gone = (fabric.bridge, fabric.left, sysctls(fabric.left))
    assert kernel.observe(fabric.left.lab) == NetState.of(thing for thing in fabric.unwired if thing not in gone)
    assert not world.exists(fabric.left.namespace)
