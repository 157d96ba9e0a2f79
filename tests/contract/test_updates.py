"""Changes in place: the object stays, its value changes, and no observer sees a half-made change."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from eigw_ns.dataplane.state import (
    Forwarding,
    NetObject,
    NetState,
    NftChain,
    NftSet,
    Ruleset,
    Sysctls,
    sysctl_keys,
)
from eigw_ns.errors import KernelError, MissingError
from eigw_ns.kernel.protocol import Kernel
from tests.support.small_states import Fabric, Wire, bridge_rules, namespace, rules, sysctls, unknown_sysctls
from tests.support.worlds import World


def check_update(kernel: Kernel, lab: str, ground: list[NetObject], *values: NetObject) -> None:
    """Create the first value, change it to each of the others, and check that nothing else has changed."""
    kernel.create([*ground, values[0]])
    for old, new in pairwise(values):
        kernel.update([(old, new)])
        assert kernel.observe(lab) == NetState.of([*ground, new])


def test_a_route_becomes_a_blackhole_and_comes_back(kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    check_update(kernel, lab_name, wire.objects, wire.route(), wire.blackhole(), wire.route())


def test_a_route_changes_its_next_hop(kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    check_update(
        kernel, lab_name, wire.objects, wire.route(), wire.route(via="fe80::2"), wire.route(via=""), wire.route()
    )


def test_a_route_changes_the_source_that_it_prefers(kernel: Kernel, lab_name: str) -> None:
    """Only an address of the namespace can be preferred."""
    wire = Wire(lab_name)
    plain, one, other = wire.route(), "2001:db8:1::1", "2001:db8:1::3"
    ground = [*wire.objects, wire.address(f"{one}/64"), wire.address(f"{other}/128")]
    check_update(kernel, lab_name, ground, plain, replace(plain, preferred=one), replace(plain, preferred=other), plain)
    with pytest.raises(KernelError):
        kernel.update([(plain, replace(plain, preferred="2001:db8:1::9"))])


def test_a_route_by_source_changes_alone(kernel: Kernel, lab_name: str) -> None:
    """Routes to the same destination with another source, or with none, stay."""
    wire = Wire(lab_name)
    prefix, source = "2001:db8:2::/48", "2001:db8:a::/48"
    ground = [*wire.objects, wire.route(prefix, source="2000::/3"), wire.route(prefix)]
    old = wire.route(prefix, source=source)
    check_update(
        kernel, lab_name, ground, old, replace(old, via="fe80::2"), replace(old, via="", link="", blackhole=True), old
    )


def test_a_neighbour_changes_its_mac(kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    check_update(kernel, lab_name, wire.objects, wire.neighbour(), wire.neighbour("06:00:00:00:00:02"))


def test_a_static_entry_moves_to_another_port(kernel: Kernel, lab_name: str) -> None:
    fabric = Fabric(lab_name)
    old = replace(fabric.entry(0), mac="06:00:00:00:00:09")
    check_update(kernel, lab_name, fabric.objects, old, replace(old, link=fabric.ports[1].name), old)


def test_sysctls_are_observed_at_once_and_change(kernel: Kernel, lab_name: str) -> None:
    """The sysctls of `sysctl_keys` are observed in its order. Those of conntrack exist once a rule has loaded it."""
    gateway = namespace(lab_name, "eigw-00000000000000001")
    ground: list[NetObject] = [gateway, rules(gateway.namespace)]
    zero, one = sysctls(gateway), sysctls(gateway, "1")
    kernel.create(ground)
    born = kernel.observe(lab_name).objects["sysctls", gateway.namespace]
    assert isinstance(born, Sysctls)
    assert [*dict(born.values)] == [key for key in sysctl_keys(gateway.id) if key not in unknown_sysctls()]
    kernel.create([one])
    assert kernel.observe(lab_name) == NetState.of([*ground, one])
    kernel.update([(one, zero)])
    assert kernel.observe(lab_name) == NetState.of([*ground, zero])
    kernel.update([(zero, one)])
    assert kernel.observe(lab_name) == NetState.of([*ground, one])


def test_a_link_changes_its_mtu(kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    kernel.create(wire.everything())
    new = replace(wire.near, mtu=1300)
    kernel.update([(wire.near, new)])
    assert kernel.observe(lab_name) == NetState.of([*wire.everything(), new])


def test_a_port_leaves_its_bridge_and_loses_its_entries(kernel: Kernel, lab_name: str) -> None:
    fabric = Fabric(lab_name)
    kernel.create([*fabric.objects, fabric.entry(0), fabric.entry(1)])
    free = replace(fabric.ports[0], bridge=None)
    kernel.update([(fabric.ports[0], free)])
    assert kernel.observe(lab_name) == NetState.of([*fabric.objects, free, fabric.entry(1)])
    kernel.update([(free, fabric.ports[0])])
    assert kernel.observe(lab_name) == NetState.of([*fabric.objects, fabric.entry(1)])


def test_a_bridge_has_the_smallest_mtu_of_its_ports(kernel: Kernel, lab_name: str) -> None:
    """A plan that wants another MTU would never be complete."""
    fabric = Fabric(lab_name)
    kernel.create(fabric.objects)
    small = replace(fabric.ports[0], mtu=1300)
    kernel.update([(fabric.ports[0], small)])
    assert kernel.observe(lab_name) == NetState.of([*fabric.objects, small, replace(fabric.bridge, mtu=1300)])
    kernel.delete([small])
    left = NetState.of([*fabric.unwired, fabric.ports[1], fabric.ends[1]])
    assert kernel.observe(lab_name) == left


def test_a_link_that_went_down_has_lost_its_layer_3_and_comes_up_again(
    world: World, kernel: Kernel, lab_name: str
) -> None:
    wire = Wire(lab_name)
    ground = wire.objects
    kernel.create([*ground, wire.address(), wire.neighbour(), wire.route(), wire.blackhole("2001:db8:3::/48")])
    world.set_down(wire.near)
    down = replace(wire.near, up=False)
    assert kernel.observe(lab_name) == NetState.of([*ground, down, wire.blackhole("2001:db8:3::/48")])
    with pytest.raises(KernelError):
        kernel.create([wire.route()])
    kernel.update([(down, wire.near)])
    kernel.create([wire.route()])
    assert kernel.observe(lab_name) == NetState.of([*ground, wire.route(), wire.blackhole("2001:db8:3::/48")])


def test_a_loopback_that_went_down_comes_up_again(world: World, kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    kernel.create(wire.alone)
    world.set_down(wire.left)
    down = replace(wire.left, loopback_up=False)
    assert kernel.observe(lab_name) == NetState.of([*wire.alone, down])
    kernel.update([(down, wire.left)])
    assert kernel.observe(lab_name) == NetState.of(wire.alone)


def test_forwarding_is_a_switch(kernel: Kernel, lab_name: str) -> None:
    """A new namespace has forwarding off. This is not observed as an object."""
    wire = Wire(lab_name)
    on, off = Forwarding(wire.here), Forwarding(wire.here, enabled=False)
    kernel.create([*wire.alone, on, on])
    assert kernel.observe(lab_name) == NetState.of([*wire.alone, on])
    kernel.update([(on, off)])
    assert kernel.observe(lab_name) == NetState.of(wire.alone)
    kernel.create([on])
    assert kernel.observe(lab_name) == NetState.of([*wire.alone, on])
    kernel.create([off])
    assert kernel.observe(lab_name) == NetState.of(wire.alone)


INPUT = "type filter hook input priority filter; policy accept;"
FORWARD = "type filter hook forward priority filter; policy drop;"


def _rulesets(inside: str) -> dict[str, tuple[Ruleset, Ruleset]]:
    """Return pairs of rulesets. Each is changed from the first to the second and back."""
    full = rules(inside)
    bare = Ruleset(inside, "inet")
    by_map = rules(inside, sets=full.sets[1:2], chains=(NftChain("fresh", "", ("accept",)),), counters=())
    by_jump = Ruleset(inside, "inet", chains=(NftChain("a", "", ("accept",)), NftChain("b", FORWARD, ("jump a",))))
    grown = NftSet("hosts", "ipv6_addr", (("2001:db8::1", ""), ("2001:db8::3", ""), ("2001:db8::4", "")))
    return {
        "from nothing": (bare, full),
        "elements": (full, replace(full, sets=(grown, *full.sets[1:]))),
        "counters": (full, replace(full, counters=("another", *full.counters))),
        "a map that jumps": (by_map, bare),
        "a chain that is jumped to": (by_jump, replace(by_jump, chains=(NftChain("b", FORWARD, ("drop",)),))),
        "the order of rules": (
            Ruleset(inside, "inet", chains=(NftChain("a", INPUT, ("accept", "drop")),)),
            Ruleset(inside, "inet", chains=(NftChain("a", INPUT, ("drop", "accept")),)),
        ),
        "a policy": (
            Ruleset(inside, "inet", chains=(NftChain("a", INPUT, ("accept",)),)),
            Ruleset(inside, "inet", chains=(NftChain("a", INPUT.replace("accept", "drop"), ("accept",)),)),
        ),
        "a hook": (
            Ruleset(inside, "inet", chains=(NftChain("a", INPUT, ("accept",)),)),
            Ruleset(inside, "inet", chains=(NftChain("a", FORWARD, ("accept",)),)),
        ),
        "a hook of a chain that jumps": (
            by_jump,
            replace(by_jump, chains=(by_jump.chains[0], NftChain("b", INPUT, ("jump a",)))),
        ),
        "a base chain becomes a plain one": (
            Ruleset(inside, "inet", chains=(NftChain("a", INPUT, ("accept",)),)),
            Ruleset(inside, "inet", chains=(NftChain("a", "", ("accept",)),)),
        ),
        "a set becomes a map": (
            rules(inside, sets=(NftSet("s", "ipv6_addr", (("2001:db8::1", ""),)),), chains=()),
            rules(inside, sets=(NftSet("s", "ipv6_addr", (("2001:db8::1", "drop"),), "verdict"),), chains=()),
        ),
        "a set becomes one of intervals": (
            rules(inside, sets=(NftSet("s", "ipv6_addr", (("2001:db8::1", ""),)),), chains=()),
            rules(inside, sets=(NftSet("s", "ipv6_addr", (("2001:db8::/64", ""),), interval=True),), chains=()),
        ),
        "the other family": (bridge_rules(inside), replace(bridge_rules(inside), sets=(), chains=())),
    }


@pytest.mark.parametrize("change", _rulesets(""))
def test_a_ruleset_changes(kernel: Kernel, lab_name: str, change: str) -> None:
    wire = Wire(lab_name)
    first, second = _rulesets(wire.here)[change]
    check_update(kernel, lab_name, wire.alone, first, second, first)


def test_a_ruleset_that_is_refused_changes_nothing(kernel: Kernel, lab_name: str) -> None:
    """A change of rules is one transaction."""
    wire = Wire(lab_name)
    old = rules(wire.here)
    kernel.create([*wire.alone, old])
    new = rules(wire.here, counters=("other",), sets=(), chains=(NftChain("forward", FORWARD, ("jump nowhere",)),))
    with pytest.raises(KernelError):
        kernel.update([(old, new)])
    assert kernel.observe(lab_name) == NetState.of([*wire.alone, old])


def _missing(wire: Wire) -> dict[str, tuple[NetObject, NetObject]]:
    return {
        "link": (wire.near, replace(wire.near, mtu=1300)),
        "route": (wire.route(), wire.blackhole()),
        "route by link": (wire.route(), wire.route(via="fe80::2")),
        "neighbour": (wire.neighbour(), wire.neighbour("06:00:00:00:00:02")),
        "ruleset": (rules(wire.here), rules(wire.here, chains=())),
    }


@pytest.mark.parametrize("kind", _missing(Wire("")))
def test_a_missing_object_cannot_change(kernel: Kernel, lab_name: str, kind: str) -> None:
    wire = Wire(lab_name)
    ground: list[NetObject] = wire.unwired if kind == "link" else wire.objects
    kernel.create(ground)
    with pytest.raises(KernelError):
        kernel.update([_missing(wire)[kind]])
    assert kernel.observe(lab_name) == NetState.of(ground)


def test_a_missing_static_entry_cannot_move(kernel: Kernel, lab_name: str) -> None:
    fabric = Fabric(lab_name)
    kernel.create(fabric.objects)
    with pytest.raises(MissingError):
        kernel.update([(fabric.entry(0), replace(fabric.entry(0), link=fabric.ports[1].name))])
    assert kernel.observe(lab_name) == NetState.of(fabric.objects)


def _anything(wire: Wire) -> dict[str, tuple[NetObject, NetObject]]:
    key = "net.ipv4.ip_forward"
    return {
        **_missing(wire),
        "namespace": (replace(wire.left, loopback_up=False), wire.left),
        "sysctls": (
            Sysctls(wire.here, ((key, "1"),)),
            Sysctls(wire.here, ((key, "0"),)),
        ),
        "forwarding": (Forwarding(wire.here), Forwarding(wire.here, enabled=False)),
    }


@pytest.mark.parametrize("kind", _anything(Wire("")))
def test_nothing_changes_in_a_missing_namespace(kernel: Kernel, lab_name: str, kind: str) -> None:
    with pytest.raises(MissingError):
        kernel.update([_anything(Wire(lab_name))[kind]])
    assert lab_name not in kernel.labs()


def test_an_update_changes_only_the_namespace_that_it_names(kernel: Kernel, lab_name: str) -> None:
    """Of two equal routers, the other one keeps its route."""
    wire = Wire(lab_name)
    other = replace(wire.route(), namespace=wire.there, link="up")
    kernel.create([*wire.objects, wire.route(), other])
    kernel.update([(wire.route(), wire.blackhole())])
    assert kernel.observe(lab_name) == NetState.of([*wire.objects, wire.blackhole(), other])


def test_changes_before_the_failing_one_stay_done(kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    kernel.create(wire.objects)
    small = replace(wire.near, mtu=1400)
    with pytest.raises(KernelError):
        kernel.update([(wire.near, small), _missing(wire)["route"], (small, wire.near)])
    assert small in list(kernel.observe(lab_name))
