"""A check of designs on the model: classes, what is reached, findings, refusals, what the exit code follows from."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from ipaddress import IPv6Network
from typing import Any

import pytest

from eigw_ns.importing.design import Design, Ipv6Block, Key
from eigw_ns.importing.messages import Message, Place
from eigw_ns.importing.policy.policy import Policy
from eigw_ns.importing.policy.reader import read_policy
from eigw_ns.importing.resolve.choices import Choices
from eigw_ns.lab.check.checking import check, idle_rules
from eigw_ns.lab.check.outcome import FOUND, REFUSED, Checked, Outcome
from eigw_ns.lab.check.predicted import predicted
from eigw_ns.lab.check.reach import reach
from eigw_ns.lab.verify.checks import Check, Report
from eigw_ns.render.design_check import cells
from eigw_ns.topology import Topology
from tests.support.designs import design, leaking, route, subnet

TODAY = date(2026, 12, 1)


def checked(made: Design, policy: str = "") -> Checked:
    return check(made, "a.yaml", "", _policy(policy), Choices(), predicted, TODAY)


def _policy(text: str) -> Policy:
    return read_policy(text.encode(), "p.yaml") if text else Policy()


def _one(ipv6: str, **tags: str) -> Design:
    routes = [route("T", "::/0", ipv6)] if ipv6 else []
    return design(subnet("S", 1, **tags), tables=[("S", "T")], routes=routes)


def codes(found: Checked) -> list[str]:
    return [each.code for each in found.findings]


def test_the_leaking_design_is_found_and_its_sound_subnet_is_not() -> None:
    found = checked(leaking())
    assert [(row.subnet.name, row.found and (row.found.ipv4, row.found.ipv6)) for row in found.rows] == [
        ("inner", ("nat", "public")),
        ("outer", ("public", "public")),
    ]
    assert [row.reach.inbound for row in found.rows] == ["open", "open"]
    assert codes(found) == ["EIGW001", "EIGW002"]
    assert found.report and sum(each.passed for each in found.report.checks) == 6
    assert found.failed == (), "the findings say it already"
    assert Outcome((found,)).exit_code == FOUND


def test_a_sound_design_passes() -> None:
    found = checked(_one("eigw", Reach="Private"))
    assert found.report and found.report.passed
    assert Outcome((found,)).exit_code == 0


def test_with_a_refusal_nothing_is_built_and_nothing_is_claimed() -> None:
    refused = Message("refuse", Place("x"), "nobody knows", touches=frozenset(("T1",)))
    found = check(replace(leaking(), messages=(refused,)), "a", "", Policy(), Choices(), _never, TODAY)
    assert (found.report, found.findings) == (None, ())
    assert [row.found and row.found.ipv6 for row in found.rows] == [None, "public"]
    assert Outcome((found, checked(leaking()))).exit_code == REFUSED


def _never(_topology: Topology) -> Report:
    raise AssertionError("nothing must be built")


def test_a_route_for_a_part_of_the_internet_gets_a_visitor_of_its_own() -> None:
    made = design(
        subnet("S", 1, Reach="Private"),
        tables=[("S", "T")],
        routes=[route("T", "::/0", "eigw"), route("T", "2600:1f00::/24", "igw"), route("T", "2600:2f00::1/128", "igw")],
    )
    found = checked(made)
    assert found.topology
    hosts = {host.name: str(host.ipv6_address) for host in found.topology.cloud.hosts.values()}
    assert hosts == {"visitor": "2001:db8:80::1", "visitor-2": "2600:1f00::1", "visitor-3": "2600:2f00::1"}
    assert "EIGW001" in codes(found)
    passed = {check.source: check.passed for check in found.report.checks if check.port == 22} if found.report else {}
    assert passed == {"visitor": True, "visitor-2": False, "visitor-3": False}


def test_a_way_out_to_a_part_of_the_internet_is_found() -> None:
    made = design(subnet("S", 1, Reach="Isolated"), tables=[("S", "T")], routes=[route("T", "2600:1f00::/24", "eigw")])
    assert codes(checked(made)) == ["EIGW009"]


@pytest.mark.parametrize("destination", ["2001:db8:60:4000::/55", "2001:db8:60::/46", "2001:db8:60:4000::/54"])
def test_the_visitor_of_a_route_that_has_the_vpcs_own_block_in_it_is_outside_of_that(destination: str) -> None:
    made = design(subnet("S", 1, Reach="Private"), tables=[("S", "T")], routes=[route("T", destination, "igw")])
    assert "EIGW001" in codes(checked(made))


def test_what_the_policy_allows_must_pass() -> None:
    rule = "subnets: [{match: {name: '*'}, inbound: blocked, outbound: allowed}]"
    found = checked(_one(""), rule)
    assert [(each.expected, each.observed) for each in found.failed] == [("allowed", "blocked")] * 2
    assert Outcome((found,)).exit_code == FOUND
    assert checked(_one("", Reach="Private")).failed == (), "the design's own words only warn"


def test_a_missing_way_that_the_policy_accepts_does_not_fail() -> None:
    made = design(subnet("S", 1), tables=[("S", "T")], routes=[route("T", "0.0.0.0/0", "nat")])
    rule = "subnets: [{match: {name: '*'}, inbound: blocked, outbound: allowed}]\n"
    assert checked(made, rule).failed
    accepted = f"{rule}accept: [{{finding: EIGW003, at: s, reason: later}}]"
    assert Outcome((checked(made, accepted),)).exit_code == 0


def test_an_accepted_finding_and_a_known_one_do_not_count() -> None:
    accept = "accept: [{finding: EIGW001, at: inner, reason: a}, {finding: EIGW002, at: inner, reason: b}]"
    assert Outcome((checked(leaking(), accept),)).exit_code == 0
    found = checked(leaking())
    first, second = (each.fingerprint for each in found.findings)
    assert Outcome((found,), known=frozenset((first, second))).exit_code == 0
    assert Outcome((found,), known=frozenset((first,))).exit_code == FOUND


def test_without_intent_only_those_who_ask_for_it_fail() -> None:
    found = checked(_one("eigw"))
    assert codes(found) == ["EIGW008"]
    assert Outcome((found,)).exit_code == 0
    assert Outcome((found,), require_intent=True).exit_code == FOUND


def test_a_rule_that_matches_no_subnet_of_any_source_is_refused() -> None:
    policy = _policy("subnets:\n  - {match: {name: inner}, inbound: blocked, outbound: allowed}\n"
                     "  - {match: {name: s}, inbound: blocked, outbound: allowed}\n")  # fmt: skip
    both = (checked(leaking()), checked(_one("eigw")))
    assert idle_rules(policy, both) == ()
    assert [str(each) for each in idle_rules(policy, both[:1])] == [
        "refuse p.yaml:3 subnets[1]: the rule matches no subnet; correct or remove it"
    ]


def _observed(direction: str, observed: str, reason: str) -> Check:
    ends = ("visitor", "probe-inner") if direction == "in" else ("probe-inner", "visitor")
    passed = reason == "REACHABLE"
    return Check(*ends, "tcp", 22, "blocked", observed, "blocked", reason, passed=passed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("checks", "answer"),
    [
        ([_observed("in", "blocked", "WHY_NOT")], "closed"),
        ([_observed("in", "allowed", "REACHABLE")], "open"),
        ([_observed("in", "blocked", "WHY_NOT"), _observed("in", "allowed", "REACHABLE")], "open"),
        ([_observed("in", "blocked", "LEAKED")], "open"),
        ([_observed("in", "blocked", "CANARY_SILENT")], "unproven"),
        ([_observed("in", "blocked", "WHY_NOT"), _observed("in", "blocked", "UNKNOWN_TARGET")], "unproven"),
        ([], "unproven"),
    ],
)
def test_what_packets_show_about_a_subnet(checks: list[Check], answer: str) -> None:
    row, _ = checked(leaking()).rows
    found = reach(Report(passed=True, checks=tuple(checks)), [row.subnet])
    assert found[row.subnet.id].inbound == answer


def test_a_check_that_proves_nothing_fails() -> None:
    found = checked(leaking())
    silent = replace(
        found, findings=(), report=Report(passed=False, checks=(_observed("in", "blocked", "CANARY_SILENT"),))
    )
    assert len(silent.failed) == 1
    assert Outcome((silent,)).exit_code == FOUND


def test_a_design_without_ipv6_has_nothing_to_prove() -> None:
    made = design(replace(subnet("S", 1), ipv6_blocks=()))
    found = checked(replace(made, vpcs=tuple(replace(each, ipv6_blocks=()) for each in made.vpcs)))
    assert found.report and found.report.checks == ()
    assert Outcome((found,)).exit_code == 0


def test_subnets_of_one_name_in_two_vpcs_keep_their_findings_apart() -> None:
    """Two stacks can have the same logical ids."""
    one, two = leaking(), _second_vpc(leaking())
    both = replace(
        one,
        vpcs=one.vpcs + two.vpcs,
        subnets=one.subnets + two.subnets,
        gateways=one.gateways + two.gateways,
        route_tables=one.route_tables + two.route_tables,
        routes=one.routes + two.routes,
        table_associations=one.table_associations + two.table_associations,
    )
    found = checked(both)
    assert [(each.code, each.vpc) for each in found.findings] == [("EIGW001", "v"), ("EIGW002", "v")]
    first, _, second, _ = found.rows
    assert (first.subnet.name, second.subnet.name) == ("inner", "inner")
    assert len(cells.findings_of(found, first)) == 2
    assert cells.findings_of(found, second) == []


def _second_vpc(made: Design) -> Design:
    """Return the design with other keys, the same names, and an egress-only gateway for its inner subnet."""

    def other(link: Any) -> Any:
        return Key(f"other-{link.text}") if isinstance(link, Key) else link

    def moved(resources: Any, *links: str) -> Any:
        return tuple(
            replace(
                each,
                label=replace(each.label, key=other(each.label.key)),
                **{link: other(getattr(each, link)) for link in links},
            )
            for each in resources
        )

    routes = tuple(replace(each, table=other(each.table), target=other(each.target)) for each in made.routes)
    sound = tuple(
        replace(each, kind="egress-only", target=Key("other-eigw")) if each.place.line == 14 else each
        for each in routes
    )
    block = Ipv6Block(IPv6Network("2001:db8:61:4000::/56"))
    (vpc,) = moved(made.vpcs)
    named = replace(vpc, label=replace(vpc.label, name="w"), ipv6_blocks=(block,))
    blocks = (IPv6Network("2001:db8:61:4001::/64"), IPv6Network("2001:db8:61:4002::/64"))
    pairs = zip(moved(made.subnets, "vpc"), blocks, strict=True)
    return replace(
        made,
        vpcs=(named,),
        subnets=tuple(replace(each, ipv6_blocks=(own,)) for each, own in pairs),
        gateways=moved(made.gateways, "vpc", "subnet"),
        route_tables=moved(made.route_tables, "vpc"),
        routes=sound,
        table_associations=tuple(
            replace(each, subnet=other(each.subnet), to=other(each.to)) for each in made.table_associations
        ),
    )
