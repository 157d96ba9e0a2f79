"""NODE: the names of nodes that users type."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from eigw_ns.cloud.nodes import find, internet_id, nodes
from eigw_ns.errors import UsageError
from eigw_ns.topology import Topology, load
from tests.support.strategies import topologies

CLOUD = load(
    b"""
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56
    egress_only_internet_gateways: {outbound: {}}
    internet_gateways: {edge: {}}
    subnets: {private-a: {}}
    instances: {app: {subnet: private-a}, web: {subnet: private-a}}
  other:
    ipv6_cidr_block: 2600:1f16:aa0:5600::/56
    subnets: {private-b: {}}
    instances: {app: {subnet: private-b}}
internet_gateways: {spare: {}}
internet:
  hosts: {web: {ipv6_address: "2001:db8:80::1"}, mail: {ipv6_address: "2001:db8:80::2"}}
""",
    file="lab.yaml",
    default_lab="demo",
).cloud


def test_each_replica_is_a_node() -> None:
    text = b"vpcs: {main: {ipv6_cidr_block: '2600::/56', egress_only_internet_gateways: {outbound: {replicas: 3}}}}"
    cloud = load(text, file="lab.yaml", default_lab="demo").cloud
    gateway = find(cloud, "outbound")
    assert find(cloud, "main/outbound#1") == gateway
    assert [find(cloud, f"outbound#{number}").id for number in (2, 3)] == [f"{gateway.id}.2", f"{gateway.id}.3"]
    with pytest.raises(UsageError) as refused:
        find(cloud, "outbound#4")
    assert "outbound#1 to outbound#3" in refused.value.hint


def test_nodes_are_sorted_by_qualified_name() -> None:
    assert [(node.qualified, node.kind) for node in nodes(CLOUD)] == [
        ("internet", "internet"),
        ("internet/mail", "host"),
        ("internet/web", "host"),
        ("main/app", "instance"),
        ("main/edge", "internet-gateway"),
        ("main/outbound", "egress-only-internet-gateway"),
        ("main/private-a", "subnet"),
        ("main/web", "instance"),
        ("other/app", "instance"),
        ("other/private-b", "subnet"),
    ]


@pytest.mark.parametrize(
    ("text", "qualified"),
    [
        ("mail", "internet/mail"),
        ("main/app", "main/app"),
        ("internet/web", "internet/web"),
        ("private-a", "main/private-a"),
        ("outbound", "main/outbound"),
        ("outbound#1", "main/outbound"),
        ("main/outbound#1", "main/outbound"),
        ("edge", "main/edge"),
        ("internet", "internet"),
        (internet_id("demo"), "internet"),
    ],
)
def test_find_by_name(text: str, qualified: str) -> None:
    assert find(CLOUD, text).qualified == qualified


def test_find_by_id() -> None:
    for node in nodes(CLOUD):
        assert find(CLOUD, node.id) == node
    outbound = find(CLOUD, "outbound")
    assert find(CLOUD, f"{outbound.id}#1") == outbound


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("app", "app is ambiguous: it names 2 nodes", "write main/app or other/app"),
        ("web", "web is ambiguous: it names 2 nodes", "write internet/web or main/web"),
        ("private-c", "no node is called private-c", "did you mean private-b or private-a?"),
        ("main/ap", "no node is called main/ap", "did you mean main/app or main/web or main/edge?"),
        ("outbound#2", "outbound has no replica 2", "its only replica is outbound#1"),
        ("edge#1", "edge has no replicas", "write edge"),
        ("spare", "no node is called spare", None),
        ("", "no node is called ''", None),
        ("#1", "no node is called #1", None),
    ],
)
def test_find_refuses_ambiguous_and_unknown_names(text: str, message: str, hint: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        find(CLOUD, text)
    assert caught.value.message == message
    assert caught.value.exit_code == 2
    assert hint is None or caught.value.hint == hint


def test_a_hint_lists_instances_and_hosts_first() -> None:
    with pytest.raises(UsageError) as caught:
        find(CLOUD, "zzzzzz")
    assert caught.value.hint == (
        "the nodes are internet/mail, internet/web, main/app, main/web, other/app, "
        "internet, main/edge, main/outbound, …"
    )


@settings(deadline=None, max_examples=30)
@given(topologies())
def test_qualified_names_and_ids_are_never_ambiguous(topology: Topology) -> None:
    for node in nodes(topology.cloud):
        assert find(topology.cloud, node.qualified) == find(topology.cloud, node.id) == node
