"""A hostile instance with root in its own namespace harms no other instance (S1, S3, I4)."""

from __future__ import annotations

import copy
import json
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from pyroute2 import IPRoute
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RA,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptPrefixInfo,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
)
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from eigw_ns.dataplane.compile.names import FABRIC_LINK, mac, port_name
from eigw_ns.kernel.namespaces import netns
from tests.support.labs import Lab, inward, until
from tests.support.raw_wire import Wire
from tests.topologies.egress import APP, TREE, WEB

pytestmark = pytest.mark.root

EVIL, MATE, FAR = "2600:1f16:aa0:5501::66", "2600:1f16:aa0:5501::20", "2600:1f16:aa0:6601::10"
ROUTER = "2600:1f16:aa0:5501::1"
FLOOD = 2000


@pytest.fixture
def lab(lab_name: str) -> Lab:
    """Three instances in one subnet, one of them hostile, and a second VPC with its own gateway."""
    tree: dict[str, Any] = copy.deepcopy(TREE)
    instances = tree["vpcs"]["main"]["instances"]
    instances["evil"] = {"subnet": "a", "ipv6_address": EVIL, "security_groups": ["open"]}
    instances["mate"] = {"subnet": "a", "ipv6_address": MATE, "security_groups": ["open"]}
    second = copy.deepcopy(TREE["vpcs"]["main"])
    second["ipv6_cidr_block"] = "2600:1f16:aa0:6600::/56"
    second["subnets"]["a"]["ipv6_cidr_block"] = "2600:1f16:aa0:6601::/64"
    second["instances"] = {"far": {"subnet": "a", "ipv6_address": FAR, "security_groups": ["open"]}}
    second["egress_only_internet_gateways"] = {"elsewhere": {}}
    second["route_tables"]["private"]["routes"][0]["target"] = "elsewhere"
    tree["vpcs"]["second"] = second
    built = Lab(lab_name)
    built.apply(json.dumps(tree))
    return built


class Evil:
    """Sends frames that it has made itself from the hostile instance's interface."""

    def __init__(self, lab: Lab) -> None:
        with netns.inside(lab.namespace("evil")):
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self._socket.bind(("eth0", 0))
            self.mac = ":".join(f"{octet:02x}" for octet in self._socket.getsockname()[4])
            with IPRoute() as netlink:
                found = netlink.get_neighbours(family=socket.AF_INET6, dst="fe80::1")
                self.router_mac = found[0].get_attr("NDA_LLADDR")

    def send(self, packet: Packet, *, source: str | None = None) -> None:
        """Send one frame to the router. `source` is a MAC other than its own."""
        self._socket.send(bytes(Ether(src=source or self.mac, dst=self.router_mac) / packet))

    def close(self) -> None:
        self._socket.close()


@contextmanager
def evil_beside_a_live_flow(lab: Lab) -> Iterator[Evil]:
    """Assert that the flow of another instance loses no packet to the acts of the hostile instance."""
    evil = Evil(lab)
    try:
        with lab.stream("app", "web", WEB) as stream, lab.stream("mate", "app", APP, 4444) as near:
            assert stream.works()
            assert near.works()
            yield evil
            assert stream.works()
            assert near.works()
            assert stream.retransmissions() == near.retransmissions() == 0
    finally:
        evil.close()


def _neighbours(lab: Lab) -> int:
    with netns.inside(lab.namespace("main/a")), IPRoute() as netlink:
        return len(netlink.get_neighbours(family=socket.AF_INET6))


def test_it_cannot_take_the_address_or_the_mac_of_another(lab: Lab) -> None:
    with evil_beside_a_live_flow(lab) as evil, lab.sniffer("web") as outside:
        before = lab.counter("main/a", "drop_source")
        for address in (APP, MATE, FAR, WEB, ROUTER):
            evil.send(IPv6(src=address, dst=WEB) / UDP(sport=1, dport=9))
            evil.send(IPv6(src=address, dst=WEB) / TCP(sport=1, dport=9, flags="S"), source="02:00:00:00:00:01")
        until(lambda: lab.counter("main/a", "drop_source") == before + 10, "ten spoofed packets counted")
        assert not any(b"\x00\x09" in packet[40:44] for packet in inward(outside))
        evil.send(IPv6(src=EVIL, dst=WEB) / UDP(sport=1, dport=9))  # the control: its own address passes
        until(lambda: any(packet[40:44] == b"\x00\x01\x00\x09" for packet in inward(outside)), "its own packet")


def test_it_can_neither_poison_nor_fill_the_routers_neighbours(lab: Lab) -> None:
    with evil_beside_a_live_flow(lab) as evil:
        before = _neighbours(lab)
        for number in range(FLOOD):
            address = f"2600:1f16:aa0:5501::{number + 0x1000:x}"
            solicited = "ff02::1:ff00:1"
            evil.send(
                IPv6(src=address, dst=solicited, hlim=255)
                / ICMPv6ND_NS(tgt=ROUTER)
                / ICMPv6NDOptSrcLLAddr(lladdr=evil.mac)
            )
        for victim in (APP, MATE, "fe80::2", ROUTER):
            for source in (victim, EVIL, "fe80::2"):
                evil.send(
                    IPv6(src=source, dst="fe80::1", hlim=255)
                    / ICMPv6ND_NA(tgt=victim, R=0, S=1, O=1)
                    / ICMPv6NDOptDstLLAddr(lladdr=evil.mac)
                )
        assert lab.counter("main/a", "drop_source") >= FLOOD
        assert _neighbours(lab) <= before + 1
        held = {thing.key: thing for thing in lab.kernel.observe(lab.name)}
        mac = held["neighbour", lab.namespace("main/a"), port_name(_id_of(lab, "app")), APP]
        assert evil.mac not in str(mac)


def test_no_namespace_accepts_its_router_advertisements(lab: Lab) -> None:
    with evil_beside_a_live_flow(lab) as evil:
        for source in ("fe80::2", "fe80::1"):
            for target in ("ff02::1", "fe80::1"):
                evil.send(
                    IPv6(src=source, dst=target, hlim=255)
                    / ICMPv6ND_RA(routerlifetime=9000)
                    / ICMPv6NDOptPrefixInfo(prefix="2001:db8:bad::", prefixlen=64)
                )
        evil.send(IPv6(src=EVIL, dst=APP) / ICMPv6EchoRequest())  # the control: a packet that it may send arrives
        for node in ("app", "mate", "main/a"):
            with netns.inside(lab.namespace(node)), IPRoute() as netlink:
                addresses = {found.get_attr("IFA_ADDRESS") for found in netlink.get_addr(family=socket.AF_INET6)}
                assert not any(address.startswith("2001:db8:bad:") for address in addresses)


def test_two_vpcs_cannot_reach_each_other_behind_the_internet(lab: Lab) -> None:
    with evil_beside_a_live_flow(lab) as evil, lab.sniffer("far") as inside, lab.sniffer("web") as outside:
        refused = lab.counter("elsewhere", "drop_inbound")
        evil.send(
            IPv6(src=EVIL, dst=FAR) / UDP(sport=1, dport=9)
        )  # it leaves by its gateway, and the other's gateway refuses it
        until(lambda: lab.counter("elsewhere", "drop_inbound") == refused + 1, "the other gateway refused it")
        evil.send(IPv6(src=FAR, dst=WEB) / UDP(sport=1, dport=9))
        evil.send(IPv6(src=FAR, dst=APP) / UDP(sport=1, dport=9))
        until(lambda: lab.counter("main/a", "drop_source") >= 2, "addresses of the other VPC")
        assert inward(inside) == []
        inward(outside)
        with lab.stream("far", "web", WEB, 4545) as stream:  # the control: the other VPC works, and is heard
            assert stream.works()
        assert inward(inside)


def test_ipv4_is_dropped_at_its_port(lab: Lab) -> None:
    with evil_beside_a_live_flow(lab) as evil:
        before = lab.counter("main/a", "drop_ipv4")
        for destination in ("10.0.0.1", "192.0.2.1", "255.255.255.255", "224.0.0.1"):
            evil.send(IP(src="10.0.0.66", dst=destination) / UDP(sport=1, dport=9))
        until(lambda: lab.counter("main/a", "drop_ipv4") == before + 4, "four packets of IPv4 counted")


def test_ipv4_from_the_vpc_is_dropped_before_the_groups(lab: Lab) -> None:
    """No IPv4 packet passes, so none is of a known flow, even if the subnet's network ACL allows it."""
    subnet = _id_of(lab, "main/a")
    with closing(Wire(lab.fabric("main"), port_name(subnet), mac(lab.name, subnet, FABRIC_LINK))) as wire:
        before = lab.counted("main/a")
        wire.send([bytes(IP(src="10.0.0.66", dst="10.0.0.1") / TCP(flags=flags)) for flags in ("S", "SA", "A")])
        until(lambda: lab.counted("main/a") == before | {"drop_ipv4": before["drop_ipv4"] + 3}, "three packets counted")


def _id_of(lab: Lab, node: str) -> str:
    return lab.namespace(node).removeprefix(f"eigw-{lab.name}-")
