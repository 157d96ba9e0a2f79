"""Fragments that never become whole packets do not stop other instances' datagrams (F1).

Linux keeps fragments until all of their packet have come, in one memory for each namespace. Without a limit for each
instance, 6,000 lone fragments of one tenant stopped all fragmented datagrams of its subnet and of the gateway for a
minute. `test_hidden_headers.py` tests fragments from the internet.
"""

from __future__ import annotations

import copy
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6

from eigw_ns.kernel.namespaces import netns, sysctl
from tests.support.extension_headers import DESTINATION, Header, behind, fragment, fragments, piece
from tests.support.labs import PATIENCE, Lab, inward, until
from tests.topologies.egress import ALL, APP, TREE, WEB

pytestmark = pytest.mark.root

MATE, WWW, NEXT = "2600:1f16:aa0:5501::20", "2600:1f16:aa0:5503::10", "2600:1f16:aa0:5503::20"
NOBODY = "2600:1f16:aa0:5503::dead"
ADDRESSES = {"app": APP, "mate": MATE, "www": WWW, "next": NEXT, "web": WEB}
FLOOD, AT_ONCE, A_SECOND = 6_000, 1_000, 2_000
LONG = 3_000  # octets, three fragments
PORT = 6000


@pytest.fixture
def lab(lab_name: str) -> Lab:
    """`app` and `mate` behind the egress-only gateway, `www` and `next` behind an internet gateway."""
    tree: dict[str, Any] = copy.deepcopy(TREE)
    main = tree["vpcs"]["main"]
    main["internet_gateways"] = {"edge": {}}
    main["route_tables"]["public"] = {"routes": [{"destination": "::/0", "target": "edge"}]}
    main["security_groups"] = {"open": {"ingress": [ALL], "egress": [ALL]}}
    main["subnets"]["c"] = {"ipv6_cidr_block": "2600:1f16:aa0:5503::/64", "route_table": "public"}
    for name, subnet in (("mate", "a"), ("www", "c"), ("next", "c")):
        main["instances"][name] = {"subnet": subnet, "ipv6_address": ADDRESSES[name], "security_groups": ["open"]}
    built = Lab(lab_name)
    built.apply(json.dumps(tree))
    return built


@dataclass(frozen=True)
class Flow:
    """Both ends of a UDP flow."""

    client: socket.socket
    server: socket.socket

    def carries(self, octets: int) -> bool:
        """Return whether ten datagrams of this size arrive each way."""
        for sender, receiver in ((self.client, self.server), (self.server, self.client)):
            for _ in range(10):
                sender.send(bytes(octets))
                if len(receiver.recv(octets + 1)) != octets:
                    return False
        return True


@contextmanager
def _flow(lab: Lab, source: str, destination: str, port: int = PORT) -> Iterator[Flow]:
    with ExitStack() as stack:
        client, server = (
            stack.enter_context(lab.open_socket(node, kind=socket.SOCK_DGRAM)) for node in (source, destination)
        )
        client.settimeout(PATIENCE)
        server.settimeout(PATIENCE)
        server.bind((ADDRESSES[destination], port))
        client.connect((ADDRESSES[destination], port))
        client.send(b"question")
        server.connect(server.recvfrom(100)[1])
        flow = Flow(client, server)
        assert flow.carries(8)
        assert flow.carries(LONG)
        yield flow


def _datagram(source: str, destination: str) -> bytes:
    return bytes(IPv6(src=source, dst=destination) / UDP(sport=4711, dport=9) / bytes(1_400))


def _lone(source: str, destination: str, count: int = FLOOD) -> list[bytes]:
    """Return first fragments that no other fragments follow."""
    return [piece(_datagram(source, destination), number, 0, 1240, more=True) for number in range(count)]


def _send(lab: Lab, node: str, packets: list[bytes]) -> None:
    """Send packets as they are, on the node's one link."""
    with lab.open_socket(node, kind=socket.SOCK_RAW, protocol=socket.IPPROTO_RAW) as raw:
        for packet in packets:
            raw.sendto(packet, (socket.inet_ntop(socket.AF_INET6, packet[24:40]), 0))


def test_a_tenant_that_floods_fragments_stops_no_other_instance(lab: Lab) -> None:
    """It fills its own share. Its subnet drops and counts the rest, and no fragment gets to the gateway."""
    with _flow(lab, "app", "web") as outward, _flow(lab, "app", "mate", PORT + 1) as near:
        _send(lab, "mate", _lone(MATE, WEB))
        until(lambda: lab.counter("main/a", "drop_fragment") > FLOOD // 4, "the rest is counted")
        assert outward.carries(LONG)
        near.client.send(bytes(LONG))  # towards the tenant; from the tenant there may be too many
        assert len(near.server.recv(LONG + 1)) == LONG
    assert lab.counter("main/a", "drop_fragment") <= FLOOD - AT_ONCE
    assert lab.counter("outbound", "drop_fragment") == 0


def test_a_tenants_own_fragments_pass_again_a_moment_later(lab: Lab) -> None:
    with _flow(lab, "mate", "web") as flow:
        _send(lab, "mate", _lone(MATE, WEB))
        flow.client.setblocking(False)
        flow.server.setblocking(False)

        def carries() -> bool:
            flow.client.send(bytes(LONG))
            try:
                return len(flow.server.recv(LONG + 1)) == LONG
            except BlockingIOError:
                return False

        until(carries, "a datagram in fragments")


@pytest.mark.parametrize("victim", ["www", "nobody"])
def test_the_internet_stops_no_other_instance_behind_an_internet_gateway(lab: Lab, victim: str) -> None:
    """There flows may begin outside, so a stranger's fragments enter, up to a limit for each instance."""
    with _flow(lab, "next", "web") as flow, _flow(lab, "web", "next", PORT + 1) as inward_flow:
        _send(lab, "web", _lone(WEB, WWW if victim == "www" else NOBODY))
        least = FLOOD // 4 if victim == "www" else FLOOD
        until(lambda: lab.counter("main/c", "drop_fragment") >= least, "the rest is counted")
        assert flow.carries(LONG)
        assert inward_flow.carries(LONG)


def test_fragments_from_other_subnets_are_counted_where_they_come_from(lab: Lab) -> None:
    """They were whole in the sender's subnet, so they never take an instance's share in another subnet."""
    with _flow(lab, "www", "app") as flow:
        _send(lab, "mate", _lone(MATE, WWW))
        until(lambda: lab.counter("main/a", "drop_fragment") > 0, "the sender's own limit")
        assert flow.carries(LONG)
        assert lab.counter("main/c", "drop_fragment") == 0


@pytest.mark.parametrize(("node", "subnet"), [("mate", "main/a"), ("alone", "main/b")])
def test_fragments_in_which_another_header_follows_leave_no_subnet(lab_name: str, node: str, subnet: str) -> None:
    """A second fragment header would pass as part of a whole packet, and its fragments would wait in the gateway."""
    tree: dict[str, Any] = copy.deepcopy(TREE)
    main = tree["vpcs"]["main"]
    main["security_groups"] = {"open": {"ingress": [ALL], "egress": [ALL]}}
    main["subnets"]["b"] = {"ipv6_cidr_block": "2600:1f16:aa0:5502::/64"}
    addresses = {"mate": MATE, "alone": "2600:1f16:aa0:5502::10"}
    for name, where in (("mate", "a"), ("alone", "b")):
        main["instances"][name] = {"subnet": where, "ipv6_address": addresses[name], "security_groups": ["open"]}
    lab = Lab(lab_name)
    lab.apply(json.dumps(tree))
    datagram = _datagram(addresses[node], WEB)
    hidden = [
        behind(datagram, fragment(1), fragment(2)),
        behind(datagram, fragment(3), fragment(4, 0, True)),
        behind(datagram, fragment(5), Header(DESTINATION), fragment(6, 8)),
        piece(behind(datagram, Header(DESTINATION)), 7, 0, 8, more=True),
        piece(behind(datagram, Header(DESTINATION)), 7, 8, 1_000, more=False),
    ]
    with lab.sniffer("web") as outside:
        before = lab.counter(subnet, "drop_extension_header")
        _send(lab, node, hidden)
        until(lambda: lab.counter(subnet, "drop_extension_header") == before + 5, "all of them counted")
        _send(lab, node, [*fragments(datagram, 8, 1_000), behind(datagram, fragment(9))])  # the control
        heard: list[bytes] = []

        def came() -> bool:
            heard.extend(inward(outside))
            return len(heard) >= 3

        until(came, "what is whole")
        assert len(heard) == 3
    assert lab.counter(subnet, "drop_extension_header") == before + 5


def test_a_spoofed_fragment_takes_no_instances_room(lab: Lab) -> None:
    """It is refused by its source, and not by the rate of the instance that it names."""
    with _flow(lab, "app", "web") as flow:
        before = lab.counter("main/a", "drop_source")
        _send(lab, "mate", _lone(APP, WEB))
        until(lambda: lab.counter("main/a", "drop_source") == before + FLOOD, "all of them counted")
        assert flow.carries(LONG)
        assert lab.counter("main/a", "drop_fragment") == 0


def test_how_much_of_the_memory_one_instance_can_take(lab: Lab) -> None:
    """Linux counts 2.4 KiB for a fragment of 1,400 octets. One instance has at most an eighth of the memory."""
    for node in ("main/a", "outbound"):
        with netns.inside(lab.namespace(node)):
            memory = int(sysctl.read("net.netfilter.nf_conntrack_frag6_high_thresh") or 0)
            seconds = int(sysctl.read("net.netfilter.nf_conntrack_frag6_timeout") or 0)
        assert (AT_ONCE + A_SECOND * seconds) * 2.4 * 1024 < memory / 8
