"""Routes to an unknown target: they drop packets, and no check through them is passed."""

from __future__ import annotations

import re
from typing import Any

import pytest

from eigw_ns.cloud.ec2 import shapes
from eigw_ns.cloud.families import recorded
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.nodes import find
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.dataplane.state import Route
from eigw_ns.dataplane.trace.explanation import Question, explain
from eigw_ns.errors import TopologyError
from eigw_ns.lab.verify.checks import Check, Report, judge
from eigw_ns.lab.verify.contradictions import contradictions
from eigw_ns.lab.verify.prober import Evidence
from eigw_ns.render import cloud_changes, explain_aws, junit, verdicts
from eigw_ns.render import explain as render_explain
from eigw_ns.render.graph.document import document as diagram
from eigw_ns.topology import Expectation, Topology, dump, from_data, load, to_data

TEXT = """
lab: lab
vpcs:
  main:
    ipv6_cidr_block: "2600:1f16:aa0:5500::/56"
    route_tables:
      main: {main: true, routes: [{destination: "::/0", target: unknown}]}
    security_groups: {open: {ingress: [{protocol: all, cidr: "::/0"}]}, shut: {egress: []}}
    subnets: {a: {}, b: {}}
    instances:
      app: {subnet: a, security_groups: [open]}
      mate: {subnet: b, security_groups: [open]}
      kept: {subnet: a, security_groups: [shut]}
internet: {hosts: {web: {ipv6_address: "2001:db8:80::1"}}}
expect:
  - {from: app, to: web, port: 443, result: allowed}
  - {from: web, to: app, port: 22, result: blocked}
  - {from: app, to: mate, port: 22, result: inconclusive}
"""
SILENCE = Evidence("blocked", arrived=False, canary=True, controls=True)


@pytest.fixture(scope="module")
def topology() -> Topology:
    return load(TEXT.encode(), file="lab.yaml", default_lab="lab")


@pytest.fixture(scope="module")
def cloud(topology: Topology) -> Cloud:
    return topology.cloud


def _checked(cloud: Cloud, source: str, destination: str, result: Any, seen: Evidence = SILENCE) -> Check:
    predicted = explain(cloud, Question(source, destination, "tcp", 443)).trace
    return judge(Expectation(source, destination, "tcp", 443, result), predicted, seen)


def test_the_file_reads_back_as_it_was_written(topology: Topology) -> None:
    assert from_data(to_data(topology)) == topology
    assert load(dump(topology).encode(), file="lab.yaml", default_lab="x") == topology


def test_the_kernel_drops_the_packets(cloud: Cloud) -> None:
    state = compile_cloud(cloud)
    subnet = namespace_name(cloud.lab, find(cloud, "a").id)
    routes = [each for each in state if isinstance(each, Route) and each.namespace == subnet]
    assert {each.blackhole for each in routes if each.destination == "::/0"} == {True}
    internet = {each for each in state if isinstance(each, Route) and each.destination.startswith("2600:1f16:aa0:55")}
    assert {each.blackhole for each in internet if each.namespace.endswith(find(cloud, "internet").id)} == {True}


@pytest.mark.parametrize("result", ["allowed", "blocked", "refused", "inconclusive"])
@pytest.mark.parametrize("ends", [("app", "web"), ("web", "app")])
def test_a_check_through_it_is_inconclusive(cloud: Cloud, ends: tuple[str, str], result: str) -> None:
    found = _checked(cloud, *ends, result)
    assert (found.passed, found.inconclusive, found.observed) == (False, True, "blocked")
    assert "inconclusive" not in found.document()
    assert not Report(all(each.passed for each in (found,)), (found,)).passed


def test_a_packet_that_arrives_nevertheless_fails_the_check(cloud: Cloud) -> None:
    leaked = Evidence("allowed", arrived=True, canary=True, controls=True)
    found = _checked(cloud, "web", "app", "blocked", leaked)
    assert (found.passed, found.inconclusive, found.reason) == (False, False, "LEAKED")


def test_silence_that_is_not_proven_is_a_failure(cloud: Cloud) -> None:
    found = _checked(cloud, "web", "app", "blocked", Evidence("blocked", arrived=False, canary=False, controls=True))
    assert (found.inconclusive, found.reason) == (False, "CANARY_SILENT")


def test_checks_that_do_not_go_through_it_are_proven(cloud: Cloud) -> None:
    assert _checked(cloud, "kept", "web", "blocked").passed, "the security group drops the packet before the route"
    allowed = Evidence("allowed", arrived=True, canary=True, controls=True)
    assert _checked(cloud, "app", "mate", "allowed", allowed).passed


def test_an_expectation_can_say_that_nobody_can_tell(cloud: Cloud) -> None:
    allowed = Evidence("allowed", arrived=True, canary=True, controls=True)
    found = _checked(cloud, "app", "mate", "inconclusive", allowed)
    assert (found.passed, found.inconclusive, found.reason) == (False, True, "EXPECTED_INCONCLUSIVE")


def test_validate_finds_no_contradiction_in_what_nobody_can_tell(topology: Topology) -> None:
    assert list(contradictions(topology)) == []


def test_people_see_a_count_of_their_own(cloud: Cloud) -> None:
    allowed = Evidence("allowed", arrived=True, canary=True, controls=True)
    checks = (_checked(cloud, "app", "web", "allowed"), _checked(cloud, "app", "mate", "allowed", allowed))
    report = Report(passed=False, checks=checks)
    assert verdicts.summary(report) == "1 of 2 checks passed, 1 inconclusive"
    (first, _) = verdicts.table(report).rows
    assert first[0] == ("?", "bold yellow")
    assert first[-1] == ("unknown target", "bold yellow")
    document = junit.junit(report, cloud, started=junit.now(), seconds=1)
    assert 'failures="1"' in document
    assert 'message="inconclusive: expected allowed, observed blocked, predicted blocked"' in document


def test_explain_says_that_it_proves_nothing(cloud: Cloud) -> None:
    explanation = explain(cloud, Question("app", "web", "tcp", 443))
    assert render_explain.verdict(explanation).splitlines() == [
        "app does not reach web over tcp 443. The packet ends at route table main: ::/0 → an unknown target.",
        "This proves nothing: name the target of that route of route table main.",
    ]
    probed = render_explain.probed(_checked(cloud, "app", "web", "blocked"))
    assert probed == "Probe: blocked, as predicted. This proves nothing (unknown target)."
    (why,) = explain_aws.document(explanation)["Explanations"]
    assert why["ExplanationCode"] == "UNKNOWN_TARGET"
    assert why["RouteTableRoute"] == {"DestinationCidr": "::/0", "Origin": "CreateRoute", "State": "blackhole"}


def test_ec2_names_no_target(cloud: Cloud) -> None:
    (table,) = cloud.route_tables.values()
    route = shapes.route_table(cloud, table)["Routes"][-1]
    assert route == {"DestinationIpv6CidrBlock": "::/0", "Origin": "CreateRoute", "State": "blackhole"}


def test_diagrams_do_not_say_that_it_is_gone(cloud: Cloud) -> None:
    (vpc,) = diagram(cloud).vpcs
    (route,) = vpc.subnets[0].table.routes
    assert (route.end, route.why) == ("unknown target", "")


def test_what_is_recorded_and_what_changes_name_it(cloud: Cloud) -> None:
    assert recorded(cloud) == ("routes to other targets than gateways, which drop packets",)
    lines = cloud_changes.lines(cloud_changes.compare(None, cloud), every=True)
    assert any("unknown" in line for line in lines)
    assert not any("unknown (blackhole)" in line for line in lines)


def test_a_gateway_cannot_have_the_word_as_its_name() -> None:
    text = TEXT.replace("    route_tables:", "    internet_gateways: {unknown: {}}\n    route_tables:")
    with pytest.raises(TopologyError, match=re.escape("the name is reserved for routes that drop packets")):
        load(text.encode(), file="lab.yaml", default_lab="lab")


def test_a_misspelt_word_is_suggested() -> None:
    with pytest.raises(TopologyError, match=re.escape("did you mean unknown?")):
        load(TEXT.replace("target: unknown", "target: unknwon").encode(), file="lab.yaml", default_lab="lab")
