"""Packets do what `explain` predicts: random labs are built, and all pairs of nodes are tried at once.

`EIGW_NS_WORLDS=100` tries this number of labs instead of a few. `EIGW_NS_WORLDS=42-42` tries the lab of seed 42.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from itertools import permutations
from random import Random

import pytest

from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.nodes import nodes
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.planning.plan import make_plan
from eigw_ns.dataplane.state import NetState
from eigw_ns.dataplane.trace import Reason, Tracer
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.lab.lifecycle.execute import execute
from eigw_ns.lab.verify.checks import Failure, verify
from eigw_ns.topology import Expectation, Protocol, Result, Topology
from tests.support.labs import Lab
from tests.support.slowness import SLOWNESS
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
