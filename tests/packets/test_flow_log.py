"""`eigw-ns flows --log` with packets: each flow has its pair once, to the byte, and a refused packet is one REJECT.

The records are read by a parser of the test's own, from lines in a custom format.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from eigw_ns.cloud.flow_log_format import VERSIONS, RecordFormat
from eigw_ns.cloud.model import Cloud
from eigw_ns.errors import ExistsError
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.netlink import listener
from eigw_ns.lab.flows.flow_log import FlowLog
from tests.support.labs import Lab, until
from tests.topologies.egress import APP, WEB
from tests.topologies.replicated import tree

pytestmark = pytest.mark.root

EVERY = RecordFormat(tuple(VERSIONS))
UDP_HEADERS = 40 + 8
Row = dict[str, str]


@pytest.fixture(scope="module")
def lab(module_lab_name: str) -> Lab:
    built = Lab(module_lab_name)
    built.apply(tree(2, flow_logs={"audit": {}}))
    return built


class Recording:
    """A flow log whose intervals end when a test says so."""

    def __init__(self, log: FlowLog) -> None:
        self._log = log

    def interval(self, *, strict: bool = False) -> list[Row]:
        """End the interval and return its records."""
        lines: list[str] = []
        ended = iter((False, False, True, True, True))
        self._log.run(
            lambda records: lines.extend(map(EVERY.line, records)), 0.05, lambda: next(ended, True), strict=strict
        )
        rows = [dict(zip(EVERY.fields, line.split(" "), strict=True)) for line in lines]
        assert all(value for row in rows for value in row.values())
        return rows


@pytest.fixture
def recording(lab: Lab) -> Iterator[Recording]:
    assert lab.current
    cloud = lab.current.cloud
    with FlowLog(lab.kernel, lambda: cloud, "ALL") as log:
        yield Recording(log)


def exchange(lab: Lab, port: int, there: int, back: int) -> int:
    """Send datagrams of 100 bytes from app to web, and answers of 33. Returns the source port."""
    with (
        lab.open_socket("app", kind=socket.SOCK_DGRAM) as client,
        lab.open_socket("web", kind=socket.SOCK_DGRAM) as server,
    ):
        client.bind((APP, 0))
        server.bind((WEB, port))
        for each in (client, server):
            each.settimeout(5)
        for _ in range(there):
            client.sendto(bytes(100), (WEB, port))
            _, sender = server.recvfrom(1000)
        for _ in range(back):
            server.sendto(bytes(33), sender)
            client.recv(1000)
        return int(client.getsockname()[1])


def of_port(rows: list[Row], port: int) -> list[Row]:
    return [row for row in rows if str(port) in (row["srcport"], row["dstport"])]


def counts(rows: list[Row]) -> list[tuple[str, str, int, int]]:
    return sorted((row["flow-direction"], row["action"], int(row["packets"]), int(row["bytes"])) for row in rows)


def test_a_flow_has_its_pair_once_to_the_byte(lab: Lab, recording: Recording) -> None:
    source = exchange(lab, 7101, 5, 2)
    rows = of_port(recording.interval(), 7101)
    assert counts(rows) == [
        ("egress", "ACCEPT", 5, 5 * (100 + UDP_HEADERS)),
        ("ingress", "ACCEPT", 2, 2 * (33 + UDP_HEADERS)),
    ]
    out, answer = sorted(rows, key=lambda row: row["flow-direction"])
    assert (out["srcaddr"], out["srcport"], out["dstaddr"], out["dstport"]) == (APP, str(source), WEB, "7101")
    assert (answer["srcaddr"], answer["dstaddr"], answer["dstport"]) == (WEB, APP, str(source))
    assert (out["version"], out["type"], out["protocol"], out["log-status"]) == ("5", "IPv6", "17", "OK")
    assert (out["traffic-path"], answer["traffic-path"]) == ("100", "-")
    assert out["gateway-id"].startswith("eigw-")
    assert out["replica"] in ("1", "2")
    assert 0 <= int(out["end"]) - int(out["start"]) <= 2
    assert of_port(recording.interval(), 7101) == []  # nothing was added


def test_an_interval_has_only_what_was_added(lab: Lab, recording: Recording) -> None:
    with lab.stream("app", "web", WEB, 7102) as stream:
        assert stream.works()
        first = of_port(recording.interval(), 7102)
        assert stream.works()
        second = of_port(recording.interval(strict=True), 7102)
    flags = {row["flow-direction"]: row["tcp-flags"] for row in first}
    assert flags == {"egress": "2", "ingress": "18"}  # SYN, SYN-ACK
    assert {row["tcp-flags"] for row in second} == {"0"}
    assert {row["traffic-path"] for row in second} == {"-"}
    assert all(int(row["packets"]) < int(before["packets"]) for row, before in zip(second, first, strict=True))


def test_a_flow_that_ends_within_an_interval_has_its_records(lab: Lab, recording: Recording) -> None:
    exchange(lab, 7103, 3, 1)
    for number in ("outbound#1", "outbound#2"):
        lab.kernel.flush_flows(lab.namespace(number), ())
    rows = of_port(recording.interval(), 7103)
    assert counts(rows) == [
        ("egress", "ACCEPT", 3, 3 * (100 + UDP_HEADERS)),
        ("ingress", "ACCEPT", 1, 33 + UDP_HEADERS),
    ]


def inbound(lab: Lab) -> int:
    return sum(lab.counter(each, "drop_inbound") for each in ("outbound#1", "outbound#2"))


def test_a_refused_packet_is_one_reject_and_a_flow_goes_on(lab: Lab, recording: Recording) -> None:
    with lab.stream("app", "web", WEB, 7104) as control, lab.open_socket("web", kind=socket.SOCK_DGRAM) as attacker:
        assert control.works()
        before = inbound(lab)
        attacker.bind((WEB, 7105))
        attacker.sendto(bytes(10), (APP, 7106))
        until(lambda: inbound(lab) == before + 1, "the gateway refuses the datagram")
        assert control.works()
        rows = recording.interval()
    (refused,) = of_port(rows, 7106)
    assert (refused["action"], refused["flow-direction"], refused["drop-reason"]) == (
        "REJECT",
        "ingress",
        "drop_inbound",
    )
    assert (refused["packets"], refused["bytes"]) == ("1", str(10 + UDP_HEADERS))
    assert (refused["srcaddr"], refused["srcport"], refused["dstaddr"]) == (WEB, "7105", APP)
    assert {row["action"] for row in of_port(rows, 7104)} == {"ACCEPT"}


def test_an_interface_without_traffic_has_no_data(recording: Recording) -> None:
    recording.interval()
    (row,) = recording.interval()
    assert (row["log-status"], row["action"], row["srcaddr"], row["bytes"]) == ("NODATA", "-", "-", "-")
    assert row["interface-id"].startswith("eni-")


def test_a_second_listener_to_refusals_is_refused(lab: Lab, recording: Recording) -> None:
    assert lab.current
    cloud = lab.current.cloud
    with pytest.raises(ExistsError, match="another process listens"):
        FlowLog(lab.kernel, lambda: cloud, "ALL")
    with FlowLog(lab.kernel, lambda: cloud, "ACCEPT") as other:
        assert other.places == 2
    assert recording.interval()


def test_too_many_refusals_are_skipped_data_and_all_are_dropped(lab: Lab, recording: Recording) -> None:
    with (
        lab.stream("app", "web", WEB, 7109) as control,
        lab.open_socket("app", kind=socket.SOCK_DGRAM) as victim,
        lab.open_socket("app", kind=socket.SOCK_DGRAM) as canary,
        lab.open_socket("web", kind=socket.SOCK_DGRAM) as attacker,
    ):
        victim.bind((APP, 7107))
        victim.settimeout(5)
        before = inbound(lab)
        for _ in range(4000):
            with contextlib.suppress(BlockingIOError):
                attacker.sendto(b"x", (APP, 7107))
        until(lambda: inbound(lab) == before + 4000, "the gateway refuses all")
        assert control.works()
        canary.sendto(b"canary", (APP, 7107))
        assert victim.recv(100) == b"canary"  # the first that comes
        rows = recording.interval()
    assert "SKIPDATA" in {row["log-status"] for row in rows}
    (refused,) = of_port(rows, 7107)
    assert 1000 <= int(refused["packets"]) < 4000


def test_an_answer_that_the_acl_refuses_is_accept_and_reject(lab_name: str) -> None:
    everything = {"rule": 100, "protocol": "all", "cidr": "::/0", "action": "allow"}
    closed = Lab(lab_name)
    closed.apply(
        tree(
            1,
            flow_logs={"audit": {}},
            network_acls={"no-answers": {"ingress": [{**everything, "action": "deny"}], "egress": [everything]}},
            subnets={"a": {"ipv6_cidr_block": "2600:1f16:aa0:5501::/64", "network_acl": "no-answers"}},
        )
    )
    assert closed.current
    cloud = closed.current.cloud
    with (
        FlowLog(closed.kernel, lambda: cloud, "ALL") as log,
        closed.open_socket("app", kind=socket.SOCK_DGRAM) as client,
        closed.open_socket("web", kind=socket.SOCK_DGRAM) as server,
    ):
        server.bind((WEB, 7108))
        server.settimeout(5)
        client.sendto(bytes(100), (WEB, 7108))
        _, sender = server.recvfrom(1000)
        server.sendto(bytes(33), sender)
        until(lambda: closed.counter("a", "drop_acl_ingress") == 1, "the ACL refuses the answer")
        rows = of_port(Recording(log).interval(), 7108)
    assert counts(rows) == [("egress", "ACCEPT", 1, 100 + UDP_HEADERS), ("ingress", "REJECT", 1, 33 + UDP_HEADERS)]


def test_a_log_follows_the_lab(lab_name: str) -> None:
    changing = Lab(lab_name)
    changing.apply(tree(1, flow_logs={"audit": {}}))

    def cloud() -> Cloud:
        assert changing.current
        return changing.current.cloud

    with FlowLog(changing.kernel, cloud, "ALL") as log:
        recording = Recording(log)
        changing.apply(tree(3, flow_logs={"audit": {}}))
        recording.interval()
        assert log.places == 4
        netns.remove(changing.namespace("outbound#2"))
        changing.apply(tree(3, flow_logs={"audit": {}}))
        assert "SKIPDATA" in {row["log-status"] for row in recording.interval()}
        ports = (7201, 7202)
        for port in ports:
            exchange(changing, port, 2, 1)
        rows = recording.interval()
        assert all(len(of_port(rows, port)) == 2 for port in ports)
        changing.apply(tree(3))
        recording.interval()
        assert log.places == 0


def test_a_destroyed_lab_ends_the_log_and_its_namespaces(lab_name: str) -> None:
    made = Lab(lab_name)
    made.apply(tree(1, flow_logs={"audit": {}}))
    assert made.current
    cloud = made.current.cloud
    with FlowLog(made.kernel, lambda: cloud, "ALL") as log:
        made.destroy()
        log.run(lambda _: None, 60, lambda: False, strict=False)  # ends by itself
        assert log.places == 0
    assert listener.identity(f"eigw-{lab_name}") is None
