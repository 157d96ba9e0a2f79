"""Packets do what `explain` predicts: random labs are built, and all pairs of nodes are tried at once.

A further lab has packets to addresses of every kind, and packets of other protocols.

`EIGW_NS_WORLDS=100` tries this number of labs instead of a few. `EIGW_NS_WORLDS=42-42` tries the lab of seed 42.
"""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from itertools import permutations, product
from random import Random

import pytest
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6, in6_chksum
from scapy.layers.sctp import SCTP, SCTPChunkInit, SCTPChunkInitAck

from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.nodes import find, nodes
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.planning.plan import make_plan
from eigw_ns.dataplane.state import NetState
from eigw_ns.dataplane.trace import Reason, Tracer
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.lab.lifecycle.execute import execute
from eigw_ns.lab.verify.checks import Failure, verify
from eigw_ns.lab.verify.prober import Endpoint, Flow, Probe, run
from eigw_ns.topology import Expectation, Protocol, Result, Topology
from tests.support.labs import Lab, inward, until
from tests.support.slowness import SLOWNESS
from tests.topologies.any_destination import DESTINATIONS, TEXT, infrastructure
from tests.topologies.random_labs import CLOSED, OPEN, world

pytestmark = pytest.mark.root

_ALWAYS = range(1, 9)


def seeds() -> range:
    """Return the seeds of the labs to try: a number of labs, or the first and the last seed."""
    asked = os.environ.get("EIGW_NS_WORLDS")
    if asked is None:
        return _ALWAYS
    first, dash, last = asked.partition("-")
    return range(int(first), int(last) + 1) if dash else range(1, int(first) + 1)


def expectations(cloud: Cloud, seed: int) -> Iterator[Expectation]:
    """Return each ordered pair with each protocol, to a port that is open or closed.

    If the outcome depends on the source port, `verify` tries ports that contradict the result. So any result is
    expected.
    """
    random = Random(seed)
    ends = [node.qualified for node in nodes(cloud) if node.kind in ("instance", "host")]
    protocols: tuple[Protocol, ...] = ("tcp", "udp", "icmpv6")
    for source, destination in permutations(ends, 2):
        for protocol in protocols:
            port = random.choice((CLOSED, *OPEN)) if protocol != "icmpv6" else None
            result: Result = "refused" if port == CLOSED else random.choice(("allowed", "blocked"))
            yield Expectation(source, destination, protocol, port, result)


@pytest.mark.parametrize("seed", seeds())
def test_prediction_equals_packet(lab_name: str, seed: int) -> None:
    cloud = world(lab_name, seed)
    kernel = LinuxKernel()
    execute(kernel, make_plan(compile_cloud(cloud), NetState()))
    report = verify(Topology(cloud, tuple(expectations(cloud, seed))), timeout=SLOWNESS)
    wrong = [check for check in report.checks if check.reason in set(Failure)]
    assert not wrong, f"seed {seed}: " + "\n".join(str(check) for check in wrong)
    assert len(report.checks) > 300
    assert {check.observed for check in report.checks} == {"allowed", "blocked", "refused"}


def test_each_reason_that_decides_occurs_in_the_labs() -> None:
    """This sends no packets: each reason that decides occurs in the labs that are always tried, in both directions."""
    seen: Counter[tuple[str, str]] = Counter()
    split = 0
    for seed in _ALWAYS:
        cloud = world("w", seed)
        tracer = Tracer(cloud)
        ends = {node.qualified: node.id for node in nodes(cloud)}
        for wanted in expectations(cloud, seed):
            found = tracer.by_source_port(
                ends[wanted.source], ends[wanted.destination], wanted.protocol, wanted.port,
                listening=wanted.port != CLOSED,
            )  # fmt: skip
            split += len(found) > 1
            seen.update((trace.reason, trace.hops[-1].direction) for trace in found)
    reasons = {reason for reason, _ in seen}
    assert reasons == {
        Reason.BAD_STATE_ROUTE,
        Reason.EGRESS_ONLY_GATEWAY_REFUSES_INBOUND,
        Reason.ENI_SG_RULES_MISMATCH,
        Reason.NO_LISTENER,
        Reason.NO_ROUTE_TO_DESTINATION,
        Reason.REACHABLE,
        Reason.SG_HAS_NO_RULES,
        Reason.SUBNET_ACL_RESTRICTION,
    }
    assert seen[Reason.SUBNET_ACL_RESTRICTION, "return"]
    assert seen[Reason.ENI_SG_RULES_MISMATCH, "return"]  # an ICMPv6 error about a flow that is not tracked
    assert split


SPLIT = """
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56
    egress_only_internet_gateways: {out: {}}
    route_tables: {main: {main: true, routes: [{destination: "::/0", target: out}]}}
    network_acls:
      half:
        ingress: [{rule: 100, protocol: tcp, ports: 32768-40000, cidr: "::/0", action: allow}]
        egress: [{rule: 100, protocol: all, cidr: "::/0", action: allow}]
    subnets: {net: {network_acl: half}}
    instances: {app: {subnet: net}}
internet: {hosts: {web: {ipv6_address: "2001:db8:80::1"}}}
"""


@pytest.mark.parametrize(("expected", "observed"), [("allowed", "blocked"), ("blocked", "allowed")])
def test_a_flow_of_only_some_source_ports_is_not_allowed_and_not_blocked(
    lab_name: str, expected: Result, observed: Result
) -> None:
    lab = Lab(lab_name)
    lab.apply(SPLIT)
    assert lab.current is not None
    wanted = Expectation("app", "web", "tcp", 443, expected)
    (check,) = verify(Topology(lab.current.cloud, (wanted,)), timeout=SLOWNESS).checks
    assert (check.observed, check.predicted, check.passed) == (observed, observed, False)
    assert check.reason == (Reason.SUBNET_ACL_RESTRICTION if observed == "blocked" else Reason.REACHABLE)
    worst = verify(Topology(lab.current.cloud), timeout=SLOWNESS)
    assert worst.passed  # without an expectation, the result of the worst port is checked


# ---- any destination and any protocol -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def anywhere(module_lab_name: str) -> Lab:
    lab = Lab(module_lab_name)
    lab.apply(TEXT)
    return lab


def ends_of(cloud: Cloud) -> dict[str, IPv6Address]:
    """Return the address of each machine, by id."""
    instances = {each.id: each.addresses[0] for each in cloud.instances.values()}
    return instances | {each.id: each.ipv6_address for each in cloud.hosts.values()}


def _cloud(lab: Lab) -> Cloud:
    assert lab.current is not None
    return lab.current.cloud


def test_packets_to_addresses_of_every_kind(anywhere: Lab) -> None:
    """All packets are sent at once. No service listens, so TCP and UDP are refused where they arrive.

    Each machine has flows that must be answered beside those that must not.
    """
    cloud = _cloud(anywhere)
    tracer, seen = Tracer(cloud), {}
    protocols: tuple[tuple[Protocol, int | None], ...] = (("icmpv6", None), ("tcp", CLOSED), ("udp", CLOSED))
    predicted: dict[Flow, str] = {}
    for name in ("app", "www", "web"):
        machine = find(cloud, name)
        source = Endpoint(anywhere.namespace(name), str(ends_of(cloud)[machine.id]), "eth0")
        for address, (protocol, port) in product((*DESTINATIONS, *infrastructure(cloud)), protocols):
            if (address, protocol) == ("fe80::2", "udp"):
                continue  # the machine's other address refuses, which the prober does not take for an answer
            flow = Flow(source, Endpoint("", address, "eth0"), protocol, port, listening=False)
            found = tracer.trace(machine.id, IPv6Address(address), protocol, port, listening=False)
            predicted[flow] = found.outcome
    control = Flow(source, source, "icmpv6")
    run([Probe(control, tuple(predicted))], 0.6 * SLOWNESS, lambda flow, outcome: seen.update({flow: outcome}))
    wrong = [
        f"{flow.source.address} → {flow.destination.address}, {flow.protocol}: {seen[flow]}, not {outcome}"
        for flow, outcome in predicted.items()
        if seen[flow] != outcome
    ]
    assert not wrong, "\n".join(wrong)
    assert set(predicted.values()) == {"allowed", "blocked", "refused"}


PAIRS = (("app", "web"), ("www", "web"), ("caller", "www"), ("caller", "app"), ("app", "www"), ("app", "picky"))
"""No pair twice, in either direction: a second test would find the flows of the first."""

SCTP_NUMBER, ESP_NUMBER = 132, 50
NUMBERS = (1, 4, 20, 41, 47, ESP_NUMBER, 59, 89, 115, SCTP_NUMBER, 135, 136)


def _payload(number: int, source: str, destination: str, *, answer: bool) -> bytes:
    """Return a header and data as a machine of this protocol would send them to begin a flow, or to answer."""
    if number == SCTP_NUMBER:
        chunk = SCTPChunkInitAck(init_tag=2) if answer else SCTPChunkInit(init_tag=1)
        return bytes(SCTP(sport=9, dport=9, tag=1 if answer else 0) / chunk)
    if number == 136:
        header = bytes(UDP(sport=9, dport=9, len=8, chksum=0))
        total = in6_chksum(number, IPv6(src=source, dst=destination), header)
        return bytes(header[:6] + total.to_bytes(2))
    return bytes(64)


@dataclass(frozen=True)
class Ear:
    """A sniffer, and the protocols of the packets that it has heard from one address."""

    sniffer: socket.socket
    source: str
    heard: set[int] = field(default_factory=set)

    def has(self, numbers: set[int]) -> bool:
        """Return whether packets of all these protocols have come."""
        sender = IPv6Address(self.source).packed
        self.heard.update({packet[6] for packet in inward(self.sniffer) if packet[8:24] == sender} & set(NUMBERS))
        return self.heard >= numbers


def _sent(lab: Lab, node: str, source: str, destination: str, numbers: Iterable[int], *, answer: bool) -> None:
    for number in numbers:
        with lab.open_socket(node, kind=socket.SOCK_RAW, protocol=number) as wire:
            wire.sendto(_payload(number, source, destination, answer=answer), (destination, 0))


@pytest.mark.parametrize(("source", "destination"), PAIRS)
def test_packets_of_other_protocols(anywhere: Lab, source: str, destination: str) -> None:
    cloud = _cloud(anywhere)
    tracer, ids = Tracer(cloud), [find(cloud, name).id for name in (source, destination)]
    here, there = (str(ends_of(cloud)[each]) for each in ids)
    traces = {number: tracer.trace(ids[0], ids[1], str(number), None) for number in NUMBERS}
    arriving = {number for number, found in traces.items() if found.delivered}
    answered = {number for number, found in traces.items() if found.outcome == "allowed"}
    with anywhere.sniffer(destination) as far, anywhere.sniffer(source) as near:
        forth, back = Ear(far, here), Ear(near, there)
        _sent(anywhere, source, here, there, NUMBERS, answer=False)
        until(lambda: forth.has(arriving), f"{arriving} arrive")
        _sent(anywhere, destination, there, here, sorted(forth.heard), answer=True)
        until(lambda: back.has(answered), f"{answered} are answered")
        assert forth.has(arriving)
    assert (forth.heard, back.heard) == (arriving, answered)
