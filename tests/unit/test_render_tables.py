"""Tables, plans and verdicts as text."""

from __future__ import annotations

from typing import get_args

import pytest

from eigw_ns.dataplane.planning.flows import Flows
from eigw_ns.dataplane.planning.plan import Step, Verb
from eigw_ns.dataplane.state import Address, ForeignObject, Forget, Forwarding, Namespace, Route, Teach
from eigw_ns.dataplane.trace.model import Outcome
from eigw_ns.lab.verify.checks import Check, Report
from eigw_ns.render import steps, verdicts
from eigw_ns.render.table import Table, draw

APP, GATEWAY = "eigw-demo-i-0123456789abcdef0", "eigw-demo-eigw-0123456789abcdef0"
LABELS = {APP: "main/app", GATEWAY: "main/outbound"}
PLAN = (
    Step("create", Namespace(APP, "demo", "i-0123456789abcdef0"), "missing"),
    Step("create", Address(APP, "eth0", "2001:db8::1/128"), "missing"),
    Step("delete", Route(GATEWAY, "2001:db8::/64"), "not wanted"),
    Step("update", Forwarding(GATEWAY), "differs", old=Forwarding(GATEWAY, enabled=False)),
    Step("flush", Flows(GATEWAY, ()), "its route is gone"),
)


def test_columns_are_aligned_and_plain() -> None:
    table = Table("Things", ("Name", "State"), (("a", ("up", "green")), ("longer", ("down", "red"))))
    assert draw([table], width=80, colour=False).splitlines() == [
        "Things",
        "Name    State",
        "─────────────",
        "a       up",
        "longer  down",
    ]


def test_colour_only_where_asked_for() -> None:
    table = Table("", ("State",), ((("up", "green"),),))
    assert "\x1b[32mup" in draw([table], width=80, colour=True)
    assert "\x1b" not in draw([table], width=80, colour=False)


def test_only_the_last_column_is_broken_and_between_words() -> None:
    identity, why = "eigw-0123456789abcdef0", "because this is so and will be so"
    table = Table("", ("Id", "Why"), ((identity, why),))
    first, *rest = draw([table], width=44, colour=False).splitlines()[2:]
    assert rest
    assert max(len(line) for line in (first, *rest)) <= 44
    assert " ".join(" ".join((first, *rest)).split()) == f"{identity} {why}"
    assert identity in draw([table], width=22, colour=False)


def test_a_title_may_be_wider_than_its_columns() -> None:
    title = "Vpcs.Ipv6CidrBlockAssociationSet"
    assert draw([Table(title, ("State",), (("associated",),))], width=80, colour=False).splitlines()[0] == title


def test_a_pipe_gets_one_line_a_row_and_no_padding() -> None:
    table = Table("Things", ("Id", "Why"), (("longer", "word " * 200), ("", "because\nso")))
    assert draw([table, table], width=None, colour=False).split("\n\n")[0].splitlines() == [
        "Things",
        "Id\tWhy",
        f"longer\t{'word ' * 200}",
        "\tbecause so",
    ]


@pytest.mark.parametrize("text", ["[red]not markup[/red]", ":smile:", "a\\[b]", "→ ✓"])
def test_what_users_wrote_is_shown_as_it_is(text: str) -> None:
    assert text in draw([Table(text, (text,), ((text,), ((text, "green"),)))], width=80, colour=False)


def test_no_tables_are_no_text() -> None:
    assert draw([], width=80, colour=False) == ""


def test_a_plan_as_data() -> None:
    assert steps.data(PLAN[:1]) == {
        "changes": 1,
        "steps": [{"verb": "create", "object": f"namespace {APP}", "reason": "missing"}],
    }


def test_a_plan_in_short() -> None:
    table = steps.summary(PLAN, LABELS)
    assert table.columns == ("Where", "Create", "Update", "Delete", "Flush", "Why")
    assert table.rows == (
        ("main/app", ("2", "green"), "", "", "", "missing"),
        ("main/outbound", "", ("1", "yellow"), ("1", "red"), ("1", "red"), "not wanted; differs; 1 more"),
    )
    assert steps.count(PLAN) == "5 changes in 2 namespaces"
    assert steps.count(PLAN[:1]) == "1 change in 1 namespace"


def test_a_plan_in_short_has_only_the_verbs_that_occur() -> None:
    assert steps.summary(PLAN[:2], {}).columns == ("Where", "Create", "Why")
    assert steps.summary(PLAN[:2], {}).rows[0][0] == APP


def test_what_is_not_ours_is_named_also_in_short() -> None:
    """How many there are says nothing of what somebody did."""
    step = Step("delete", ForeignObject(GATEWAY, "rule 10 prohibit"), "not ours")
    assert steps.summary([step], LABELS).rows == (("main/outbound", ("1", "red"), "not ours: rule 10 prohibit"),)
    assert steps.listing([step], LABELS).rows[0][3:] == ("rule 10 prohibit: not ours",)
    assert steps.data([step])["steps"] == [
        {"verb": "delete", "object": f"rule 10 prohibit in {GATEWAY}", "reason": "not ours"}
    ]


def test_2000_steps_stay_readable() -> None:
    many = [Step("create", Address(APP, "eth0", f"2001:db8::{number:x}/128"), "missing") for number in range(2000)]
    assert steps.summary(many, LABELS).rows == (("main/app", ("2000", "green"), "missing"),)
    assert steps.count(many) == "2,000 changes in 1 namespace"


def test_a_plan_in_full_is_in_order_and_by_node() -> None:
    rows = steps.listing(PLAN, LABELS).rows
    assert [row[2:4] for row in rows] == [
        ("main/app", "namespace: missing"),
        ("main/app", "address 2001:db8::1/128 on eth0: missing"),
        ("main/outbound", "route 2001:db8::/64: not wanted"),
        ("main/outbound", "forwarding: differs"),
        ("main/outbound", "flows: its route is gone"),
    ]
    assert [row[0] for row in rows] == ["1", "2", "3", "4", "5"]


def test_what_replicas_are_told_is_in_both_tables() -> None:
    lesson = Teach(GATEWAY, 1, ((0, 3),), ("eigw-demo-subnet-0123456789abcdef0",), (), 1000)
    plan = (
        *PLAN[:2],
        Step("teach", lesson, "it is to know the flows that it takes over"),
        Step("forget", Forget(GATEWAY, 1, ((0, 3),)), "others carry these flows now"),
    )
    table = steps.summary(plan, LABELS)
    assert table.columns == ("Where", "Create", "Teach", "Forget", "Why")
    assert [[cell[0] if isinstance(cell, tuple) else cell for cell in row[:4]] for row in table.rows] == [
        ["main/app", "2", "", ""],
        ["main/outbound", "", "1", "1"],
    ]
    rows = steps.listing(plan, LABELS).rows
    assert [str(row[3]).partition(": ")[0] for row in rows] == [
        "namespace",
        "address 2001:db8::1/128 on eth0",
        "flows",
        "flows",
    ]


@pytest.mark.parametrize("verb", get_args(Verb))
def test_every_verb_of_a_plan_is_counted_and_listed(verb: Verb) -> None:
    step = Step(verb, Forwarding(GATEWAY), "because")
    assert steps.summary([step], LABELS).columns == ("Where", verb.capitalize(), "Why")
    assert steps.listing([step], LABELS).rows[0][1] == (verb, steps.summary([step], LABELS).rows[0][1][1])


def test_verdicts_stand_out() -> None:
    good = Check("app", "web", "tcp", 443, "allowed", "allowed", "allowed", "REACHABLE", passed=True)
    bad = Check("web", "app", "icmpv6", None, "blocked", "allowed", "blocked", "LEAKED", passed=False)
    report = Report(passed=False, checks=(good, bad))
    text = draw([verdicts.table(report)], width=None, colour=False)
    assert [line.split("\t") for line in text.splitlines()[1:]] == [
        ["✓", "app → web", "tcp 443", "allowed", "allowed", "reachable"],
        ["✗", "web → app", "icmpv6", "blocked", "allowed", "leaked (blocked was predicted)"],
    ]
    assert verdicts.summary(report) == "1 of 2 checks passed"


@pytest.mark.parametrize("outcome", ["allowed", "refused", "blocked"])
def test_only_a_failed_check_is_red(outcome: Outcome) -> None:
    def styles(*, passed: bool) -> set[str]:
        check = Check("web", "app", "tcp", 22, outcome, outcome, outcome, "WHY", passed=passed)
        (row,) = verdicts.table(Report(passed=passed, checks=(check,))).rows
        return {cell[1] for cell in row if not isinstance(cell, str)}

    assert not {style for style in styles(passed=True) if "red" in style}
    assert {style for style in styles(passed=False) if "red" in style}


def test_a_cell_cannot_control_the_terminal() -> None:
    """Names of processes, tables and namespaces come from tenants."""
    table = Table("", ("Name", "Why"), (("\x1b]0;owned\x07", ("\x9b31m\u202e", "dim")),))
    drawn = draw([table], width=None, colour=False)
    assert drawn.splitlines()[-1].split() == ["\\x1b]0;owned\\x07", "\\x9b31m\\u202e"]
