"""`eigw-ns flows` without packets: which tables and flows are chosen, how an entry is read, how rows look."""

from __future__ import annotations

import struct
from ipaddress import IPv6Address, IPv6Network

import pytest

from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.planning.plan import make_plan
from eigw_ns.dataplane.state import Flow, FlowEntry, NetState, Traffic
from eigw_ns.errors import UsageError
from eigw_ns.kernel.fake.fake_kernel import FakeKernel
from eigw_ns.kernel.netlink.flow_entries import parsed
from eigw_ns.kernel.netlink.socket import attribute, nested
from eigw_ns.lab.flows import selection, tables
from eigw_ns.lab.flows.selection import Selection
from eigw_ns.lab.flows.tables import Row, Table
from eigw_ns.lab.lifecycle.execute import execute
from eigw_ns.render import flows as render
from eigw_ns.render.table import draw
from eigw_ns.topology import load
from tests.topologies.egress import APP, WEB
from tests.topologies.replicated import tree

CLOUD = load(tree(2).encode(), file="x.json", default_lab="lab").cloud
TABLES = tables.tables(CLOUD, None)
SECOND = 1_000_000_000
ENTRY = FlowEntry(Flow(APP, WEB, 6, (41000, 443)), 7, "ESTABLISHED", 7440, Traffic(3, 230, 2, 150), 5 * SECOND)
BARE = FlowEntry(Flow(APP, "2001:db8::99", 58), 9, "UNREPLIED", 20)


def test_tables_are_those_of_every_replica_or_of_what_is_named() -> None:
    assert [each.label for each in TABLES] == ["main/outbound#1", "main/outbound#2"]
    assert tables.tables(CLOUD, "outbound") == TABLES
    assert tables.tables(CLOUD, "outbound#1") == TABLES[:1]
    assert tables.tables(CLOUD, "main/outbound#2") == TABLES[1:]
    assert [(each.label, each.replica) for each in tables.tables(CLOUD, "a")] == [("main/a", None)]


@pytest.mark.parametrize(("text", "said"), [("app", "main/app has no connection table"), ("nobody", "nobody")])
def test_what_has_no_table_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        tables.tables(CLOUD, text)


def test_rows_are_sorted_and_have_taught_flows_and_no_replica_that_is_gone() -> None:
    kernel = FakeKernel()
    execute(kernel, make_plan(compile_cloud(CLOUD), NetState()))
    kernel.namespaces[TABLES[0].namespace].flows = [(WEB, APP), (APP, WEB)]
    kernel.namespaces[TABLES[0].namespace].taught = [(APP, WEB), (APP, "2001:db8::5")]
    del kernel.namespaces[TABLES[1].namespace]
    rows, gone = tables.read(kernel, TABLES)
    assert [(row.entry.flow.source, row.taught) for row in rows] == [(WEB, False), (APP, False), (APP, True)]
    assert rows[2].entry == FlowEntry(Flow(APP, "2001:db8::5", 17, (7, 7)), 0, "TAUGHT")
    assert gone == TABLES[1:]


def test_ends_are_nodes_addresses_and_prefixes() -> None:
    assert selection.ends(CLOUD, "app") == selection.ends(CLOUD, APP) == (IPv6Network(APP),)
    assert selection.ends(CLOUD, "web") == (IPv6Network(WEB),)
    assert selection.ends(CLOUD, "a") == (IPv6Network("2600:1f16:aa0:5501::/64"),)
    assert selection.ends(CLOUD, "2001:db8::/32") == (IPv6Network("2001:db8::/32"),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2001:db8::1/32", "not an IPv6 address or prefix"),
        ("10.0.0.1", "not an IPv6 address or prefix"),
        ("outbound", "no address of its own"),
        ("nobody", "no node is called nobody"),
    ],
)
def test_other_ends_are_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        selection.ends(CLOUD, text)


@pytest.mark.parametrize(
    ("selected", "matches"),
    [
        (Selection(), [True, True]),
        (Selection(source=(IPv6Network("2600:1f16::/32"),)), [True, True]),
        (Selection(destination=(IPv6Network(WEB),)), [True, False]),
        (Selection(protocol=58), [False, True]),
        (Selection(port=443), [True, False]),
        (Selection(port=41000), [False, False]),
        (Selection(states=selection.states(["established", "time-wait"])), [True, False]),
    ],
)
def test_a_selection(selected: Selection, matches: list[bool]) -> None:
    assert [selected.matches(entry) for entry in (ENTRY, BARE)] == matches


def test_a_state_that_does_not_exist_is_refused() -> None:
    assert selection.states([]) is None
    with pytest.raises(UsageError, match="estblished is not a state of a flow"):
        selection.states(["estblished"])


def test_json_has_every_field_and_null_for_what_is_not_known() -> None:
    known = render.names(CLOUD)
    assert render.data(Row(TABLES[1], ENTRY), known, 8 * SECOND) == {
        "gateway": "main/outbound",
        "subnet": None,
        "replica": 2,
        "protocol": "tcp",
        "source": APP,
        "source_node": "app",
        "sport": 41000,
        "destination": WEB,
        "destination_node": "web",
        "dport": 443,
        "state": "ESTABLISHED",
        "timeout_s": 7440,
        "age_s": 3.0,
        "packets_out": 3,
        "bytes_out": 230,
        "packets_in": 2,
        "bytes_in": 150,
        "taught": False,
        "id": 7,
    }
    bare = render.data(Row(Table("x", "main/a"), BARE), known, 8 * SECOND)
    empty = {key for key, value in bare.items() if value is None}
    counts = {"packets_out", "bytes_out", "packets_in", "bytes_in", "age_s"}
    assert empty == counts | {"gateway", "replica", "sport", "dport", "destination_node"}
    assert bare["subnet"] == "main/a"


@pytest.mark.parametrize("width", [80, 100])
def test_a_table_fits_the_terminal(width: int) -> None:
    rows = [Row(TABLES[0], ENTRY), Row(TABLES[1], BARE)]
    text = draw([render.table(rows, render.names(CLOUD), 8 * SECOND)], width=width, colour=False)
    assert max(map(len, text.splitlines())) <= width
    for word in ("app 41000", "web 443", "2001:db8::99", "ESTABLISHED", "3 / 230 B", "2 / 150 B"):
        assert word in text


def test_columns_without_a_value_are_left_out() -> None:
    found = render.table([Row(TABLES[0], BARE)], {}, 0)
    assert found.columns == ("Gateway", "Protocol", "Source", "Destination", "State", "Timeout")


def tuple_of(protocol: int, source: str, destination: str, *ports: int) -> bytes:
    ends = nested(1, attribute(3, IPv6Address(source).packed), attribute(4, IPv6Address(destination).packed))
    numbers = (attribute(2 + at, struct.pack("!H", port)) for at, port in enumerate(ports))
    return ends + nested(2, attribute(1, bytes([protocol])), *numbers)


def test_an_entry_is_read_with_its_state_counts_and_times() -> None:
    whole = (
        nested(1, tuple_of(6, APP, WEB, 41000, 443)),
        attribute(3, struct.pack("!I", 0x0E)),
        nested(4, nested(1, attribute(1, bytes([3])))),
        attribute(7, struct.pack("!I", 7440)),
        nested(9, attribute(1, struct.pack("!Q", 3)), attribute(2, struct.pack("!Q", 230))),
        nested(10, attribute(1, struct.pack("!Q", 2)), attribute(2, struct.pack("!Q", 150))),
        nested(20, attribute(1, struct.pack("!Q", 5 * SECOND))),
        attribute(12, struct.pack("!I", 7)),
    )
    assert parsed(bytes(4) + b"".join(whole)) == ENTRY


@pytest.mark.parametrize(("status", "state"), [(0, "UNREPLIED"), (2, "REPLIED"), (6, "ASSURED")])
def test_an_entry_of_a_protocol_without_states_has_that_of_its_status(status: int, state: str) -> None:
    payload = bytes(4) + nested(1, tuple_of(17, APP, WEB, 1, 2)) + attribute(3, struct.pack("!I", status))
    assert parsed(payload) == FlowEntry(Flow(APP, WEB, 17, (1, 2)), 0, state)
