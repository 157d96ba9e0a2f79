"""Limits and timeouts of the connection table (R1, R2): no instance uses all of it, and no flood leaves entries."""

from __future__ import annotations

import copy
import json
import socket
from dataclasses import replace
from typing import Any

import pytest

from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.planning.plan import make_plan
from eigw_ns.dataplane.state import NetState, Ruleset
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.netlink import conntrack
from eigw_ns.lab.lifecycle.execute import execute
from tests.support.labs import PATIENCE, Lab, inward, topology, until
from tests.topologies.egress import ALL, APP, MATE, TREE, WEB

pytestmark = pytest.mark.root

FLOOD = 200_000


def _tree(**tracking: int) -> str:
    tree: dict[str, Any] = copy.deepcopy(TREE)
    main = tree["vpcs"]["main"]
    main["egress_only_internet_gateways"]["outbound"] = {"connection_tracking": tracking}
    main["instances"]["mate"] = {"subnet": "a", "ipv6_address": MATE, "security_groups": ["open"]}
    assert main["security_groups"]["open"]["ingress"] == [ALL]
    return json.dumps(tree)


def test_one_source_cannot_take_more_than_its_share(lab_name: str) -> None:
    lab = Lab(lab_name)
    lab.apply(_tree(max_connections_per_source=300))
    lab.begin_flows("app", WEB, 1000)
    until(lambda: lab.counter("outbound", "drop_limit_source") == 700, "the flows over the limit are counted")
    assert lab.connections("outbound") == 300
    with lab.stream("mate", "web", WEB) as stream:  # another instance has its own share
        assert stream.works()
    assert lab.counter("outbound", "drop_limit_source") == 700


def test_all_sources_together_cannot_take_more_than_the_gateway_has(lab_name: str) -> None:
    lab = Lab(lab_name)
    lab.apply(_tree(max_connections=400))
    lab.begin_flows("app", WEB, 300)
    lab.begin_flows("mate", WEB, 300)
    until(lambda: lab.counter("outbound", "drop_limit_gateway") == 200, "the flows over the limit are counted")
    assert lab.connections("outbound") == 400
    assert lab.counter("outbound", "drop_limit_source") == 0


def test_one_instance_does_not_fill_a_small_table(lab_name: str) -> None:
    """The host's table cannot be made small by a namespace, so the lab is compiled for one of 800 entries."""
    lab = Lab(lab_name, current=topology(_tree(), lab_name))
    assert lab.current is not None
    execute(lab.kernel, make_plan(compile_cloud(lab.current.cloud, 800), NetState()))
    lab.begin_flows("app", WEB, 1000)
    until(lambda: lab.counter("main/a", "drop_limit_instance") == 900, "the flows over the limit are counted")
    assert lab.connections("main/a") == 100
    with lab.stream("mate", "web", WEB) as stream:
        assert stream.works()


def test_a_large_limit_is_met_at_three_quarters_of_it_or_later(lab_name: str) -> None:
    """It is divided over lists by a hash, so a source may meet it early, but not before 3/4 of it."""
    lab = Lab(lab_name)
    lab.apply(_tree(max_connections_per_source=4096))
    lab.begin_flows("app", WEB, 3072)
    assert lab.counter("outbound", "drop_limit_source") == 0
    lab.begin_flows("app", WEB, 9000)
    assert 3072 < lab.connections("outbound") <= 4096


def test_if_the_lists_of_sources_are_full_no_new_flow_passes_uncounted(lab_name: str) -> None:
    """A flow that needs a new list is refused. A source that has a list goes on, and may begin flows in it."""
    lab = Lab(lab_name)
    lab.apply(_tree(max_connections_per_source=4096))  # eight lists for each source
    room = 4
    held = lab.kernel.observe(lab.name).objects["ruleset", lab.namespace("outbound"), "inet"]
    assert isinstance(held, Ruleset)
    sets = tuple(replace(item, size=room) if item.name == "per_source" else item for item in held.sets)
    lab.kernel.update([(held, replace(held, sets=sets))])
    with lab.stream("mate", "web", WEB) as stream:  # one list
        assert stream.works()
        lab.begin_flows("app", WEB, 400, 999)
        until(lambda: lab.counter("outbound", "drop_limit_source") > 0, "the flows without a list are counted")
        dropped = lab.counter("outbound", "drop_limit_source")
        assert lab.connections("outbound") == 401 - dropped
        assert 100 < dropped < 300  # the source has three of eight lists
        lab.begin_flows("app", WEB, 400, 999)  # the same again: flows with an entry pass, the others do not
        until(lambda: lab.counter("outbound", "drop_limit_source") == 2 * dropped, "no list has become free")
        assert stream.works()
        assert stream.retransmissions() == 0


def test_an_unanswered_flow_is_checked_and_counted_once(lab_name: str) -> None:
    """Linux calls each of its packets new. After the first one, the rules check only the state."""
    lab = Lab(lab_name)
    lab.apply(_tree())
    with (
        lab.open_socket("web", kind=socket.SOCK_DGRAM) as server,
        lab.open_socket("app", kind=socket.SOCK_DGRAM) as client,
    ):
        server.bind((WEB, 53))
        server.settimeout(PATIENCE)
        for word in (b"one", b"two", b"three"):
            client.sendto(word, (WEB, 53))
            assert server.recv(64) == word
    assert lab.counter("outbound", "allowed_new") == 1
    assert lab.counter("outbound", "allowed_established") == 2
    assert lab.connections("outbound") == 1


def test_an_inbound_flood_creates_no_state_and_harms_no_flow(lab_name: str) -> None:
    lab = Lab(lab_name)
    lab.apply(_tree())
    with (
        lab.stream("app", "web", WEB) as stream,
        lab.sniffer("app") as inside,
        lab.open_socket("web", kind=socket.SOCK_DGRAM) as sender,
    ):
        assert stream.works()
        before, dropped = lab.connections("outbound"), lab.counter("outbound", "drop_inbound")
        for number in range(FLOOD):
            sender.sendto(b"the internet starts this", (APP, 1 + number % 65535))
            if number % 20_000 == 0:
                assert stream.works()
        assert stream.works()
        assert lab.connections("outbound") == before
        assert lab.counter("outbound", "drop_inbound") - dropped > FLOOD // 2  # the rest was lost in the host's queues
        assert not any(b"the internet starts" in packet for packet in inward(inside))


def test_a_flow_without_packets_is_forgotten_after_its_timeout(lab_name: str) -> None:
    lab = Lab(lab_name)
    lab.apply(_tree(udp_timeout=1))
    with (
        lab.open_socket("app", kind=socket.SOCK_DGRAM) as client,
        lab.open_socket("web", kind=socket.SOCK_DGRAM) as server,
    ):
        client.settimeout(PATIENCE)
        server.bind((WEB, 53))
        server.settimeout(PATIENCE)
        client.sendto(b"question", (WEB, 53))
        _, address = server.recvfrom(64)
        server.sendto(b"in time", address[:2])
        assert client.recv(64) == b"in time"
        client.sendto(b"question", (WEB, 54))  # a second flow, never answered
        before = lab.counter("outbound", "drop_inbound")
        with lab.open_socket("web", kind=socket.SOCK_DGRAM) as late:
            late.bind((WEB, 54))
            until(lambda: lab.connections("outbound") <= 1, "the unanswered flow is forgotten")
            late.sendto(b"too late", address[:2])
            until(lambda: lab.counter("outbound", "drop_inbound") == before + 1, "the late answer counted")


def test_a_half_closed_connection_lives_for_the_transitory_timeout(lab_name: str) -> None:
    """The instance has sent its question and closed its half. RFC 6092 REC-35: it may wait 4 minutes for the answer."""
    lab = Lab(lab_name)
    lab.apply(_tree(tcp_transitory_timeout=240))
    with lab.stream("app", "web", WEB, 4510) as stream:
        stream.client.shutdown(socket.SHUT_WR)
        until(lambda: _closing(lab, "outbound"), "the gateway sees the end")
        for node in ("outbound", "main/a"):
            assert 200 < min(_seconds_left(lab, node)) <= 240
        lab.apply(_tree(tcp_transitory_timeout=1))
        stream.server.sendall(b"answer")  # it is in time, and the flow has a second from now on
        assert stream.client.recv(64) == b"answer"
        until(lambda: lab.connections("outbound") == 0, "the gateway forgets the flow")
        before = lab.counter("outbound", "drop_invalid")
        stream.server.sendall(b"too late")
        until(lambda: lab.counter("outbound", "drop_invalid") > before, "the late answer is dropped and counted")
        assert min(_seconds_left(lab, "main/a")) > 200  # the subnet, which other gateways may use, remembers it


def _seconds_left(lab: Lab, node: str) -> list[int]:
    with netns.inside(lab.namespace(node)):
        return [flow.seconds for flow in conntrack.tracked() if flow.protocol == socket.IPPROTO_TCP]


def _closing(lab: Lab, node: str) -> bool:
    return bool(found := _seconds_left(lab, node)) and max(found) < 3_600
