"""Flows that a replica was taught and did not see begin: what passes by them, how long, and for which subnet.

No agent runs. `take_over` gives each replica the state of a successor: it was taught all flows, and saw none begin.
"""

from __future__ import annotations

import contextlib
import json
import random
import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest
from scapy.layers.inet import TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6PacketTooBig,
    ICMPv6ParamProblem,
    ICMPv6TimeExceeded,
    IPv6,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)
from scapy.packet import Packet, Raw

from eigw_ns.dataplane.replication.watched_gateways import Gateway, gateways
from eigw_ns.dataplane.state import Flow
from eigw_ns.kernel.namespaces import netns, sysctl
from eigw_ns.kernel.netlink import conntrack, set_elements
from eigw_ns.kernel.netlink.socket import NETFILTER, Netlink
from eigw_ns.kernel.nft.library import Nft
from eigw_ns.lab.agent.gateway_monitor import GatewayMonitor
from tests.support.forging import MARK
from tests.support.labs import PATIENCE, SILENCE, Lab, Stream, inward, until
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
    take_over,
    transfer,
)
from tests.topologies.egress import ALL, APP, WEB
from tests.topologies.replicated import EVIL, far_hosts, tree

pytestmark = pytest.mark.root

SUBNET = "main/a"
SHUT, BOX, FAR = "2600:1f16:aa0:5501::20", "2600:1f16:aa0:5502::10", "2600:1f16:aa0:6601::10"
ADDRESSES = {"app": APP, "shut": SHUT}


@pytest.fixture(scope="module")
def standing(module_lab_name: str) -> Iterator[Lab]:
    """Three replicas, no agent, and an instance `shut` whose group lets nothing in."""
    with replicated(module_lab_name, 3) as lab:
        lab.apply(_with_shut(lab))
        yield lab


@pytest.fixture
def lab(standing: Lab) -> Iterator[Lab]:
    """The same lab, for tests that change it."""
    yield standing
    standing.apply(_with_shut(standing))


def _with_shut(lab: Lab, **vpc: object) -> str:
    made = json.loads(tree(3, lab.name))
    main = made["vpcs"]["main"]
    main["security_groups"]["shut"] = {"ingress": [], "egress": [ALL]}
    main["instances"]["shut"] = {"subnet": "a", "ipv6_address": SHUT, "security_groups": ["shut"]}
    main.update(vpc)
    return json.dumps(made)


def _tcp(stream: Stream, node: str = "app") -> Flow:
    near, far = stream.client.getsockname()[1], stream.server.getsockname()[1]
    return Flow(ADDRESSES[node], WEB, socket.IPPROTO_TCP, (near, far))


def _forget(lab: Lab, flows: Sequence[Flow]) -> None:
    """Delete these flows in the subnet, as it does when they time out."""
    with netns.inside(lab.namespace(SUBNET)):
        conntrack.delete(lambda tracked: tracked.flow() in flows)


@contextlib.contextmanager
def _overheard(lab: Lab, *nodes: str) -> Iterator[None]:
    """Assert that no forged packet reaches these instances while the block runs, and that the sniffers work."""
    with contextlib.ExitStack() as stack:
        sniffers = {node: stack.enter_context(lab.sniffer(node)) for node in nodes}
        yield
        for node in nodes:
            with lab.stream(node, "web", WEB, 4499) as stream:
                assert stream.works()
        for node in nodes:
            heard = inward(sniffers[node])
            assert any(b"pong" in packet for packet in heard), f"{node} did not hear its own flow"
            assert [packet for packet in heard if MARK in packet] == [], node


@contextlib.contextmanager
def _attacker(lab: Lab) -> Iterator[Callable[[Packet], None]]:
    """Return a function that sends packets from the host `evil` as they are."""
    with lab.open_socket("evil", kind=socket.SOCK_RAW, protocol=socket.IPPROTO_RAW) as raw:
        yield lambda packet: void(raw.sendto(bytes(packet), (packet.dst, 0)))


def void(_: object) -> None:
    """Return nothing for any arguments."""


def _segment(flow: Flow, flags: int, number: int = 0x1234_5678) -> Packet:
    """Return a forged segment as from the peer."""
    assert flow.ports is not None
    near, far = flow.ports
    header = TCP(sport=far, dport=near, flags=flags, seq=number, ack=number)
    return IPv6(src=flow.destination, dst=flow.source) / header / Raw(MARK)


def _errors(flow: Flow) -> list[Packet]:
    """Return errors about a segment of the flow, as from a router."""
    assert flow.ports is not None
    near, far = flow.ports
    quoted = bytes(IPv6(src=flow.source, dst=flow.destination) / TCP(sport=near, dport=far) / Raw(MARK))
    heads = (ICMPv6PacketTooBig(mtu=1280), ICMPv6DestUnreach(code=4), ICMPv6TimeExceeded(), ICMPv6ParamProblem())
    return [IPv6(src=EVIL, dst=flow.source) / head / Raw(quoted) for head in heads]


def test_a_stale_tuple_of_tcp_lets_no_segment_in(standing: Lab) -> None:
    """The flow ended in the subnet, and its tuple is still in the sets. No flags and no numbers reach the instance."""
    with contextlib.ExitStack() as stack:
        nodes = ("app", "shut")
        streams = [(node, stack.enter_context(standing.stream(node, "web", WEB, 4520 + len(node)))) for node in nodes]
        flows = [_tcp(stream, node) for node, stream in streams]
        assert all(stream.works() for _, stream in streams)
        take_over(standing)
        assert all(stream.works() for _, stream in streams)  # the control: it passes while the subnet has the flow
        _forget(standing, flows)
        told, dropped = sum(count(standing, "allowed_taught")), standing.counter(SUBNET, "drop_invalid")
        send = stack.enter_context(_attacker(standing))
        with _overheard(standing, *nodes):
            for flow in flows:
                for flags in range(256):
                    send(_segment(flow, flags))
            until(lambda: sum(count(standing, "allowed_taught")) > told + 400, "most pass the gateway")
            until(lambda: standing.counter(SUBNET, "drop_invalid") > dropped + 400, "the subnet drops them")
        assert not set(flows) & set(standing.kernel.flows(standing.namespace(SUBNET)))


def test_a_stale_tuple_of_tcp_lets_no_error_in_that_the_group_does_not(standing: Lab) -> None:
    with standing.stream("shut", "web", WEB, 4501) as stream, _attacker(standing) as send:
        assert stream.works()
        flow = _tcp(stream, "shut")
        take_over(standing)
        for packet in _errors(flow):
            send(packet)
        related = sum(count(standing, "allowed_related"))
        _forget(standing, [flow])
        with _overheard(standing, "shut"):
            for packet in _errors(flow):
                send(packet)
            until(lambda: sum(count(standing, "allowed_related")) >= related + 4, "they pass the gateway")


def test_a_stale_tuple_of_tcp_lets_no_error_in_to_an_open_group(standing: Lab) -> None:
    """The successor passes the errors by the stale tuple, and the subnet has no flow that they quote."""
    with standing.stream("app", "web", WEB, 4502) as stream, _attacker(standing) as send:
        assert stream.works()
        flow = _tcp(stream)
        take_over(standing)
        _forget(standing, [flow])
        with _overheard(standing, "app"):
            refused = standing.counter("main/a", "drop_icmpv6_error")
            packets = list(_errors(flow))
            for packet in packets:
                send(packet)
            until(lambda: standing.counter("main/a", "drop_icmpv6_error") == refused + len(packets), "the subnet drops")


def test_only_the_whole_tuple_of_a_taught_flow_passes(standing: Lab) -> None:
    """Another port, another address, the other direction and another protocol, and headers that may not enter."""
    with standing.stream("app", "web", WEB, 4512) as stream, _attacker(standing) as send:
        assert stream.works()
        flow = _tcp(stream)
        take_over(standing)
        near, far = flow.ports or (0, 0)
        others = [replace(flow, ports=ports) for ports in ((near, far + 1), (near + 1, far), (far, near))]
        others += [replace(flow, source=SHUT), replace(flow, destination=EVIL)]
        invalid, inbound, headers = (
            sum(count(standing, name)) for name in ("drop_invalid", "drop_inbound", "drop_extension_header")
        )
        with _overheard(standing, "app", "shut"):
            for other in others:
                send(_segment(other, 0x10))
            segment = _segment(flow, 0x10)
            send(IPv6(src=WEB, dst=APP) / UDP(sport=far, dport=near) / Raw(MARK))
            for header in (IPv6ExtHdrHopByHop(), IPv6ExtHdrRouting(addresses=[EVIL], segleft=0)):
                send(IPv6(src=WEB, dst=APP) / header / segment.payload)
            until(lambda: sum(count(standing, "drop_invalid")) >= invalid + len(others), "segments refused")
            until(lambda: sum(count(standing, "drop_inbound")) >= inbound + 1, "a datagram refused")
            until(lambda: sum(count(standing, "drop_extension_header")) >= headers + 2, "headers refused")
            told = sum(count(standing, "allowed_taught"))
        assert stream.works()  # the control
        assert sum(count(standing, "allowed_taught")) > told


def test_errors_about_taught_flows_pass_both_ways_and_others_do_not(standing: Lab) -> None:
    """Each of four kinds, for a flow that each replica was taught, and for one with another port."""
    with standing.stream("app", "web", WEB, 4503) as stream, _attacker(standing) as send:
        assert stream.works()
        flow = _tcp(stream)
        take_over(standing)
        near, far = flow.ports or (0, 0)
        before, refused = sum(count(standing, "allowed_related")), sum(count(standing, "drop_icmpv6_error"))
        with standing.sniffer("app") as sniffer:
            for packet in _errors(flow):
                send(packet)
            until(lambda: sum(count(standing, "allowed_related")) >= before + 4, "all of them pass")
            until(lambda: sum(MARK in packet for packet in inward(sniffer)) > 0, "and arrive")
        with _overheard(standing, "app"):
            for ports in ((near, far + 1), (near + 1, far), (far, near)):
                for packet in _errors(replace(flow, ports=ports)):
                    send(packet)
            until(lambda: sum(count(standing, "drop_icmpv6_error")) >= refused + 12, "all others are refused")
        assert stream.works()


@pytest.mark.parametrize("outward", [True, False])
def test_a_path_narrows_for_taught_flows(standing: Lab, outward: bool) -> None:
    """After a failover, no replica has seen the connections begin, and both ends must learn of the narrow link."""
    peer = "far2" if outward else "far1"
    node, beyond = ("app", SUBNET) if outward else (peer, "internet")
    address, before = far_hosts(standing.name)[peer], sum(count(standing, "allowed_related"))
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(standing.stream("app", peer, address, port)) for port in range(7000, 7006)]
        near, far, _ = stack.enter_context(datagrams(standing, host=peer))
        assert all(stream.works() for stream in streams)
        assert carries(near, far)
        take_over(standing)
        stack.enter_context(narrow(standing, node, beyond))
        for stream in streams:
            transfer(stream.client, stream.server)
            transfer(stream.server, stream.client)
        for _ in range(2):  # the first datagram may be too big for the narrow link; then its sender gets an error
            with contextlib.suppress(TimeoutError, OSError):
                _wait(SILENCE, near, far)
                carries(near, far, 1400)
        _wait(PATIENCE, near, far)
        assert carries(near, far, 1400)
        assert not {_flow_of(stream, address) for stream in streams} & _begun(standing)
    assert sum(count(standing, "allowed_related")) > before


def _wait(seconds: float, *ends: socket.socket) -> None:
    for end in ends:
        end.settimeout(seconds)


def _flow_of(stream: Stream, address: str) -> Flow:
    return Flow(APP, address, socket.IPPROTO_TCP, (stream.client.getsockname()[1], stream.server.getsockname()[1]))


def _begun(lab: Lab) -> set[Flow]:
    """Return the flows that replicas have seen begin."""
    return {flow for name in replicas(lab) for flow in lab.kernel.flows(name)}


def test_a_flow_that_begins_at_a_successor_leaves_its_set(standing: Lab) -> None:
    """The same tuple begins again, in TCP and in UDP. The replica judges it by its own conntrack."""
    with _bound(standing, 4504) as stream:
        flow = _tcp(stream)
        take_over(standing)
        assert stream.works()
        _forget(standing, [flow])
        assert known_to(standing, flow) == set(replicas(standing))
    with _bound(standing, 4504, flow) as stream, _attacker(standing) as send:
        assert stream.works()
        assert flow not in standing.kernel.taught(owner(standing, flow))
        assert carriers(standing, flow) == [owner(standing, flow)]
        refused = _counter(standing, flow, "drop_invalid")
        for _ in range(20):
            send(_segment(flow, 0x04, random.getrandbits(32)))
        until(lambda: _counter(standing, flow, "drop_invalid") >= refused + 19, "resets are refused")
        assert stream.works()
    with datagrams(standing) as (near, far, flow):
        assert carries(near, far)
        take_over(standing)
        assert flow in standing.kernel.taught(owner(standing, flow))
        assert carries(near, far)
        assert flow not in standing.kernel.taught(owner(standing, flow))
        assert carriers(standing, flow) == [owner(standing, flow)]


@contextlib.contextmanager
def _bound(lab: Lab, port: int, like: Flow | None = None) -> Iterator[Stream]:
    """Open a connection, if wanted from the port of an earlier one. No socket of it stays in TIME_WAIT."""
    with lab.listening("web", WEB, port) as listener, lab.open_socket("app") as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("=ii", 1, 0))
        client.bind((APP, like.ports[0] if like is not None and like.ports is not None else 0))
        client.settimeout(PATIENCE)
        client.connect((WEB, port))
        served, _ = listener.accept()
        with served:
            served.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("=ii", 1, 0))
            served.settimeout(PATIENCE)
            yield Stream(client, served)


def _counter(lab: Lab, flow: Flow, name: str) -> int:
    return lab.kernel.counters(owner(lab, flow))[name].packets


# ---- how long taught flows stay --------------------------------------------------------------------------------------


def _left(lab: Lab, namespace: str) -> dict[Flow, int]:
    """Return the seconds that each taught flow has left."""
    with netns.inside(namespace), Netlink(NETFILTER) as netfilter:
        keys = set_elements.read(netfilter, "taught")
    return {_of_key(key): seconds for key, seconds in keys.items()}


def _of_key(key: bytes) -> Flow:
    protocol, inside, near, outside, far = struct.unpack("!B3x16s2s2x16s2s2x", key)
    here, there = (socket.inet_ntop(socket.AF_INET6, address) for address in (inside, outside))
    return Flow(here, there, protocol, (int.from_bytes(near), int.from_bytes(far)))


def _remembered(lab: Lab) -> dict[Flow, int]:
    """Return the seconds that each flow has left in the subnet."""
    with netns.inside(lab.namespace(SUBNET)):
        return {flow.flow(): flow.seconds for flow in conntrack.tracked()}


@contextlib.contextmanager
def _short_lived(lab: Lab, seconds: int) -> Iterator[None]:
    """Set the timeout of UDP flows in the subnet while the block runs."""
    keys = [f"net.netfilter.nf_conntrack_udp_timeout{kind}" for kind in ("", "_stream")]
    with netns.inside(lab.namespace(SUBNET)):
        before = [sysctl.read(key) or "" for key in keys]
        for key in keys:
            sysctl.write(key, str(seconds))
    yield
    with netns.inside(lab.namespace(SUBNET)):
        for key, value in zip(keys, before, strict=True):
            sysctl.write(key, value)


def test_no_taught_flow_outlives_the_subnets_flow(standing: Lab) -> None:
    with standing.stream("app", "web", WEB, 4505) as stream, datagrams(standing) as (near, far, flow):
        assert stream.works()
        assert carries(near, far)
        take_over(standing)
        remembered = _remembered(standing)
        for name in replicas(standing):
            left = _left(standing, name)
            assert {flow, _tcp(stream)} <= left.keys()
            assert [each for each, seconds in left.items() if seconds > remembered[each]] == []


def test_a_stale_tuple_of_udp_goes_before_the_subnets_flow(standing: Lab) -> None:
    """Answers pass and renew no element. Silence then ends both, and later packets stay out."""
    with _short_lived(standing, 3), contextlib.ExitStack() as stack:
        pairs = [stack.enter_context(datagrams(standing, host=host)) for host in far_hosts(standing.name)]
        for near, far, _ in pairs:
            assert carries(near, far)
        take_over(standing)
        told = {flow: _left(standing, owner(standing, flow))[flow] for _, _, flow in pairs}
        for near, far, flow in pairs:
            far.send(b"answer")
            assert near.recv(16) == b"answer"
            assert _left(standing, owner(standing, flow))[flow] <= told[flow] <= 3
            assert flow not in _begun(standing)
        gone = [flow for _, _, flow in pairs]
        until(lambda: not any(set(gone) & _left(standing, name).keys() for name in replicas(standing)), "elements end")
        assert all(
            flow in _remembered(standing) for flow in gone
        )  # the answers renewed the subnet's flows, and not these
        before = sum(count(standing, "drop_inbound"))
        for near, far, _ in pairs:
            near.settimeout(SILENCE)
            far.send(MARK)
        until(lambda: sum(count(standing, "drop_inbound")) >= before + len(pairs), "each is refused")
        for near, far, flow in pairs:
            with pytest.raises(TimeoutError):
                near.recv(16)
            near.settimeout(PATIENCE)
            assert carries(near, far)  # the control: a flow that the instance begins passes
            assert carriers(standing, flow) == [owner(standing, flow)]


def test_only_the_instance_renews_a_taught_flow(standing: Lab) -> None:
    """Packets from outside do not renew an element. A segment of the instance does."""
    with standing.stream("app", "web", WEB, 4506) as stream, _attacker(standing) as send:
        assert stream.works()
        flow, name = _tcp(stream), replicas(standing)[0]
        name = owner(standing, flow)
        take_over(standing)
        _shorten(standing, name, flow, 100)
        send(_segment(flow, 0x10))
        before = _counter(standing, flow, "allowed_taught")
        stream.server.sendall(b"pong")
        assert stream.client.recv(4) == b"pong"
        until(lambda: _counter(standing, flow, "allowed_taught") > before, "the peer's data passed as taught")
        assert _left(standing, name)[flow] > 100  # the instance sends the acknowledgement
        _shorten(standing, name, flow, 100)
        before = _counter(standing, flow, "allowed_taught")
        for _ in range(20):
            send(_segment(flow, 0x02 | 0x01))  # SYN and FIN: no answer comes
        until(lambda: _counter(standing, flow, "allowed_taught") >= before + 20, "forged segments passed as taught")
        assert _left(standing, name)[flow] <= 100


def _shorten(lab: Lab, namespace: str, flow: Flow, seconds: int) -> None:
    near, far = flow.ports or (0, 0)
    element = f"tcp . {flow.source} . {near} . {flow.destination} . {far}"
    with netns.inside(namespace):
        Nft().run(f"delete element inet eigw_ns taught {{ {element} }}", "make an element older")
        Nft().run(f"add element inet eigw_ns taught {{ {element} timeout {seconds}s }}", "make an element older")


def test_the_agent_deletes_flows_that_the_subnet_does_not_have(standing: Lab) -> None:
    assert standing.current is not None
    (gateway,) = gateways(standing.current.cloud)
    with (
        standing.stream("app", "web", WEB, 4507) as ended,
        standing.stream("app", "web", WEB, 4508) as living,
        datagrams(standing) as (near, far, flow),
    ):
        assert ended.works()
        assert living.works()
        assert carries(near, far)
        take_over(standing)
        _forget(standing, [_tcp(ended), flow])
        watch = GatewayMonitor(standing.kernel, gateway, Unchanged(), lambda *_, **__: None)
        watch.age()
        watch.close()
        for name in replicas(standing):
            told = set(standing.kernel.taught(name))
            assert _tcp(living) in told
            assert not {_tcp(ended), flow} & told
        assert living.works()


class Unchanged:
    """A lab that no other program changes."""

    def stale(self) -> bool:
        return False

    def changing(self) -> bool:
        return False


# ---- to which subnet and VPC they belong -----------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["route", "gateway", "instance"])
def test_taught_flows_end_everywhere_at_once(lab: Lab, end: str) -> None:
    no_route = {"private": {"main": True, "routes": []}}
    successor = {"new": {"subnet": "a", "ipv6_address": APP, "security_groups": ["open"]}}
    gone = {
        "route": _with_shut(lab, route_tables=no_route),
        "gateway": _with_shut(lab, egress_only_internet_gateways={}, route_tables=no_route),
        "instance": _with_shut(lab, instances=successor),
    }
    with lab.stream("app", "web", WEB, 4509) as stream, datagrams(lab) as (near, far, flow):
        assert stream.works()
        assert carries(near, far)
        take_over(lab)
        flows = [_tcp(stream), flow]
        everywhere = {*replicas(lab), lab.namespace(SUBNET)}
        assert [known_to(lab, each) for each in flows] == [everywhere, everywhere]
        lab.apply(gone[end])
        assert [known_to(lab, each) for each in flows] == [set(), set()]
        lab.apply(_with_shut(lab))  # all comes back, but not the flows
        assert [known_to(lab, each) for each in flows] == [set(), set()]


def test_taught_flows_of_one_subnet_do_not_help_another(lab: Lab) -> None:
    """Two VPCs with a gateway each, two subnets behind the first. A taught flow helps no other subnet."""
    made = json.loads(_with_shut(lab))
    main = made["vpcs"]["main"]
    main["subnets"]["b"] = {"ipv6_cidr_block": "2600:1f16:aa0:5502::/64"}
    main["instances"]["box"] = {"subnet": "b", "ipv6_address": BOX, "security_groups": ["open"]}
    made["vpcs"]["second"] = {
        "ipv6_cidr_block": "2600:1f16:aa0:6600::/56",
        "egress_only_internet_gateways": {"elsewhere": {"replicas": 2}},
        "route_tables": {"private": {"main": True, "routes": [{"destination": "::/0", "target": "elsewhere"}]}},
        "security_groups": {"open": {"ingress": [ALL], "egress": [ALL]}},
        "subnets": {"a": {"ipv6_cidr_block": "2600:1f16:aa0:6601::/64"}},
        "instances": {"far": {"subnet": "a", "ipv6_address": FAR, "security_groups": ["open"]}},
    }
    lab.apply(json.dumps(made))
    assert lab.current is not None
    watched = {each.label: each for each in gateways(lab.current.cloud)}
    with lab.stream("app", "web", WEB, 4510) as mine, lab.stream("far", "web", WEB, 4511) as theirs:
        assert mine.works()
        assert theirs.works()
        take_over(lab)
        assert mine.works()
        assert theirs.works()
        flow, other = _tcp(mine), replace(_tcp(theirs), source=FAR)
        for label, own, foreign in (("main/outbound", flow, other), ("second/elsewhere", other, flow)):
            for replica in watched[label].replicas:
                told = set(lab.kernel.taught(replica.namespace))
                assert own in told
                assert foreign not in told
        with _attacker(lab) as send, _overheard(lab, "app", "box", "shut", "far"):
            before = sum(_dropped(lab, gateway) for gateway in watched.values())
            for address in (BOX, SHUT, FAR):
                send(_segment(replace(flow, source=address), 0x10))
            send(_segment(replace(other, source=APP), 0x10))
            until(lambda: sum(_dropped(lab, each) for each in watched.values()) >= before + 4, "refused")


def _dropped(lab: Lab, gateway: Gateway) -> int:
    return sum(lab.kernel.counters(each.namespace)["drop_invalid"].packets for each in gateway.replicas)
