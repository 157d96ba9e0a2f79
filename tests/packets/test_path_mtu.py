"""Path MTU discovery through the gateway (I2, I3): data too big for a link of 1,280 bytes arrives complete."""

from __future__ import annotations

import json
import socket
import struct
import threading

import pytest
from pyroute2 import IPRoute

from eigw_ns.dataplane.compile.names import port_name
from eigw_ns.kernel.namespaces import netns
from tests.support.labs import PATIENCE, Lab, until
from tests.topologies.egress import APP, TREE, WEB

pytestmark = pytest.mark.root

LEAST = 1280  # bytes that every IPv6 link carries, RFC 8200
SIZE = 1_000_000
_TCP_INFO_PMTU = 60  # offset in struct tcp_info, linux/tcp.h


@pytest.fixture
def lab(lab_name: str) -> Lab:
    built = Lab(lab_name)
    built.apply(json.dumps(TREE))
    return built


def _narrow(lab: Lab, *ends: tuple[str, str]) -> None:
    """Set the MTU of both ends of a link, (node, interface) each, to 1,280 bytes."""
    for node, link in ends:
        with netns.inside(lab.namespace(node)), IPRoute() as netlink:
            netlink.link("set", index=netlink.link_lookup(ifname=link)[0], mtu=LEAST)


def _id_of(lab: Lab, node: str) -> str:
    return lab.namespace(node).removeprefix(f"eigw-{lab.name}-")


def _transfer(sender: socket.socket, receiver: socket.socket) -> None:
    """Send a megabyte, and assert that every byte arrives."""
    writer = threading.Thread(target=sender.sendall, args=(b"x" * SIZE,))
    writer.start()
    received = 0
    while received < SIZE:
        received += len(receiver.recv(65536))
    writer.join()


def _path_mtu(end: socket.socket) -> int:
    info = end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return int(struct.unpack_from("=I", info, _TCP_INFO_PMTU)[0])


def test_both_ends_find_a_narrow_uplink(lab: Lab) -> None:
    """The gateway sends an error to the instance, the internet's router to the host. Both MTUs are 1,500 until then."""
    _narrow(lab, ("outbound", "up"), ("internet", port_name(_id_of(lab, "outbound"))))
    with lab.stream("app", "web", WEB) as stream:
        _transfer(stream.client, stream.server)
        assert _path_mtu(stream.client) == LEAST
        _transfer(stream.server, stream.client)
        assert _path_mtu(stream.server) == LEAST


def test_the_instance_finds_a_narrow_link_of_the_host(lab: Lab) -> None:
    """The error comes from a router of the internet, about a live flow. It passes, and is counted as related."""
    _narrow(lab, ("web", "eth0"), ("internet", port_name(_id_of(lab, "web"))))
    with (
        lab.open_socket("app", kind=socket.SOCK_DGRAM) as client,
        lab.open_socket("web", kind=socket.SOCK_DGRAM) as server,
    ):
        server.bind((WEB, 53))
        server.settimeout(PATIENCE)
        client.sendto(b"x" * 1400, (WEB, 53))  # too big for the last link: dropped there, and reported
        until(lambda: lab.counter("outbound", "allowed_related") == 1, "packet too big came through the gateway")
        client.sendto(b"y" * 1400, (WEB, 53))  # now in fragments that fit
        assert server.recv(2000) == b"y" * 1400
    with lab.stream("app", "web", WEB) as stream:
        _transfer(stream.client, stream.server)
        _transfer(stream.server, stream.client)


def test_the_host_finds_a_narrow_link_of_the_instance(lab: Lab) -> None:
    """The subnet's router sends the error to the host, out through the gateway."""
    _narrow(lab, ("app", "eth0"), ("main/a", port_name(_id_of(lab, "app"))))
    with (
        lab.open_socket("app", kind=socket.SOCK_DGRAM) as client,
        lab.open_socket("web", kind=socket.SOCK_DGRAM) as server,
    ):
        client.bind((APP, 40000))
        client.settimeout(PATIENCE)
        server.bind((WEB, 53))
        server.settimeout(PATIENCE)
        client.sendto(b"question", (WEB, 53))
        assert server.recv(64) == b"question"
        server.sendto(b"x" * 1400, (APP, 40000))
        until(lambda: lab.counter("outbound", "allowed_related") == 1, "packet too big left through the gateway")
        server.sendto(b"y" * 1400, (APP, 40000))
        assert client.recv(2000) == b"y" * 1400
    with lab.stream("app", "web", WEB) as stream:
        _transfer(stream.client, stream.server)
        _transfer(stream.server, stream.client)
