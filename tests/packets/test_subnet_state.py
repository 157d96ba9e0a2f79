"""How a subnet's namespace judges packets by the state of their flow: each rule of its three paths, shown by packets.

within       from one instance to another of the same subnet
from a port  to another subnet, or out of the VPC
from the VPC to an instance, from another subnet or from a gateway
"""

from __future__ import annotations

import copy
import errno
import json
import socket
import struct
import time
from typing import Any

import pytest
from scapy.layers.inet import TCP
from scapy.layers.inet6 import IPv6

from eigw_ns.kernel.namespaces import netns, sysctl
from tests.support.labs import PATIENCE, Lab, inward, until
from tests.topologies.egress import ALL, APP, TREE, WEB

pytestmark = pytest.mark.root

MATE, BOX, WWW = "2600:1f16:aa0:5501::20", "2600:1f16:aa0:5502::10", "2600:1f16:aa0:5503::10"
ADDRESSES = {"app": APP, "mate": MATE, "box": BOX, "www": WWW, "web": WEB}
CLOSED = 4747
STRAY = b"belongs to no flow"


@pytest.fixture
def lab(lab_name: str) -> Lab:
    """Instances whose group is not open both ways, so that their flows are tracked. `box` and `www` are open."""
    tree: dict[str, Any] = copy.deepcopy(TREE)
    main = tree["vpcs"]["main"]
    main["internet_gateways"] = {"edge": {}}
    main["route_tables"]["public"] = {"routes": [{"destination": "::/0", "target": "edge"}]}
    most = {"protocol": "tcp", "ports": "0-65534", "cidr": "::/0"}
    question = {"protocol": "udp", "ports": CLOSED, "cidr": "::/0"}
    main["security_groups"] = {
        "open": {"ingress": [ALL], "egress": [ALL]},
        "most": {"ingress": [most], "egress": [most]},
        "asks": {"ingress": [], "egress": [most, question]},
        "asked": {"ingress": [most, question], "egress": []},
    }
    main["subnets"]["b"] = {"ipv6_cidr_block": "2600:1f16:aa0:5502::/64"}
    main["subnets"]["c"] = {"ipv6_cidr_block": "2600:1f16:aa0:5503::/64", "route_table": "public"}
    main["instances"] = {
        "app": {"subnet": "a", "ipv6_address": APP, "security_groups": ["most", "asks"]},
        "mate": {"subnet": "a", "ipv6_address": MATE, "security_groups": ["asked"]},
        "box": {"subnet": "b", "ipv6_address": BOX, "security_groups": ["open"]},
        "www": {"subnet": "c", "ipv6_address": WWW, "security_groups": ["open"]},
        "far": {"subnet": "b", "ipv6_address": "2600:1f16:aa0:5502::20", "security_groups": ["asked"]},
    }
    built = Lab(lab_name)
    built.apply(json.dumps(tree))
    return built


FAR = "2600:1f16:aa0:5502::20"


def _is_told(lab: Lab, source: str, address: str) -> bool:
    """Return whether a datagram to the closed port is answered with an ICMPv6 error that reaches the source."""
    with lab.open_socket(source, kind=socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        client.connect((address, CLOSED))
        client.send(b"is anybody there?")
        try:
            client.recv(1)
        except ConnectionRefusedError as error:
            return error.errno == errno.ECONNREFUSED
        except TimeoutError:
            return False
    return False


@pytest.mark.parametrize("peer", [MATE, FAR], ids=["within", "between subnets"])
def test_an_error_about_a_flow_needs_no_rule_of_its_own(lab: Lab, peer: str) -> None:
    """The group of the receiver lets nothing out, but the error about its closed port leaves."""
    assert _is_told(lab, "app", peer)


def test_errors_about_flows_that_are_not_tracked_pass_both_ways(lab: Lab) -> None:
    """Conntrack calls them invalid. But path MTU discovery must work for an instance that is open both ways."""
    assert _is_told(lab, "web", WWW)
    assert _is_told(lab, "www", WEB)


@pytest.mark.parametrize(
    ("source", "destination", "judge"),
    [("app", "mate", "main/a"), ("app", "box", "main/a"), ("box", "app", "main/a")],
    ids=["within", "from a port", "from the VPC"],
)
def test_a_segment_of_no_flow_is_dropped_even_if_the_groups_allow_it(
    lab: Lab, source: str, destination: str, judge: str
) -> None:
    stray = IPv6(src=ADDRESSES[source], dst=ADDRESSES[destination]) / TCP(sport=4711, dport=4712, flags="A") / STRAY
    before = lab.counter(judge, "drop_invalid")
    with (
        lab.sniffer(destination) as inside,
        lab.open_socket(source, kind=socket.SOCK_RAW, protocol=socket.IPPROTO_RAW) as raw,
    ):
        raw.sendto(bytes(stray), (ADDRESSES[destination], 0))
        until(lambda: lab.counter(judge, "drop_invalid") == before + 1, "the segment counted")
        with lab.stream(source, destination, ADDRESSES[destination], 4712) as stream:  # the control
            assert stream.works()
        heard = inward(inside)
        assert any(b"ping" in packet for packet in heard)
        assert not any(STRAY in packet for packet in heard)


def test_a_neighbour_cannot_end_a_flow_with_packets_from_its_addresses(lab: Lab) -> None:
    """The neighbour sends a SYN as from `app` and two resets as from `box`, with random numbers.

    Conntrack believed these before the source check dropped them, and deleted the closed flow, here within a second.
    """
    with netns.inside(lab.namespace("main/a")):
        sysctl.write("net.netfilter.nf_conntrack_tcp_timeout_close", "1")
    with (
        lab.stream("app", "box", BOX) as stream,
        lab.open_socket("mate", kind=socket.SOCK_RAW, protocol=socket.IPPROTO_RAW) as raw,
    ):
        assert stream.works()
        near, far = stream.client.getsockname()[1], stream.server.getsockname()[1]
        forged = [IPv6(src=APP, dst=BOX) / TCP(sport=near, dport=far, seq=777_000, flags="S")]
        for sequence in (0x1122_3344, 0x9122_3344):
            reset = TCP(sport=far, dport=near, seq=sequence, ack=777_001, flags="RA")
            forged.append(IPv6(src=BOX, dst=APP) / reset)
        for packet in forged:
            raw.sendto(bytes(packet), (packet.dst, 0))
        until(lambda: lab.counter("main/a", "drop_source") == len(forged), "they left the neighbour, and were dropped")
        begin = time.monotonic()
        until(lambda: time.monotonic() - begin > 1.5, "long enough to be forgotten")
        assert stream.works()


EVIL, DCCP = "2001:db8:bad::1", 33


def test_a_group_lets_in_other_protocols_of_the_same_host_as_answers(lab_name: str) -> None:
    """AWS on groups: "For protocols other than TCP, UDP, or ICMP, only the IP address and protocol number is tracked".

    This goes through an internet gateway, which has no state. An egress-only gateway compares the whole tuple.
    """
    tree: dict[str, Any] = copy.deepcopy(TREE)
    main = tree["vpcs"]["main"]
    main["internet_gateways"] = {"edge": {}}
    main["route_tables"]["private"]["routes"] = [{"destination": "::/0", "target": "edge"}]
    main["security_groups"]["open"] = {"ingress": [], "egress": [ALL]}
    tree["internet"]["hosts"]["evil"] = {"ipv6_address": EVIL}
    lab = Lab(lab_name)
    lab.apply(json.dumps(tree))
    with (
        lab.open_socket("app", kind=socket.SOCK_RAW, protocol=DCCP) as near,
        lab.open_socket("web", kind=socket.SOCK_RAW, protocol=DCCP) as web,
        lab.open_socket("evil", kind=socket.SOCK_RAW, protocol=DCCP) as evil,
    ):
        near.settimeout(PATIENCE)
        web.settimeout(PATIENCE)
        web.sendto(b"unasked", (APP, 0))
        until(lambda: lab.counter("main/a", "drop_group_ingress") == 1, "an unsolicited packet is dropped")
        near.sendto(_dccp(40_000, 5001), (WEB, 0))
        assert web.recv(64) == _dccp(40_000, 5001)
        evil.sendto(_dccp(5001, 40_000), (APP, 0))
        until(lambda: lab.counter("main/a", "drop_group_ingress") == 2, "another host's is dropped")
        for ports in ((5001, 40_000), (5555, 22)):
            web.sendto(_dccp(*ports), (APP, 0))
            assert near.recv(64) == _dccp(*ports)


def _dccp(sport: int, dport: int) -> bytes:
    return struct.pack("!HH12x", sport, dport)


MOST = 16_384


@pytest.fixture
def crowd(lab_name: str) -> Lab:
    """Two instances in one subnet that may begin any flow, and two in another that accept any flow."""
    tree: dict[str, Any] = copy.deepcopy(TREE)
    main = tree["vpcs"]["main"]
    main["security_groups"] = {
        "asks": {"ingress": [], "egress": [ALL]},
        "asked": {"ingress": [ALL], "egress": []},
    }
    main["subnets"]["b"] = {"ipv6_cidr_block": "2600:1f16:aa0:5502::/64"}
    main["instances"] = {
        "app": {"subnet": "a", "ipv6_address": APP, "security_groups": ["asks"]},
        "mate": {"subnet": "a", "ipv6_address": MATE, "security_groups": ["asks"]},
        "box": {"subnet": "b", "ipv6_address": BOX, "security_groups": ["asked"]},
        "far": {"subnet": "b", "ipv6_address": FAR, "security_groups": ["asked"]},
    }
    built = Lab(lab_name)
    built.apply(json.dumps(tree))
    return built


def test_an_instance_cannot_fill_its_subnets_table_of_connections(crowd: Lab) -> None:
    crowd.begin_flows("mate", BOX, 20_000)
    until(lambda: crowd.counter("main/a", "drop_limit_instance") >= 20_000 - MOST, "the rest is dropped")
    assert MOST * 3 // 4 < crowd.connections("main/a") <= MOST
    with crowd.stream("app", "far", FAR) as stream:
        assert stream.works()


def test_others_cannot_fill_it_through_an_instance(crowd: Lab) -> None:
    for source in ("app", "mate"):
        crowd.begin_flows(source, BOX, 10_000)
    until(lambda: crowd.counter("main/b", "drop_limit_instance") >= 20_000 - MOST, "the rest is dropped")
    assert crowd.counter("main/a", "drop_limit_instance") == 0
    assert MOST * 3 // 4 < crowd.connections("main/b") <= MOST
    with crowd.stream("app", "far", FAR) as stream:
        assert stream.works()
