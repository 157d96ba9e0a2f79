"""The policy file: what it means, what it matches, and each mistake with its line and what to write."""

from __future__ import annotations

from datetime import date

import pytest

from eigw_ns.errors import TopologyError
from eigw_ns.importing.policy.policy import Policy
from eigw_ns.importing.policy.reader import read_policy
from tests.support.designs import subnet

FILE = ".eigw-ns.yaml"
WHOLE = """
subnets:
  - match: {tag: {Reach: Private}}
    inbound: blocked
    outbound: allowed
  - match: {name: "*db*"}
    inbound: blocked
    outbound: blocked
  - match: {source: module.net.*, name: "x*"}
    inbound: allowed
    outbound: allowed
ignore: ["Custom::SubnetModify"]
parameters: {Stage: live, Count: 3}
accept:
  - {finding: EIGW005, at: Db, reason: moves in March, until: 2027-03-31}
  - {finding: EIGW008, at: "*", reason: by design}
"""


def policy(text: str) -> Policy:
    return read_policy(text.encode(), FILE)


def said(text: str) -> list[str]:
    with pytest.raises(TopologyError) as refused:
        policy(text)
    return str(refused.value).splitlines()


def test_a_whole_file_is_read() -> None:
    found = policy(WHOLE)
    assert [(rule.inbound, rule.outbound, rule.place.line) for rule in found.rules] == [
        (False, True, 3),
        (False, False, 6),
        (True, True, 9),
    ]
    assert found.ignore == ("Custom::SubnetModify",)
    assert found.parameters == {"Stage": "live", "Count": "3"}
    first, second = found.accept
    assert (first.finding, first.at, first.reason, first.until) == (
        "EIGW005",
        "Db",
        "moves in March",
        date(2027, 3, 31),
    )
    assert second.until is None


def test_an_empty_policy_says_nothing() -> None:
    assert policy("subnets: []\n") == Policy(FILE)


def test_the_first_rule_that_matches_decides_before_what_the_design_says() -> None:
    found = policy(WHOLE)
    private = found.intent_of(subnet("A", 1, Name="app-db", Reach="Private"), "app-db")
    assert private and (private.purpose, private.why, private.by_policy) == ("private", "policy", True)
    isolated = found.intent_of(subnet("A", 1, Name="Public-db"), "public-db")
    assert isolated and isolated.purpose == "isolated"
    stated = found.intent_of(subnet("A", 1, Name="public"), "public")
    assert stated and (stated.purpose, stated.why, stated.by_policy) == ("public", "name", False)
    assert found.intent_of(subnet("A", 1, Name="x"), "x") is None, "the address of the subnet does not match"


def test_all_parts_of_a_match_must_fit() -> None:
    (rule,) = policy("subnets: [{match: {name: f*, tag: {A: b, C: '?'}}, inbound: allowed, outbound: allowed}]").rules
    assert rule.match.matches(subnet("f1", 1, A="b", C="d"), "n")
    assert not rule.match.matches(subnet("f1", 1, A="b"), "n")
    assert not rule.match.matches(subnet("g1", 1, A="b", C="d"), "n")


def test_a_rule_that_matches_nothing_is_found() -> None:
    found = policy(WHOLE)
    idle = found.idle([(subnet("A", 1, Reach="Private"), "a")])
    assert [rule.place.line for rule in idle] == [6, 9]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("subnet: []", f"{FILE}:1: subnet: there is no such key; did you mean subnets?"),
        ("subnets: {}", f"{FILE}:1: subnets: this must be a list (got a mapping); write each item on a line that "
                        "begins with `- `"),
        ("subnets: [app]", f"{FILE}:1: subnets[0]: this must be a mapping (got app); write the keys match, inbound, "
                           "outbound"),
        ("subnets: [{match: {name: a}, inbound: blocked}]",
         f"{FILE}:1: subnets[0].outbound: the key outbound is missing; add outbound: allowed or outbound: blocked"),
        ("subnets: [{match: {nam: a}, inbound: blocked, outbound: blocked}]",
         f"{FILE}:1: subnets[0].match.nam: there is no such key; did you mean name?"),
        ("subnets: [{match: {}, inbound: blocked, outbound: blocked}]",
         f'{FILE}:1: subnets[0].match: a match needs a key (got a mapping); write name, tag or source; {{name: "*"}} '
         "is all"),
        ("subnets: [{match: {name: [a]}, inbound: blocked, outbound: blocked}]",
         f"{FILE}:1: subnets[0].match.name: this must be a text (got a list); write a text"),
        ("subnets: [{match: {tag: a}, inbound: blocked, outbound: blocked}]",
         f"{FILE}:1: subnets[0].match.tag: this must be a mapping (got a); write key: value"),
        ("subnets: [{match: {name: a}, inbound: block, outbound: blocked}]",
         f"{FILE}:1: subnets[0].inbound: this must be allowed or blocked (got block); did you mean blocked?"),
        ("accept: [{finding: EIGW05, at: a, reason: b}]",
         f"{FILE}:1: accept[0].finding: there is no such finding (got EIGW05); did you mean EIGW005 or EIGW009 or "
         "EIGW008?"),
        ("accept: [{finding: EIGW005, at: a}]",
         f"{FILE}:1: accept[0].reason: the key reason is missing; add why the finding is accepted"),
        ("accept: [{finding: EIGW005, at: a, reason: ''}]",
         f'{FILE}:1: accept[0].reason: this must be a text (got ""); write a text'),
        ("accept: [{finding: EIGW005, at: a, reason: b, until: 2027-02-30}]",
         f"{FILE}:1: accept[0].until: this must be a day (got 2027-02-30); write one such as 2027-03-31"),
        ("accept: [{finding: EIGW005, at: a, reason: b, until: soon}]",
         f"{FILE}:1: accept[0].until: this must be a day (got soon); write one such as 2027-03-31"),
        ("ignore: [{a: b}]", f"{FILE}:1: ignore[0]: this must be a text (got a mapping); write a text"),
    ],
)  # fmt: skip
def test_a_mistake_has_its_line_and_a_remedy(text: str, line: str) -> None:
    assert said(text) == [line]


def test_all_mistakes_are_reported_at_once() -> None:
    assert len(said("subnet: []\naccept: [{finding: X}]\nsubnets: [{}]\n")) == 7


@pytest.mark.parametrize("text", ["", "[]", "a", "a: &a [*a]", "\x00", "!!python/object:x {}", "a: [" * 50])
def test_a_file_that_is_not_a_policy_is_refused(text: str) -> None:
    assert said(text)
