"""The timeouts of gateways and subnets: which values they get, and what replicas are taught of them."""

from __future__ import annotations

from dataclasses import replace
from socket import IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP

import pytest

from eigw_ns.cloud.model import Cloud, ConnectionTracking
from eigw_ns.dataplane.compile import timeouts
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.dataplane.planning.plan import make_plan
from eigw_ns.dataplane.replication.handover import lesson
from eigw_ns.dataplane.state import OPTIONAL_SYSCTLS, Idle, NetState, Sysctls
from eigw_ns.kernel.fake.fake_kernel import FakeKernel
from eigw_ns.lab.lifecycle.execute import execute
from tests.support.small_cloud import EIGW, SUBNET, small_cloud

PREFIX = "net.netfilter.nf_conntrack_"
GATEWAY_NAME, SUBNET_NAME = (namespace_name("small", each) for each in (EIGW, SUBNET))


def _cloud(tracking: ConnectionTracking) -> Cloud:
    cloud = small_cloud()
    gateway = replace(cloud.egress_only_internet_gateways[EIGW], connection_tracking=tracking)
    return replace(cloud, egress_only_internet_gateways={EIGW: gateway})


def _timeouts(state: NetState, namespace: str) -> dict[str, int]:
    found = state.objects["sysctls", namespace]
    assert isinstance(found, Sysctls)
    return {key.removeprefix(PREFIX): int(value) for key, value in found.values if "timeout" in key}


@pytest.mark.parametrize("namespace", [GATEWAY_NAME, SUBNET_NAME])
@pytest.mark.parametrize(
    ("protocol", "established", "transitory"),
    [
        ("tcp", {"established": 7_440}, 240),  # RFC 6092 REC-35, RFC 5382 REQ-5
        ("sctp", {"established": 7_440}, 240),  # RFC 6092 REC-40
        ("icmpv6", {}, 60),  # RFC 5508 REQ-2
        ("generic", {}, 600),
        ("gre", {}, 600),
    ],
)
def test_no_default_is_below_the_minimum_of_its_rfc(
    namespace: str, protocol: str, established: dict[str, int], transitory: int
) -> None:
    found = _timeouts(compile_cloud(small_cloud()), namespace)
    ours = {key: value for key, value in found.items() if key.startswith(protocol)}
    assert ours
    assert {
        key: value for key, value in ours.items() if value < established.get(key.split("_timeout_")[-1], transitory)
    } == {}


def test_a_gateway_has_the_timeouts_of_the_file_and_its_subnets_no_shorter_ones() -> None:
    short = ConnectionTracking(tcp_transitory_timeout=3, sctp_established_timeout=4, icmpv6_timeout=5, udp_timeout=60)
    state = compile_cloud(_cloud(short))
    gateway, subnet = _timeouts(state, GATEWAY_NAME), _timeouts(state, SUBNET_NAME)
    assert {gateway[f"tcp_timeout_{each}"] for each in ("syn_sent", "syn_recv", "fin_wait", "time_wait")} == {3}
    assert (gateway["sctp_timeout_established"], gateway["icmpv6_timeout"], gateway["udp_timeout"]) == (4, 5, 60)
    assert [key for key, seconds in gateway.items() if subnet[key] < seconds] == []
    assert (subnet["tcp_timeout_fin_wait"], subnet["icmpv6_timeout"]) == (240, 60)


def test_of_several_gateways_a_subnet_has_the_longest_timeouts() -> None:
    first, second = ConnectionTracking(tcp_transitory_timeout=900), ConnectionTracking(generic_timeout=700)
    found = timeouts.longest([first, second])
    assert (found.tcp_transitory_timeout, found.generic_timeout, found.icmpv6_timeout) == (900, 700, 60)


def test_a_successor_is_taught_established_flows_by_the_gateways_timeouts_and_others_in_full() -> None:
    """A half-closed flow is taught for as long as its subnet remembers it, however short the gateway's timeout is."""
    tracking = ConnectionTracking(
        tcp_established_timeout=432_000 - 5,
        udp_stream_timeout=180 - 6,
        sctp_established_timeout=7_440 - 7,
        tcp_transitory_timeout=400,
        sctp_transitory_timeout=1,
    )
    state = compile_cloud(_cloud(tracking))
    assert lesson(EIGW, state, (SUBNET_NAME,)).idle == (
        Idle(IPPROTO_TCP, 400, 5),
        Idle(IPPROTO_UDP, 30, 6),
        Idle(IPPROTO_SCTP, 240, 7),
    )


def test_a_kernel_without_a_protocol_holds_the_lab_without_its_timeouts() -> None:
    kernel, desired = FakeKernel(unknown=frozenset(OPTIONAL_SYSCTLS)), compile_cloud(small_cloud())
    execute(kernel, make_plan(desired, NetState()))
    actual = kernel.observe("small")
    assert not _timeouts(actual, GATEWAY_NAME).keys() & {key.removeprefix(PREFIX) for key in OPTIONAL_SYSCTLS}
    assert make_plan(desired, actual) == ()


def test_a_kernel_that_has_not_loaded_conntrack_yet_gets_all_timeouts() -> None:
    desired = compile_cloud(small_cloud())
    bare = NetState.of(
        replace(thing, values=tuple(each for each in thing.values if not each[0].startswith(PREFIX)))
        if isinstance(thing, Sysctls)
        else thing
        for thing in desired
    )
    steps = [step for step in make_plan(desired, bare) if isinstance(step.object, Sysctls)]
    assert {desired.objects["sysctls", each] for each in (GATEWAY_NAME, SUBNET_NAME)} <= {step.object for step in steps}
