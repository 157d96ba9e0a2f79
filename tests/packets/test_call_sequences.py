"""Random EC2 calls on a served lab, while hosts on the internet attack every address that it ever had.

Nothing gets in that the tracer does not allow, during a change and after it. After each change, all that the tracer
says is delivered arrives: these packets are the positive control of those that must be dropped. A TCP connection of an
instance that no call concerns goes on all the while, and loses no segment.

`EIGW_NS_CALLS=500` makes this number of calls in each lab. `EIGW_NS_CALL_SEEDS=7-7` tries the lab of seed 7.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import select
import socket
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv6Address
from multiprocessing.synchronize import Event as ProcessEvent
from pathlib import Path
from random import Random
from typing import Any

import pytest
from scapy.layers.inet import TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, IPv6

from eigw_ns.cloud import ids
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.list_references import expanded
from eigw_ns.cloud.model import Cloud, Instance
from eigw_ns.cloud.routing import effective_route_table, longest_match, target_gateway
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.dataplane.state.naming import is_instance_port
from eigw_ns.dataplane.trace import Tracer
from eigw_ns.errors import CloudError
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.kernel.namespaces import netns
from eigw_ns.lab.lifecycle import operations
from eigw_ns.lab.live.live_lab import LiveLab
from eigw_ns.topology import Topology, load
from tests.support.labs import Lab, meanwhile, until
from tests.support.random_calls import PORT, Call, Calls
from tests.support.stored import storage, store

pytestmark = [pytest.mark.root, pytest.mark.nightly, pytest.mark.timeout(3600)]

CALLS = int(os.environ.get("EIGW_NS_CALLS", "150"))
_FIRST, _, _LAST = os.environ.get("EIGW_NS_CALL_SEEDS", "1-3").partition("-")

WEB, FAR = "2001:db8:80::1", "2001:db8:90::1"
BLOCKS = ("::/0", "2001:db8:80::/48", "2001:db8:80::1/128", "2001:db8:90::/48")
ALL = {"protocol": "all", "cidr": "::/0"}
TREE: dict[str, Any] = {
    "vpcs": {
        "main": {
            "ipv6_cidr_block": "2600:1f16:aa0:5500::/56",
            "egress_only_internet_gateways": {"out": {}},
            "internet_gateways": {"edge": {}},
            "route_tables": {
                "main": {"main": True, "routes": [{"destination": "::/0", "target": "out"}]},
                "public": {"routes": [{"destination": "::/0", "target": "edge"}]},
            },
            "security_groups": {
                "open": {"ingress": [ALL], "egress": [ALL]},
                "closed": {"ingress": [], "egress": [ALL]},
            },
            "subnets": {
                "a": {"ipv6_cidr_block": "2600:1f16:aa0:5501::/64"},
                "b": {"ipv6_cidr_block": "2600:1f16:aa0:5502::/64", "route_table": "public"},
            },
            "instances": {
                "app": {"subnet": "a", "ipv6_address": "2600:1f16:aa0:5501::10", "security_groups": ["open"]},
                "www": {"subnet": "b", "ipv6_address": "2600:1f16:aa0:5502::10", "security_groups": ["open"]},
            },
        },
        "beside": {
            "ipv6_cidr_block": "2600:1f16:aa0:6600::/56",
            "egress_only_internet_gateways": {"quiet-out": {}},
            "route_tables": {"quiet": {"main": True, "routes": [{"destination": "::/0", "target": "quiet-out"}]}},
            "security_groups": {"quiet": {"ingress": [], "egress": [ALL]}},
            "subnets": {"quiet-a": {"ipv6_cidr_block": "2600:1f16:aa0:6601::/64"}},
            "instances": {"steady": {"subnet": "quiet-a", "security_groups": ["quiet"]}},
        },
    },
    "prefix_lists": {"peers": {"max_entries": 5, "entries": [{"cidr": BLOCKS[1]}]}},
    "internet": {"hosts": {"web": {"ipv6_address": WEB}, "far": {"ipv6_address": FAR}}},
}
_ETH_P_ALL, _SO_RCVBUFFORCE = 3, 33  # linux/if_ether.h, asm-generic/socket.h
_TOKEN = re.compile(rb"attack(\d{9})")


class Model:
    """What a cloud allows."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud, self._tracer = expanded(cloud), Tracer(cloud)
        self._hosts = {str(each.ipv6_address): each.id for each in cloud.hosts.values()}
        self._first = {str(each.ipv6_address): each.id for each in self.running()}

    def running(self) -> list[Instance]:
        """Return the instances that have a link."""
        found = self.cloud.instances.values()
        return [each for each in found if each.state == "running" and each.ipv6_address is not None]

    def owner(self, address: str) -> Instance | None:
        """Return the running instance that has the address."""
        return next((each for each in self.running() if each.owns(IPv6Address(address))), None)

    def admits(self, host: str, address: str, protocol: str) -> bool:
        """Return whether the first packet of a flow that the host begins arrives."""
        end = self._first.get(address, IPv6Address(address))
        port = None if protocol == "icmpv6" else PORT
        return self._tracer.trace(self._hosts[host], end, protocol, port).delivered

    def answers(self, address: str, host: str, protocol: str) -> bool:
        """Return whether the owner of the address gets an answer of the host."""
        owner = self.owner(address)
        port = None if protocol == "icmpv6" else PORT
        if owner is None or str(owner.ipv6_address) != address:  # the tracer sends from the first address
            return False
        return self._tracer.trace(owner.id, self._hosts[host], protocol, port).outcome == "allowed"

    def way(self, instance: Instance, host: str) -> str:
        """Return the id of the gateway by which the instance reaches the host; empty if it does not."""
        table = effective_route_table(self.cloud, self.cloud.subnets[instance.subnet_id])
        route = longest_match(table, IPv6Address(host))
        gateway = route and target_gateway(self.cloud, table, route)
        return gateway.id if gateway else ""


@dataclass
class OldFlow:
    """A flow between an address and a host. `holder` and `way` are those of the instance that has it, if any has."""

    address: str
    host: str
    protocol: str
    number: int
    holder: str = ""
    way: str = ""

    def follow(self, model: Model) -> None:
        """End it if its instance has changed, or its way and an egress-only gateway is on one of both.

        An internet gateway knows no flows: those that pass it belong to the instance's groups alone, as in AWS. If the
        host may begin the flow, the owner of the address has it from now on.
        """
        owner = model.owner(self.address)
        way = model.way(owner, self.host) if owner else ""
        if owner and model.admits(self.host, self.address, self.protocol):
            self.holder, self.way = owner.id, way
        elif owner is None or owner.id != self.holder or (way != self.way and _is_egress_only(way, self.way)):
            self.holder = self.way = ""
        else:
            self.way = way or self.way


def _is_egress_only(*ways: str) -> bool:
    return any(ids.kind_of(way) == ids.EGRESS_ONLY_INTERNET_GATEWAY for way in ways)


class Search:
    """A served lab under attack."""

    def __init__(self, name: str, seed: int) -> None:
        self.name, self.random = name, Random(seed)
        topology = load(json.dumps(TREE).encode(), file="test.yaml", default_lab=name)
        operations.apply(LinuxKernel(), storage(), topology)
        self.live = LiveLab(LinuxKernel, storage(), name)
        self.settings = Settings(new_id=lambda: f"{self.random.getrandbits(68):017x}")
        self.vpc = next(each.id for each in self.cloud.vpcs.values() if each.name == "main")
        self.calls = Calls(self.random, BLOCKS, self.vpc)
        self.model = Model(self.cloud)
        self.addresses: set[str] = set()
        self.flows: list[OldFlow] = []
        self.serial = itertools.count(1)
        self.ports = itertools.cycle(range(20_000, 60_000))
        self.allowed: dict[int, bool] = {}
        self.what: dict[int, str] = {}
        self.heard: set[int] = set()
        self.history: list[str] = []
        self.counts: Counter[str] = Counter()
        self.sniffers: dict[tuple[str, int], socket.socket] = {}
        self.senders = {host: self._sender(host) for host in (WEB, FAR)}
        self.note()

    @property
    def cloud(self) -> Cloud:
        """The stored cloud."""
        return self.live.stored().topology.cloud

    def close(self) -> None:
        """Close all sockets."""
        for each in (*self.sniffers.values(), *self.senders.values()):
            each.close()

    def _sender(self, host: str) -> socket.socket:
        owner = next(each.id for each in self.cloud.hosts.values() if str(each.ipv6_address) == host)
        with netns.inside(namespace_name(self.name, owner)):
            return socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)

    def note(self) -> None:
        """Note all addresses, and hear the subnets' ports."""
        for each in self.model.cloud.instances.values():
            self.addresses |= {str(address) for address in each.addresses}
            self.addresses |= {str(prefix[0x77]) for prefix in each.ipv6_prefixes}
        names = filter(netns.exists, (namespace_name(self.name, each) for each in self.cloud.subnets))
        there = {(name, netns.inode(name)) for name in names}  # a subnet that comes back has another namespace
        for gone in set(self.sniffers) - there:
            self.sniffers.pop(gone).close()
        for name, inode in sorted(there - set(self.sniffers)):
            with netns.inside(name):
                sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL))
            sniffer.setblocking(False)
            sniffer.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 1 << 24)
            self.sniffers[name, inode] = sniffer

    def hear(self) -> None:
        """Read what the subnets have sent to instances, and assert that all of it was allowed."""
        for sniffer in self.sniffers.values():
            with contextlib.suppress(BlockingIOError):
                while True:
                    packet, (link, _, kind, *_) = sniffer.recvfrom(65535)
                    if kind == socket.PACKET_OUTGOING and is_instance_port(link) and not is_error(packet):
                        self.heard.update(map(int, _TOKEN.findall(packet)))

    # ---- packets

    def packet(self, body: Any, host: str, address: str, what: str) -> tuple[int, bytes]:
        """Return a packet of the host, and its number."""
        number = next(self.serial)
        self.what[number] = f"{what} {host} → {address}, after {len(self.history)} calls"
        return number, bytes(IPv6(src=host, dst=address) / body / (b"attack%09d" % number))

    def openings(self) -> Iterator[tuple[int, str, str, str, bytes]]:
        """Yield packets that begin a flow, and ones in the middle of none: number, host, address, protocol, packet."""
        port = next(self.ports)
        bodies = (
            ("tcp", TCP(sport=port, dport=PORT, flags="S")),
            ("udp", UDP(sport=port, dport=PORT)),
            ("icmpv6", ICMPv6EchoRequest(id=port)),
            ("ack", TCP(sport=port + 1, dport=PORT, flags="PA", seq=1, ack=1)),
        )
        for host, address, (protocol, body) in itertools.product((WEB, FAR), sorted(self.addresses), bodies):
            number, packet = self.packet(body, host, address, protocol)
            yield number, host, address, protocol, packet

    def answer(self, flow: OldFlow) -> tuple[int, bytes]:
        """Return an answer of the host to a flow."""
        body = UDP(sport=PORT, dport=flow.number) if flow.protocol == "udp" else ICMPv6EchoReply(id=flow.number)
        return self.packet(body, flow.host, flow.address, f"answer to the old {flow.protocol} flow {flow.number}")

    def begin(self) -> list[OldFlow]:
        """Let instances begin flows from all their addresses. Return those which the host may answer."""
        begun = []
        for each in self.model.running():
            with netns.inside(namespace_name(self.name, each.id)):
                raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
            for address, host, protocol in itertools.product(each.addresses, (WEB, FAR), ("udp", "icmpv6")):
                flow = OldFlow(str(address), host, protocol, next(self.ports), each.id, self.model.way(each, host))
                way = UDP(sport=flow.number, dport=PORT) if protocol == "udp" else ICMPv6EchoRequest(id=flow.number)
                with contextlib.suppress(OSError):
                    raw.sendto(bytes(IPv6(src=str(address), dst=host) / way / b"out"), (host, 0))
                if flow.way and self.model.answers(str(address), host, protocol):
                    begun.append(flow)
            raw.close()
        return begun

    # ---- rounds

    def round(self) -> None:
        """Make a call under attack, then check what gets in."""
        call = self.calls.draw(self.cloud)
        before, opened = self.model, list(self.openings())
        answers = [(flow, bool(flow.holder), *self.answer(flow)) for flow in self.flows]
        packets = [(packet, host, address) for _, host, address, _, packet in opened]
        packets += [(packet, flow.host, flow.address) for flow, _, _, packet in answers]
        with meanwhile(attack, self.senders, packets):
            granted = self.perform(call)
        self.model = Model(self.cloud) if granted else before
        for flow in self.flows:
            flow.follow(self.model)
        for number, host, address, protocol, _ in opened:
            name = "tcp" if protocol == "ack" else protocol
            self.allowed[number] = any(each.admits(host, address, name) for each in (before, self.model))
        for flow, alive, number, _ in answers:
            self.allowed[number] = alive or bool(flow.holder)
            self.allowed[number] |= before.admits(flow.host, flow.address, flow.protocol)
        self.hear()
        self.judge()
        if granted:
            self.note()
            self.check()

    def perform(self, call: Call) -> bool:
        """Make the call, or seldom change the number of replicas. Return whether it was granted."""
        if self.random.random() < 0.05:
            self.history.append(self._scale())
            return True
        try:
            self.live.perform(*call, self.settings)
        except CloudError as error:
            self.counts[f"{call[0]}: {error.code}"] += 1
            return False
        self.counts[f"{call[0]}: granted"] += 1
        self.history.append(str(call))
        return True

    def _scale(self) -> str:
        number, stored = self.random.randint(1, 3), store().load(self.name)
        gateways = {
            key: replace(each, replicas=number) if each.vpc_id == self.vpc else each
            for key, each in stored.cloud.egress_only_internet_gateways.items()
        }
        wanted = replace(stored.cloud, egress_only_internet_gateways=gateways)
        operations.apply(LinuxKernel(), storage(), replace(stored, cloud=wanted))
        return f"{number} replicas"

    def check(self) -> None:
        """Send all attacks once, and assert that exactly what the model allows arrives."""
        due: set[int] = set()
        for number, host, address, protocol, packet in self.openings():
            name = "tcp" if protocol == "ack" else protocol
            self.allowed[number] = self.model.admits(host, address, name)
            if self.allowed[number] and protocol != "ack":
                due.add(number)
            send(self.senders[host], packet, address)
        for flow in self.flows:
            number, packet = self.answer(flow)
            self.allowed[number] = bool(flow.holder)
            self.counts["answers to flows that ended"] += not flow.holder
            send(self.senders[flow.host], packet, flow.address)
        begun = self.begin()
        for flow in begun:
            number, packet = self.answer(flow)
            self.allowed[number] = True
            due.add(number)
            send(self.senders[flow.host], packet, flow.address)
        self.counts["must arrive"] += len(due)
        self.counts["must not arrive"] += 8 * len(self.addresses) - len(due)

        def arrived() -> bool:
            self.hear()
            return due <= self.heard

        try:
            until(arrived, "all that the model allows arrives")
        except AssertionError:
            lost = [self.what[each] for each in sorted(due - self.heard)]
            raise AssertionError("\n".join(["lost:", *lost, "calls:", *self.history])) from None
        self.judge()
        self.flows = self.random.sample(self.flows, min(40, len(self.flows)))
        self.flows += self.random.sample(begun, min(12, len(begun)))

    def judge(self) -> None:
        """Assert that nothing was heard that was not allowed."""
        wrong = [self.what[each] for each in sorted(self.heard) if not self.allowed.get(each, True)]
        assert not wrong, "\n".join(["got in:", *wrong, "calls:", *self.history])


def is_error(packet: bytes) -> bool:
    """Return whether it is an ICMPv6 error, which may quote an attack."""
    return packet[6] == socket.IPPROTO_ICMPV6 and packet[40] < 128


def send(sender: socket.socket, packet: bytes, address: str) -> None:
    """Send a packet. The host may have no route."""
    with contextlib.suppress(OSError):
        sender.sendto(packet, (address, 0))


def attack(senders: Mapping[str, socket.socket], packets: Iterable[tuple[bytes, str, str]], stop: ProcessEvent) -> None:
    """Send the packets until `stop` is set."""
    while not stop.is_set():
        for packet, host, address in packets:
            send(senders[host], packet, address)
        select.select([], [], [], 0.0005)


@pytest.mark.parametrize("seed", range(int(_FIRST), int(_LAST or _FIRST) + 1))
def test_no_sequence_of_calls_opens_a_way_in(
    lab_name: str, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EIGW_NS_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("EIGW_NS_RUN_DIR", str(tmp_path / "run"))
    with contextlib.closing(Search(lab_name, seed)) as search:
        lab = Lab(lab_name, current=Topology(search.cloud))
        search.check()
        with lab.stream("steady", "web", WEB) as steady:
            for _ in range(CALLS):
                search.round()
                assert steady.works(), "\n".join(search.history)
            assert steady.retransmissions() == 0
    print(search.counts)
    assert search.counts["must arrive"] >= CALLS
    assert search.counts["answers to flows that ended"] >= CALLS
