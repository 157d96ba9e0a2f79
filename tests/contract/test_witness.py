"""The objects that LinuxKernel created, as pyroute2 observes them: our netlink code is not its only judge."""

from __future__ import annotations

from pathlib import Path

import pytest

from eigw_ns.dataplane.state import PROTOCOL, RoutingRule
from eigw_ns.errors import MissingError
from eigw_ns.kernel.linux import LinuxKernel
from tests.support.small_states import Fabric, Wire
from tests.support.witness import SeenRoute, Witness

pytestmark = pytest.mark.root


@pytest.fixture
def wire(lab_name: str) -> Wire:
    return Wire(lab_name)


@pytest.fixture
def made(wire: Wire) -> Witness:
    """Create the left side of a wire, with every kind of object."""
    by_source = wire.route("2001:db8:4::/48", source="2001:db8:a::/48")
    everything = [thing for thing in wire.everything() if not isinstance(thing, RoutingRule)]
    LinuxKernel().create([*everything, by_source])
    return Witness(wire.here)


def test_a_namespace_is_marked_and_up(wire: Wire, made: Witness) -> None:
    loopback = made.links()["lo"]
    assert (loopback.alias, loopback.up) == (f"eigw-ns:{wire.left.lab}:{wire.left.id}", True)


def test_the_pair_is_there_with_its_macs_and_nothing_else(wire: Wire, made: Witness) -> None:
    links = made.links()
    assert links.keys() == {"lo", "fabric"}
    near, far = links["fabric"], Witness(wire.there).links()["up"]
    assert (near.kind, near.mac, near.mtu, near.up, near.bridge) == ("veth", wire.near.mac, 1400, True, "")
    assert (far.kind, far.mac, far.mtu, far.up, far.bridge) == ("veth", wire.far.mac, 1400, True, "")


def test_only_our_address_is_there_and_has_our_protocol(made: Witness) -> None:
    addresses = {found for found in made.addresses() if found[0] != "lo"}
    assert addresses == {("fabric", "2001:db8:1::1/64", PROTOCOL)}


def test_the_neighbour_is_permanent(made: Witness) -> None:
    assert made.neighbours() == {("fabric", "fe80::1", "06:00:00:00:00:01")}


def test_the_routes_have_our_protocol(made: Witness) -> None:
    ours = {route for route in made.routes() if route.protocol == PROTOCOL}
    assert ours == {
        SeenRoute("::/0", "", "fabric", "fe80::1", 1024, PROTOCOL, False),
        SeenRoute("2001:db8:2::/48", "", "fabric", "2001:db8:1::2", 1024, PROTOCOL, False),
        SeenRoute("2001:db8:3::/48", "", "", "", 1024, PROTOCOL, True),
        SeenRoute("2001:db8:4::/48", "2001:db8:a::/48", "fabric", "fe80::1", 1024, PROTOCOL, False),
    }


def test_routing_rules_stand_beside_the_kernels_own(wire: Wire, made: Witness) -> None:
    before = made.rules()
    LinuxKernel().create([RoutingRule(wire.here, 100, 0x1, "main"), RoutingRule(wire.here, 200, 0, "blackhole")])
    assert made.rules() == before | {(100, 0x1), (200, 0)}


def test_bridge_ports_are_silent_and_lead_where_they_should(lab_name: str) -> None:
    fabric = Fabric(lab_name)
    LinuxKernel().create([*fabric.objects, fabric.entry(0), fabric.entry(1)])
    witness = Witness(fabric.here)
    assert witness.silent_ports() == {"port0", "port1"}
    assert witness.fdb() == {("port0", fabric.ends[0].mac), ("port1", fabric.ends[1].mac)}
    assert {name: link.bridge for name, link in witness.links().items()} == {
        "lo": "", "br0": "", "port0": "br0", "port1": "br0"
    }  # fmt: skip


def test_what_is_removed_is_gone_for_the_witness_too(wire: Wire, made: Witness) -> None:
    kernel = LinuxKernel()
    kernel.delete([wire.route(), wire.neighbour(), wire.address()])
    assert not any(route.destination == "::/0" for route in made.routes())
    assert made.neighbours() == set()
    assert {link for link, _, _ in made.addresses()} == {"lo"}
    kernel.delete([wire.near])
    assert made.links().keys() == {"lo"}


def test_the_thread_returns_to_its_own_namespace(wire: Wire) -> None:
    own = Path("/proc/thread-self/ns/net")
    before = own.stat().st_ino
    kernel = LinuxKernel()
    kernel.create(wire.everything())
    kernel.observe(wire.left.lab)
    kernel.counters(wire.here)
    with pytest.raises(MissingError):
        kernel.create([wire.route("2001:db8:9::/48"), Wire("nowhere").route()])
    kernel.delete(reversed(wire.everything()))
    assert own.stat().st_ino == before
