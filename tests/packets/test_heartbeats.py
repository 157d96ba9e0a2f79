"""The agent's heartbeats: no packet of a tenant or an internet host stops them or passes for one.

The VPC's last subnet covers the source address of heartbeats. So the internet's router has a route to this address, and
a host's forged answer gets as far as a replica.
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv6Address, IPv6Network
from multiprocessing.synchronize import Event as ProcessEvent
from pathlib import Path
from typing import Any

import pytest
from pyroute2 import IPRoute
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw

from eigw_ns.cloud.model import Vpc
from eigw_ns.dataplane.compile import names
from eigw_ns.dataplane.replication.watched_gateways import Gateway, gateways
from eigw_ns.dataplane.state import Flow, Link
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.kernel.namespaces import netns, sysctl
from eigw_ns.kernel.netlink.socket import CREATE, EXCLUSIVE, NETFILTER, Message, Netlink, attribute, nested
from eigw_ns.kernel.replication.heartbeat import Heartbeat
from eigw_ns.lab.agent.events import Event, ReplicaDead
from eigw_ns.lab.agent.gateway_monitor import GatewayMonitor
from eigw_ns.lab.lifecycle import operations
from scripts.benchmarks.failures import cut_link, drop_silently
from scripts.benchmarks.ha import Watcher
from tests.support.labs import SILENCE, Lab, connections, meanwhile, topology, until
from tests.support.replicated_lab import count, gateway_id, owner, replicas
from tests.support.slowness import SLOWNESS
from tests.support.stored import storage
from tests.topologies.blocks import of_vpc
from tests.topologies.egress import APP, TREE, WEB
from tests.topologies.replicated import tree

pytestmark = pytest.mark.root

EDGE = "2600:1f16:aa0:55ff::10"
INSIDE = names.heartbeat_source(Vpc("", "", of_vpc("", IPv6Network("2600:1f16:aa0:5500::/56"))))
OUTSIDE, PORT = names.HEARTBEAT_DESTINATION, names.HEARTBEAT_PORT
_SOL_PACKET, _STATISTICS = 263, 6  # linux/if_packet.h


def _tree(**gateway: Any) -> str:
    """Return two replicas, and a second subnet that covers the source address of heartbeats."""
    main = copy.deepcopy(TREE["vpcs"]["main"])
    main["subnets"]["last"] = {"ipv6_cidr_block": "2600:1f16:aa0:55ff::/64"}
    main["instances"]["edge"] = {"subnet": "last", "ipv6_address": EDGE, "security_groups": ["open"]}
    parts = {name: main[name] for name in ("subnets", "instances")}
    made = json.loads(tree(2, **parts))
    made["vpcs"]["main"]["egress_only_internet_gateways"]["outbound"].update(gateway)
    return json.dumps(made)


@contextlib.contextmanager
def _built(name: str, **gateway: Any) -> Iterator[Lab]:
    lab = Lab(name)
    lab.apply(_tree(**gateway))
    yield lab
    lab.destroy()


@pytest.fixture(scope="module")
def lab(module_lab_name: str) -> Iterator[Lab]:
    """Two replicas whose connection tables are not full."""
    with _built(module_lab_name) as lab:
        yield lab


@pytest.fixture
def hearts(lab: Lab) -> Iterator[list[Heartbeat]]:
    """A `Heartbeat` for each replica of `lab`."""
    with _hearts(lab) as hearts:
        yield hearts


def _gateway(lab: Lab) -> Gateway:
    assert lab.current is not None
    (gateway,) = gateways(lab.current.cloud)
    return gateway


@contextlib.contextmanager
def _hearts(lab: Lab) -> Iterator[list[Heartbeat]]:
    with contextlib.ExitStack() as stack:
        hearts = []
        for each in _gateway(lab).replicas:
            hearts.append(Heartbeat(each.inner, each.outer, INSIDE, OUTSIDE, PORT))
            stack.callback(hearts[-1].close)
        yield hearts


def _check_beats(hearts: list[Heartbeat]) -> None:
    """Send a beat through each replica, and assert that it comes back."""
    for heart in hearts:
        heart.beat()

    def answered() -> bool:
        for heart in hearts:
            heart.hear()
        return all(heart.answered == heart.sent for heart in hearts)

    until(answered, "a beat comes back through every replica")


def _taken(opened: socket.socket) -> tuple[int, int]:
    """Return how many frames the socket's filter has accepted since the last call, and how many of them were lost."""
    packets, dropped = struct.unpack("=II", opened.getsockopt(_SOL_PACKET, _STATISTICS, 8))
    return packets, dropped


# ---- a full table or limit stops no beat -----------------------------------------------------------------------------


def test_beats_pass_if_the_limits_are_met(lab_name: str) -> None:
    """The gateway has as many flows as it may have, and takes no new one."""
    limits = {"max_connections": 16, "max_connections_per_source": 16}
    with _built(lab_name, connection_tracking=limits) as lab:
        for host in _a_host_for_each_replica(lab, APP):
            lab.begin_flows("app", host, 200)
        until(lambda: count(lab, "drop_limit_source") == [200 - 8] * 2, "the flows over the limit are counted")
        for host in _a_host_for_each_replica(lab, EDGE):
            lab.begin_flows("edge", host, 200)  # a source may have all that the gateway has
        until(lambda: all(count(lab, "drop_limit_gateway")), "no replica takes a new flow")
        held = [connections(name) for name in replicas(lab)]
        assert sum(held) == 16
        with _hearts(lab) as hearts:
            for _ in range(3):
                _check_beats(hearts)
        assert count(lab, "allowed_heartbeat") == [6, 6]  # each beat out, and back
        assert [connections(name) for name in replicas(lab)] == held


def test_beats_pass_a_full_connection_table(lab_name: str) -> None:
    with _built(lab_name) as lab, _full(replicas(lab)[0]):
        first, before = replicas(lab)[0], count(lab, "allowed_new")
        ports = range(40_000, 40_020)
        lost = {port for port in ports if owner(lab, Flow(APP, WEB, socket.IPPROTO_TCP, (port, 4443))) == first}
        assert 0 < len(lost) < len(ports)
        with contextlib.ExitStack() as stack:
            stack.enter_context(lab.listening("web", WEB, 4443))
            opening = {port: stack.enter_context(lab.open_socket("app")) for port in ports}
            for port, client in opening.items():
                client.bind((APP, port))
                client.setblocking(False)
                client.connect_ex((WEB, 4443))
            until(lambda: _connected(opening) == set(ports) - lost, "the connections through the other replica open")
            assert count(lab, "allowed_new") == [before[0], before[1] + len(ports) - len(lost)]
        with _hearts(lab) as hearts:
            _check_beats(hearts)


def _connected(opening: dict[int, socket.socket]) -> set[int]:
    found = set()
    for port, client in opening.items():
        with contextlib.suppress(OSError):
            client.getpeername()
            found.add(port)
    return found


def _a_host_for_each_replica(lab: Lab, source: str) -> list[str]:
    """Return an internet address without a machine for each replica: UDP from `source` to it uses this replica."""
    found: dict[str, str] = {}
    for number in range(100):
        address = f"2001:db8:fa::{number:x}"
        found.setdefault(owner(lab, Flow(source, address, socket.IPPROTO_UDP, (1, 1))), address)
    assert set(found) == set(replicas(lab))
    return list(found.values())


@contextlib.contextmanager
def _full(namespace: str) -> Iterator[None]:
    """Fill the namespace's connection table with assured flows, which the kernel does not drop for new ones."""
    with netns.inside(namespace):
        netlink = Netlink(NETFILTER)
        room = int(sysctl.read("net.netfilter.nf_conntrack_max") or 0)
    with netlink:
        for first in range(0, room, 5000):
            netlink.send([_assured(number) for number in range(first, min(first + 5000, room))])
        assert connections(namespace) >= room
        yield
        netlink.send([Message(1 << 8 | 2, 0, _HEADER, "flush the table")])


def _assured(number: int) -> Message:
    """Return a message that creates an answered UDP flow (linux/netfilter/nfnetlink_conntrack.h).

    It is no error if the table is full already.
    """
    inside, outside = IPv6Address("2600:1f16:aa0:5501::66").packed, IPv6Address("2001:db8:bad::1").packed
    near, far = 1 + number % 60_000, 1 + number // 60_000

    def ends(kind: int, source: bytes, destination: bytes, ports: tuple[int, int]) -> bytes:
        numbers = (attribute(at, struct.pack("!H", port)) for at, port in zip((2, 3), ports, strict=True))
        return nested(
            kind,
            nested(1, attribute(3, source), attribute(4, destination)),
            nested(2, attribute(1, bytes([socket.IPPROTO_UDP])), *numbers),
        )

    both = ends(1, inside, outside, (near, far)) + ends(2, outside, inside, (far, near))
    status, seconds = attribute(3, struct.pack("!I", 0x02 | 0x04 | 0x08)), attribute(7, struct.pack("!I", 600))
    return Message(1 << 8, CREATE | EXCLUSIVE, _HEADER + both + status + seconds, "fill the table", _TOLERATED)


_HEADER = struct.pack("=BBH", socket.AF_INET6, 0, 0)
_TOLERATED = frozenset({12, 17})  # ENOMEM (the table is full), EEXIST


def test_no_beat_passes_a_subnet(lab: Lab, hearts: list[Heartbeat]) -> None:
    """This includes the subnet that covers the source address of beats."""
    subnets = ("main/a", "main/last")
    before = [lab.counted(name) for name in subnets]
    for _ in range(3):
        _check_beats(hearts)
    assert [lab.counted(name) for name in subnets] == before
    with lab.stream("edge", "web", WEB) as stream:  # the control: the subnet counts its own packets
        assert stream.works()


# ---- no other packet is a beat ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sender:
    """Root in the namespace of an instance or of a host: it sends frames with any source MAC to its router."""

    lab: Lab
    node: str

    def frame(self, mac: str, source: str, destination: str, payload: bytes = b"not a beat", port: int = PORT) -> bytes:
        """Return a UDP datagram between the ports of beats, in a frame with this source MAC."""
        router = self.lab.kernel.observe(self.lab.name).objects["link", self.lab.namespace(self.node), "eth0"]
        assert isinstance(router, Link)
        assert router.peer is not None
        far = self.lab.kernel.observe(self.lab.name).objects["link", *router.peer]
        assert isinstance(far, Link)
        macs = bytes.fromhex((far.mac + mac).replace(":", ""))
        packet = IPv6(src=source, dst=destination) / UDP(sport=PORT, dport=port) / Raw(payload)
        return macs + b"\x86\xdd" + bytes(packet)

    @contextlib.contextmanager
    def wire(self) -> Iterator[socket.socket]:
        """Return a socket that sends whole frames."""
        with netns.inside(self.lab.namespace(self.node)):
            opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        with opened:
            opened.bind(("eth0", 0))
            yield opened


def _beats_mac(lab: Lab) -> str:
    return names.heartbeat_mac(lab.name, gateway_id(lab))


ATTACKS = [
    ("app", APP, OUTSIDE, "replicas"),
    ("edge", EDGE, OUTSIDE, "replicas"),
    ("app", INSIDE, OUTSIDE, "main/a"),
    ("edge", INSIDE, OUTSIDE, "main/last"),
    ("app", OUTSIDE, INSIDE, "main/a"),
    ("web", OUTSIDE, INSIDE, "replicas"),
    ("web", WEB, INSIDE, "replicas"),
    ("web", INSIDE, OUTSIDE, ""),  # the internet's router drops it
]
"""The sending node, the source, the destination, and the node that drops the packet."""


@pytest.mark.parametrize("forged", [True, False], ids=["the MAC of beats", "its own MAC"])
@pytest.mark.parametrize(("node", "source", "destination", "dropped_by"), ATTACKS)
def test_no_frame_of_a_tenant_or_a_host_reaches_the_agent(
    lab: Lab, hearts: list[Heartbeat], node: str, source: str, destination: str, dropped_by: str, forged: bool
) -> None:
    """No frame reaches a socket without a filter either. The control: true beats pass the same ports."""
    _check_beats(hearts)
    for heart in hearts:
        assert [_taken(opened) for opened in heart.sockets()] == [(1, 0), (1, 0)]
    mac = _beats_mac(lab) if forged else "06:00:00:00:00:66"
    sender, before, others = Sender(lab, node), _dropped(lab, dropped_by), connections(replicas(lab)[0])
    with _unfiltered(lab) as sniffers, sender.wire() as wire:
        for _ in range(20):
            wire.send(sender.frame(mac, source, destination))
        if dropped_by:
            until(lambda: _dropped(lab, dropped_by) == before + 20, "all of them dropped and counted")
        _check_beats(hearts)
        heard = [frame for opened in sniffers for frame in _frames(opened)]
    assert not any(b"not a beat" in frame for frame in heard)
    assert sum(bytes(IPv6Address(OUTSIDE).packed) in frame for frame in heard) == 4  # the beats, out and back
    for heart in hearts:
        assert [_taken(opened) for opened in heart.sockets()] == [(1, 0), (1, 0)]
    assert connections(replicas(lab)[0]) == others


def _dropped(lab: Lab, by: str) -> int:
    if by == "replicas":
        return sum(count(lab, "drop_heartbeat"))
    return lab.counter(by, "drop_source") if by else 0


@contextlib.contextmanager
def _unfiltered(lab: Lab) -> Iterator[list[socket.socket]]:
    """Open sockets on the ports of the replicas that hear all frames."""
    with contextlib.ExitStack() as stack:
        sniffers = []
        for leg in (leg for each in _gateway(lab).replicas for leg in (each.inner, each.outer)):
            with netns.inside(leg.namespace):
                opened = stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
            opened.setblocking(False)
            opened.setsockopt(_SOL_PACKET, 23, 1)  # PACKET_IGNORE_OUTGOING
            opened.bind((leg.link, 0x0003))
            sniffers.append(opened)
        yield sniffers


def _frames(opened: socket.socket) -> Iterator[bytes]:
    with contextlib.suppress(BlockingIOError):
        while True:
            yield opened.recv(2048)


def test_a_host_that_knows_a_beat_cannot_answer_it(lab: Lab, hearts: list[Heartbeat]) -> None:
    """The host sends the beat's payload (token and number) as an answer. A tenant sends the beat itself again."""
    heart = hearts[0]
    heart.beat()
    outer = heart.sockets()[1]
    until(lambda: _readable(outer), "the beat comes out")
    payload = outer.recv(2048)[62:]  # so the agent does not return this one
    mac, before = _beats_mac(lab), _dropped(lab, "replicas")
    senders = [(Sender(lab, "web"), OUTSIDE, INSIDE), (Sender(lab, "edge"), EDGE, OUTSIDE)]
    for sender, source, destination in senders:
        with sender.wire() as wire:
            for _ in range(50):
                wire.send(sender.frame(mac, source, destination, payload))
    until(lambda: _dropped(lab, "replicas") == before + 100, "all of them dropped and counted")
    heart.hear()
    assert heart.answered == 0
    _check_beats(hearts[:1])
    assert heart.answered == 2


def _readable(opened: socket.socket) -> bool:
    with contextlib.suppress(BlockingIOError):
        return bool(opened.recv(1, socket.MSG_PEEK))
    return False


def test_a_beat_that_comes_twice_is_returned_once(lab: Lab, hearts: list[Heartbeat]) -> None:
    """Only the lab's owner can repeat the agent's frame on the port itself. The number was used already."""
    heart, (replica, _) = hearts[0], _gateway(lab).replicas
    _check_beats(hearts)
    with _unfiltered(lab) as sniffers:
        _check_beats(hearts)
        frame = next(frame for frame in _frames(sniffers[1]) if IPv6Address(OUTSIDE).packed in frame)
        with netns.inside(replica.inner.namespace):
            again = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        with again:
            again.bind((replica.inner.link, 0))
            macs = bytes.fromhex((replica.inner.mac + _beats_mac(lab)).replace(":", ""))
            again.send(macs + frame[12:])
        until(lambda: _readable(heart.sockets()[1]), "the beat comes out again")
        heart.hear()
        _check_beats(hearts)
        back = [frame for frame in _frames(sniffers[0]) if IPv6Address(OUTSIDE).packed in frame]
    assert len(back) == 2


# ---- the agent under a flood -----------------------------------------------------------------------------------------


@pytest.fixture
def stored(lab_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A lab that its own agent can watch."""
    for name in ("EIGW_NS_STATE_DIR", "EIGW_NS_RUN_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    kernel = LinuxKernel(Path(os.environ["EIGW_NS_RUN_DIR"]))
    wanted = topology(_tree(), lab_name)
    operations.apply(kernel, storage(), wanted)
    yield Lab(lab_name, kernel, wanted)
    operations.destroy(kernel, storage(), lab_name)


def _flood(opened: socket.socket, frames: list[bytes], stop: ProcessEvent) -> None:
    while not stop.is_set():
        for frame in frames * 50:
            with contextlib.suppress(OSError):  # the queue is full
                opened.send(frame)


@pytest.mark.alone
def test_a_flood_of_false_beats_kills_no_replica_and_hides_no_death(stored: Lab) -> None:
    """An instance and a host send as fast as they can. No replica is declared dead wrongly, and a dead one is found."""
    mac, wrong = _beats_mac(stored), struct.pack("!8sI", b"no token", 1)
    tenant, host = Sender(stored, "edge"), Sender(stored, "web")
    out, back = tenant.frame(mac, EDGE, OUTSIDE, wrong), host.frame(mac, OUTSIDE, INSIDE, wrong)
    victim = _gateway(stored).replicas[0]
    with contextlib.ExitStack() as stack:
        watcher = stack.enter_context(Watcher(stored.name))
        for sender, frame in ((tenant, out), (host, back)):
            stack.enter_context(meanwhile(partial(_flood, stack.enter_context(sender.wire())), [frame]))
        before = count(stored, "drop_heartbeat")
        with _hearts(stored) as hearts:
            for _ in range(20):
                _check_beats(hearts)
                _wait(0.1)
            assert all(_taken(opened) == (20, 0) for heart in hearts for opened in heart.sockets())
        assert sum(count(stored, "drop_heartbeat")) - sum(before) > 10_000
        drop_silently(victim)
        watcher.wait_for("replica dead", 3.0 * SLOWNESS)
        dead = [event["replica"] for event in watcher.events if event["event"] == "replica dead"]
        assert dead == [victim.label]


def _wait(seconds: float) -> None:
    with contextlib.suppress(AssertionError):
        until(lambda: False, "nothing", seconds)


# ---- what follows from beats that are missing ------------------------------------------------------------------------


class _Nothing:
    """A lab that no other program changes."""

    def stale(self) -> bool:
        return False

    def changing(self) -> bool:
        return False


def test_a_visible_death_counts_even_if_no_other_beat_comes(lab_name: str) -> None:
    """The other replica is silent, which can have any reason. It has no visible fault, so it takes over."""
    with _built(lab_name) as lab, _watch(lab) as (watch, said):
        first, second = watch.replicas
        drop_silently(second.replica)
        _round(watch)
        assert second.pulse.missed == 1
        assert said == []  # silence alone is not enough: it must last, and another replica must answer
        cut_link(first.replica)
        _round(watch)
        assert [each.replica for each in said if isinstance(each, ReplicaDead)] == [first.replica.label]
        assert [each.pulse.carries for each in watch.replicas] == [False, True]
        for _ in range(10):
            _round(watch)
        assert len(said) == 1  # the last replica stays, whether its beats come back or not


def test_no_silent_replica_is_taken_out_if_no_other_answers(lab_name: str) -> None:
    with _built(lab_name) as lab, _watch(lab) as (watch, said):
        for each in watch.replicas:
            drop_silently(each.replica)
        for _ in range(10):
            _round(watch)
        assert [each.pulse.missed for each in watch.replicas] == [10, 10]
        assert said == []


@contextlib.contextmanager
def _watch(lab: Lab) -> Iterator[tuple[GatewayMonitor, list[Event]]]:
    said: list[Event] = []
    watch = GatewayMonitor(lab.kernel, _gateway(lab), _Nothing(), said.append)
    try:
        _round(watch)
        assert all(each.pulse.answered for each in watch.replicas)
        yield watch, said
    finally:
        watch.close()


def _round(watch: GatewayMonitor) -> None:
    """Send a beat through each replica, hear the answers for a while, and judge."""
    for each in watch.replicas:
        each.beat()

    def heard() -> bool:
        for each in watch.replicas:
            each.hear(set(each.descriptors()))
        return False

    with contextlib.suppress(AssertionError):
        until(heard, "all have come", SILENCE / 4)
    watch.judge()


def test_a_port_that_takes_no_frame_keeps_its_sockets(lab: Lab, hearts: list[Heartbeat]) -> None:
    """Only a beat is lost. The same `Heartbeat` continues when the queue has room again."""
    _check_beats(hearts)
    leg = _gateway(lab).replicas[0].inner
    with netns.inside(leg.namespace):
        netlink = IPRoute()
    with netlink:
        (port,) = netlink.link_lookup(ifname=leg.link)
        netlink.tc("add", "pfifo", port, 0x10000, limit=0)
        hearts[0].beat()
        hearts[0].hear()
        netlink.tc("del", "pfifo", port, 0x10000)
    assert hearts[0].answered == 1
    _check_beats(hearts)
    assert hearts[0].answered == 3
