"""`eigw-ns flows` and flow accounting with packets: a known transfer is in the table to the byte."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from eigw_ns.dataplane.state import FlowEntry, Sysctls
from eigw_ns.kernel.namespaces import netns, sysctl
from eigw_ns.lab.flows import tables
from tests.support.labs import Lab, until
from tests.topologies.egress import APP, WEB
from tests.topologies.replicated import tree

pytestmark = pytest.mark.root

ACCOUNTED = tree(2, egress_only_internet_gateways={"outbound": {"replicas": 2, "flow_accounting": True}})
UDP_HEADERS = 40 + 8
"""IPv6 and UDP: conntrack counts the bytes of whole packets."""


@pytest.fixture(scope="module")
def lab(module_lab_name: str) -> Lab:
    built = Lab(module_lab_name)
    built.apply(ACCOUNTED)
    return built


def seen(lab: Lab, router: str | None = None) -> list[tables.Row]:
    assert lab.current
    return list(tables.read(lab.kernel, tables.tables(lab.current.cloud, router))[0])


@pytest.fixture
def exchange(lab: Lab) -> Iterator[int]:
    """Send five datagrams of 100 bytes from app to web, and two answers of 33 bytes. Gives the source port."""
    with (
        lab.open_socket("app", kind=socket.SOCK_DGRAM) as client,
        lab.open_socket("web", kind=socket.SOCK_DGRAM) as server,
    ):
        client.bind((APP, 0))
        server.bind((WEB, 7007))
        for each in (client, server):
            each.settimeout(5)
        for _ in range(5):
            client.sendto(bytes(100), (WEB, 7007))
            _, sender = server.recvfrom(1000)
        for _ in range(2):
            server.sendto(bytes(33), sender)
            client.recv(1000)
        yield int(client.getsockname()[1])


def of_port(rows: list[tables.Row], port: int) -> list[FlowEntry]:
    return [row.entry for row in rows if row.entry.flow.ports and row.entry.flow.ports[0] == port]


def test_a_known_transfer_is_in_the_table_to_the_byte(lab: Lab, exchange: int) -> None:
    (entry,) = of_port(seen(lab), exchange)  # in one replica, whichever it is
    assert entry.traffic is not None
    assert (entry.traffic.packets_out, entry.traffic.bytes_out) == (5, 5 * (100 + UDP_HEADERS))
    assert (entry.traffic.packets_in, entry.traffic.bytes_in) == (2, 2 * (33 + UDP_HEADERS))
    assert entry.begun is not None
    assert entry.state in ("ASSURED", "REPLIED")


def test_a_table_without_accounting_has_no_counts(lab: Lab, exchange: int) -> None:
    (entry,) = of_port(seen(lab, "a"), exchange)  # the subnet, which does not account
    assert (entry.traffic, entry.begun) == (None, None)
    assert entry.timeout is not None


def test_the_state_of_a_connection_is_that_of_conntrack(lab: Lab) -> None:
    with lab.stream("app", "web", WEB, 4101) as stream:
        assert stream.works()
        found = [row.entry for row in seen(lab) if row.entry.flow.ports and row.entry.flow.ports[1] == 4101]
        assert [entry.state for entry in found] == ["ESTABLISHED"]


def test_accounting_that_somebody_switched_off_is_drift(lab: Lab) -> None:
    for number in ("outbound#1", "outbound#2"):
        with netns.inside(lab.namespace(number)):
            assert sysctl.read("net.netfilter.nf_conntrack_acct") == "1"
            sysctl.write("net.netfilter.nf_conntrack_acct", "0")
    plan = lab.plan(ACCOUNTED)
    assert plan
    lab.apply(ACCOUNTED)
    assert not lab.plan(ACCOUNTED)
    with netns.inside(lab.namespace("outbound#2")):
        assert sysctl.read("net.netfilter.nf_conntrack_acct") == "1"


def test_a_gateway_without_accounting_has_no_counts_and_another_keeps_its_own(lab_name: str) -> None:
    other = Lab(lab_name)
    other.apply(tree(1))
    other.begin_flows("app", WEB, 1)
    until(lambda: len(seen(other)) > 0, "the flow is in the table")
    assert [row.entry.traffic for row in seen(other)] == [None]
    (values,) = (
        thing
        for thing in other.kernel.observe(lab_name)
        if isinstance(thing, Sysctls) and thing.namespace == other.namespace("outbound")
    )
    assert dict(values.values)["net.netfilter.nf_conntrack_acct"] == "0"
