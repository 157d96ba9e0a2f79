"""Flows through several replicas: each goes both ways through one of them, and none is lost if their number changes."""

from __future__ import annotations

import contextlib
import json
import math
import random
import socket
import struct
from collections.abc import Iterator

import pytest
from scapy.layers.inet import TCP
from scapy.layers.inet6 import ICMPv6PacketTooBig, IPv6
from scapy.layers.sctp import SCTP, SCTPChunkInit, SCTPChunkInitAck
from scapy.packet import Packet, Raw

from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.dataplane.state import Flow
from eigw_ns.kernel.namespaces import netns, sysctl
from eigw_ns.kernel.traffic import sockets
from scripts.benchmarks.flows import Ends, Flows, Wanted
from tests.support.labs import PATIENCE, SILENCE, Lab, until
from tests.support.load import attacked
from tests.support.replicated_lab import (
    carriers,
    carries,
    count,
    datagrams,
    known_to,
    narrow,
    owner,
    replicas,
    replicated,
    transfer,
)
from tests.topologies.egress import APP, WEB
from tests.topologies.replicated import far_hosts, tree

pytestmark = pytest.mark.root

FLOWS = 600


@pytest.fixture(scope="module")
def standing(module_lab_name: str) -> Iterator[Lab]:
    """Three replicas. No agent watches them, so only the replica that a flow goes through has the flow."""
    with replicated(module_lab_name, 3) as lab:
        yield lab


@pytest.fixture
def lab(standing: Lab) -> Iterator[Lab]:
    """The same lab, for tests that change it."""
    yield standing
    standing.apply(tree(3, standing.name))


def _open(lab: Lab, listener: socket.socket, stack: contextlib.ExitStack) -> Flow:
    client = stack.enter_context(lab.open_socket("app"))
    client.settimeout(PATIENCE)
    client.connect(listener.getsockname()[:2])
    stack.enter_context(listener.accept()[0])
    return Flow(APP, WEB, socket.IPPROTO_TCP, (client.getsockname()[1], listener.getsockname()[1]))


def _risen(lab: Lab, counter: str, before: list[int]) -> list[int]:
    """Return the increase of each replica's counter."""
    return [now - then for now, then in zip(count(lab, counter), before, strict=True)]


def test_flows_are_spread_evenly_and_each_goes_both_ways_through_one_replica(standing: Lab) -> None:
    """A replica without the flow drops an answer. So an answer that came used the one replica with the flow."""
    before = count(standing, "allowed_new")
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(standing.listening("web", WEB, 4443))
        flows = [_open(standing, listener, stack) for _ in range(FLOWS)]
        known = {name: set(standing.kernel.flows(name)) for name in replicas(standing)}
    for flow in flows:
        assert [name for name in known if flow in known[name]] == [owner(standing, flow)], flow
    new = _risen(standing, "allowed_new", before)
    assert sum(new) == FLOWS
    expected = FLOWS / 3
    chi_square = sum((each - expected) ** 2 / expected for each in new)
    assert math.exp(-chi_square / 2) > 1e-6, f"not by chance (two degrees of freedom): {new}"


def test_all_datagrams_of_two_hosts_go_through_one_replica(standing: Lab) -> None:
    met = set()
    for host in far_hosts(standing.name):
        for port in random.sample(range(20_000, 60_000), 8):
            with datagrams(standing, port, host=host) as (near, far, flow):
                assert carries(near, far)
                assert carriers(standing, flow) == [owner(standing, flow)]
                met.add((host, owner(standing, flow)))
    assert sorted(name for _, name in met) == sorted(replicas(standing))


def test_an_echo_goes_by_addresses(standing: Lab) -> None:
    opened = sockets.connect(standing.namespace("app"), "icmpv6", APP, WEB, None, "eth0")
    assert opened is not None
    with opened:
        opened.settimeout(PATIENCE)
        opened.send(b"\x80\0\0\0\x12\x34\0\1canary")
        assert opened.recv(64).endswith(b"canary")
    flow = Flow(APP, WEB, socket.IPPROTO_ICMPV6)
    assert carriers(standing, flow) == [owner(standing, flow)]


@pytest.mark.parametrize("protocol", [33, 113, 132, 146], ids=["DCCP", "PGM", "SCTP", "Homa"])
def test_an_answer_with_other_ports_comes_in_through_no_replica(standing: Lab, protocol: int) -> None:
    """The right answer is sent after the wrong ones and is heard first. The hash may use the ports or not."""
    with (
        standing.open_socket("app", kind=socket.SOCK_RAW, protocol=protocol) as near,
        standing.open_socket("web", kind=socket.SOCK_RAW, protocol=protocol) as far,
    ):
        near.settimeout(PATIENCE)
        far.settimeout(PATIENCE)
        for port in random.sample(range(20_000, 60_000), 8):
            near.sendto(_ported(protocol, port, 5001, chunk=1), (WEB, 0))
            assert far.recv(64)[:4] == struct.pack("!HH", port, 5001)
            for wrong in ((5002, port), (5001, port + 1), (port, 5001)):
                far.sendto(_ported(protocol, *wrong, chunk=2), (APP, 0))
            far.sendto(_ported(protocol, 5001, port, chunk=2), (APP, 0))
            assert near.recv(64)[:4] == struct.pack("!HH", 5001, port)
        near.setblocking(False)
        with pytest.raises(BlockingIOError):
            near.recv(64)


def _ported(protocol: int, sport: int, dport: int, *, chunk: int) -> bytes:
    """Return a header that begins with two ports. For SCTP it is an INIT or its answer, which conntrack parses."""
    if protocol != socket.IPPROTO_SCTP:
        return struct.pack("!HH20x", sport, dport)
    made = SCTP(sport=sport, dport=dport, tag=7 * (chunk - 1))
    return bytes(made / (SCTPChunkInit(init_tag=7) if chunk == 1 else SCTPChunkInitAck(init_tag=8)))


@pytest.mark.parametrize("outward", [True, False])
def test_an_error_about_a_datagram_reaches_the_replica_that_has_the_flow(standing: Lab, outward: bool) -> None:
    """A port unreachable that quotes a datagram of the flow, from the host (inward) and from the instance (outward)."""
    for host in far_hosts(standing.name):
        with netns.inside(standing.namespace("app" if outward else host)):
            sysctl.write("net.ipv6.icmp.ratelimit", "0")
    before = count(standing, "allowed_related")
    for host in far_hosts(standing.name):
        for port in random.sample(range(20_000, 60_000), 8):
            with datagrams(standing, port, host=host) as (near, far, _):
                assert carries(near, far)
                asking, closing = (far, near) if outward else (near, far)
                closing.close()
                asking.send(b"is anybody there")
                with pytest.raises(ConnectionRefusedError):
                    asking.recv(16)
    assert _risen(standing, "allowed_related", before) == [8, 8, 8]


@pytest.mark.parametrize("outward", [True, False])
def test_an_error_about_a_segment_reaches_the_replica_that_has_the_flow(standing: Lab, outward: bool) -> None:
    """A packet too big, as from a router, for each of 24 connections. The replica that has the connection counts it."""
    before, expected = count(standing, "allowed_related"), [0] * 3
    with contextlib.ExitStack() as stack:
        raw = stack.enter_context(
            standing.open_socket("app" if outward else "web", kind=socket.SOCK_RAW, protocol=socket.IPPROTO_RAW)
        )
        listener = stack.enter_context(standing.listening("web", WEB, 4443))
        for flow in [_open(standing, listener, stack) for _ in range(24)]:
            raw.sendto(bytes(_too_big(flow, outward=outward)), (WEB if outward else APP, 0))
            expected[replicas(standing).index(owner(standing, flow))] += 1
        assert all(expected)
        until(
            lambda: _risen(standing, "allowed_related", before) == expected,
            f"errors through the flow's own replica: {expected}",
        )


def _too_big(flow: Flow, *, outward: bool) -> Packet:
    """Return an error about a segment of the flow that came in (`outward`) or went out."""
    assert flow.ports is not None
    near, far = flow.ports
    quoted = (
        IPv6(src=flow.destination, dst=flow.source) / TCP(sport=far, dport=near)
        if outward
        else IPv6(src=flow.source, dst=flow.destination) / TCP(sport=near, dport=far)
    )
    return IPv6(src=quoted.dst, dst=quoted.src) / ICMPv6PacketTooBig(mtu=1500) / Raw(bytes(quoted))


@pytest.mark.parametrize("outward", [True, False])
def test_both_ends_find_a_narrow_link_through_each_replica(standing: Lab, outward: bool) -> None:
    """The link narrows after the connections open, so the segments are too big.

    There is a host for each direction, since a path MTU that one has learnt stays.
    """
    peer = "far2" if outward else "far1"
    node, beyond = ("app", "main/a") if outward else (peer, "internet")
    address = far_hosts(standing.name)[peer]
    before = sum(count(standing, "allowed_related"))
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(standing.stream("app", peer, address, port)) for port in range(7000, 7008)]
        assert all(stream.works() for stream in streams)
        stack.enter_context(narrow(standing, node, beyond))
        for stream in streams:
            transfer(stream.client, stream.server)
            transfer(stream.server, stream.client)
    assert sum(count(standing, "allowed_related")) > before


def test_datagrams_in_fragments_pass_from_the_first_one_on(standing: Lab) -> None:
    """Fragments have no ports, so they go by addresses, as whole datagrams do."""
    for host in far_hosts(standing.name):
        for port in random.sample(range(20_000, 60_000), 8):
            with datagrams(standing, port, host=host) as (near, far, flow):
                for size in (4000, 16, 4000):
                    assert carries(near, far, size)
                assert carriers(standing, flow) == [owner(standing, flow)]


def test_counters_of_all_replicas_add_up(standing: Lab) -> None:
    before = sum(count(standing, "drop_inbound"))
    with standing.open_socket("web", kind=socket.SOCK_RAW, protocol=socket.IPPROTO_RAW) as sender:
        for port in range(1000, 1060):
            sender.sendto(bytes(IPv6(src=WEB, dst=APP) / TCP(sport=443, dport=port, flags="S")), (APP, 0))
        until(lambda: sum(count(standing, "drop_inbound")) == before + 60, "sixty segments counted, each once")
    assert all(count(standing, "drop_inbound"))


def test_the_number_of_replicas_changes_under_open_flows(lab_name: str) -> None:
    with replicated(lab_name, 1) as lab:
        ends = Ends(lab.namespace("app"), APP, lab.namespace("web"), WEB)
        with attacked(lab), Flows(ends, Wanted(resting=200, asking=20, datagrams=10)) as flows:
            for number in (3, 1, 2, 4):
                flows.report()
                lab.apply(tree(number, lab.name))
                assert len(replicas(lab)) == number
                assert lab.plan(tree(number, lab.name)) == ()
                assert flows.add(10) == 10
                seen = flows.report()
                assert flows.lost() == 0, f"to {number} replicas"
                assert seen.attacks > 0
                assert seen.got_in == 0
                assert max(seen.tcp_gaps) < 2.0  # seconds; a flow that stalls is silent until the end
            carried = zip(count(lab, "allowed_established"), count(lab, "allowed_taught"), strict=True)
            assert all(map(sum, carried)), "a replica carried nothing"


def test_rules_of_replicas_change_under_open_flows(lab: Lab) -> None:
    grown = json.loads(tree(3, lab.name))
    grown["vpcs"]["main"]["subnets"]["b"] = {"ipv6_cidr_block": "2600:1f16:aa0:5502::/64"}
    ends = Ends(lab.namespace("app"), APP, lab.namespace("web"), WEB)
    with Flows(ends, Wanted(resting=50, asking=10, datagrams=5, transfers=0)) as flows:
        for text in (json.dumps(grown), tree(3, lab.name)):
            plan = lab.apply(text)
            assert sum("ruleset inet" in str(step) and "differs" in step.reason for step in plan) >= 3
        assert max(flows.report().tcp_gaps) < 0.5  # seconds
        assert flows.lost() == 0


def test_flows_end_everywhere_with_their_route(lab: Lab) -> None:
    without = tree(3, lab.name, route_tables={"private": {"main": True, "routes": []}})
    with lab.stream("app", "web", WEB) as stream:
        assert stream.works()
        flow = Flow(APP, WEB, socket.IPPROTO_TCP, (stream.client.getsockname()[1], 4443))
        assert known_to(lab, flow) == {owner(lab, flow), lab.namespace("main/a")}
        lab.apply(without)
        assert known_to(lab, flow) == set()
        assert stream.silent()
        lab.apply(tree(3, lab.name))
        assert stream.silent()  # no replica picks it up
        assert known_to(lab, flow) == set()
    with lab.stream("app", "web", WEB, 4444) as stream:
        assert stream.works()


def test_flows_end_everywhere_with_their_instance(lab: Lab) -> None:
    successor = {"successor": {"subnet": "a", "ipv6_address": APP, "security_groups": ["open"]}}
    with lab.stream("app", "web", WEB) as stream:
        assert stream.works()
        flow = Flow(APP, WEB, socket.IPPROTO_TCP, (stream.client.getsockname()[1], 4443))
        assert known_to(lab, flow) == {owner(lab, flow), lab.namespace("main/a")}
        lab.apply(tree(3, lab.name, instances=successor))
        assert known_to(lab, flow) == set()
    with lab.stream("successor", "web", WEB, 4444) as stream:
        assert stream.works()


def test_an_instance_cannot_send_from_the_source_of_heartbeats(standing: Lab) -> None:
    """The instance's port drops the packet, so that no replica meets it."""
    assert standing.current is not None
    before, spoofed = count(standing, "allowed_new"), standing.counter("main/a", "drop_source")
    with standing.open_socket("app", kind=socket.SOCK_DGRAM) as sender:
        sender.settimeout(SILENCE)
        sender.setsockopt(socket.IPPROTO_IPV6, 78, 1)  # IPV6_FREEBIND, linux/in6.h
        sender.bind(("2600:1f16:aa0:55ff:ffff:ffff:ffff:ffff", 0))
        sender.sendto(b"x", (WEB, 9))
        until(lambda: standing.counter("main/a", "drop_source") == spoofed + 1, "the spoofed datagram counted")
    assert count(standing, "allowed_new") == before


def test_names_of_replicas(standing: Lab) -> None:
    assert [standing.namespace(f"outbound#{number}") for number in (1, 2, 3)] == replicas(standing)
    assert replicas(standing)[1] == namespace_name(standing.name, f"{replicas(standing)[0].split('-', 2)[2]}.2")
