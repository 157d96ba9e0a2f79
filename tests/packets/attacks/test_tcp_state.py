"""Which segments may still enter on a TCP flow that an instance opened, by the state of the flow (G2, G5, G6)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from eigw_ns.kernel.namespaces import netns, sysctl
from tests.support.attack_bench import Bench, forwarded
from tests.support.crafted_flows import WINDOW, Datagrams, Tcp
from tests.support.labs import until

pytestmark = pytest.mark.root

FIN, SYN, RST, ACK = 1, 2, 4, 16
AFRESH = 1_000_000_000
"""The distance of a new connection's sequence numbers from the old ones."""


def _established(_flow: Tcp) -> None:
    """Return the flow as `Tcp.opened` leaves it."""


def _fin_wait(flow: Tcp) -> None:
    flow.send_out("FA")


def _close_wait(flow: Tcp) -> None:
    flow.send_in("FA")
    flow.send_out("A")


def _time_wait(flow: Tcp) -> None:
    flow.send_out("FA")
    flow.send_in("A")
    flow.send_in("FA")
    flow.send_out("A")


def _time_wait_after_the_peer_closed(flow: Tcp) -> None:
    flow.send_in("FA")
    flow.send_out("A")
    flow.send_out("FA")
    flow.send_in("A")


def _reset_from_inside(flow: Tcp) -> None:
    flow.send_out("R")


def _reset_by_the_peer(flow: Tcp) -> None:
    flow.send_in("R")


STATES: tuple[tuple[Callable[[Tcp], None], str, str], ...] = (
    (_established, "ESTABLISHED", "drop_invalid"),
    (_fin_wait, "FIN_WAIT", "drop_invalid"),
    (_close_wait, "CLOSE_WAIT", "drop_invalid"),
    (_time_wait, "TIME_WAIT", "drop_inbound"),
    (_time_wait_after_the_peer_closed, "TIME_WAIT", "drop_inbound"),
    (_reset_from_inside, "CLOSE", "drop_invalid"),
    (_reset_by_the_peer, "CLOSE", "drop_invalid"),
)


@pytest.mark.parametrize(("prepare", "state", "counter"), STATES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_syn_from_outside_opens_nothing_in_any_state(
    bench: Bench, prepare: Callable[[Tcp], None], state: str, counter: str
) -> None:
    """In TIME_WAIT conntrack deletes the old flow and treats the SYN as new, but the SYN may not begin a flow."""
    flow = Tcp.opened(bench)
    prepare(flow)
    assert bench.tcp_state(flow.port) == state
    outcome = bench.attack("in", [flow.back("S", seq=AFRESH)], {counter: 1})
    assert (outcome.through, outcome.answers) == ([], [])
    if state == "ESTABLISHED":
        flow.check()
    assert bench.tcp_state(flow.port) == (None if state == "TIME_WAIT" else state)


@pytest.mark.parametrize(
    "prepare", [_time_wait, _time_wait_after_the_peer_closed, _reset_from_inside, _reset_by_the_peer]
)
def test_an_instance_may_use_its_port_again(bench: Bench, prepare: Callable[[Tcp], None]) -> None:
    flow = Tcp.opened(bench)
    prepare(flow)
    flow.mine, flow.theirs = flow.mine + AFRESH, flow.theirs + AFRESH
    flow.send_out("S")
    flow.send_in("SA")
    flow.send_out("A")
    flow.check()


def test_simultaneous_open(bench: Bench) -> None:
    """RFC 9293 section 3.5, RFC 6092 REC-31: both ends send a SYN, and each answers the other's."""
    flow = Tcp.new(bench)
    flow.send_out("S")
    assert bench.attack("in", [flow.back("S")], {}).through == [forwarded(flow.back("S"))]
    flow.theirs += 1
    assert len(bench.attack("out", [flow.out("SA", seq=-1)], {}).through) == 1
    assert len(bench.attack("in", [flow.back("SA", seq=-1)], {}).through) == 1
    flow.send_out("A")
    flow.check()


@pytest.mark.parametrize("far", [3 * WINDOW, 100_000, 1 << 30])
def test_data_beyond_the_window_is_dropped(bench: Bench, far: int) -> None:
    flow = Tcp.opened(bench)
    outcome = bench.attack("in", [flow.back("PA", b"forged", seq=far)], {"drop_invalid": 1})
    assert (outcome.through, outcome.answers) == ([], [])
    flow.check()


@pytest.mark.parametrize("far", [-1 << 30, -WINDOW, -1, 3 * WINDOW, 100_000, 1 << 30])
def test_a_reset_outside_the_window_is_dropped(bench: Bench, far: int) -> None:
    flow = Tcp.opened(bench)
    outcome = bench.attack("in", [flow.back("R", seq=far), flow.back("RA", seq=far)], {"drop_invalid": 2})
    assert (outcome.through, outcome.answers) == ([], [])
    flow.check()


@pytest.mark.parametrize("far", [1, 100, WINDOW - 1])
def test_a_reset_within_the_window_that_is_not_exact_ends_nothing(bench: Bench, far: int) -> None:
    """RFC 5961: the reset reaches the instance, whose challenge only the true peer can answer.

    The flow stays established.
    """
    flow = Tcp.opened(bench)
    assert len(bench.attack("in", [flow.back("R", seq=far)], {}).through) == 1
    flow.check()


def test_segments_with_flags_that_no_connection_has_are_dropped(bench: Bench) -> None:
    """All 256 flag bytes on a live flow, in its window. Those that no TCP sends are dropped. None harms the flow."""
    flow = Tcp.opened(bench)
    passing = [
        flags for flags in range(256) if flags & ~0xC8 in (ACK, ACK | 32, SYN | ACK) and not flags & (FIN | RST)
    ]  # ECE, CWR and PSH may have any value; URG needs ACK
    dropped = [flags for flags in range(256) if not flags & (FIN | RST) and flags not in passing]
    outcome = bench.attack("in", [flow.back(flags) for flags in dropped], {"drop_invalid": len(dropped)})
    assert (outcome.through, outcome.answers) == ([], [])
    assert len(bench.attack("in", [flow.back(flags) for flags in passing], {}).through) == len(passing) == 24
    flow.check()


@pytest.mark.parametrize("flags", ["S", "SA", "A", "PA", "FA", "R", "RA"])
def test_the_original_tuple_on_the_uplink_is_a_spoofed_source(bench: Bench, flags: str) -> None:
    """A segment with the instance's address and exact numbers, but from outside, does not change the flow.

    If it were dropped only after conntrack, its reset would end the flow (state CLOSE, deleted after ten seconds).
    """
    flow = Tcp.opened(bench)
    outcome = bench.attack("in", [flow.out(flags), flow.out(flags, b"forged")], {"drop_source": 2})
    assert (outcome.through, outcome.answers) == ([], [])
    flow.check()


@pytest.mark.parametrize("flags", ["S", "A", "PA"])
def test_the_reply_tuple_from_inside_does_not_leave(bench: Bench, flags: str) -> None:
    """An instance sends answers to itself with the peer's address, without the source check of its port."""
    flow = Tcp.opened(bench)
    counter = "drop_invalid" if flags == "S" else "drop_not_opening"
    outcome = bench.attack("out", [flow.back(flags)], {counter: 1})
    assert (outcome.through, outcome.answers) == ([], [])
    flow.check()


def test_a_datagram_from_outside_with_the_instances_address_does_not_refresh_a_flow(bench: Bench) -> None:
    key = "net.netfilter.nf_conntrack_udp_timeout"
    with netns.inside(bench.gateway):
        before = sysctl.read(key)
        sysctl.write(key, "1")
    try:
        flow = Datagrams.opened(bench)
        until(
            lambda: _lost_while_spoofed(bench, flow),
            "the flow is forgotten although packets of its original tuple come",
        )
    finally:
        with netns.inside(bench.gateway):
            sysctl.write(key, before or "30")


def _lost_while_spoofed(bench: Bench, flow: Datagrams) -> bool:
    assert bench.attack("in", [flow.out()], {"drop_source": 1}).through == []
    return not bench.knows(flow.port)


def test_known_limit_window_slack(bench: Bench) -> None:
    """Conntrack accepts data up to one window beyond the window: it cannot know what the instance has read."""
    flow = Tcp.opened(bench)
    assert len(bench.attack("in", [flow.back("PA", b"early", seq=WINDOW)], {}).through) == 1


def test_known_limit_data_long_acknowledged(bench: Bench) -> None:
    """Data below the window passes, as retransmissions must. The instance answers with an acknowledgement."""
    flow = Tcp.opened(bench)
    assert len(bench.attack("in", [flow.back("PA", b"again", seq=-AFRESH)], {}).through) == 1
    flow.check()


def test_known_limit_a_syn_ack_in_a_live_flow(bench: Bench) -> None:
    """Conntrack ignores its sequence number, since the first SYN-ACK may be sent again at any time.

    The instance answers with an acknowledgement (RFC 5961), and nothing else happens.
    """
    flow = Tcp.opened(bench)
    assert len(bench.attack("in", [flow.back("SA", seq=AFRESH)], {}).through) == 1
    flow.check()


def test_known_limit_after_a_reset_the_tuple_is_open_for_ten_seconds(bench: Bench) -> None:
    """Segments in the window of a flow that was reset still pass, as those under way must. They open nothing."""
    flow = Tcp.opened(bench)
    flow.send_out("R")
    assert len(bench.attack("in", [flow.back("A")], {}).through) == 1
    assert bench.tcp_state(flow.port) == "CLOSE"


def test_known_limit_any_reset_reaches_a_closing_flow(bench: Bench) -> None:
    """After a FIN, conntrack checks no number of a reset (tcp_can_early_drop, nf_conntrack_proto_tcp.c).

    The instance checks it and keeps the connection. Conntrack forgets the flow after 10 seconds without a packet.
    """
    flow = Tcp.opened(bench)
    flow.send_out("FA")
    assert len(bench.attack("in", [flow.back("R", seq=AFRESH)], {}).through) == 1
    assert bench.tcp_state(flow.port) == "CLOSE"
