"""Tables on terminals of 80 and 100 columns: no row is wrapped by the terminal, and no address is cut."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from itertools import product

import pytest
from rich.cells import cell_len

from eigw_ns.cli.context import labels
from eigw_ns.cli.verbs import doctor as doctor_verb
from eigw_ns.cli.verbs import gc as gc_verb
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.nodes import nodes
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.dataplane.planning.plan import make_plan
from eigw_ns.dataplane.state import NOTHING
from eigw_ns.dataplane.trace.explanation import Question, explain
from eigw_ns.lab.agent.replica_reports import Report as ReplicaReport
from eigw_ns.lab.host import doctor
from eigw_ns.lab.lifecycle import gc
from eigw_ns.lab.verify.checks import Check, Report
from eigw_ns.render import aws, cloud_changes, describe, replicas, steps, verdicts
from eigw_ns.render import explain as render_explain
from eigw_ns.render.table import Table, draw, wrap
from eigw_ns.topology import example, load

LONG = "a-name-as-long-as-a-name-may-be-because-a-stack-name-is-in-it-x"
"""63 characters, as many as a name may have."""

WIDE = f"""
lab: {LONG[:24].rstrip("-")}
vpcs:
  {LONG}:
    ipv6_cidr_block: 2600:1f16:aaaa:5500::/56
    tags: {{Environment: production-and-more, Owner: the-team-that-owns-this, Purpose: {"long-word-" * 6}}}
    egress_only_internet_gateways: {{{LONG[:-2]}-o: {{replicas: 3}}}}
    internet_gateways: {{{LONG[:-2]}-i: {{}}}}
    route_tables:
      {LONG[:-2]}-p: {{routes: [{{destination: "::/0", target: {LONG[:-2]}-o}}]}}
      {LONG[:-2]}-m: {{main: true, routes: [{{destination: "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff/128", target: {LONG[:-2]}-i}}]}}
    network_acls:
      {LONG}: {{ingress: [{{rule: 32000, protocol: tcp, ports: 10000-65535, cidr: "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff/128", action: allow}}]}}
    security_groups:
      {LONG[:-2]}-1: {{ingress: [{{protocol: tcp, ports: 10000-65535, cidr: "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff/128"}}]}}
      {LONG[:-2]}-2: {{ingress: [{{protocol: all, group: {LONG[:-2]}-1}}]}}
    subnets:
      {LONG[:-2]}-s: {{ipv6_cidr_block: "2600:1f16:aaaa:55aa::/64", route_table: {LONG[:-2]}-p, network_acl: {LONG}}}
    instances:
      {LONG}:
        subnet: {LONG[:-2]}-s
        ipv6_address: 2600:1f16:aaaa:55aa:aaaa:bbbb:cccc:dddd
        ipv6_addresses: ["2600:1f16:aaaa:55aa:aaaa:bbbb:cccc:1111", "2600:1f16:aaaa:55aa:aaaa:bbbb:cccc:2222"]
        security_groups: [{LONG[:-2]}-1, {LONG[:-2]}-2]
internet:
  hosts:
    {LONG[:-2]}-h: {{ipv6_address: "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"}}
"""  # noqa: E501

TEXTS = {"demo": example("demo"), "wide": WIDE}
ADDRESS = re.compile(r"(?<![0-9a-f:])(?=[0-9a-f]*:[0-9a-f]*:)[0-9a-f:]+(?:/[0-9]+)?")


@cache
def cloud(name: str) -> Cloud:
    return load(TEXTS[name].encode(), file=name, default_lab=name).cloud


def described(name: str) -> list[Table]:
    found = cloud(name)
    counters = {router: {"drop_egress_only_of_a_long_name": (123_456_789, 123_456_789_012)} for router in found.subnets}
    return list(describe.tables(found, tuple(aws.KINDS), (), counters))


def planned(name: str) -> list[Table]:
    plan = make_plan(compile_cloud(cloud(name)), NOTHING)
    return [render(plan, labels(cloud(name))) for render in (steps.listing, steps.summary)]


def verified(name: str) -> list[Table]:
    ends = [node.qualified for node in nodes(cloud(name)) if node.kind in ("instance", "host")]
    checks = [
        check
        for source, destination in product(ends, ends)
        for check in (
            Check(
                source, destination, "tcp", 65535, "blocked", "allowed", "blocked", "EGRESS_ONLY_GATEWAY", passed=False
            ),
            Check(source, destination, "icmpv6", None, "allowed", "allowed", "allowed", "REACHABLE", passed=True),
        )
    ]
    return [verdicts.table(Report(passed=False, checks=tuple(checks)))]


def explained(name: str) -> list[Table]:
    ends = [node.id for node in nodes(cloud(name)) if node.kind in ("instance", "host")]
    questions = [Question(*pair, "tcp", 443, None) for pair in product(ends, ends) if pair[0] != pair[1]]
    return [table for each in questions for table in render_explain.tables(explain(cloud(name), each))]


def left(name: str) -> list[Table]:
    lab = cloud(name).lab
    names = [namespace_name(lab, node.id) for node in nodes(cloud(name))]
    return [gc_verb.table([gc.Leftover(lab, "namespace", each) for each in names])]


def examined(_name: str) -> list[Table]:
    fix = "sysctl -w net.netfilter.nf_conntrack_max=262144 net.ipv6.conf.all.disable_ipv6=0; then run this again"
    return [doctor_verb.table([doctor.Check("connection tracking table", "warn", "65,536 of 131,072 flows", fix)])]


def reported(name: str) -> list[Table]:
    gateways = cloud(name).egress_only_internet_gateways
    reports = (ReplicaReport(1, True, "it does not answer, and its namespace is gone", 131_072, 131_072, {}),)
    return [replicas.table(cloud(name), dict.fromkeys(gateways, reports))]


VERBS = {"describe": described, "plan, status": planned, "verify": verified, "explain": explained, "gc": left,
         "doctor": examined, "describe eigw": reported}  # fmt: skip


def addresses(text: str) -> set[str]:
    return set(ADDRESS.findall(text))


def texts(tables: Iterable[Table]) -> list[str]:
    cells = (cell for table in tables for row in table.rows for cell in row)
    return [cell if isinstance(cell, str) else cell[0] for cell in cells]


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("topology", TEXTS)
@pytest.mark.parametrize("verb", VERBS)
def test_tables_fit_and_addresses_are_whole(verb: str, topology: str, width: int) -> None:
    tables = VERBS[verb](topology)
    drawn = draw(tables, width=width, colour=False)
    assert max(map(cell_len, drawn.splitlines())) <= width
    assert addresses(" ".join(texts(tables))) == addresses(drawn)


@pytest.mark.parametrize("topology", TEXTS)
@pytest.mark.parametrize("verb", VERBS)
def test_a_pipe_gets_every_cell_once_and_no_padding(verb: str, topology: str) -> None:
    tables = VERBS[verb](topology)
    drawn = draw(tables, width=None, colour=False)
    rows = [line.split("\t") for line in drawn.splitlines() if "\t" in line]
    expected = [[*table.columns] for table in tables for _ in range(len(table.rows) + 1)]
    assert [len(row) for row in rows] == [len(row) for row in expected]
    assert [cell for row in rows for cell in row if cell != cell.strip()] == []
    assert sorted(text for text in texts(tables) if text) == sorted(
        cell
        for table, part in zip(tables, _parts(rows, tables), strict=True)
        for row in part[1:]
        for cell in row
        if cell
    )


def _parts(rows: list[list[str]], tables: list[Table]) -> Iterable[list[list[str]]]:
    for table in tables:
        yield rows[: len(table.rows) + 1]
        rows = rows[len(table.rows) + 1 :]


def test_what_the_demo_shows_at_80_columns_stays_a_table() -> None:
    """Blocks are for what does not fit; the ids are what goes first."""
    drawn = draw([*described("demo"), *verified("demo")[:1]], width=80, colour=False)
    assert "Name            IPv6 block               Route table    Network ACL  Tags" in drawn.splitlines()
    assert "subnet-" not in drawn
    assert "subnet-" in draw(described("demo"), width=160, colour=False)


NAME, WHOLE = "main/an-instance-of-some-name", "2600:1f16:aaaa:55aa:aaaa:bbbb:cccc:dddd"
INSTANCES = Table(
    "Instances",
    ("", "Name", "Id", "Address", "Groups"),
    (("✓", NAME, "i-0", WHOLE, "a, b"), ("", "", "", "::1", "c d e f g h")),
    optional=("Id",),
)


def test_names_get_lines_of_their_own_if_that_helps() -> None:
    assert draw([INSTANCES], width=60, colour=False).splitlines() == [
        "Instances",
        "  Address                                  Groups",
        f"✓ {NAME}",
        f"  {WHOLE}  a, b",
        "  ::1                                      c d e f g h",
    ]


def test_cells_get_lines_of_their_own_if_nothing_else_helps() -> None:
    assert draw([INSTANCES], width=50, colour=False).splitlines() == [
        "Instances",
        f"✓ {NAME}",
        f"  Address  {WHOLE}",
        "  Groups   a, b",
        "  Address  ::1",
        "  Groups   c d e f g h",
    ]


def test_optional_columns_go_in_their_order() -> None:
    table = Table("", ("Name", "Id", "Other", "Why"), (("n" * 20, "i" * 20, "o" * 10, "word " * 9),), ("Id", "Other"))
    headings = [draw([table], width=width, colour=False).splitlines()[0].split() for width in (120, 75, 60)]
    assert headings == [["Name", "Id", "Other", "Why"], ["Name", "Other", "Why"], ["Name", "Why"]]


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 10, []),
        ("one two three", 8, ["one two", "  three"]),
        ("main/application", 13, ["main/", "  application"]),
        ("x" * 25, 12, ["x" * 5, "  " + "x" * 10, "  " + "x" * 10]),
        ("本" * 6, 8, ["本本本", "  本本本"]),
    ],
)
def test_lines_end_between_words(text: str, width: int, lines: list[str]) -> None:
    found = wrap(text, width, "  ")
    assert "".join("".join(found).split()) == "".join(text.split())
    assert not found or max(map(cell_len, found)) <= width
    if len(text) < 20:
        assert found == lines


@pytest.mark.parametrize("topology", TEXTS)
def test_changes_of_the_cloud_wrap_between_words(topology: str) -> None:
    changes = cloud_changes.compare(None, cloud(topology))
    for line in cloud_changes.lines(changes, every=True) + cloud_changes.warnings(changes):
        assert max(map(cell_len, wrap(line, 80, "    "))) <= 80
