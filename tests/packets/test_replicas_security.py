"""What several replicas must not open: no flow is adopted in the middle, and nobody else speaks to their conntrackd.

How a flow that moved is judged is told in `attacks/test_replicas.py`.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Packet, Raw

from eigw_ns.dataplane import names
from eigw_ns.dataplane.rules import SYNC_GROUP, SYNC_PORT
from eigw_ns.dataplane.state import SYNC_LINK, Address, Flow, Forwarding, Link
from eigw_ns.kernel import daemons, netns, sysctl
from eigw_ns.lab.agent.scene import gateways
from tests.labs import Lab, inward, until
from tests.packets.attacks.wire import Wire
from tests.packets.replicated import gateway_id, owner, replicas, replicated
from tests.packets.test_under_load import APP, WEB

pytestmark = pytest.mark.root

FORGED = b"forged message of a replica"
PEER = "fe80::2"  # the address that the second replica has on the sync link


@pytest.fixture
def alone(lab_name: str, tmp_path: Path) -> Iterator[Lab]:
    """Two replicas that tell each other nothing."""
    with replicated(lab_name, tmp_path, 2, shared=False) as lab:
        yield lab


@pytest.fixture(scope="module")
def lab(module_lab_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Three replicas that share their flows."""
    with replicated(module_lab_name, tmp_path_factory.mktemp("run"), 3) as lab:
        yield lab


def test_a_replica_without_the_state_adopts_nothing(alone: Lab) -> None:
    """One of two is taken out: its flows meet the other, which drops them from both sides and goes on with its own."""
    first, second = replicas(alone)
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(alone.stream("app", "web", WEB, port)) for port in range(4001, 4013)]
        flows = [
            Flow(APP, WEB, socket.IPPROTO_TCP, (stream.client.getsockname()[1], stream.server.getsockname()[1]))
            for stream in streams
        ]
        assert all(stream.works() for stream in streams)
        orphans = [stream for stream, flow in zip(streams, flows, strict=True) if owner(alone, flow) == first]
        others = [stream for stream in streams if stream not in orphans]
        assert orphans
        assert others
        dropped = alone.kernel.counters(second)["drop_invalid"].packets
        _give_all_to(alone, second)
        with alone.sniffer("app") as inside, alone.sniffer("web") as outside:
            for orphan in orphans:
                orphan.client.sendall(b"orphan goes out")
                orphan.server.sendall(b"orphan comes in")
            until(
                lambda: alone.kernel.counters(second)["drop_invalid"].packets >= dropped + 2 * len(orphans),
                "what belongs to no flow dropped, from either side",
            )
            assert all(stream.works() for stream in others)  # the control: the way is alive, and heard
            heard = inward(inside), inward(outside)
        assert all(
            any(word in packet for packet in found) for found, word in zip(heard, (b"pong", b"ping"), strict=True)
        )
        assert not any(b"orphan" in packet for found in heard for packet in found)
        lost = {flow for flow in flows if owner(alone, flow) == first}
        assert not lost & set(alone.kernel.flows(second))


def _give_all_to(lab: Lab, namespace: str) -> None:
    """All shares, both ways, as the agent would."""
    assert lab.current is not None
    (gateway,) = gateways(lab.current.cloud, synced=lab.shared)
    (one,) = (each for each in gateway.replicas if each.namespace == namespace)
    for group in gateway.groups:
        mac = one.inner.mac if group.family == "bridge" else one.outer.mac
        lab.kernel.update(group, replace(group, shares=((0, 839, mac),)))


def test_no_replica_is_liberal_or_takes_up_what_is_under_way(lab: Lab) -> None:
    for name in replicas(lab):
        with netns.inside(name):
            assert sysctl.read("net.netfilter.nf_conntrack_tcp_be_liberal") == "0"
            assert sysctl.read("net.netfilter.nf_conntrack_tcp_loose") == "0"


# ---- the sync link ---------------------------------------------------------------------------------------------------


def _hub(lab: Lab) -> str:
    return names.namespace_name(lab.name, names.sync_id(gateway_id(lab)))


def test_the_hub_routes_nothing_and_has_no_address(lab: Lab) -> None:
    held = [thing for thing in lab.kernel.observe(lab.name) if thing.namespace == _hub(lab)]
    assert not [thing for thing in held if isinstance(thing, Address | Forwarding)]
    with netns.inside(_hub(lab)):
        assert sysctl.read("net.ipv6.conf.all.forwarding") == "0"
        lines = Path("/proc/thread-self/net/if_inet6").read_text().splitlines()
    assert [line for line in lines if not line.endswith(" lo")] == []
    ports = {thing.peer[0] for thing in held if isinstance(thing, Link) and thing.peer is not None}
    assert ports == set(replicas(lab))  # nobody else has a way in


def _delivered(namespace: str) -> int:
    """The UDP datagrams over IPv6 that the namespace's own sockets have taken."""
    with netns.inside(namespace):
        lines = Path("/proc/thread-self/net/snmp6").read_text().splitlines()
    found = dict(line.split() for line in lines)
    return int(found["Udp6InDatagrams"]) + int(found["Udp6InErrors"]) + int(found["Udp6NoPorts"])


@pytest.fixture
def quiet(lab: Lab) -> Iterator[str]:
    """The first replica, whose conntrackd nobody speaks to: the others' are away. The next `apply` starts them."""
    wanted = [
        thing for thing in lab.kernel.observe(lab.name) if thing.key in {("daemon", name) for name in replicas(lab)}
    ]
    for name in replicas(lab)[1:]:
        found = daemons.of(name)
        assert found is not None
        daemons.stop(found)
    yield replicas(lab)[0]
    lab.kernel.create(thing for thing in wanted if thing.namespace != replicas(lab)[0])


def _message(destination: str, source: str = PEER) -> bytes:
    return bytes(IPv6(src=source, dst=destination, hlim=255) / UDP(sport=40_000, dport=SYNC_PORT) / Raw(FORGED))


def test_a_forged_message_reaches_no_conntrackd(lab: Lab, quiet: str) -> None:
    """From the fabric, from the internet, from the subnet's router and from an instance; the control: from a peer."""
    mac = names.mac(lab.name, gateway_id(lab), "fabric"), names.mac(lab.name, gateway_id(lab), "up")
    port = names.port_name(gateway_id(lab))
    own = [names.infrastructure_address(gateway_id(lab)), names.link_local(gateway_id(lab)), "fe80::1", "fe80::2"]
    senders: list[tuple[Wire, list[str]]] = [
        (Wire(lab.fabric("main"), port, mac[0]), ["2600:1f16:aa0:5501::66", *own]),
        (Wire(lab.fabric("main"), port, "33:33:e6:1d:e6:1d"), [PEER]),
        (Wire(lab.namespace("internet"), port, mac[1]), [WEB, *own]),
        (Wire(lab.namespace("internet"), port, "33:33:e6:1d:e6:1d"), [PEER]),
        (Wire(lab.namespace("main/a"), "fabric", mac[0]), [PEER, "2600:1f16:aa0:5501::1"]),
        (Wire(lab.namespace("app"), "eth0", "33:33:e6:1d:e6:1d"), [PEER, APP]),
    ]
    before, sent = _delivered(quiet), 0
    for wire, sources in senders:
        with contextlib.closing(wire):
            for source in sources:
                for destination in (SYNC_GROUP, *own, "ff02::1"):
                    wire.send([_message(destination, source)])
                    sent += 1
    with _peer(lab) as wire:  # the control, which overtakes nothing: all have been sent before it
        wire.send([_message(SYNC_GROUP)])
        until(lambda: _delivered(quiet) == before + 1, "the peer's message taken, and no other")
        for off in ("fe80::1", SYNC_GROUP):
            wire.send([_message(off, "2001:db8::1")])  # a peer's link, but not a peer's address
        wire.send([_message(SYNC_GROUP)])
        until(lambda: _delivered(quiet) == before + 2, "the peer's second message taken, and no other")
    assert sent > 80


@contextlib.contextmanager
def _peer(lab: Lab) -> Iterator[Wire]:
    """The second replica's end of the sync link; the group's frames go to all."""
    with contextlib.closing(Wire(replicas(lab)[1], SYNC_LINK, "33:33:e6:1d:e6:1d")) as wire:
        yield wire


@pytest.mark.parametrize(
    "packet",
    [
        IP(src="10.0.0.2", dst="224.0.0.18") / UDP(sport=SYNC_PORT, dport=SYNC_PORT) / Raw(FORGED),
        IP(src="10.0.0.2", dst="255.255.255.255") / ICMP(),
        IPv6(src=PEER, dst="fe80::1") / UDP(sport=SYNC_PORT, dport=SYNC_PORT) / Raw(FORGED),
        IPv6(src=PEER, dst=SYNC_GROUP) / UDP(sport=SYNC_PORT, dport=53) / Raw(FORGED),
        IPv6(src="2001:db8::1", dst=WEB) / UDP(sport=SYNC_PORT, dport=SYNC_PORT) / Raw(FORGED),
        IPv6(src=APP, dst=WEB) / UDP(sport=SYNC_PORT, dport=SYNC_PORT) / Raw(FORGED),
    ],
    ids=["IPv4 multicast", "IPv4 broadcast", "not the group", "another port", "to the internet", "as an instance"],
)
def test_nothing_else_comes_in_by_the_sync_link(lab: Lab, packet: Packet) -> None:
    """Counted as `drop_sync` by the replica that it is sent to; nothing of it leaves by another link."""
    first = replicas(lab)[0]
    mac = _mac_of(lab, first)

    def dropped() -> int:
        return lab.kernel.counters(first)["drop_sync"].packets

    with (
        contextlib.closing(Wire(replicas(lab)[1], SYNC_LINK, mac)) as wire,
        contextlib.closing(Wire(lab.namespace("internet"), names.port_name(gateway_id(lab)), mac)) as outer,
    ):
        before = dropped()
        wire.send([bytes(packet)] * 20)
        until(lambda: dropped() >= before + 20, "dropped and counted")
        with lab.stream("app", "web", WEB) as stream:
            assert stream.works()
        assert not any(FORGED in heard for heard in outer.heard())


def _mac_of(lab: Lab, namespace: str) -> str:
    link = lab.kernel.observe(lab.name).objects["link", namespace, SYNC_LINK]
    assert isinstance(link, Link)
    return link.mac


def test_what_is_forged_into_a_peers_message_changes_nothing(lab: Lab) -> None:
    """conntrackd takes what it does not understand for broken: no flow comes of it, and it goes on."""
    known = set(lab.kernel.flows(replicas(lab)[0]))
    with _peer(lab) as wire:
        wire.send([_message(SYNC_GROUP)] * 50)
    with lab.stream("app", "web", WEB, 4447) as stream:
        assert stream.works()
        flow = Flow(APP, WEB, socket.IPPROTO_TCP, (stream.client.getsockname()[1], 4447))
        check: Callable[[], bool] = lambda: all(flow in lab.kernel.flows(name) for name in replicas(lab))  # noqa: E731
        until(check, "the daemons still talk")
    assert {each for each in lab.kernel.flows(replicas(lab)[0]) if each.destination != WEB} <= known
