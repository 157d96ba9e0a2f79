"""Prefix lists are plain rules and routes for the kernel, the tracer and the exposure; explanations name the list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network

import pytest

from eigw_ns.cloud.families import ipv6_part, recorded
from eigw_ns.cloud.list_references import expanded
from eigw_ns.cloud.model import Cloud, Route, SecurityGroupRule
from eigw_ns.cloud.prefix_lists import PrefixList, PrefixListEntry
from eigw_ns.cloud.routing import effective_route_table, longest_match
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.compile.incremental import IncrementalCompiler
from eigw_ns.dataplane.exposure import exposed
from eigw_ns.dataplane.trace.explanation import Question, explain
from eigw_ns.render import describe, explain_aws
from eigw_ns.render.cloud_changes import compare
from eigw_ns.render.graph.document import document
from eigw_ns.topology import Topology, dump, from_data, load, to_data

TEXT = """
lab: lists
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56
    egress_only_internet_gateways: {outbound: {}}
    internet_gateways: {edge: {}}
    route_tables:
      main:
        main: true
        routes:
          - {destination: "2001:db8:80::/48", target: edge}
          - {destination: offices, target: outbound}
          - {destination: others, target: edge}
    security_groups:
      web:
        ingress: [{protocol: tcp, ports: 443, prefix_list: offices}]
        egress: [{protocol: all, prefix_list: offices}, {protocol: all, prefix_list: none-yet}]
    subnets: {a: {}}
    instances: {app: {subnet: a, security_groups: [web]}}
prefix_lists:
  offices:
    max_entries: 9
    entries:
      - {cidr: "2001:db8:80::/48", description: head office}
      - {cidr: "2001:db8:80:1::/64"}
      - {cidr: "2001:db8:90::/48"}
  others: {entries: [{cidr: "2001:db8:90::/48"}, {cidr: "2001:db8:a0::/48"}]}
  none-yet: {max_entries: 3}
  old: {address_family: IPv4, entries: [{cidr: 198.51.100.0/24}]}
internet: {hosts: {web: {ipv6_address: "2001:db8:80::1"}, far: {ipv6_address: "2001:db8:90::1"}}}
"""


@pytest.fixture(scope="module")
def topology() -> Topology:
    return load(TEXT.encode(), file="lab.yaml", default_lab="lists")


@pytest.fixture(scope="module")
def cloud(topology: Topology) -> Cloud:
    return topology.cloud


def named(cloud: Cloud, name: str) -> PrefixList:
    return next(each for each in cloud.prefix_lists.values() if each.name == name)


def with_entries(cloud: Cloud, name: str, *blocks: str) -> Cloud:
    found = named(cloud, name)
    entries = tuple(PrefixListEntry(IPv6Network(text)) for text in blocks)
    return replace(cloud, prefix_lists={**cloud.prefix_lists, found.id: replace(found, entries=entries)})


def plain(cloud: Cloud) -> Cloud:
    """Return the cloud without prefix lists, with the routes and rules that a user would write in their place."""
    linked = expanded(cloud)
    tables = {
        table.id: replace(table, routes=tuple(replace(each, prefix_list_id=None) for each in table.routes))
        for table in linked.route_tables.values()
    }
    groups = {
        group.id: replace(group, rules=tuple(replace(each, prefix_list_id=None) for each in group.rules))
        for group in linked.security_groups.values()
    }
    return replace(linked, route_tables=tables, security_groups=groups, prefix_lists={})


def targets(cloud: Cloud) -> Iterator[tuple[str, str]]:
    (subnet,) = cloud.subnets.values()
    names = {each.id: each.name for each in cloud.egress_only_internet_gateways.values()}
    names |= {each.id: each.name for each in cloud.internet_gateways.values()}
    for route in effective_route_table(ipv6_part(cloud), subnet).routes:
        yield str(route.destination), names[route.target_id]


def test_the_longest_prefix_decides_then_the_plain_route_then_the_first_list(cloud: Cloud) -> None:
    assert dict(targets(cloud)) == {
        "2001:db8:80::/48": "edge",
        "2001:db8:80:1::/64": "outbound",
        "2001:db8:90::/48": "outbound",
        "2001:db8:a0::/48": "edge",
    }
    (table,) = expanded(cloud).route_tables.values()
    assert table.prefix_list_routes == ()
    found = longest_match(table, IPv6Address("2001:db8:80:1::5"))
    assert found is not None and found.prefix_list_id == named(cloud, "offices").id


def test_an_entry_stands_for_a_rule_and_an_empty_list_for_none(cloud: Cloud) -> None:
    group = next(each for each in expanded(cloud).security_groups.values() if each.name == "web")
    peers = [str(rule.peer) for rule in group.rules if rule.egress]
    assert peers == ["2001:db8:80::/48", "2001:db8:80:1::/64", "2001:db8:90::/48"]
    nothing = with_entries(with_entries(cloud, "offices"), "others")
    emptied = next(each for each in expanded(nothing).security_groups.values() if each.name == "web")
    assert emptied.rules == ()
    (table,) = expanded(nothing).route_tables.values()
    assert [str(route.destination) for route in table.routes] == ["2001:db8:80::/48"]


def test_ipv4_entries_reach_no_compiler(cloud: Cloud) -> None:
    old, group = named(cloud, "old"), next(each for each in cloud.security_groups.values() if each.name == "web")
    rule = SecurityGroupRule("sgr-0123456789abcdef0", False, 6, 443, 443, old.id)
    listed = replace(cloud, security_groups={**cloud.security_groups, group.id: replace(group, rules=(rule,))})
    assert expanded(listed).security_groups[group.id].rules == ()
    assert "IPv4 prefix lists" in recorded(listed)


def test_the_kernel_has_what_plain_rules_and_routes_would_make(cloud: Cloud) -> None:
    assert list(compile_cloud(cloud)) == list(compile_cloud(plain(cloud)))


def test_a_cloud_in_which_nothing_refers_to_a_list_stays_the_same_object(cloud: Cloud) -> None:
    tables = {each.id: replace(each, prefix_list_routes=()) for each in cloud.route_tables.values()}
    unused = replace(cloud, route_tables=tables, security_groups={})
    assert expanded(unused) is unused


def test_a_changed_list_concerns_what_refers_to_it_and_nothing_else(cloud: Cloud) -> None:
    compiler = IncrementalCompiler(cloud, None)
    (subnet,) = cloud.subnets.values()
    changed = with_entries(cloud, "others", "2001:db8:a1::/48")
    delta = compiler.update(changed)
    assert {thing.namespace.rpartition("-")[0] for thing in delta.came} >= {"eigw-lists-subnet"}
    assert list(compiler.state()) == list(compile_cloud(changed))
    unused = with_entries(changed, "none-yet")
    assert compiler.update(unused).namespaces == frozenset()
    renamed = replace(named(unused, "offices"), name="branches", version=2)
    assert compiler.update(
        replace(unused, prefix_lists={**unused.prefix_lists, renamed.id: renamed})
    ).namespaces == frozenset()  # fmt: skip
    assert subnet.id in unused.subnets


def test_a_list_route_to_an_egress_only_gateway_lets_nothing_in(cloud: Cloud) -> None:
    everywhere = with_entries(cloud, "offices", "::/0")
    tables = {each.id: replace(each, routes=()) for each in everywhere.route_tables.values()}
    only = with_entries(replace(everywhere, route_tables=tables), "others")
    question = Question("internet/far", "main/app", "tcp", 443)
    assert explain(only, question).trace.outcome == "blocked"
    assert explain(only, Question("main/app", "internet/far", "tcp", 443)).trace.outcome != "blocked"  # the control
    assert list(exposed(None, only)) == []


def test_a_list_route_to_a_deleted_gateway_is_a_blackhole(cloud: Cloud) -> None:
    lost = replace(cloud, egress_only_internet_gateways={})
    found = explain(lost, Question("main/app", "internet/far", "tcp", 443))
    assert found.trace.outcome == "blocked" and found.trace.reason == "BAD_STATE_ROUTE"
    (table,) = describe.tables(lost, ["RouteTables"], (), {})
    assert ("prefix list offices", ("blackhole", "bold red")) in [(row[2], row[5]) for row in table.rows]


def test_explanations_name_the_list(cloud: Cloud) -> None:
    found = explain(cloud, Question("main/app", "internet/far", "tcp", 443))
    text = " ".join(hop.text for hop in found.trace.hops)
    assert "egress rule" in text and "all to 2001:db8:90::/48 of prefix list offices" in text
    assert "2001:db8:90::/48 of prefix list offices → outbound" in text
    data = str(explain_aws.document(found))
    offices = named(cloud, "offices").id
    assert f"'DestinationPrefixListId': '{offices}'" in data and f"'PrefixListId': '{offices}'" in data


def test_a_refusal_names_the_list_that_has_no_entry(cloud: Cloud) -> None:
    found = explain(cloud, Question("main/app", "2001:db8:a0::1", "tcp", 443))
    assert found.trace.outcome == "blocked"
    assert "no egress rule of web allows it; prefix list offices has no entry for it" in found.trace.decisive.text


def test_a_file_with_lists_reads_as_it_was_written(topology: Topology) -> None:
    assert load(dump(topology).encode(), file="lab.yaml", default_lab="lists") == topology
    assert from_data(to_data(topology)) == topology


def test_a_stored_reference_to_a_list_that_does_not_exist_is_refused(topology: Topology) -> None:
    data = to_data(topology)
    del data["prefix_lists"]["none-yet"]
    with pytest.raises(Exception, match=r"the prefix list pl-.* does not exist"):
        from_data(data)


def test_a_lab_stored_without_lists_is_read(topology: Topology) -> None:
    data = {"lab": "x", "vpcs": {"main": {"ipv6_cidr_block": "2600:1f16:aa0:5500::/56",
                                          "route_tables": {"main": {"main": True}}}}}  # fmt: skip
    assert from_data(data).cloud.prefix_lists == {}


def test_a_plan_tells_what_an_entry_opens(cloud: Cloud) -> None:
    open_table = {each.id: replace(each, routes=(Route(IPv6Network("::/0"), next(iter(cloud.internet_gateways))),),
                                   prefix_list_routes=()) for each in cloud.route_tables.values()}  # fmt: skip
    before = replace(with_entries(cloud, "offices"), route_tables=open_table)
    after = with_entries(before, "offices", "2001:db8:80::/48")
    changes = compare(before, after)
    (resource,) = changes.resources
    assert resource.kind == "prefix list" and "entry 2001:db8:80::/48" in str(resource)
    (exposure,) = (each for each in changes.exposures if each.rules)
    assert [str(rule.peer) for rule in exposure.rules] == ["2001:db8:80::/48"]


def test_tables_show_lists_and_who_refers_to_them(cloud: Cloud) -> None:
    drawn = {each.title: each for each in describe.tables(cloud, ["PrefixLists", "SecurityGroups"], (), {})}
    rows = {(row[0], row[2]): row[3:6] for row in drawn["Managed prefix lists"].rows}
    assert rows["offices", "2001:db8:80::/48"] == ("head office", "1", "3 of 9")
    assert rows["none-yet", "nothing"] == ("", "1", "0 of 3")
    assert {row[5] for row in drawn["Security groups"].rows} >= {"prefix list offices", "prefix list none-yet"}


def test_a_diagram_shows_the_entries_as_routes(cloud: Cloud) -> None:
    (vpc,) = document(cloud).vpcs
    (subnet,) = vpc.subnets
    shown = {str(route.destination): route.target for route in subnet.table.routes}
    assert shown == dict(targets(cloud))
