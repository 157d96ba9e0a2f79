"""Predicted outcomes of packets if network ACLs and security groups decide, as a truth table."""

from __future__ import annotations

import pytest

from eigw_ns.cloud.nodes import find
from eigw_ns.dataplane.trace import AclRuleUsed, GroupRuleUsed, Protocol, Trace, Tracer
from tests.topologies.filters import CLOUD

TRACER = Tracer(CLOUD)

ACL, MISMATCH, NO_RULES = "SUBNET_ACL_RESTRICTION", "ENI_SG_RULES_MISMATCH", "SG_HAS_NO_RULES"
REFUSES, REACHES = "EGRESS_ONLY_GATEWAY_REFUSES_INBOUND", "REACHABLE"

TABLE = [
    # stateful: a group without ingress rules still gets its answers, and nothing else
    ("closed", "web", "tcp", 443, "", REACHES),
    ("closed", "web", "udp", 53, "", REACHES),
    ("closed", "web", "icmpv6", None, "", REACHES),
    ("app", "closed", "tcp", 443, "forward closed", NO_RULES),
    # no egress rule, but answers leave
    ("mute", "web", "tcp", 443, "forward mute", NO_RULES),
    ("https", "web", "udp", 53, "forward https", MISMATCH),
    ("web", "https", "tcp", 443, "", REACHES),
    ("web", "https", "tcp", 80, "forward https", MISMATCH),
    ("web", "https", "udp", 443, "forward https", MISMATCH),
    ("web", "udp", "udp", 1, "", REACHES),
    # a reference to a group means the addresses of its members, and no others
    ("app", "friends", "tcp", 80, "", REACHES),
    ("closed", "friends", "tcp", 80, "forward friends", MISMATCH),
    ("web", "friends", "tcp", 80, "forward friends", MISMATCH),
    # the rules of all groups together
    ("both", "web", "tcp", 443, "", REACHES),
    ("web", "both", "tcp", 443, "", REACHES),
    # a group that lets everything in changes nothing about the gateway
    ("web", "app", "tcp", 443, "forward out", REFUSES),
    # stateless: the answer needs an entry of its own
    ("web", "strict", "tcp", 443, "", REACHES),
    ("web", "strict", "tcp", 80, "forward strict", ACL),
    ("strict", "web", "tcp", 443, "return strict", ACL),
    ("app", "strict", "tcp", 443, "", REACHES),
    ("strict", "app", "tcp", 443, "return strict", ACL),
    # at the subnet's edge, and not within
    ("none1", "web", "tcp", 443, "forward none", ACL),
    ("web", "none1", "tcp", 443, "forward none", ACL),
    ("app", "none1", "tcp", 443, "forward none", ACL),
    ("none1", "app", "tcp", 443, "forward none", ACL),
    ("none1", "none2", "tcp", 443, "", REACHES),
    ("none2", "none1", "icmpv6", None, "", REACHES),
    # the lowest number that matches decides; ICMPv6 by type
    ("order", "web", "udp", 53, "forward order", ACL),
    ("order", "web", "udp", 54, "", REACHES),
    ("order", "far", "udp", 53, "", REACHES),
    ("order", "far", "tcp", 53, "return order", ACL),
    ("web", "order", "icmpv6", None, "", REACHES),
    ("order", "web", "icmpv6", None, "return order", ACL),
]


def run(source: str, destination: str, protocol: Protocol, port: int | None, **more: bool | int) -> Trace:
    ends = find(CLOUD, f"{_space(source)}/{source}").id, find(CLOUD, f"{_space(destination)}/{destination}").id
    listening, source_port = bool(more.get("listening", True)), more.get("source_port")
    return TRACER.trace(*ends, protocol, port, listening=listening, source_port=source_port)


def _space(name: str) -> str:
    return "internet" if name in ("web", "far") else "main"


@pytest.mark.parametrize(("source", "destination", "protocol", "port", "end", "reason"), TABLE)
def test_truth_table(
    source: str, destination: str, protocol: Protocol, port: int | None, end: str, reason: str
) -> None:
    found = run(source, destination, protocol, port)
    last = found.hops[-1]
    assert (found.outcome, found.reason) == ("blocked" if end else "allowed", reason)
    assert found.delivered is not end.startswith("forward")
    assert not end or f"{last.direction} {last.name}" == end
    assert found.source_ports is None


def by_port(source: str, destination: str, protocol: Protocol, port: int | None) -> list[tuple[str, object]]:
    ends = find(CLOUD, f"{_space(source)}/{source}").id, find(CLOUD, f"{_space(destination)}/{destination}").id
    return [(trace.outcome, trace.source_ports) for trace in TRACER.by_source_port(*ends, protocol, port)]


def test_the_source_port_decides_if_an_acl_splits_the_ephemeral_ports() -> None:
    assert by_port("half", "web", "tcp", 443) == [("blocked", (32768, 40000)), ("allowed", (40001, 60999))]
    assert by_port("half", "web", "udp", 443) == [("allowed", None)]
    assert by_port("half", "web", "icmpv6", None) == [("allowed", None)]
    assert by_port("half", "app", "tcp", 443) == [("blocked", (32768, 40000)), ("allowed", (40001, 60999))]
    assert by_port("app", "half", "tcp", 443) == [("allowed", None)]


def test_a_trace_is_that_of_the_worst_source_port_or_of_the_one_asked_for() -> None:
    worst = run("half", "web", "tcp", 443)
    assert (worst.outcome, worst.reason, worst.source_ports) == ("blocked", ACL, (32768, 40000))
    assert run("half", "web", "tcp", 443, source_port=40000).outcome == "blocked"
    asked = run("half", "web", "tcp", 443, source_port=40001)
    assert (asked.outcome, asked.source_ports) == ("allowed", (40001, 40001))
    assert asked.hops[0].packet.source_port == 40001


@pytest.mark.parametrize(
    ("source", "destination", "outcome", "reason"),
    [
        ("app", "web", "refused", "NO_LISTENER"),
        ("web", "udp", "blocked", MISMATCH),  # the port does not track the flow, and no rule allows the error
        ("udp", "web", "blocked", MISMATCH),
        ("udp2", "web", "refused", "NO_LISTENER"),  # flows through an egress-only gateway are tracked
        ("udp", "udp3", "refused", "NO_LISTENER"),  # and within a subnet
        ("udp", "udp2", "blocked", MISMATCH),  # but not between subnets
        ("half", "web", "refused", "NO_LISTENER"),
        ("order", "web", "blocked", ACL),  # its ACL allows UDP, but not errors
    ],
)
def test_a_closed_udp_port_answers_with_an_icmpv6_error(
    source: str, destination: str, outcome: str, reason: str
) -> None:
    found = run(source, destination, "udp", 9, listening=False)
    assert (found.outcome, found.delivered, found.reason) == (outcome, True, reason)


def test_a_closed_tcp_port_answers_as_an_open_one_does() -> None:
    assert run("half", "web", "tcp", 22, listening=False, source_port=50000).outcome == "refused"
    assert run("half", "web", "tcp", 22, listening=False, source_port=33000).reason == ACL


def test_a_hop_names_the_acl_entry_that_decided() -> None:
    hop = run("order", "web", "udp", 53).hops[-1]
    assert hop.text == "egress rule 90 denies udp 53 to 2001:db8::/32"
    assert isinstance(hop.rule, AclRuleUsed)
    assert (hop.rule.acl.name, hop.rule.egress) == ("order", True)
    assert hop.rule.entry is not None
    assert hop.rule.entry.rule_number == 90
    last = run("web", "strict", "tcp", 80).hops[-1]
    assert last.text == "ingress rule * denies what no other rule allows"
    assert isinstance(last.rule, AclRuleUsed)
    assert last.rule.entry is None


def test_a_hop_names_the_group_rule_that_decided_for_the_answer_too() -> None:
    there, back = (hop for hop in run("web", "https", "tcp", 443).hops if hop.name == "https" and hop.rule is not None)
    assert isinstance(there.rule, GroupRuleUsed)
    assert there.rule.rule is not None
    assert there.text == f"ingress rule {there.rule.rule.id} allows tcp 443 from ::/0"
    assert (back.direction, back.reason, back.rule) == ("return", "ANSWERS_FLOW", there.rule)
    referring = next(hop for hop in run("app", "friends", "tcp", 80).hops if hop.name == "friends")
    assert referring.text.endswith("allows all from open")


def test_what_no_group_allows_names_all_of_them() -> None:
    hop = run("both", "web", "udp", 53).hops[-1]
    assert isinstance(hop.rule, GroupRuleUsed)
    assert ({group.name for group in hop.rule.groups}, hop.rule.rule) == ({"mute", "https"}, None)
    assert (hop.name, hop.text) == ("both", "no egress rule of mute, https allows it")
