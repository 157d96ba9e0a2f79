"""An instance may send ICMPv6 errors only about packets that it received (RFC 4443 section 2.4, I1).

Conntrack lets an error pass by the packet that it quotes, from any sender. An instance that all groups forbid, and that
guessed the ports, could end another tenant's flow or lower its path MTU. The sender's own subnet refuses such errors.
Each attack here is about a live flow of another instance. The same sender then sends a genuine error.
"""

from __future__ import annotations

import copy
import errno
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6PacketTooBig,
    ICMPv6ParamProblem,
    ICMPv6TimeExceeded,
    IPv6,
)
from scapy.packet import Packet, Raw

from eigw_ns.kernel.namespaces import netns
from tests.support.extension_headers import DESTINATION, Header, behind, piece
from tests.support.labs import PATIENCE, Lab, inward, until
from tests.topologies.egress import ALL, APP, TREE, WEB

pytestmark = pytest.mark.root

MATE, BOX = "2600:1f16:aa0:5501::20", "2600:1f16:aa0:5502::10"
WWW, NEXT = "2600:1f16:aa0:5503::10", "2600:1f16:aa0:5503::20"
ADDRESSES = {"app": APP, "mate": MATE, "box": BOX, "www": WWW, "next": NEXT, "web": WEB}
HOME = {"mate": "main/a", "box": "main/b", "next": "main/c"}
LINK_LOCAL = "fe80::2"
PORT = 53
_IPV6_MTU = 24  # linux/in6.h
_USUAL, _LEAST = 1500, 1280  # octets
NEIGHBOURS = [("mate", "app"), ("box", "app"), ("next", "www"), ("box", "www"), ("mate", "www")]
"""Attackers and victims, in one subnet and in two. Flows of `app` are tracked, those of `www` are not."""


@pytest.fixture
def lab(lab_name: str) -> Lab:
    """`app` lets nothing in, behind the egress-only gateway. `www` is open both ways, behind an internet gateway."""
    tree: dict[str, Any] = copy.deepcopy(TREE)
    main = tree["vpcs"]["main"]
    main["internet_gateways"] = {"edge": {}}
    main["route_tables"]["public"] = {"routes": [{"destination": "::/0", "target": "edge"}]}
    main["security_groups"] = {"open": {"ingress": [ALL], "egress": [ALL]}, "asks": {"ingress": [], "egress": [ALL]}}
    main["subnets"]["b"] = {"ipv6_cidr_block": "2600:1f16:aa0:5502::/64"}
    main["subnets"]["c"] = {"ipv6_cidr_block": "2600:1f16:aa0:5503::/64", "route_table": "public"}
    main["instances"] = {
        "app": {"subnet": "a", "ipv6_address": APP, "security_groups": ["asks"]},
        "mate": {"subnet": "a", "ipv6_address": MATE, "security_groups": ["open"]},
        "box": {"subnet": "b", "ipv6_address": BOX, "security_groups": ["open"]},
        "www": {"subnet": "c", "ipv6_address": WWW, "security_groups": ["open"]},
        "next": {"subnet": "c", "ipv6_address": NEXT, "security_groups": ["open"]},
    }
    built = Lab(lab_name)
    built.apply(json.dumps(tree))
    return built


@contextmanager
def _datagrams(
    lab: Lab, source: str, destination: str, port: int = PORT
) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Return both ends of a UDP flow that the source has begun and the destination has answered."""
    address = ADDRESSES[destination]
    with (
        lab.open_socket(source, kind=socket.SOCK_DGRAM) as client,
        lab.open_socket(destination, kind=socket.SOCK_DGRAM) as server,
    ):
        client.settimeout(PATIENCE)
        server.settimeout(PATIENCE)
        server.bind((address, port))
        client.connect((address, port))
        client.send(b"question")
        _, asker = server.recvfrom(100)
        server.connect(asker)
        assert _works(client, server)
        yield client, server


def _works(client: socket.socket, server: socket.socket) -> bool:
    """Return whether the flow carries datagrams both ways, and no error reached its ends."""
    server.send(b"answer")
    client.send(b"question")
    return client.recv(100) == b"answer" and server.recv(100) == b"question"


def _path_mtu(client: socket.socket) -> int:
    return client.getsockopt(socket.IPPROTO_IPV6, _IPV6_MTU)


def _quote(client: socket.socket) -> Packet:
    """Return a packet that this end of a flow may have sent."""
    (source, port, *_), (destination, far, *_) = client.getsockname(), client.getpeername()
    return IPv6(src=source, dst=destination) / UDP(sport=port, dport=far) / b"question"


def _errors(sender: str, quote: Packet) -> list[bytes]:
    """Return an error of each kind that conntrack relates to the packet that is quoted."""
    kinds = (
        ICMPv6DestUnreach(code=4),
        ICMPv6DestUnreach(code=1),
        ICMPv6PacketTooBig(mtu=_LEAST),
        ICMPv6TimeExceeded(),
        ICMPv6ParamProblem(code=1),
    )
    return [bytes(IPv6(src=sender, dst=quote.src) / kind / quote) for kind in kinds]


def _send(lab: Lab, node: str, packets: list[bytes]) -> None:
    with lab.open_socket(node, kind=socket.SOCK_RAW, protocol=socket.IPPROTO_RAW) as raw:
        for packet in packets:
            raw.sendto(packet, (socket.inet_ntop(socket.AF_INET6, packet[24:40]), 0))


def _is_error(packet: bytes) -> bool:
    return packet[6] == socket.IPPROTO_ICMPV6 and packet[40] < 128


def _refused(lab: Lab, sender: str, victim: str, packets: list[bytes], counted: int) -> None:
    """Assert that the packets raise the counter of the sender's subnet by this, and no error reaches the victim."""
    before = lab.counter(HOME[sender], "drop_icmpv6_error")
    with lab.sniffer(victim) as inside:
        _send(lab, sender, packets)
        until(lambda: lab.counter(HOME[sender], "drop_icmpv6_error") == before + counted, "the errors counted")
        with _datagrams(lab, victim, sender) as (client, _):  # the control: a genuine error of this sender
            _send(lab, sender, _errors(ADDRESSES[sender], _quote(client))[:1])
            until(lambda: _told(client), "the genuine error")
        errors = [packet for packet in inward(inside) if _is_error(packet)]
    assert [packet[8:24] for packet in errors] == [socket.inet_pton(socket.AF_INET6, ADDRESSES[sender])]
    assert lab.counter(HOME[sender], "drop_icmpv6_error") == before + counted


def _told(client: socket.socket) -> bool:
    """Return whether the kernel has reported to this end that the other one is unreachable."""
    return client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED


@pytest.mark.parametrize(("sender", "victim"), NEIGHBOURS)
def test_a_neighbour_cannot_end_a_flow_with_errors(lab: Lab, sender: str, victim: str) -> None:
    with _datagrams(lab, victim, "web") as (client, server):
        errors = _errors(ADDRESSES[sender], _quote(client))
        _refused(lab, sender, victim, errors, len(errors))
        assert _works(client, server)
        assert _path_mtu(client) == _USUAL


def test_an_instance_cannot_guess_the_ports_of_a_flow(lab: Lab) -> None:
    """A neighbour tries 2,000 ports around the right one. Each guess is refused."""
    with _datagrams(lab, "app", "web") as (client, server):
        near = client.getsockname()[1]
        quotes = [IPv6(src=APP, dst=WEB) / UDP(sport=port, dport=PORT) for port in range(near - 1000, near + 1000)]
        _refused(lab, "mate", "app", [_errors(MATE, quote)[0] for quote in quotes], len(quotes))
        assert _works(client, server)


@pytest.mark.parametrize(("sender", "victim"), [("mate", "app"), ("next", "www")])
def test_an_instance_cannot_send_the_internet_errors_about_its_neighbours_flow(
    lab: Lab, sender: str, victim: str
) -> None:
    """The error is for the gateway, quotes what the host sent to the neighbour, and is refused before the gateway."""
    with _datagrams(lab, victim, "web") as (client, server), lab.sniffer("web") as outside:
        errors = _errors(ADDRESSES[sender], _quote(server))
        before = lab.counter(HOME[sender], "drop_icmpv6_error")
        _send(lab, sender, errors)
        until(lambda: lab.counter(HOME[sender], "drop_icmpv6_error") == before + len(errors), "the errors counted")
        with _datagrams(lab, sender, "web", PORT + 1) as (
            _,
            own,
        ):  # the control: the sender may send an error about its own flow
            _send(lab, sender, _errors(ADDRESSES[sender], _quote(own))[:1])
            until(lambda: _told(own), "the genuine error")
        told = [packet for packet in inward(outside) if _is_error(packet)]
        assert [packet[8:24] for packet in told] == [socket.inet_pton(socket.AF_INET6, ADDRESSES[sender])]
        assert _works(client, server)


@pytest.mark.parametrize("sender", ["mate", "box"])
def test_errors_with_a_malformed_quote_are_refused(lab: Lab, sender: str) -> None:
    """Cut within the quoted destination, of another IP version, or with the sender's address at the wrong place."""
    own = ADDRESSES[sender]
    with _datagrams(lab, "app", "web") as (client, server):
        quote = _quote(client)
        short = [error[: 40 + 8 + cut] for error in _errors(own, quote)[:1] for cut in (0, 1, 24, 39)]
        short = [each[:4] + (len(each) - 40).to_bytes(2) + each[6:] for each in short]
        head = IPv6(src=own, dst=APP) / ICMPv6DestUnreach(code=4)
        other = bytes(quote)
        others = [
            bytes(head / Raw(b"\x45" + other[1:24] + socket.inet_pton(socket.AF_INET6, own) + other[40:])),
            bytes(head / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=2) / bytes(40)),
            bytes(head / IPv6(src=own, dst=WEB) / UDP(sport=client.getsockname()[1], dport=PORT) / b"question"),
        ]
        _refused(lab, sender, "app", [*short, *others], len(short) + len(others))
        assert _works(client, server)


def test_errors_behind_headers_and_in_fragments_are_refused(lab: Lab) -> None:
    with _datagrams(lab, "app", "web") as (client, server):
        error = _errors(MATE, _quote(client))[0]
        optional = behind(error, Header(DESTINATION))
        pieces = [piece(error, 5, 0, 16, more=True), piece(error, 5, 16, len(error) - 40, more=False)]
        _refused(lab, "mate", "app", [optional, *pieces], 2)
        assert _works(client, server)


def test_an_error_from_the_link_local_address_is_dropped(lab: Lab) -> None:
    """All instances have this address. The errors quote a packet of the neighbour, or one to the link-local address."""
    with _datagrams(lab, "app", "web") as (client, server):
        quotes = [_quote(client), IPv6(src=APP, dst=LINK_LOCAL) / UDP(sport=1, dport=2)]
        _refused(lab, "mate", "app", [error for quote in quotes for error in _errors(LINK_LOCAL, quote)], 10)
        assert _works(client, server)


def test_the_router_learns_only_the_path_to_the_sender_of_an_error(lab: Lab) -> None:
    """By a too-big error about an echo, which needs no flow, Linux lowers the MTU of a route for the whole subnet."""
    with _datagrams(lab, "app", "web") as (client, server):
        echo = IPv6(src="fe80::1", dst=WEB) / Raw(b"\x81\0\0\0\0\0\0\0")
        echo.nh = socket.IPPROTO_ICMPV6
        sources, told = (MATE, LINK_LOCAL), ICMPv6PacketTooBig(mtu=_LEAST) / echo
        errors = [bytes(IPv6(src=source, dst="fe80::1") / told) for source in sources]
        errors += [piece(errors[1], 5, 0, 8, more=True), piece(errors[1], 5, 8, len(errors[1]) - 40, more=False)]
        before = lab.counter("main/a", "drop_icmpv6_error")
        with netns.inside(lab.namespace("mate")):
            link = socket.if_nametoindex("eth0")
        with lab.open_socket("mate", kind=socket.SOCK_RAW, protocol=socket.IPPROTO_RAW) as raw:
            for error in errors:
                raw.sendto(error, ("fe80::1", 0, 0, link))
        until(lambda: lab.counter("main/a", "drop_icmpv6_error") == before + 3, "all but the second piece counted")
        client.send(bytes(1400))
        assert len(server.recv(2000)) == 1400
        assert _path_mtu(client) == _USUAL
