"""Flow logs without packets: formats, what records sum up, ledgers, refused packets as bytes, and files."""

from __future__ import annotations

import struct
from dataclasses import replace
from ipaddress import IPv6Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eigw_ns.cloud.flow_log_format import DEFAULT, VERSIONS, RecordFormat, parse
from eigw_ns.dataplane.state import Flow, FlowEntry, Traffic
from eigw_ns.errors import EigwError, UsageError
from eigw_ns.lab.flows import flow_log
from eigw_ns.lab.flows.interfaces import Interfaces, Place
from eigw_ns.lab.flows.ledger import Growth, Ledger
from eigw_ns.lab.flows.log_files import LogFile
from eigw_ns.lab.flows.records import Interface, Key, Sum, Sums, added, records
from eigw_ns.topology import load
from tests.topologies.egress import APP, WEB
from tests.topologies.replicated import tree

CLOUD = load(tree(2, flow_logs={"audit": {}}).encode(), file="x.json", default_lab="lab").cloud
INTERFACES = Interfaces(CLOUD, CLOUD.vpcs)
(ENI,) = INTERFACES.all
SECOND = 1_000_000_000
GATEWAY = Place("eigw-1", 2)
INTERVAL = (100.0, 160.0)
FLOW = Flow(APP, WEB, 6, (41000, 443))
ENTRY = FlowEntry(FLOW, 7, "ESTABLISHED", 7440, Traffic(3, 230, 2, 150), 105 * SECOND)


# ---- formats: the fields and versions of AWS's table -----------------------------------------------------------------


def test_the_default_format_is_version_2_in_the_order_of_aws() -> None:
    assert RecordFormat().header() == (
        "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action"
        " log-status"
    )
    assert RecordFormat().version == 2


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("${srcaddr}", 2),
        ("${srcaddr} ${vpc-id}", 3),
        ("${az-id} ${vpc-id}", 4),
        ("${traffic-path} ${version}", 5),
        ("${gateway-id} ${replica} ${drop-reason}", 2),
        ("${srcaddr}${dstaddr}", 2),
    ],
)
def test_the_version_is_the_highest_of_the_fields(text: str, version: int) -> None:
    assert parse(text).version == version


@given(st.lists(st.sampled_from(tuple(VERSIONS)), min_size=1, max_size=8))
def test_a_format_is_read_as_it_is_written(fields: list[str]) -> None:
    assert parse(str(RecordFormat(tuple(fields)))).fields == tuple(fields)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("${srcadr}", "srcadr is not a field"),
        ("", "at least one field"),
        ("srcaddr dstaddr", "srcaddr is not a field of a format"),
        ("${srcaddr},${dstaddr}", ", is not a field of a format"),
        ("${}", "an empty word is not a field"),
        ("${${srcaddr}}", "is not a field of a format"),
        ("${SRCADDR}", "SRCADDR is not a field"),
    ],
)
def test_a_wrong_format_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        parse(text)
    assert refused.value.hint


def test_a_line_has_a_value_or_a_dash_for_each_field() -> None:
    every = RecordFormat(tuple(VERSIONS))
    assert every.line({"srcaddr": APP, "packets": 0}).split(" ").count("-") == len(VERSIONS) - 3
    assert RecordFormat(DEFAULT).line({}) == "2" + " -" * 13


# ---- ledgers ---------------------------------------------------------------------------------------------------------


def carried(*counts: int, number: int = 7, begun: int | None = 105 * SECOND) -> FlowEntry:
    return replace(ENTRY, id=number, begun=begun, traffic=Traffic(*counts))


def totals(grown: list[Growth]) -> list[tuple[int, int, int, int, bool]]:
    return [(*(getattr(each.traffic, name) for name in Traffic.__annotations__), each.fresh) for each in grown]


def test_what_a_flow_carried_before_does_not_count() -> None:
    ledger = Ledger([carried(1, 100, 0, 0)])
    assert totals([*ledger.looked([carried(3, 300, 1, 90)])]) == [(2, 200, 1, 90, False)]
    assert totals([*ledger.looked([carried(3, 300, 1, 90)])]) == []


def test_a_flow_that_begins_and_ends_between_two_looks_counts_whole() -> None:
    ledger = Ledger([])
    assert totals([*ledger.ended(carried(2, 200, 2, 80))]) == [(2, 200, 2, 80, True)]
    assert totals([*ledger.looked([])]) == []


def test_a_flow_that_ends_counts_what_it_carried_since_the_last_look() -> None:
    ledger = Ledger([])
    assert totals([*ledger.looked([carried(1, 10, 0, 0)])]) == [(1, 10, 0, 0, True)]
    assert totals([*ledger.ended(carried(4, 40, 0, 0))]) == [(3, 30, 0, 0, False)]


def test_a_dump_that_misses_a_flow_once_does_not_count_it_twice() -> None:
    ledger = Ledger([carried(5, 50, 5, 50)])
    assert [*ledger.looked([])] == []
    assert totals([*ledger.looked([carried(6, 60, 5, 50)])]) == [(1, 10, 0, 0, False)]


def test_another_flow_with_the_same_ends_counts_from_the_beginning() -> None:
    ledger = Ledger([carried(5, 50, 5, 50)])
    assert totals([*ledger.looked([carried(1, 10, 0, 0, begun=150 * SECOND)])]) == [(1, 10, 0, 0, True)]


def test_a_flow_without_counts_has_no_records() -> None:
    ledger = Ledger([replace(ENTRY, traffic=None)])
    assert [*ledger.looked([replace(ENTRY, traffic=None)])] == []


# ---- flows and packets at interfaces ---------------------------------------------------------------------------------


def pair(growth: Growth) -> dict[str, tuple[Key, Sum]]:
    return {key.direction: (key, found) for key, found in INTERFACES.accepted(growth, GATEWAY, INTERVAL)}


def test_a_flow_is_a_pair_of_records() -> None:
    found = pair(Growth(ENTRY, Traffic(3, 230, 2, 150), True))
    key, out = found["egress"]
    assert key == Key(ENI, APP, WEB, 41000, 443, 6, "egress", "ACCEPT", "eigw-1", 2)
    assert out == Sum(3, 230, 105.0, 160.0, 2)
    key, answer = found["ingress"]
    assert key == Key(ENI, WEB, APP, 443, 41000, 6, "ingress", "ACCEPT", "eigw-1", 2)
    assert answer == Sum(2, 150, 105.0, 160.0, 18)


def test_a_flow_without_answers_has_one_record() -> None:
    assert set(pair(Growth(ENTRY, Traffic(1, 80, 0, 0), True))) == {"egress"}


@pytest.mark.parametrize(
    ("state", "fresh", "flags"),
    [
        ("SYN_SENT", True, (2, 0)),
        ("ESTABLISHED", True, (2, 18)),
        ("ESTABLISHED", False, (0, 0)),
        ("TIME_WAIT", True, (3, 19)),
        ("TIME_WAIT", False, (1, 1)),
        ("CLOSE", False, (0, 0)),
    ],
)
def test_flags_are_only_those_that_the_state_proves(state: str, fresh: bool, flags: tuple[int, int]) -> None:
    found = pair(Growth(replace(ENTRY, state=state), Traffic(1, 1, 1, 1), fresh))
    assert (found["egress"][1].flags, found["ingress"][1].flags) == flags


def test_a_flow_of_an_address_that_is_gone_has_no_record() -> None:
    flow = replace(ENTRY, flow=Flow("2600:1f16:aa0:5501::99", WEB, 17, (1, 2)))
    assert not [*INTERFACES.accepted(Growth(flow, Traffic(1, 1, 1, 1), True), GATEWAY, INTERVAL)]


def packet(source: str, destination: str, protocol: int, payload: bytes, length: int | None = None) -> bytes:
    ends = IPv6Address(source).packed + IPv6Address(destination).packed
    size = len(payload) if length is None else length
    return struct.pack("!IHBB", 6 << 28, size, protocol, 64) + ends + payload


SYN = struct.pack("!HH", 41000, 22) + bytes(9) + bytes([0x02]) + bytes(6)


@pytest.mark.parametrize(
    ("raw", "reason", "expected"),
    [
        (packet(WEB, APP, 6, SYN), "drop_inbound", ("ingress", 41000, 22, 6, 2, 60)),
        (packet(APP, WEB, 6, SYN), "drop_acl_egress", ("egress", 41000, 22, 6, 2, 60)),
        (packet(WEB, APP, 17, SYN, 1400), "drop_inbound", ("ingress", 41000, 22, 17, 0, 1440)),
        (packet(WEB, APP, 58, SYN), "drop_inbound", ("ingress", 0, 0, 58, 0, 60)),
        (packet(WEB, APP, 0, bytes([6, 0]) + bytes(6) + SYN), "drop_inbound", ("ingress", 41000, 22, 6, 2, 68)),
        (packet(WEB, APP, 44, bytes([6, 0, 0, 8]) + bytes(4) + SYN), "drop_fragment", ("ingress", 0, 0, 6, 0, 68)),
        (packet(WEB, APP, 6, b"\x01"), "drop_invalid", ("ingress", 0, 0, 6, 0, 41)),
    ],
)
def test_a_refused_packet(raw: bytes, reason: str, expected: tuple[str, int, int, int, int, int]) -> None:
    ((key, found),) = INTERFACES.refused(raw, reason, GATEWAY, 130.0)
    shown = (key.direction, key.source_port, key.destination_port, key.protocol, found.flags, found.bytes)
    assert shown == expected
    assert (key.action, key.reason, found.packets, found.start) == ("REJECT", reason, 1, 130.0)


@given(st.binary(max_size=120))
def test_any_bytes_are_a_record_or_none(raw: bytes) -> None:
    assert [*INTERFACES.refused(raw, "drop_inbound", GATEWAY, 1.0)] == []
    ends = IPv6Address(WEB).packed + IPv6Address(APP).packed
    assert len([*INTERFACES.refused(b"\x60" + raw[:7].ljust(7, b"\0") + ends + raw, "x", GATEWAY, 1.0)]) == 1


def test_a_packet_between_strangers_is_no_record_and_a_subnet_has_its_own_interfaces() -> None:
    assert not [*INTERFACES.refused(packet(WEB, "2001:db8::9", 6, SYN), "drop_inbound", GATEWAY, 1.0)]
    assert not [*INTERFACES.refused(packet(WEB, APP, 6, SYN), "drop_invalid", Place(subnet="subnet-other"), 1.0)]


# ---- records ---------------------------------------------------------------------------------------------------------

OUT = Key(ENI, APP, WEB, 41000, 443, 17, "egress", "ACCEPT", "eigw-1", 1)
BACK = Key(ENI, WEB, APP, 443, 41000, 17, "ingress", "ACCEPT", "eigw-1", 1)
REFUSED = replace(BACK, action="REJECT", gateway="", replica=None, reason="drop_acl_ingress")


def test_sums_of_one_key_are_one_record() -> None:
    sums: Sums = {}
    assert added(sums, [(OUT, Sum(1, 10, 105, 110, 2)), (OUT, Sum(2, 20, 103, 120, 1))], 9)
    (row,) = records(sums, [ENI], INTERVAL)
    assert (row["packets"], row["bytes"], row["start"], row["end"]) == (3, 30, 103, 120)
    assert row["tcp-flags"] == 0  # UDP has none


def test_an_interval_has_a_limit() -> None:
    sums: Sums = {}
    assert added(sums, [(OUT, Sum(1, 10, 1, 1))], 1)
    assert not added(sums, [(BACK, Sum(1, 10, 1, 1))], 1)
    assert added(sums, [(OUT, Sum(1, 10, 1, 1))], 1)
    assert sums == {OUT: Sum(2, 20, 1, 1)}


def test_an_answer_that_a_subnet_refuses_is_not_accepted() -> None:
    sums = {OUT: Sum(2, 200, 1, 2), BACK: Sum(3, 300, 1, 2), REFUSED: Sum(1, 100, 2, 2)}
    rows = [*records(sums, [ENI], INTERVAL)]
    assert sorted((row["action"], row["flow-direction"], row["packets"], row["bytes"]) for row in rows) == [
        ("ACCEPT", "egress", 2, 200),
        ("ACCEPT", "ingress", 2, 200),
        ("REJECT", "ingress", 1, 100),
    ]


def test_interfaces_without_packets_have_no_data_and_lost_ones_are_skipped() -> None:
    other = Interface("eni-2", "i-2", "subnet-2", "vpc-2", "use1-az1")
    rows = [*records({OUT: Sum(1, 1, 1, 1)}, [ENI, other], INTERVAL)]
    assert [(row["interface-id"], row["log-status"]) for row in rows] == [(ENI.id, "OK"), ("eni-2", "NODATA")]
    assert rows[1] == {
        "account-id": "000000000000",
        "interface-id": "eni-2",
        "vpc-id": "vpc-2",
        "subnet-id": "subnet-2",
        "instance-id": "i-2",
        "region": "us-east-1",
        "az-id": "use1-az1",
        "start": 100,
        "end": 160,
        "log-status": "NODATA",
    }
    lost = [row["log-status"] for row in records({OUT: Sum(1, 1, 1, 1)}, [ENI, other], INTERVAL, skipped=True)]
    assert lost == ["OK", "SKIPDATA", "SKIPDATA"]


def test_a_path_of_ours_is_left_out_if_only_values_of_aws_are_wanted() -> None:
    (ours,), (strict,) = (list(records({OUT: Sum(1, 1, 1, 1)}, [], INTERVAL, strict=each)) for each in (False, True))
    assert ours["traffic-path"] == 100
    assert "traffic-path" not in strict


# ---- what a lab needs, and files -------------------------------------------------------------------------------------


def test_a_log_needs_a_vpc_that_has_it() -> None:
    bare = load(tree(2).encode(), file="x.json", default_lab="lab").cloud
    eigw = {"outbound": {"flow_accounting": True}}
    counted = load(tree(1, egress_only_internet_gateways=eigw).encode(), file="x.json", default_lab="lab").cloud
    vpcs = frozenset(CLOUD.vpcs)
    assert flow_log.scope(CLOUD, "ALL") == flow_log.Scope(vpcs, vpcs)
    assert flow_log.scope(CLOUD, "REJECT") == flow_log.Scope(frozenset(), vpcs)
    assert flow_log.scope(counted, "ALL") == flow_log.Scope(vpcs, frozenset())
    assert not flow_log.scope(counted, "REJECT").vpcs
    flow_log.require(counted, "ACCEPT")
    with pytest.raises(EigwError, match="no VPC of lab has a flow log of ALL traffic"):
        flow_log.require(bare, "ALL")
    with pytest.raises(EigwError, match="no VPC of lab has a flow log of REJECT traffic"):
        flow_log.require(counted, "REJECT")


def test_a_file_rotates_and_each_begins_with_the_header(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "flows.log", 20, 2, "srcaddr bytes")
    log.write([])
    for number in range(6):
        log.write([f"2001:db8::{number} 1"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["flows.log.1", "flows.log.2"]
    assert (tmp_path / "flows.log.1").read_text() == "srcaddr bytes\n2001:db8::5 1\n"
    log.write(["a b"])
    assert (tmp_path / "flows.log").read_text() == "srcaddr bytes\na b\n"


def test_a_file_that_somebody_moved_away_is_made_again(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "flows.log", 1000, 2)
    log.write(["one"])
    (tmp_path / "flows.log").rename(tmp_path / "moved")
    log.write(["two"])
    assert (tmp_path / "flows.log").read_text() == "two\n"


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot write .*missing/flows\.log"):
        LogFile(tmp_path / "missing" / "flows.log", 1, 1).write(["x"])
