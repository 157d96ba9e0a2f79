"""Labs for tests: a topology as text becomes namespaces, and sockets in them show what packets do."""

from __future__ import annotations

import contextlib
import errno
import multiprocessing
import selectors
import socket
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from eigw_ns.cloud.nodes import find
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.dataplane.planning.plan import Plan, make_plan
from eigw_ns.dataplane.state import NetState
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.kernel.namespaces import netns, sysctl
from eigw_ns.lab.lifecycle.execute import execute
from eigw_ns.topology import Topology, load
from tests.support.slowness import SLOWNESS

PATIENCE = 5.0 * SLOWNESS
"""Seconds that a test waits for an event that must come. A busy machine needs several."""

SILENCE = 0.4 * SLOWNESS
"""Seconds in which nothing must come. Each such claim has a control beside it that does come."""

_LINK_LOCAL = b"\xfe\x80"
_TCP_INFO_UNACKED, _TCP_INFO_TOTAL_RETRANS, _TCP_INFO_DSACKS = 24, 100, 216  # in struct tcp_info, linux/tcp.h


def topology(text: str, lab: str) -> Topology:
    """Return the topology that the text describes, as the lab `lab`."""
    return load(text.encode(), file="test.yaml", default_lab=lab)


def until(condition: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    """Wait for the condition.

    Raises AssertionError with `what` if it does not hold within `patience` seconds.
    """
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {patience} s")
        selectors.DefaultSelector().select(0.005)


@contextlib.contextmanager
def meanwhile(work: Callable[..., None], *arguments: Any) -> Iterator[None]:
    """Run `work` in another process while the block runs, and assert that it ends without an error.

    The last argument of `work` is the event that ends it.
    """
    fork = multiprocessing.get_context("fork")
    stop = fork.Event()
    worker = fork.Process(target=work, args=(*arguments, stop), daemon=True)
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join()
    assert worker.exitcode == 0


def connections(namespace: str) -> int:
    """Return the number of entries in the namespace's connection table."""
    with netns.inside(namespace):
        return int(sysctl.read("net.netfilter.nf_conntrack_count") or 0)


@dataclass
class Lab:
    """A lab in the kernel, changed by plans and not stored. `apply` may be called again with another text."""

    name: str
    kernel: LinuxKernel = field(default_factory=LinuxKernel)
    current: Topology | None = None

    def plan(self, text: str) -> Plan:
        """Return the plan that `apply` would execute."""
        cloud = topology(text, self.name).cloud
        return make_plan(compile_cloud(cloud), self.kernel.observe(self.name))

    def apply(self, text: str) -> Plan:
        """Change the kernel to the topology, and return the plan that was executed."""
        plan = self.plan(text)
        self.current = topology(text, self.name)
        execute(self.kernel, plan)
        return plan

    def destroy(self) -> None:
        """Remove the whole lab."""
        execute(self.kernel, make_plan(NetState(), self.kernel.observe(self.name)))

    def namespace(self, node: str) -> str:
        """Return the namespace of the node with this name."""
        assert self.current is not None
        return namespace_name(self.name, find(self.current.cloud, node).id)

    def fabric(self, vpc: str) -> str:
        """Return the namespace that has the VPC's bridge."""
        assert self.current is not None
        return next(namespace_name(self.name, each.id) for each in self.current.cloud.vpcs.values() if each.name == vpc)

    def counter(self, node: str, name: str) -> int:
        """Return the number of packets that a named counter of the node has."""
        return self.kernel.counters(self.namespace(node))[name].packets

    def counted(self, node: str) -> dict[str, int]:
        """Return the number of packets that each named counter of the node has, except `drop_link_local`.

        Linux sends multicast reports and router solicitations for seconds on a new link, and later on a busier machine.
        """
        counters = self.kernel.counters(self.namespace(node))
        return {name: count.packets for name, count in counters.items() if name != "drop_link_local"}

    def connections(self, node: str) -> int:
        """Return the number of entries in the node's connection table."""
        return connections(self.namespace(node))

    def begin_flows(self, node: str, address: str, count: int, source_port: int = 0) -> None:
        """Begin this number of UDP flows to the address, each to another port."""
        with self.open_socket(node, kind=socket.SOCK_DGRAM) as client:
            client.bind(("::", source_port))
            for port in range(10_000, 10_000 + count):
                client.sendto(b"x", (address, port))

    def open_socket(
        self, node: str, family: int = socket.AF_INET6, kind: int = socket.SOCK_STREAM, protocol: int = 0
    ) -> socket.socket:
        """Return a socket that was opened in the node's namespace."""
        with netns.inside(self.namespace(node)):
            return socket.socket(family, kind, protocol)

    @contextlib.contextmanager
    def listening(self, node: str, address: str, port: int) -> Iterator[socket.socket]:
        """Open a TCP listener in the node while the block runs."""
        with self.open_socket(node) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address, port))
            listener.listen(64)
            listener.settimeout(PATIENCE)
            yield listener

    @contextlib.contextmanager
    def stream(self, source: str, destination: str, address: str, port: int = 4443) -> Iterator[Stream]:
        """Open a TCP connection between two nodes while the block runs. `address` is the destination's."""
        with self.listening(destination, address, port) as listener, self.open_socket(source) as client:
            client.settimeout(PATIENCE)
            client.connect((address, port))
            served, _ = listener.accept()
            with served:
                served.settimeout(PATIENCE)
                yield Stream(client, served)

    def sniffer(self, node: str, link: str = "eth0") -> socket.socket:
        """Return a packet socket that hears all IPv6 packets of a link. It does not block."""
        with netns.inside(self.namespace(node)):
            sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x86DD))
            sniffer.bind((link, 0x86DD))
        sniffer.setblocking(False)
        return sniffer


@dataclass(frozen=True)
class Stream:
    """Both ends of an open TCP connection."""

    client: socket.socket
    server: socket.socket

    def works(self) -> bool:
        """Return whether data passes both ways within `PATIENCE`."""
        self.client.sendall(b"ping")
        if self.server.recv(4, socket.MSG_WAITALL) != b"ping":
            return False
        self.server.sendall(b"pong")
        return self.client.recv(4, socket.MSG_WAITALL) == b"pong"

    def silent(self) -> bool:
        """Return whether data sent from both ends arrives at neither within `SILENCE`."""
        self.client.sendall(b"lost")
        self.server.sendall(b"lost")
        with selectors.DefaultSelector() as selector:
            selector.register(self.client, selectors.EVENT_READ)
            selector.register(self.server, selectors.EVENT_READ)
            return not selector.select(SILENCE)

    def retransmissions(self) -> int:
        """Return how many segments the two ends have sent again: 0 means that no packet was lost."""
        return sum(_retransmissions(end) for end in (self.client, self.server))

    def rest(self) -> None:
        """Wait until all data is acknowledged, including delayed acknowledgements (about 40 ms)."""
        until(lambda: not any(_tcp_info(end, _TCP_INFO_UNACKED)[0] for end in (self.client, self.server)), "its rest")


def _tcp_info(end: socket.socket, *offsets: int) -> list[int]:
    info = end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return [struct.unpack_from("=I", info, offset)[0] for offset in offsets]


def _retransmissions(end: socket.socket) -> int:
    """Return how many segments this end has sent again.

    On a slow machine an answer may take longer than a sender waits (0.2 s). There, segments that the other end received
    twice (RFC 2883) do not count. On other machines they do, since an acknowledgement may have been lost.
    """
    again, twice = _tcp_info(end, _TCP_INFO_TOTAL_RETRANS, _TCP_INFO_DSACKS)
    return again - twice if SLOWNESS > 1 else again


def inward(sniffer: socket.socket) -> list[bytes]:
    """Return the packets from other machines that a sniffer has heard.

    Packets that this end sent, and link-local packets of its neighbours, are left out.
    """
    found: list[bytes] = []
    while True:
        try:
            packet, address = sniffer.recvfrom(65535)
        except BlockingIOError:
            return found
        except OSError as error:
            if error.errno == errno.ENETDOWN:  # reported once if the link is down; there may be more to read
                continue
            raise
        if address[2] != socket.PACKET_OUTGOING and packet[8:10] != _LINK_LOCAL:
            found.append(packet)
