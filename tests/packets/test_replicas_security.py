"""What several replicas must not open: no flow is adopted in the middle, none is judged less, and no one else syncs."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from scapy.layers.inet import TCP
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw

from eigw_ns.dataplane.state import Flow
from eigw_ns.kernel import netns, sysctl
from eigw_ns.lab.agent.scene import gateways
from tests.labs import Lab, inward, until
from tests.packets.replicated import owner, replicas, replicated
from tests.packets.test_under_load import APP, WEB

pytestmark = pytest.mark.root

INSIDE, OUTSIDE = "2600:1f16:aa0:5501::66", "2001:db8:bad::1"
"""Addresses that nobody has, so that no kernel answers."""


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


# ---- flows that a replica does not know ----------------------------------------------------------------------------


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
        orphans = [index for index, flow in enumerate(flows) if owner(alone, flow) == first]
        others = [index for index, flow in enumerate(flows) if owner(alone, flow) == second]
        assert orphans
        assert others
        before = alone.kernel.counters(second)
        _give_all_to(alone, second)
        with alone.sniffer("app") as inside, alone.sniffer("web") as outside:
            for index in orphans:
                streams[index].client.sendall(b"orphan goes out")
                streams[index].server.sendall(b"orphan comes in")
            until(lambda: _risen(alone, second, before, "drop_not_opening") >= len(orphans), "dropped from inside")
            until(lambda: _risen(alone, second, before, "drop_inbound") >= len(orphans), "dropped from outside")
            assert all(streams[index].works() for index in others)  # the control: the way is alive, and heard
            heard = inward(inside) + inward(outside)
        assert any(b"ping" in packet for packet in heard)
        assert not any(b"orphan" in packet for packet in heard)
        assert not set(alone.kernel.flows(second)) & {flows[index] for index in orphans}


def _give_all_to(lab: Lab, namespace: str) -> None:
    """All shares, both ways, as the agent would."""
    assert lab.current is not None
    (gateway,) = gateways(lab.current.cloud, synced=lab.shared)
    (one,) = (each for each in gateway.replicas if each.namespace == namespace)
    for group in gateway.groups:
        mac = one.inner.mac if group.family == "bridge" else one.outer.mac
        lab.kernel.update(group, type(group)(group.namespace, group.family, group.name, ((0, 839, mac),)))


def _risen(lab: Lab, namespace: str, before: object, counter: str) -> int:
    assert isinstance(before, dict)
    return lab.kernel.counters(namespace)[counter].packets - int(before[counter].packets)


def test_no_replica_is_liberal_or_picks_up_loosely(lab: Lab) -> None:
    """`nf_conntrack_tcp_loose` lets connections begin in the middle, but no rule of ours lets one begin without SYN."""
    for name in replicas(lab):
        with netns.inside(name):
            assert sysctl.read("net.netfilter.nf_conntrack_tcp_be_liberal") == "0"
            assert sysctl.read("net.netfilter.nf_conntrack_tcp_loose") == "0"


# ---- a flow that moved is judged as before -------------------------------------------------------------------------


@dataclass
class HandMade:
    """A TCP connection made by hand between two addresses that nobody has, from the fabric and from the internet."""

    lab: Lab
    port: int
    mine: int = 1_000_000
    theirs: int = 5_000_000

    def __post_init__(self) -> None:
        assert self.lab.current is not None
        internet = self.lab.namespace("internet")
        with netns.inside(internet):
            self._far = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
        with netns.inside(self.lab.namespace("main/a")):
            self._near = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)

    @property
    def flow(self) -> Flow:
        return Flow(INSIDE, WEB, socket.IPPROTO_TCP, (self.port, 443))

    def out(self, flags: str, payload: bytes = b"", *, off: int = 0) -> None:
        """A segment from inside, `off` octets from where it should be."""
        header = TCP(sport=self.port, dport=443, flags=flags, seq=self.mine + off, ack=self.theirs, window=8192)
        self._near.sendto(bytes(IPv6(src=INSIDE, dst=WEB) / header / Raw(payload)), (WEB, 0))
        if not off:
            self.mine += len(payload) + ("S" in flags)

    def back(self, flags: str, payload: bytes = b"", *, off: int = 0) -> None:
        """A segment from outside."""
        header = TCP(sport=443, dport=self.port, flags=flags, seq=self.theirs + off, ack=self.mine, window=8192)
        self._far.sendto(bytes(IPv6(src=WEB, dst=INSIDE) / header / Raw(payload)), (INSIDE, 0))
        if not off:
            self.theirs += len(payload) + ("S" in flags)

    def close(self) -> None:
        self._near.close()
        self._far.close()


@pytest.fixture
def ears(lab: Lab) -> Iterator[tuple[socket.socket, socket.socket]]:
    """What reaches the fabric's port of the subnet, and the host."""
    with lab.sniffer("main/a", "fabric") as near, lab.sniffer("web") as far:
        yield near, far


