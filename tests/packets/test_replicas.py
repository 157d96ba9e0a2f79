"""Flows through several replicas of a gateway: spread, both ways through one, none lost when the number changes."""

from __future__ import annotations

import contextlib
import json
import math
import random
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyroute2 import IPRoute
from scapy.layers.sctp import SCTP, SCTPChunkInit, SCTPChunkInitAck

from eigw_ns.dataplane.names import namespace_name, port_name
from eigw_ns.dataplane.state import Flow
from eigw_ns.kernel import netns, sockets, sysctl
from scripts.benchmarks.flows import Ends, Flows, Wanted
from tests.labs import PATIENCE, SILENCE, Lab, until
from tests.packets.replicated import carriers, carries, count, datagrams, owner, replicas, replicated, tree
from tests.packets.test_under_load import APP, WEB, attacked

pytestmark = pytest.mark.root

FLOWS = 600


@pytest.fixture(scope="module")
def alone(module_lab_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Three replicas that tell each other nothing, so that a flow is known where it goes through and nowhere else."""
    with replicated(module_lab_name, tmp_path_factory.mktemp("run"), 3, shared=False) as lab:
        yield lab


@pytest.fixture
def lab(lab_name: str, tmp_path: Path) -> Iterator[Lab]:
    """Three replicas that share their flows."""
    with replicated(lab_name, tmp_path, 3) as lab:
        yield lab


def _open(lab: Lab, listener: socket.socket, stack: contextlib.ExitStack) -> Flow:
    client = stack.enter_context(lab.open_socket("app"))
    client.settimeout(PATIENCE)
    client.connect(listener.getsockname()[:2])
    stack.enter_context(listener.accept()[0])
    return Flow(APP, WEB, socket.IPPROTO_TCP, (client.getsockname()[1], listener.getsockname()[1]))


def test_flows_are_spread_evenly_and_each_goes_both_ways_through_one_replica(alone: Lab) -> None:
    """An answer is refused where its flow is not known: one that came, and is known once, went the same way back."""
    before = count(alone, "allowed_new")
    ports = random.sample(range(20_000, 60_000), FLOWS // 2)
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(alone.listening("web", WEB, 4443))
        flows = [_open(alone, listener, stack) for _ in range(FLOWS // 2)]
        for port in ports:
            with datagrams(alone, port) as (near, far, flow):
                assert carries(near, far)
                flows.append(flow)
        known = {name: set(alone.kernel.flows(name)) for name in replicas(alone)}
    for flow in flows:
        assert [name for name in known if flow in known[name]] == [owner(alone, flow)], flow
    new = [after - earlier for after, earlier in zip(count(alone, "allowed_new"), before, strict=True)]
    assert sum(new) == FLOWS
    expected = FLOWS / 3
    chi_square = sum((each - expected) ** 2 / expected for each in new)
    assert math.exp(-chi_square / 2) > 1e-6, f"not by chance (two degrees of freedom): {new}"


def test_an_echo_goes_by_addresses(alone: Lab) -> None:
    opened = sockets.connect(alone.namespace("app"), "icmpv6", APP, WEB, None, "eth0")
    assert opened is not None
    with opened:
        opened.settimeout(PATIENCE)
        opened.send(b"\x80\0\0\0\x12\x34\0\1canary")
        assert opened.recv(64).endswith(b"canary")
    flow = Flow(APP, WEB, socket.IPPROTO_ICMPV6)
    assert carriers(alone, flow) == [owner(alone, flow)]


@pytest.mark.parametrize("protocol", [33, 113, 132, 146], ids=["DCCP", "PGM", "SCTP", "Homa"])
def test_an_answer_with_other_ports_comes_in_through_no_replica(alone: Lab, protocol: int) -> None:
    """The right answer comes after the wrong ones and is heard first. Whether a hash has the ports does not matter."""
    with (
        alone.open_socket("app", kind=socket.SOCK_RAW, protocol=protocol) as near,
        alone.open_socket("web", kind=socket.SOCK_RAW, protocol=protocol) as far,
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
    """A header that begins with two ports: of SCTP an INIT or its answer, which conntrack reads; else nothing more."""
    if protocol != socket.IPPROTO_SCTP:
        return struct.pack("!HH20x", sport, dport)
    made = SCTP(sport=sport, dport=dport, tag=7 * (chunk - 1))
    return bytes(made / (SCTPChunkInit(init_tag=7) if chunk == 1 else SCTPChunkInitAck(init_tag=8)))


@pytest.mark.parametrize("outward", [True, False])
def test_an_error_reaches_the_replica_that_has_the_flow(alone: Lab, outward: bool) -> None:
    """Port unreachable, quoting a datagram of the flow, from the host (inward) and from the instance (outward)."""
    with netns.inside(alone.namespace("app" if outward else "web")):
        sysctl.write("net.ipv6.icmp.ratelimit", "0")
    before = sum(count(alone, "allowed_related"))
    met = set()
    for port in random.sample(range(20_000, 60_000), 24):
        with datagrams(alone, port) as (near, far, flow):
            assert carries(near, far)
            asking, closing = (far, near) if outward else (near, far)
            closing.close()
            asking.send(b"is anybody there")
            with pytest.raises(ConnectionRefusedError):
                asking.recv(16)
            met.add(owner(alone, flow))
    assert len(met) == 3
    assert sum(count(alone, "allowed_related")) == before + 24


def test_a_narrow_link_is_found_out_whatever_replica_the_flow_has(alone: Lab) -> None:
    host = alone.namespace("web").removeprefix(f"eigw-{alone.name}-")
    with _narrow(alone, ("web", "eth0"), ("internet", port_name(host))):
        for port in range(7000, 7008):
            with alone.stream("app", "web", WEB, port) as stream:
                stream.client.sendall(b"x" * 50_000)
                assert len(stream.server.recv(50_000, socket.MSG_WAITALL)) == 50_000
                stream.server.sendall(b"y" * 50_000)
                assert len(stream.client.recv(50_000, socket.MSG_WAITALL)) == 50_000


@contextlib.contextmanager
def _narrow(lab: Lab, *ends: tuple[str, str]) -> Iterator[None]:
    """Both ends of a link, (node, interface) each, have an MTU of 1,280 bytes while the block runs."""
    for mtu in (1280, 1500):
        for node, link in ends:
            with netns.inside(lab.namespace(node)), IPRoute() as netlink:
                netlink.link("set", index=netlink.link_lookup(ifname=link)[0], mtu=mtu)
        if mtu == 1280:
            yield


def test_fragments_pass_where_the_flow_is_known(lab: Lab) -> None:
    """They have no ports, so they go by addresses: to a replica that was told of the flow, or that begins it."""
    for port in random.sample(range(20_000, 60_000), 12):
        with datagrams(lab, port) as (near, far, flow):
            assert carries(near, far)
            until(lambda flow=flow: len(carriers(lab, flow)) == 3, "all replicas know the flow")  # type: ignore[misc]
            assert carries(near, far, 4000)


def test_counters_of_all_replicas_add_up(lab: Lab) -> None:
    before = sum(count(lab, "drop_inbound"))
    with lab.open_socket("web", kind=socket.SOCK_DGRAM) as sender:
        for port in range(1000, 1060):
            sender.sendto(b"x", (APP, port))
        until(lambda: sum(count(lab, "drop_inbound")) == before + 60, "sixty datagrams counted, each once")
    assert all(count(lab, "drop_inbound"))


def test_every_replica_learns_of_every_flow(lab: Lab) -> None:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(lab.listening("web", WEB, 4443))
        flows = {_open(lab, listener, stack) for _ in range(100)}
        for name in replicas(lab):
            until(lambda name=name: flows <= set(lab.kernel.flows(name)), f"100 flows in {name}")  # type: ignore[misc]


def test_the_number_of_replicas_changes_under_open_flows(lab_name: str, tmp_path: Path) -> None:
    with replicated(lab_name, tmp_path, 1) as lab:
        ends = Ends(lab.namespace("app"), APP, lab.namespace("web"), WEB)
        with attacked(lab), Flows(ends, Wanted(resting=200, asking=20, datagrams=10)) as flows:
            for number in (3, 1, 2, 4):
                flows.report()
                lab.apply(tree(number))
                assert len(replicas(lab)) == number
                assert lab.plan(tree(number)) == ()
                assert flows.add(10) == 10
                seen = flows.report()
                assert flows.lost() == 0, f"to {number} replicas"
                assert seen.attacks > 0
                assert seen.got_in == 0
                assert max(seen.tcp_gaps) < 2.0  # seconds; a stalled flow is silent to the end
            moved = [lab.kernel.counters(name)["allowed_established"].packets for name in replicas(lab)]
            assert all(moved), f"a replica carried nothing: {moved}"


def test_rules_of_replicas_change_under_open_flows(lab: Lab) -> None:
    grown = json.loads(tree(3))
    grown["vpcs"]["main"]["subnets"]["b"] = {"ipv6_cidr_block": "2600:1f16:aa0:5502::/64"}
    ends = Ends(lab.namespace("app"), APP, lab.namespace("web"), WEB)
    with Flows(ends, Wanted(resting=50, asking=10, datagrams=5, transfers=0)) as flows:
        for text in (json.dumps(grown), tree(3)):
            plan = lab.apply(text)
            assert sum("ruleset inet" in str(step) and "differs" in step.reason for step in plan) >= 3
        assert max(flows.report().tcp_gaps) < 0.5  # seconds
        assert flows.lost() == 0


def test_flows_end_on_all_replicas_with_their_route(lab: Lab) -> None:
    without = tree(3, route_tables={"private": {"main": True, "routes": []}})
    with lab.stream("app", "web", WEB) as stream:
        assert stream.works()
        flow = Flow(APP, WEB, socket.IPPROTO_TCP, (stream.client.getsockname()[1], 4443))
        until(lambda: len(carriers(lab, flow)) == 3, "all replicas know the flow")
        lab.apply(without)
        assert carriers(lab, flow) == []
        assert stream.silent()
        lab.apply(tree(3))
        assert stream.silent()  # nobody adopts it
    with lab.stream("app", "web", WEB, 4444) as stream:
        assert stream.works()


def test_flows_end_on_all_replicas_with_their_instance(lab: Lab) -> None:
    heir = {"heir": {"subnet": "a", "ipv6_address": APP, "security_groups": ["open"]}}
    with lab.stream("app", "web", WEB) as stream:
        assert stream.works()
        flow = Flow(APP, WEB, socket.IPPROTO_TCP, (stream.client.getsockname()[1], 4443))
        until(lambda: len(carriers(lab, flow)) == 3, "all replicas know the flow")
        lab.apply(tree(3, instances=heir))
        assert carriers(lab, flow) == []
    with lab.stream("heir", "web", WEB, 4444) as stream:
        assert stream.works()


def test_heartbeats_are_let_out_by_their_own_source_alone(alone: Lab) -> None:
    """Where heartbeats go to, instances cannot: not even the address that they come from is an instance's."""
    assert alone.current is not None
    before = count(alone, "allowed_new")
    with alone.open_socket("app", kind=socket.SOCK_DGRAM) as sender:
        sender.settimeout(SILENCE)
        sender.setsockopt(socket.IPPROTO_IPV6, 78, 1)  # IPV6_FREEBIND, linux/in6.h
        sender.bind(("2600:1f16:aa0:55ff:ffff:ffff:ffff:ffff", 0))
        sender.sendto(b"x", (WEB, 9))
        until(lambda: alone.counter("main/a", "drop_source") == 1, "the spoofed datagram counted")
    assert count(alone, "allowed_new") == before


def test_names_of_replicas(alone: Lab) -> None:
    assert [alone.namespace(f"outbound#{number}") for number in (1, 2, 3)] == replicas(alone)
    assert replicas(alone)[1] == namespace_name(alone.name, f"{replicas(alone)[0].split('-', 2)[2]}.2")
