"""What an internet gateway drops: either side may begin flows, but not with addresses that are invalid or not routed.

Each case has the packets, the counter that rises by exactly their number, and a legal datagram each way as control.
"""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6

from eigw_ns.cloud.nodes import find
from eigw_ns.dataplane.compile import names
from tests.support.labs import Lab, until
from tests.support.raw_wire import Wire
from tests.topologies.egress import APP, TREE, WEB

pytestmark = pytest.mark.root

PRIVATE = "2600:1f16:aa0:5502::10"
NOWHERE = "2600:1f16:aa0:55ff::1"


@dataclass
class Gateway:
    """The gateway `edge`, and a wire on each side of it."""

    lab: Lab
    outer: Wire
    inner: Wire

    def refuses(self, near: Wire, packets: list[bytes], counter: str) -> None:
        """Assert that packets from this side are counted as this and come out nowhere, and that legal ones pass."""
        before = self.lab.counter("edge", counter)
        self.outer.heard(), self.inner.heard()
        near.send(packets)
        until(lambda: self.lab.counter("edge", counter) == before + len(packets), f"{counter} rises")
        heard = self._heard_with_controls()
        assert not any(b"refused" in packet for packet in heard)

    def _heard_with_controls(self) -> list[bytes]:
        heard: list[bytes] = []
        for near, far, source, destination in ((self.outer, self.inner, WEB, APP), (self.inner, self.outer, APP, WEB)):
            near.send([datagram(source, destination, b"control")])
            until(partial(self._came, far, heard), "the control")
            heard += near.heard()
        return heard

    def _came(self, far: Wire, heard: list[bytes]) -> bool:
        new = far.heard()
        heard += new
        return any(b"control" in packet for packet in new)


def datagram(source: str, destination: str, word: bytes = b"refused") -> bytes:
    return bytes(IPv6(src=source, dst=destination) / UDP(sport=4711, dport=9) / word)


@pytest.fixture
def edge(lab_name: str) -> Iterator[Gateway]:
    tree: dict[str, Any] = copy.deepcopy(TREE)
    main = tree["vpcs"]["main"]
    main["internet_gateways"] = {"edge": {}}
    main["route_tables"]["public"] = {"routes": [{"destination": "::/0", "target": "edge"}]}
    main["subnets"]["a"]["route_table"] = "public"
    main["subnets"]["b"] = {"ipv6_cidr_block": "2600:1f16:aa0:5502::/64"}
    lab = Lab(lab_name)
    lab.apply(json.dumps(tree))
    assert lab.current is not None
    gateway = find(lab.current.cloud, "main/edge").id
    with contextlib.ExitStack() as stack:
        wires = [
            Wire(namespace, names.port_name(gateway), names.mac(lab_name, gateway, link))
            for namespace, link in ((lab.namespace("internet"), "up"), (lab.fabric("main"), "fabric"))
        ]
        for wire in wires:
            stack.callback(wire.close)
        yield Gateway(lab, *wires)


def test_sources_that_the_internet_cannot_have(edge: Gateway) -> None:
    never = ("64:ff9b::1", "100::1", "4000::1", "fd00::1", APP, NOWHERE)
    edge.refuses(edge.outer, [datagram(source, APP) for source in never], "drop_source")


def test_destinations_that_the_internet_cannot_have(edge: Gateway) -> None:
    never = ("64:ff9b::1", "100::1", "4000::1", "fd00::1", "ff0e::1")
    edge.refuses(edge.inner, [datagram(APP, there) for there in never], "drop_destination")


def test_a_packet_from_the_vpc_to_the_vpc_is_not_sent_back(edge: Gateway) -> None:
    edge.refuses(edge.inner, [datagram(APP, there) for there in (PRIVATE, NOWHERE)], "drop_hairpin")


def test_packets_that_no_route_table_sends_through_it_are_dropped(edge: Gateway) -> None:
    edge.refuses(edge.outer, [datagram(WEB, there) for there in (PRIVATE, NOWHERE, "2a00::1")], "drop_not_routed")
    edge.refuses(edge.inner, [datagram(source, WEB) for source in (PRIVATE, NOWHERE, "2a00::1")], "drop_not_routed")


def test_ipv4_goes_neither_way(edge: Gateway) -> None:
    packet = bytes(IP(src="192.0.2.1", dst="198.51.100.1") / UDP(sport=4711, dport=9) / b"refused")
    for near in (edge.outer, edge.inner):
        edge.refuses(near, [packet], "drop_ipv4")
