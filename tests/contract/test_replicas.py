"""What replicas need of a kernel: buckets in maps, and flows that can be taught, deleted and aged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eigw_ns.dataplane.rulesets import fragment_rules, taught_rules
from eigw_ns.dataplane.rulesets.gateway_rules import Replicated, fabric, internet
from eigw_ns.dataplane.state import (
    BUCKETS,
    FAMILY_OF_SIDE,
    GROUP,
    Buckets,
    Forget,
    Kept,
    NetObject,
    NetState,
    NftChain,
    ReplicaMap,
    Ruleset,
    Side,
    Teach,
    bucket_of,
)
from eigw_ns.errors import KernelError, MissingError
from eigw_ns.kernel.protocol import Kernel
from tests.support.counted_datagrams import Talk
from tests.support.small_states import Wire, namespace, sysctls
from tests.support.worlds import World

ONE, TWO, THREE = (f"06:00:00:00:00:0{number}" for number in (1, 2, 3))
NAME = f"{GROUP}00000000000000001"
SIDES: tuple[Side, ...] = tuple(FAMILY_OF_SIDE)


def _ground(lab: str, side: Side) -> tuple[list[NetObject], ReplicaMap, Ruleset]:
    """Return a namespace with rules of the side, the map that they look up, and other rules with the same map."""
    wire = Wire(lab)
    gateway = Replicated("eigw-00000000000000001", ONE, "fabric", 7)
    if side == "fabric":
        rules, other = (fabric(wire.here, [], [gateway], f"2001:db8::{number}") for number in (1, 2))
    else:
        rules, other = (internet(wire.here, [replace(gateway, seed=number)]) for number in (7, 9))
    group = ReplicaMap(wire.here, side, NAME, ((0, 419, ONE), (420, 839, TWO)))
    return [*wire.objects, rules], group, other


@pytest.mark.parametrize("side", SIDES)
def test_a_group_is_made_changed_and_removed(kernel: Kernel, lab_name: str, side: Side) -> None:
    ground, group, _ = _ground(lab_name, side)
    kernel.create(ground)
    assert kernel.group(group) is None
    assert kernel.observe(lab_name) == NetState.of(ground)
    kernel.create([group])
    assert kernel.group(group) == group
    assert kernel.observe(lab_name) == NetState.of([*ground, group])
    shares = ((0, 0, THREE), (1, 279, ONE), (280, 511, TWO), (512, 512, ONE), (513, 839, THREE))
    for other in (replace(group, shares=((0, 839, TWO),)), replace(group, shares=shares), group):
        kernel.update([(group, other)])
        assert kernel.group(group) == other
        assert kernel.observe(lab_name) == NetState.of([*ground, other])
    kernel.delete([group])
    kernel.delete([group])
    assert kernel.group(group) is None
    assert kernel.observe(lab_name) == NetState.of(ground)


@pytest.mark.parametrize("side", SIDES)
def test_a_group_stays_while_its_rules_change(kernel: Kernel, lab_name: str, side: Side) -> None:
    ground, group, other = _ground(lab_name, side)
    kernel.create([*ground, group])
    rules = ground[-1]
    kernel.update([(rules, other)])
    assert kernel.observe(lab_name) == NetState.of([*ground[:-1], other, group])
    kernel.update([(other, rules)])
    assert kernel.observe(lab_name) == NetState.of([*ground, group])


def test_a_group_of_a_missing_namespace_cannot_be_read_or_changed(kernel: Kernel, lab_name: str) -> None:
    _, group, _ = _ground(lab_name, "fabric")
    assert not kernel.exists(group.namespace)
    with pytest.raises(MissingError):
        kernel.group(group)
    with pytest.raises(KernelError):
        kernel.update([(group, group)])
    kernel.delete([group])


def test_a_namespace_exists_if_it_is_foreign_too(world: World, kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    assert not kernel.exists(wire.here)
    world.make_foreign(wire.here)
    assert kernel.exists(wire.here)
    world.remove_namespace(wire.here)
    assert not kernel.exists(wire.here)


ALL: Buckets = ((0, BUCKETS - 1),)
EVERYTHING: Kept = (("::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),)
TRACKING = NftChain("pre", "type filter hook prerouting priority filter; policy accept;", ("ct state new accept",))


class Remembered:
    """A subnet whose conntrack has four UDP flows to one destination, and a gateway that can be taught them."""

    def __init__(self, world: World, lab: str) -> None:
        self.talk = Talk(lab)
        gateway = namespace(lab, "eigw-00000000000000004")
        self.gateway, self.subnet = gateway.namespace, self.talk.wire.there
        needed = (*taught_rules.sets(1000), fragment_rules.PEERS_SET)
        sets = tuple(sorted(needed, key=lambda item: item.name))
        self.rules = Ruleset(self.gateway, "inet", sets=sets, chains=(TRACKING,))
        world.kernel.create([*self.talk.objects, gateway, sysctls(gateway), self.rules])
        self.talk.all_sources_send(world)
        self.flows = set(world.kernel.flows(self.subnet))

    def lesson(self, buckets: Buckets = ALL, keep: Kept = EVERYTHING) -> Teach:
        return Teach(self.gateway, 7, buckets, (self.subnet, "eigw-nowhere"), keep, 1000)


def test_flows_are_listed_with_their_ends(world: World, kernel: Kernel, lab_name: str) -> None:
    made = Remembered(world, lab_name)
    found = kernel.flows(made.subnet)
    assert {(flow.source, flow.destination) for flow in found} == {
        (each, made.talk.destination) for each in made.talk.sources
    }
    assert {(flow.protocol, flow.ports) for flow in found} == {(17, (7, 7))}
    assert list(kernel.flows(made.gateway)) == []
    with pytest.raises(MissingError):
        kernel.flows("eigw-nowhere")


def test_a_gateway_is_taught_the_flows_of_a_subnet(world: World, kernel: Kernel, lab_name: str) -> None:
    """Teaching twice changes nothing. A missing subnet has no flows. The gateway's connection table stays empty."""
    made = Remembered(world, lab_name)
    assert list(kernel.taught(made.gateway)) == []
    assert kernel.teach([made.lesson()]) == 4
    assert set(kernel.taught(made.gateway)) == made.flows
    kernel.teach([made.lesson()])
    assert set(kernel.taught(made.gateway)) == made.flows
    assert list(kernel.flows(made.gateway)) == []
    assert list(kernel.taught(made.subnet)) == []


def test_a_gateway_is_taught_only_kept_flows_of_its_buckets(world: World, kernel: Kernel, lab_name: str) -> None:
    made = Remembered(world, lab_name)
    buckets = {bucket_of(flow, 7): flow for flow in made.flows}
    (first, flow), *others = sorted(buckets.items())
    assert kernel.teach([made.lesson(((0, first),))]) == 1
    assert list(kernel.taught(made.gateway)) == [flow]
    assert kernel.teach([made.lesson(keep=((f"{others[0][1].source}/128", "::", made.talk.destination),))]) == 1
    assert set(kernel.taught(made.gateway)) == {flow, others[0][1]}
    assert kernel.teach([made.lesson(keep=(("::/0", "::", "2001:db8:1::9"),))]) == 0


def test_several_gateways_are_taught_at_once(world: World, kernel: Kernel, lab_name: str) -> None:
    """Each flow is taught to exactly one gateway, by its bucket."""
    made = Remembered(world, lab_name)
    other = namespace(lab_name, "eigw-00000000000000004.2")
    kernel.create([other, sysctls(other), replace(made.rules, namespace=other.namespace)])
    middle = sorted(bucket_of(flow, 7) for flow in made.flows)[1]
    lessons = [
        made.lesson(((0, middle),)),
        replace(made.lesson(((middle + 1, BUCKETS - 1),)), namespace=other.namespace),
    ]
    assert kernel.teach(lessons) == 4
    told = [set(kernel.taught(name)) for name in (made.gateway, other.namespace)]
    assert [len(each) for each in told] == [2, 2]
    assert told[0] | told[1] == made.flows


def test_only_a_gateway_with_the_set_can_be_taught(world: World, kernel: Kernel, lab_name: str) -> None:
    made = Remembered(world, lab_name)
    for name in (made.subnet, "eigw-nowhere"):
        with pytest.raises(MissingError):
            kernel.teach([replace(made.lesson(), namespace=name)])


def test_taught_flows_are_flushed_like_others(world: World, kernel: Kernel, lab_name: str) -> None:
    made = Remembered(world, lab_name)
    kernel.teach([made.lesson()])
    one, two, three, four = sorted(made.talk.sources)
    assert kernel.flush_flows(made.gateway, None, [one]) == 1
    assert {flow.source for flow in kernel.taught(made.gateway)} == {two, three, four}
    assert kernel.flush_flows(made.gateway, None, gone=[(f"{two}/128", "::", made.talk.destination)]) == 1
    assert {flow.source for flow in kernel.taught(made.gateway)} == {three, four}
    assert kernel.flush_flows(made.gateway, [(f"{four}/128", "::", made.talk.destination)]) == 1
    assert {flow.source for flow in kernel.taught(made.gateway)} == {four}
    assert len(kernel.flows(made.subnet)) == 4


def test_flows_that_no_subnet_has_leave_the_set(world: World, kernel: Kernel, lab_name: str) -> None:
    made = Remembered(world, lab_name)
    assert kernel.age([made.lesson()]) == 0
    kernel.teach([made.lesson()])
    assert kernel.age([made.lesson(()), replace(made.lesson(), namespace="eigw-nowhere")]) == 0
    kernel.flush_flows(made.subnet, None, [made.talk.sources[0]])
    assert kernel.age([made.lesson()]) == 1
    assert set(kernel.taught(made.gateway)) == set(kernel.flows(made.subnet))


def test_flows_of_given_buckets_are_forgotten(world: World, kernel: Kernel, lab_name: str) -> None:
    made = Remembered(world, lab_name)
    first, *others = sorted(bucket_of(flow, 7) for flow in made.flows)
    writes = kernel.writes
    assert kernel.forget(Forget(made.gateway, 7, ALL)) == 0
    assert kernel.writes == writes
    assert kernel.forget(Forget(made.subnet, 7, ((first, first),))) == 1
    assert sorted(bucket_of(flow, 7) for flow in kernel.flows(made.subnet)) == others
    with pytest.raises(MissingError):
        kernel.forget(Forget("eigw-nowhere", 7, ALL))
