"""What several replicas must not let in: a replica picks up no flow in the middle unless it was taught the flow.

How a replica judges flows that it was taught: `test_taught_flows.py`.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeGuard

import pytest

from eigw_ns.dataplane.compile import names
from eigw_ns.dataplane.replication import spread
from eigw_ns.dataplane.replication.watched_gateways import gateways
from eigw_ns.dataplane.state import Flow, Link, NetObject
from eigw_ns.kernel.namespaces import netns, sysctl
from tests.support.labs import Lab, inward, until
from tests.support.replicated_lab import owner, replicas, replicated
from tests.topologies.egress import APP, WEB

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def lab(module_lab_name: str) -> Iterator[Lab]:
    """Two replicas. No agent teaches them."""
    with replicated(module_lab_name, 2) as lab:
        yield lab


def test_a_replica_without_the_state_picks_up_no_flow(lab: Lab) -> None:
    """One of two is taken out. The other drops its flows from both sides, and goes on with its own."""
    first, second = replicas(lab)
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(lab.stream("app", "web", WEB, port)) for port in range(4001, 4013)]
        flows = [
            Flow(APP, WEB, socket.IPPROTO_TCP, (stream.client.getsockname()[1], stream.server.getsockname()[1]))
            for stream in streams
        ]
        assert all(stream.works() for stream in streams)
        orphans = [stream for stream, flow in zip(streams, flows, strict=True) if owner(lab, flow) == first]
        others = [stream for stream in streams if stream not in orphans]
        assert orphans
        assert others
        dropped = lab.kernel.counters(second)["drop_invalid"].packets
        _give_all_to(lab, second)
        with lab.sniffer("app") as inside, lab.sniffer("web") as outside:
            for orphan in orphans:
                orphan.client.sendall(b"orphan goes out")
                orphan.server.sendall(b"orphan comes in")
            until(
                lambda: lab.kernel.counters(second)["drop_invalid"].packets >= dropped + 2 * len(orphans),
                "packets of no flow are dropped, from either side",
            )
            assert all(stream.works() for stream in others)  # the control: the path works, and is heard
            heard = inward(inside), inward(outside)
        assert all(
            any(word in packet for packet in found) for found, word in zip(heard, (b"pong", b"ping"), strict=True)
        )
        assert not any(b"orphan" in packet for found in heard for packet in found)
        lost = {flow for flow in flows if owner(lab, flow) == first}
        assert not lost & set(lab.kernel.flows(second))


def _give_all_to(lab: Lab, namespace: str) -> None:
    """Give all shares to one replica, in both directions, as the agent would."""
    assert lab.current is not None
    (gateway,) = gateways(lab.current.cloud)
    (one,) = (each for each in gateway.replicas if each.namespace == namespace)
    for group in gateway.groups:
        mac = one.inner.mac if group.side == "fabric" else one.outer.mac
        lab.kernel.update([(group, replace(group, shares=spread.all_to(mac)))])


def test_no_replica_is_liberal_or_loose(lab: Lab) -> None:
    for name in replicas(lab):
        with netns.inside(name):
            assert sysctl.read("net.netfilter.nf_conntrack_tcp_be_liberal") == "0"
            assert sysctl.read("net.netfilter.nf_conntrack_tcp_loose") == "0"


def test_a_replica_has_two_links_and_no_listener(lab: Lab) -> None:
    """Replicas share nothing, so there is no third link."""
    for name in replicas(lab):
        links = {thing.name for thing in lab.kernel.observe(lab.name) if thing.namespace == name and _is_link(thing)}
        assert links - {"lo"} == {names.FABRIC_LINK, names.UPLINK}
        with netns.inside(name):
            opened = [Path(f"/proc/thread-self/net/{kind}").read_text().splitlines()[1:] for kind in _SOCKETS]
        assert opened == [[] for _ in _SOCKETS]


_SOCKETS = ("tcp6", "udp6", "raw6", "packet", "tcp", "udp", "raw")


def _is_link(thing: NetObject) -> TypeGuard[Link]:
    return isinstance(thing, Link)
