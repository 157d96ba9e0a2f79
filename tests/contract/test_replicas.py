"""What a gateway's replicas need of a kernel: groups in maps, flows that are learnt and loosened, and conntrackd."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from eigw_ns.dataplane import sync
from eigw_ns.dataplane.rules import Replicated, fabric, internet
from eigw_ns.dataplane.state import GROUP, Address, Daemon, Family, Link, NetObject, NetState, NextHopGroup, Ruleset
from eigw_ns.errors import KernelError, MissingError
from eigw_ns.kernel import daemons, process
from eigw_ns.kernel.fake import FakeKernel
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.kernel.protocol import Kernel
from tests.contract.conftest import World
from tests.contract.samples import Fabric, Wire, namespace, sysctls, veth
from tests.contract.test_traffic import Talk
from tests.labs import until

ONE, TWO, THREE = (f"06:00:00:00:00:0{number}" for number in (1, 2, 3))
NAME = f"{GROUP}00000000000000001"
FAMILIES: tuple[Family, ...] = ("bridge", "netdev")


def _ground(lab: str, family: Family) -> tuple[list[NetObject], NextHopGroup, Ruleset]:
    """A namespace with the rules of that family, the group that they look in, and other rules with the same group."""
    wire = Wire(lab)
    gateway = Replicated("eigw-00000000000000001", ONE, "fabric", 7)
    if family == "bridge":
        rules, other = (fabric(wire.here, [], [gateway], f"2001:db8::{number}") for number in (1, 2))
    else:
        rules, other = (internet(wire.here, [replace(gateway, seed=number)]) for number in (7, 9))
    group = NextHopGroup(wire.here, family, NAME, ((0, 419, ONE), (420, 839, TWO)))
    return [*wire.objects, rules], group, other


@pytest.mark.parametrize("family", FAMILIES)
def test_a_group_is_made_changed_and_removed(kernel: Kernel, lab_name: str, family: Family) -> None:
    ground, group, _ = _ground(lab_name, family)
    kernel.create(ground)
    assert kernel.group(group) is None
    assert kernel.observe(lab_name) == NetState.of(ground)
    kernel.create([group])
    assert kernel.group(group) == group
    assert kernel.observe(lab_name) == NetState.of([*ground, group])
    shares = ((0, 0, THREE), (1, 279, ONE), (280, 511, TWO), (512, 512, ONE), (513, 839, THREE))
    for other in (replace(group, shares=((0, 839, TWO),)), replace(group, shares=shares), group):
        kernel.update(group, other)
        assert kernel.group(group) == other
        assert kernel.observe(lab_name) == NetState.of([*ground, other])
    kernel.delete([group])
    kernel.delete([group])
    assert kernel.group(group) is None
    assert kernel.observe(lab_name) == NetState.of(ground)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_group_stays_while_its_rules_change(kernel: Kernel, lab_name: str, family: Family) -> None:
    ground, group, other = _ground(lab_name, family)
    kernel.create([*ground, group])
    rules = ground[-1]
    kernel.update(rules, other)
    assert kernel.observe(lab_name) == NetState.of([*ground[:-1], other, group])
    kernel.update(other, rules)
    assert kernel.observe(lab_name) == NetState.of([*ground, group])


def test_a_group_of_a_namespace_that_is_gone(kernel: Kernel, lab_name: str) -> None:
    _, group, _ = _ground(lab_name, "bridge")
    assert not kernel.exists(group.namespace)
    with pytest.raises(MissingError):
        kernel.group(group)
    with pytest.raises(KernelError):
        kernel.update(group, group)
    kernel.delete([group])


def test_a_namespace_exists_whosever_it_is(world: World, kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    assert not kernel.exists(wire.here)
    world.make_foreign(wire.here)
    assert kernel.exists(wire.here)
    world.remove_namespace(wire.here)
    assert not kernel.exists(wire.here)


def test_a_port_floods_where_it_is_to(kernel: Kernel, lab_name: str) -> None:
    made = Fabric(lab_name)
    ports: list[Link] = [replace(port, flood=True) for port in made.ports]
    kernel.create([*made.unwired, *ports, *made.ends])
    assert kernel.observe(lab_name) == NetState.of([*made.unwired, *ports, *made.ends])
    kernel.update(ports[0], made.ports[0])
    assert kernel.observe(lab_name) == NetState.of([*made.unwired, made.ports[0], ports[1], *made.ends])


def _flows(world: World, kernel: Kernel, lab: str) -> tuple[Talk, str]:
    """A namespace that knows four flows, and another that tracks flows and knows none of these."""
    talk = Talk(lab)
    other = namespace(lab, "eigw-00000000000000004")
    kernel.create([*talk.objects, other, sysctls(other), replace(talk.rules, namespace=other.namespace)])
    talk.all_sources_send(world)
    return talk, other.namespace


def test_flows_are_told_by_their_ends(world: World, kernel: Kernel, lab_name: str) -> None:
    talk, other = _flows(world, kernel, lab_name)
    found = kernel.flows(talk.wire.there)
    assert {(flow.source, flow.destination) for flow in found} == {(each, talk.destination) for each in talk.sources}
    assert {(flow.protocol, flow.ports) for flow in found} == {(17, (7, 7))}
    assert list(kernel.flows(other)) == []
    with pytest.raises(MissingError):
        kernel.flows("eigw-nowhere")


def test_flows_of_others_are_learnt(world: World, kernel: Kernel, lab_name: str) -> None:
    """`anew` means that what nobody tells is forgotten; else it stays."""
    talk, other = _flows(world, kernel, lab_name)
    kernel.learn(other, [talk.wire.there], anew=False)
    assert set(kernel.flows(other)) == set(kernel.flows(talk.wire.there))
    kernel.flush_flows(talk.wire.there, None, [talk.sources[0]])
    kernel.learn(other, [talk.wire.there], anew=False)
    assert len(kernel.flows(other)) == len(talk.sources)
    kernel.learn(other, [talk.wire.there], anew=True)
    assert set(kernel.flows(other)) == set(kernel.flows(talk.wire.there))
    with pytest.raises(MissingError):
        kernel.learn(other, ["eigw-nowhere"], anew=False)


def test_loosening_nothing_writes_nothing(kernel: Kernel, lab_name: str) -> None:
    wire = Wire(lab_name)
    kernel.create(wire.alone)
    writes = kernel.writes
    kernel.loosen(wire.here, [])
    assert kernel.writes == writes


# ---- conntrackd ------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["fake", pytest.param("linux", marks=pytest.mark.root)])
def supervisor(request: pytest.FixtureRequest, tmp_path: Path) -> Kernel:
    """Each kernel in turn, its daemons in a folder of this test."""
    return FakeKernel() if request.param == "fake" else LinuxKernel(tmp_path)


def synced(lab: str) -> tuple[list[NetObject], Daemon]:
    """Two replicas and the link between them, and what should run in the first."""
    left, right = namespace(lab, "eigw-00000000000000001"), namespace(lab, "eigw-00000000000000001.2")
    near, far = veth(left, "sync", right, "sync", 1500)
    spaces: list[NetObject] = [left, right, sysctls(left), sysctls(right), Ruleset(left.namespace, "inet"), near, far]
    address = Address(left.namespace, "sync", "fe80::1/64")
    return [*spaces, address], Daemon(left.namespace, sync.configuration(2, 4096))


def test_a_daemon_is_an_object_like_others(supervisor: Kernel, lab_name: str) -> None:
    ground, daemon = synced(lab_name)
    supervisor.create(ground)
    before = supervisor.observe(lab_name)
    supervisor.create([daemon])
    assert supervisor.observe(lab_name) == NetState.of([*before, daemon])
    other = replace(daemon, configuration=sync.configuration(3, 4096))
    supervisor.update(daemon, other)
    assert supervisor.observe(lab_name) == NetState.of([*before, other])
    supervisor.delete([other])
    supervisor.delete([other])
    assert supervisor.observe(lab_name) == before
    supervisor.delete(reversed(list(before)))


@pytest.mark.root
def test_a_killed_daemon_is_seen_and_can_be_made_again(lab_name: str, tmp_path: Path) -> None:
    kernel = LinuxKernel(tmp_path)
    ground, daemon = synced(lab_name)
    kernel.create([*ground, daemon])
    watched = kernel.open_daemon(daemon.namespace)
    found = daemons.of(daemon.namespace)
    assert watched is not None
    assert found is not None
    os.kill(found.pid, signal.SIGKILL)
    os.close(watched)
    until(lambda: daemons.of(daemon.namespace) is None, "it has ended")
    assert daemon.key not in kernel.observe(lab_name).objects
    assert kernel.open_daemon(daemon.namespace) is None
    kernel.create([daemon])
    assert kernel.observe(lab_name).objects[daemon.key] == daemon
    kernel.delete([daemon])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.root
def test_a_daemon_whose_namespace_lost_its_name_is_ended(lab_name: str, tmp_path: Path) -> None:
    kernel = LinuxKernel(tmp_path)
    ground, daemon = synced(lab_name)
    kernel.create([*ground, daemon])
    kernel.end_strays(lab_name)
    found = daemons.of(daemon.namespace)
    assert found is not None  # it is none
    kernel.delete(thing for thing in ground if thing.key == ("namespace", daemon.namespace))
    assert process.alive(found.pid)
    kernel.end_strays(lab_name)
    until(lambda: not process.alive(found.pid), "it has ended")
    assert list(tmp_path.iterdir()) == []
