"""The prober between real namespaces: what it observes, and when it reports that silence proves nothing."""

from __future__ import annotations

import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from eigw_ns.errors import MissingError
from eigw_ns.kernel.namespaces import netns
from eigw_ns.lab.verify.prober import Endpoint, Evidence, Flow, Probe, Protocol, run
from tests.support.slowness import SLOWNESS
from tests.support.star import Star

pytestmark = pytest.mark.root

APP, WEB = "i-00000000000000001", "host-00000000000000002"
PORT = 7
TIMEOUT = 0.3 * SLOWNESS  # seconds, if silence is expected; an answer takes less than a millisecond here
PATIENCE = 5.0 * SLOWNESS  # seconds, if every flow is answered, so that a busy machine does not matter
ALL: list[Protocol] = ["tcp", "udp", "icmpv6"]
SILENT_IN = {  # rules that drop the first packets of each protocol, but not the answers
    "tcp": f"tcp dport {PORT} drop",
    "udp": f"udp dport {PORT} drop",
    "icmpv6": "icmpv6 type echo-request drop",
}
SILENT_BACK = {
    "tcp": f"tcp sport {PORT} drop",
    "udp": f"udp sport {PORT} drop",
    "icmpv6": "icmpv6 type echo-reply drop",
}


@pytest.fixture
def star(lab_name: str) -> Star:
    return Star(lab_name, {APP: "2001:db8:1::10", WEB: "2001:db8:2::20"})


@pytest.fixture
def app(star: Star) -> Endpoint:
    return star.nodes[APP]


@pytest.fixture
def web(star: Star) -> Endpoint:
    return star.nodes[WEB]


def flow(source: Endpoint, destination: Endpoint, protocol: Protocol, *, listening: bool = True) -> Flow:
    return Flow(source, destination, protocol, None if protocol == "icmpv6" else PORT, listening)


def first_hop(node: Endpoint) -> Flow:
    return Flow(node, Endpoint("", "fe80::1", ""), "icmpv6")


def suspect(tried: Flow) -> Probe:
    """Return the probe of a flow that should be blocked."""
    return Probe(tried, (first_hop(tried.source), first_hop(tried.destination)), sniff=True)


def one(probe: Probe, timeout: float = TIMEOUT) -> Evidence:
    (evidence,) = run([probe], timeout)
    return evidence


@pytest.mark.parametrize("protocol", ALL)
def test_allowed(app: Endpoint, web: Endpoint, protocol: Protocol) -> None:
    seen = one(suspect(flow(app, web, protocol)), PATIENCE)
    assert seen == Evidence("allowed", arrived=True, canary=True, controls=True)


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_refused_if_nothing_listens(app: Endpoint, web: Endpoint, protocol: Protocol) -> None:
    tried = flow(app, web, protocol, listening=False)
    assert one(suspect(tried), PATIENCE) == Evidence("refused", arrived=True, canary=True, controls=True)


@pytest.mark.parametrize("kind", ["no-route", "admin-prohibited", "addr-unreachable", "port-unreachable"])
@pytest.mark.parametrize("protocol", ALL)
def test_an_error_of_a_router_is_not_a_refusal(
    star: Star, app: Endpoint, web: Endpoint, protocol: Protocol, kind: str
) -> None:
    rule = SILENT_IN[protocol].replace("drop", f"reject with icmpv6 type {kind}")
    star.rule(star.router, "forward", f"ip6 daddr {web.address} {rule}")
    seen = one(suspect(flow(app, web, protocol)), PATIENCE)
    assert seen == Evidence("blocked", arrived=False, canary=True, controls=True, rejected=True)


def test_a_reset_that_the_destination_did_not_send_is_not_a_refusal(star: Star, app: Endpoint, web: Endpoint) -> None:
    """It has the destination's address, but the destination has received no packet."""
    star.rule(star.router, "forward", f"ip6 daddr {web.address} tcp dport {PORT} reject with tcp reset")
    seen = one(suspect(flow(app, web, "tcp")), PATIENCE)
    assert seen == Evidence("blocked", arrived=False, canary=True, controls=True, rejected=True)


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize(("kind", "refused"), [("port-unreachable", True), ("admin-prohibited", False)])
def test_an_error_of_the_destination_counts_if_it_is_about_the_port(
    star: Star, app: Endpoint, web: Endpoint, protocol: Protocol, kind: str, refused: bool
) -> None:
    rule = SILENT_IN[protocol].replace("drop", f"reject with icmpv6 type {kind}")
    star.rule(web, "input", f"ip6 saddr {app.address} {rule}")
    seen = one(suspect(flow(app, web, protocol)), PATIENCE)
    assert (seen.outcome, seen.arrived, seen.rejected) == ("refused" if refused else "blocked", True, not refused)


@pytest.mark.parametrize("protocol", ALL)
def test_dropped_on_the_way_there(star: Star, app: Endpoint, web: Endpoint, protocol: Protocol) -> None:
    star.rule(star.router, "forward", f"ip6 daddr {web.address} {SILENT_IN[protocol]}")
    assert one(suspect(flow(app, web, protocol))) == Evidence("blocked", arrived=False, canary=True, controls=True)


@pytest.mark.parametrize("protocol", ALL)
def test_the_sniffer_captures_a_packet_whose_answer_is_lost(
    star: Star, app: Endpoint, web: Endpoint, protocol: Protocol
) -> None:
    star.rule(star.router, "forward", f"ip6 saddr {web.address} {SILENT_BACK[protocol]}")
    assert one(suspect(flow(app, web, protocol))) == Evidence("blocked", arrived=True, canary=True, controls=True)


@pytest.mark.parametrize("protocol", ALL)
def test_the_sniffer_captures_what_the_destination_itself_drops(
    star: Star, app: Endpoint, web: Endpoint, protocol: Protocol
) -> None:
    star.rule(web, "input", f"ip6 saddr {app.address} {SILENT_IN[protocol]}")
    assert one(suspect(flow(app, web, protocol))) == Evidence("blocked", arrived=True, canary=True, controls=True)


def test_the_sniffer_captures_only_its_own_packet(star: Star, app: Endpoint, web: Endpoint) -> None:
    """It ignores the same port from another source, other ports, and answers."""
    star.rule(star.router, "forward", f"ip6 daddr {web.address} tcp dport {PORT} drop")
    tried = suspect(flow(app, web, "tcp"))
    others = [
        Flow(web, web, "tcp", PORT),
        Flow(app, web, "tcp", PORT + 1),
        Flow(app, web, "udp", PORT),
        Flow(app, web, "icmpv6"),
        Flow(web, app, "tcp", PORT),
    ]
    seen, *rest = run([tried, *(Probe(other) for other in others)], TIMEOUT)
    assert [other.outcome for other in rest] == ["allowed"] * len(others)
    assert seen == Evidence("blocked", arrived=False, canary=True, controls=True)


@pytest.mark.parametrize("protocol", ALL)
def test_a_dead_listener_silences_the_canary(star: Star, app: Endpoint, web: Endpoint, protocol: Protocol) -> None:
    star.rule(web, "input", SILENT_IN[protocol])
    seen = one(suspect(flow(app, web, protocol)))
    assert (seen.outcome, seen.canary, seen.controls) == ("blocked", False, True)


@pytest.mark.parametrize("protocol", ALL)
@pytest.mark.parametrize("victim", [APP, WEB])
def test_a_dead_wire_fails_the_controls(
    star: Star, app: Endpoint, web: Endpoint, protocol: Protocol, victim: str
) -> None:
    star.rule(star.nodes[victim], "output", "oifname eth0 drop")
    seen = one(suspect(flow(app, web, protocol)))
    assert (seen.outcome, seen.canary, seen.controls) == ("blocked", True, False)


@pytest.mark.parametrize("protocol", ALL)
@pytest.mark.parametrize("victim", [APP, WEB])
def test_a_missing_link_is_silence_and_not_an_error(
    star: Star, app: Endpoint, web: Endpoint, protocol: Protocol, victim: str
) -> None:
    star.cut(victim)
    seen = one(suspect(flow(app, web, protocol)))
    assert seen.outcome != "allowed"
    assert not seen.controls


def test_the_way_back_as_control(star: Star, app: Endpoint, web: Endpoint) -> None:
    star.rule(star.router, "forward", f"ip6 saddr {web.address} ct state new drop")
    tried = flow(web, app, "tcp")
    assert one(Probe(tried, (flow(app, web, "tcp"),), sniff=True)) == Evidence("blocked", False, True, True)


def test_open_and_closed_on_one_port_in_one_run(app: Endpoint, web: Endpoint) -> None:
    """They cannot run together: the open port must not make the closed one look open."""
    closed = flow(app, web, "tcp", listening=False)
    seen = run([Probe(flow(app, web, "tcp")), Probe(closed), Probe(flow(web, app, "tcp"))], PATIENCE)
    assert [each.outcome for each in seen] == ["allowed", "refused", "allowed"]


def test_run_after_run(app: Endpoint, web: Endpoint) -> None:
    """What a run leaves behind, such as TIME_WAIT, is not taken for a service by the next one."""
    for _ in range(3):
        assert one(Probe(flow(app, web, "tcp")), PATIENCE).outcome == "allowed"
    assert one(Probe(flow(app, web, "tcp", listening=False)), PATIENCE).outcome == "refused"


@pytest.fixture
def service(web: Endpoint) -> Iterator[Callable[[socket.SocketKind, str], socket.socket]]:
    """Yield a user's own service, which has the port. Over TCP, it accepts connections and sends nothing."""
    opened: list[socket.socket] = []

    def start(kind: socket.SocketKind, address: str) -> socket.socket:
        with netns.inside(web.namespace):
            listener = socket.socket(socket.AF_INET6, kind)
        opened.append(listener)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, PORT))
        if kind == socket.SOCK_STREAM:
            listener.listen()
        return listener

    yield start
    for each in opened:
        each.close()


@pytest.mark.parametrize("address", ["::", "2001:db8:2::20"])
def test_a_service_that_has_the_port_is_used(
    app: Endpoint, web: Endpoint, address: str, service: Callable[[socket.SocketKind, str], socket.socket]
) -> None:
    listener = service(socket.SOCK_STREAM, address)
    assert one(suspect(flow(app, web, "tcp")), PATIENCE) == Evidence("allowed", True, True, True)
    for _ in range(2):  # the canary and the probe, in some order
        stream, _ = listener.accept()
        with stream, pytest.raises(ConnectionResetError):
            stream.recv(1)  # it received no bytes of ours


def test_a_udp_service_that_answers_is_used(
    app: Endpoint, web: Endpoint, service: Callable[[socket.SocketKind, str], socket.socket]
) -> None:
    listener = service(socket.SOCK_DGRAM, web.address)
    listener.settimeout(10)

    def serve() -> None:
        for _ in range(2):
            _, peer = listener.recvfrom(2048)
            listener.sendto(b"what?", peer)

    server = threading.Thread(target=serve)
    server.start()
    seen = one(Probe(flow(app, web, "udp")), PATIENCE)
    server.join()
    assert seen == Evidence("allowed", arrived=True, canary=True, controls=True)


def test_a_udp_service_that_never_answers_proves_nothing(
    app: Endpoint, web: Endpoint, service: Callable[[socket.SocketKind, str], socket.socket]
) -> None:
    service(socket.SOCK_DGRAM, web.address)
    seen = one(suspect(flow(app, web, "udp")))
    assert (seen.outcome, seen.arrived, seen.canary) == ("blocked", True, False)


@pytest.mark.parametrize("protocol", ALL)
def test_one_lost_packet_decides_nothing(star: Star, app: Endpoint, web: Endpoint, protocol: Protocol) -> None:
    """The router drops the first of every two packets that begin a flow."""
    first = SILENT_IN[protocol].replace("tcp dport 7", "tcp dport 7 tcp flags & (syn | ack) == syn")
    star.rule(star.router, "forward", f"ip6 daddr {web.address} {first.replace('drop', 'numgen inc mod 2 0 drop')}")
    assert one(Probe(flow(app, web, protocol)), 0.9).outcome == "allowed"  # before TCP itself sends the SYN again


def blocked(app: Endpoint, web: Endpoint, count: int) -> list[Probe]:
    """Return different flows that are all not answered."""
    flows = [Flow(web, app, protocol, 1000 + number) for number in range(count) for protocol in ("tcp", "udp")]
    return [suspect(each) for each in flows[:count]]


def seconds(probes: list[Probe]) -> float:
    start = time.monotonic()
    assert {each.outcome for each in run(probes, 1.0)} == {"blocked"}
    return time.monotonic() - start


@pytest.mark.alone
def test_twenty_blocked_checks_take_about_as_long_as_one(star: Star, app: Endpoint, web: Endpoint) -> None:
    star.rule(star.router, "forward", f"ip6 saddr {web.address} meta l4proto {{ tcp, udp }} ct state new drop")
    single = seconds(blocked(app, web, 1))
    assert seconds(blocked(app, web, 20)) < 1.5 * single


def test_more_checks_than_descriptors(
    star: Star, app: Endpoint, web: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    from eigw_ns.lab.verify.prober import rounds

    star.rule(star.router, "forward", f"ip6 saddr {web.address} meta l4proto {{ tcp, udp }} ct state new drop")
    monkeypatch.setattr(rounds, "_MOST_FLOWS", 12)
    seen = run([*blocked(app, web, 20), Probe(flow(app, web, "tcp"))], TIMEOUT)
    assert [each.outcome for each in seen] == ["blocked"] * 20 + ["allowed"]
    assert all(each.canary and each.controls and not each.arrived for each in seen[:20])


def test_no_descriptor_and_no_limit_is_left_changed(app: Endpoint, web: Endpoint) -> None:
    def state() -> tuple[int, tuple[int, int]]:
        return len(list(Path("/proc/self/fd").iterdir())), resource.getrlimit(resource.RLIMIT_NOFILE)

    before = state()
    one(suspect(flow(app, web, "tcp")))
    assert state() == before


def test_progress_is_reported_once_for_each_flow(app: Endpoint, web: Endpoint) -> None:
    told: list[Flow] = []
    probe = suspect(flow(app, web, "tcp"))
    run([probe, Probe(flow(web, app, "tcp"))], TIMEOUT, lambda done, _: told.append(done))
    assert len(told) == len(set(told)) == 6


def test_a_namespace_that_does_not_exist(app: Endpoint, web: Endpoint) -> None:
    gone = replace(app, namespace=f"{app.namespace}-gone")
    with pytest.raises(MissingError, match="-gone"):
        one(Probe(flow(gone, web, "tcp")))
    assert not netns.exists(gone.namespace)
