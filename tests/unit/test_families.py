"""VPCs with IPv4 beside IPv6: what is recorded, and which part of it carries packets."""

from __future__ import annotations

from ipaddress import IPv6Network

import pytest

from eigw_ns.cloud.families import ipv6_part
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.nodes import find
from eigw_ns.cloud.routing import route_state
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.dataplane.compile.notation import blocks_text
from eigw_ns.dataplane.state import Link, Route, Ruleset
from eigw_ns.dataplane.trace.explanation import Question, explain
from eigw_ns.errors import TopologyError, UsageError
from eigw_ns.render import aws
from eigw_ns.topology import dump, from_data, load, to_data
from tests.topologies.dual_stack import DUAL_STACK

NAT = "nat-0123456789abcdef0"


@pytest.fixture(scope="module")
def cloud() -> Cloud:
    return load(DUAL_STACK.encode(), file="dual.yaml", default_lab="dual").cloud


def _namespace(cloud: Cloud, node: str) -> str:
    return namespace_name(cloud.lab, find(cloud, node).id)


def test_a_file_with_all_of_it_is_read_as_it_was_written(cloud: Cloud) -> None:
    topology = load(DUAL_STACK.encode(), file="dual.yaml", default_lab="dual")
    assert from_data(to_data(topology)) == topology
    assert load(dump(topology).encode(), file="dual.yaml", default_lab="x") == topology
    (main, old) = (next(vpc for vpc in cloud.vpcs.values() if vpc.name == name) for name in ("main", "old"))
    assert [str(each) for each in main.blocks] == [
        "10.0.0.0/16", "10.1.0.0/16", "2600:1f16:aa0:5500::/56", "2600:1f16:aa0:5700::/56",
    ]  # fmt: skip
    assert main.ipv6_associations[1].id == "vpc-cidr-assoc-0123456789abcdef0"
    assert (main.attributes.enable_dns_support, main.attributes.enable_dns_hostnames) == (False, True)
    assert not old.ipv6_associations


def test_only_what_has_ipv6_carries_packets(cloud: Cloud) -> None:
    part = ipv6_part(cloud)
    assert {subnet.name for subnet in part.subnets.values()} == {"a", "b"}
    assert {instance.name for instance in part.instances.values()} == {"app", "db"}
    assert {gateway.name for gateway in part.egress_only_internet_gateways.values()} == {"out"}
    assert ipv6_part(part) is part


def test_an_instance_without_ipv6_has_a_namespace_and_no_link(cloud: Cloud) -> None:
    state = compile_cloud(cloud)
    old, app = (_namespace(cloud, name) for name in ("old/server", "main/app"))
    assert any(owner.namespace == old for owner in state.namespaces())
    linked = {thing.namespace for thing in state if isinstance(thing, Link)}
    assert app in linked and old not in linked


def test_a_router_knows_each_block_of_the_vpc_as_local(cloud: Cloud) -> None:
    here = _namespace(cloud, "main/a")
    routes = {thing.destination: thing for thing in compile_cloud(cloud) if isinstance(thing, Route)
              and thing.namespace == here}  # fmt: skip
    assert routes["2600:1f16:aa0:5500::/56"].via == routes["2600:1f16:aa0:5700::/56"].via == "fe80::1"


def test_gateways_refuse_sources_of_each_block_from_outside(cloud: Cloud) -> None:
    rules = next(
        thing for thing in compile_cloud(cloud)
        if isinstance(thing, Ruleset) and thing.namespace == _namespace(cloud, "main/out")
    )  # fmt: skip
    spoofed = next(chain for chain in rules.chains if chain.name == "spoofed")
    assert any("ip6 saddr { 2600:1f16:aa0:5500::/56, 2600:1f16:aa0:5700::/56 }" in rule for rule in spoofed.rules)


def test_a_route_to_a_nat_gateway_drops_packets_although_another_route_is_wider(cloud: Cloud) -> None:
    here = _namespace(cloud, "main/a")
    state = compile_cloud(cloud)
    assert Route(here, "64:ff9b::/96", blackhole=True) in set(state)
    found = explain(cloud, Question("main/app", "64:ff9b::1", "tcp", 443))
    assert found.trace.outcome == "blocked" and NAT in found.trace.hops[-1].text


def test_ipv4_routes_are_recorded_beside_those_for_ipv6(cloud: Cloud) -> None:
    (table,) = (each for each in cloud.route_tables.values() if each.name == "private")
    assert [str(route.destination) for route in table.all_routes] == [
        "0.0.0.0/0",
        "192.0.2.0/24",
        "::/0",
        "64:ff9b::/96",
    ]
    assert [route_state(cloud, table, route) for route in table.ipv4_routes] == ["blackhole", "active"]
    shape = next(each for each in aws.describe(cloud, ["RouteTables"])["RouteTables"] if len(each["Routes"]) > 6)
    local = [each for each in shape["Routes"] if each.get("GatewayId") == "local"]
    assert len(local) == 4


def test_a_vpc_without_ipv6_has_no_ipv6_in_what_aws_makes_with_it(cloud: Cloud) -> None:
    (old,) = (vpc.id for vpc in cloud.vpcs.values() if vpc.name == "old")
    (group,) = (each for each in cloud.security_groups.values() if each.vpc_id == old)
    (acl,) = (each for each in cloud.network_acls.values() if each.vpc_id == old)
    assert [str(rule.peer) for rule in group.rules if rule.egress] == ["0.0.0.0/0"]
    assert {str(entry.cidr_block) for entry in acl.entries} == {"0.0.0.0/0"}


def test_an_instance_without_ipv6_cannot_be_explained(cloud: Cloud) -> None:
    with pytest.raises(UsageError, match="has no IPv6 address"):
        explain(cloud, Question("old/server", "web", "tcp", 443))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("vpcs: {v: {}}", "a VPC needs a block"),
        ("vpcs: {v: {cidr_block: 10.0.0.0/16, subnets: {a: {}}}}", "a subnet needs a block"),
        (
            "vpcs: {v: {cidr_block: 10.0.0.0/16, subnets: {a: {cidr_block: 10.1.0.0/24}}}}",
            "not in the block of the VPC",
        ),
        ("vpcs: {v: {cidr_block: 10.0.0.0/8}}", "must be /16 to /28"),
        ("vpcs: {v: {cidr_block: 10.0.0.1/16}}", "bits set beyond /16"),
        ("vpcs: {v: {cidr_block: '2600::/56'}}", "not an IPv4 block"),
        ("vpcs: {v: {cidr_block: 10.0.0.0/16, cidr_blocks: [10.0.1.0/24]}}", "overlaps"),
        ("vpcs: {v: {ipv6_cidr_block: '2600:1:2::/56', cidr_blocks: [10.0.1.0/24]}}", "cidr_block is missing"),
        ("vpcs: {v: {cidr_block: 10.0.0.0/16, instance_tenancy: host}}", "default or dedicated"),
        ("vpcs: {v: {cidr_block: 10.0.0.0/16, association_ids: {10.0.0.0/16: x}}}", "not the id of a block"),
        ("vpcs: {v: {cidr_block: 10.0.0.0/16, association_ids: {10.9.0.0/16: x}}}", "the VPC has no such block"),
        (
            "vpcs: {v: {ipv6_cidr_block: '2600:1:2::/56', egress_only_internet_gateways: {out: {}},"
            " route_tables: {t: {routes: [{destination: 0.0.0.0/0, target: out}]}}}}",
            "does not forward IPv4",
        ),
        (
            "vpcs: {v: {cidr_block: 10.0.0.0/16, subnets: {a: {cidr_block: 10.0.1.0/24}, b: {cidr_block:"
            " 10.0.1.128/25}}}}",
            "overlaps",
        ),
        (
            "vpcs: {v: {cidr_block: 10.0.0.0/16, subnets: {a: {cidr_block: 10.0.1.0/24}}, instances: {i: {subnet: a,"
            " ipv6_address: '2600::4'}}}}",
            "has no IPv6 block",
        ),
        (
            "{vpcs: {v: {cidr_block: 10.0.0.0/16, subnets: {a: {cidr_block: 10.0.1.0/24}}, instances: {i: {subnet:"
            " a}}}}, internet: {hosts: {web: {ipv6_address: '2001:db8::1'}}}, expect: [{from: web, to: i, port: 1,"
            " result: blocked}]}",
            "no IPv6 address",
        ),
    ],
)
def test_what_a_file_must_not_say(text: str, said: str) -> None:
    with pytest.raises(TopologyError, match=said):
        load(text.encode(), file="lab.yaml", default_lab="lab")


def test_blocks_are_written_as_nft_lists_them() -> None:
    """Blocks side by side are listed as one: a prefix if they make one, or else a range."""
    lone, near, far = (IPv6Network(f"2600:1f16:aa0:{part}::/56") for part in ("5500", "5600", "5700"))
    assert blocks_text((lone,)) == "2600:1f16:aa0:5500::/56"
    assert blocks_text((far, near)) == "2600:1f16:aa0:5600::/55"
    assert blocks_text((near, lone)) == "2600:1f16:aa0:5500::-2600:1f16:aa0:56ff:ffff:ffff:ffff:ffff"
    assert blocks_text((far, lone)) == "{ 2600:1f16:aa0:5500::/56, 2600:1f16:aa0:5700::/56 }"
