"""Rules that log what they refuse: only if a flow log asks for it, and nothing else changes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.rulesets.logged_rules import LOG_GROUP, logged
from eigw_ns.dataplane.state import NetState, NftChain, Ruleset, Sysctls
from eigw_ns.topology import load
from tests.topologies.replicated import tree

ACCOUNTING = ("net.netfilter.nf_conntrack_acct", "net.netfilter.nf_conntrack_timestamp")


def state(**vpc: Any) -> NetState:
    return compile_cloud(load(tree(2, **vpc).encode(), file="x.json", default_lab="lab").cloud)


def rulesets(found: NetState) -> dict[str, Ruleset]:
    return {thing.namespace: thing for thing in found if isinstance(thing, Ruleset)}


def accounting(found: NetState) -> set[tuple[str, ...]]:
    values = [dict(thing.values) for thing in found if isinstance(thing, Sysctls)]
    return {tuple(each[key] for key in ACCOUNTING) for each in values if ACCOUNTING[0] in each}


@pytest.mark.parametrize(
    ("traffic", "logs", "counts"),
    [(None, False, "0"), ("ACCEPT", False, "1"), ("REJECT", True, "0"), ("ALL", True, "1")],
)
def test_a_flow_log_turns_on_what_it_needs(traffic: str | None, logs: bool, counts: str) -> None:
    before = state()
    after = before if traffic is None else state(flow_logs={"audit": {"traffic_type": traffic}})
    assert accounting(after) == {(counts, counts)}
    changed = {name for name, rules in rulesets(after).items() if rules != rulesets(before)[name]}
    expected = {name for name in rulesets(before) if "-eigw-" in name or "-subnet-" in name}
    assert changed == (expected if logs else set())


def test_accounting_is_a_key_of_a_gateway() -> None:
    assert accounting(state()) == {("0", "0")}
    eigw = {"outbound": {"replicas": 2, "flow_accounting": True}}
    assert accounting(state(egress_only_internet_gateways=eigw)) == {("1", "1")}


def test_each_reason_has_a_chain_that_drops_whatever_the_limit_is() -> None:
    rules = Ruleset(
        "x",
        "inet",
        ("drop_inbound", "drop_ipv4"),
        chains=(
            NftChain("a", rules=('iifname "up" counter name "drop_inbound" drop', 'counter name "drop_ipv4" drop')),
        ),
    )
    found = logged(rules)
    assert found.counters == ("drop_inbound", "drop_ipv4", "unlogged")
    assert {chain.name: chain.rules for chain in found.chains} == {
        "a": ('iifname "up" counter name "drop_inbound" goto logged_drop_inbound', 'counter name "drop_ipv4" drop'),
        "logged_drop_inbound": (
            f'limit rate 1000/second burst 1000 packets log prefix "drop_inbound" group {LOG_GROUP} snaplen 96 drop',
            'counter name "unlogged" drop',
        ),
    }


def test_rules_that_refuse_nothing_stay_as_they_are() -> None:
    rules = Ruleset("x", "inet", chains=(NftChain("a", rules=("accept",)),))
    assert logged(rules) == rules


def test_a_file_keeps_its_flow_logs() -> None:
    text = tree(1, flow_logs={"audit": {"traffic_type": "REJECT", "tags": {"Team": "a"}}})
    assert json.loads(text)["vpcs"]["main"]["flow_logs"]
    (log,) = load(text.encode(), file="x.json", default_lab="lab").cloud.flow_logs.values()
    assert (log.name, log.traffic_type, log.tags) == ("audit", "REJECT", (("Team", "a"),))
