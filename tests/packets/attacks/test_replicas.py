"""Flows that move between replicas of a gateway: known, never guessed, and judged as strictly as where they began."""

from __future__ import annotations

import copy
import json
import socket
from collections.abc import Iterator

import pytest

from eigw_ns.dataplane.state import Flow
from eigw_ns.kernel.linux import LinuxKernel
from tests.labs import Lab, until
from tests.packets.attacks.bench import INSIDE, OUTSIDE, TREE, Bench, beside
from tests.packets.attacks.flows import HTTPS, WINDOW, Datagrams, Tcp

pytestmark = pytest.mark.root

FAR = 1_000_000
"""So many octets off the next one lies far outside of any window."""

Pair = tuple[Bench, Bench]


@pytest.fixture(scope="module", params=[True, False], ids=["shared", "alone"])
def shared(request: pytest.FixtureRequest) -> bool:
    """Whether replicas tell each other of their flows."""
    return bool(request.param)


@pytest.fixture(scope="module")
def pair(shared: bool, module_lab_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Wires beside both replicas of a gateway."""
    tree = copy.deepcopy(TREE)
    tree["vpcs"]["main"]["egress_only_internet_gateways"]["outbound"]["replicas"] = 2
    lab = Lab(module_lab_name, LinuxKernel(tmp_path_factory.mktemp("run")), shared=shared)
    lab.apply(json.dumps(tree))
    with beside(lab, "outbound#1", "outbound#2") as (one, two):
        yield one, two
    lab.destroy()


def _flow(tcp: Tcp) -> Flow:
    return Flow(INSIDE, OUTSIDE, socket.IPPROTO_TCP, (tcp.port, HTTPS))


def _move(tcp: Tcp, to: Bench) -> None:
    """From here on the flow goes through another replica, which has been told of it."""
    until(lambda: to.tcp_state(tcp.port) == "ESTABLISHED", "the other replica knows the flow")
    tcp.bench = to


def _learn_anew(pair: Pair) -> None:
    """The first one learns all from the second. It must carry nothing meanwhile, and the live flow may be its own."""
    pair[0].stream.rest()
    pair[0].lab.kernel.learn(pair[0].gateway, [pair[1].gateway], anew=True)


def _check_strictness(tcp: Tcp) -> None:
    """Data, ends and resets far outside the window are dropped, from either side; the flow itself goes on.

    Data below the window passes, here as ever: it may be a segment sent again.
    """
    for segments in ([tcp.back(each, seq=FAR) for each in ("A", "PA", "FA")], [_reset(tcp, FAR), _reset(tcp, -FAR)]):
        assert tcp.bench.attack("in", segments, {"drop_invalid": len(segments)}).through == []
    assert tcp.bench.attack("out", [tcp.out("PA", b"x", seq=FAR)], {"drop_invalid": 1}).through == []
    tcp.check()


def _reset(tcp: Tcp, off: int) -> bytes:
    return tcp.back("R", seq=off)


@pytest.mark.parametrize("shared", [True], ids=["shared"], indirect=True)
class TestShared:
    """Two replicas that tell each other of their flows."""

    def test_a_flow_that_moved_is_judged(self, pair: Pair) -> None:
        tcp = Tcp.opened(pair[0])
        tcp.check()
        _move(tcp, pair[1])
        tcp.check()  # both directions are seen
        _check_strictness(tcp)

    def test_a_reset_before_anything_was_seen_needs_the_right_number(self, pair: Pair) -> None:
        """The other replica has no window yet: what comes first may bear any number, but no other tuple."""
        tcp = Tcp.opened(pair[0])
        _move(tcp, pair[1])
        assert tcp.bench.attack("in", [tcp.back("R", seq=WINDOW + FAR)], {}).answers == []
        other = Tcp.new(pair[1])
        assert tcp.bench.attack("in", [other.back("R")], {"drop_invalid": 1}).through == []

    def test_a_flow_that_returned_and_went_again_is_judged(self, pair: Pair) -> None:
        """Who gave it back has an old window of it, and must neither stall it nor take anything for it."""
        tcp = Tcp.opened(pair[0])
        _move(tcp, pair[1])
        tcp.check()
        _learn_anew(pair)
        _move(tcp, pair[0])
        pair[1].lab.kernel.loosen(pair[1].gateway, [_flow(tcp)])
        for _ in range(20):  # beyond the window that the other one remembers
            tcp.send_out("PA", b"o" * 1000)
            tcp.send_in("PA", b"i" * 1000)
        _move(tcp, pair[1])
        tcp.check()
        _check_strictness(tcp)

    def test_a_copy_of_a_loosened_flow_is_judged(self, pair: Pair) -> None:
        """What is learnt of a flow is not how it was judged where it is learnt from."""
        tcp = Tcp.opened(pair[0])
        until(lambda: pair[1].tcp_state(tcp.port) == "ESTABLISHED", "both know the flow")
        pair[1].lab.kernel.loosen(pair[1].gateway, [_flow(tcp)])
        _learn_anew(pair)
        assert pair[0].tcp_state(tcp.port) == "ESTABLISHED"
        tcp.check()
        _check_strictness(tcp)

    def test_a_datagram_flow_is_known_to_both(self, pair: Pair) -> None:
        flow = Datagrams.opened(pair[0])
        until(lambda: pair[1].knows(flow.port), "the other replica knows the flow")
        assert len(pair[1].attack("in", [flow.back()], {}).through) == 1
        assert pair[1].attack("in", [Datagrams(pair[1].port()).back()], {"drop_inbound": 1}).through == []


@pytest.mark.parametrize("shared", [False], ids=["alone"], indirect=True)
class TestAlone:
    """Two replicas that tell each other nothing."""

    def test_what_a_replica_does_not_know_is_dropped(self, pair: Pair) -> None:
        """In the middle of a flow that the other one has: from both sides, and no packet makes it known."""
        one, two = pair
        tcp, flow = Tcp.opened(one), Datagrams.opened(one)
        for flags in ("A", "PA", "FA", "R", "RA", "SA"):
            assert two.attack("out", [tcp.out(flags)], {"drop_invalid": 1}).through == []
        for flags in ("A", "PA", "FA", "R", "RA", "SA"):
            assert two.attack("in", [tcp.back(flags)], {"drop_invalid": 1}).through == []
        assert two.attack("in", [tcp.back("S")], {"drop_inbound": 1}).through == []
        assert two.attack("in", [flow.back()], {"drop_inbound": 1}).through == []
        assert two.tcp_state(tcp.port) is None
        assert not two.knows(flow.port)
        tcp.check()  # the control: where it is known it passes
        assert len(one.attack("in", [flow.back()], {}).through) == 1
