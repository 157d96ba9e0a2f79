"""Random valid clouds and topologies for property tests of load and compile: small, but with every kind of resource."""

from __future__ import annotations

import dataclasses
from ipaddress import IPv4Network, IPv6Address, IPv6Network
from itertools import islice
from typing import get_args

from hypothesis import strategies as st

from eigw_ns.cloud import ids
from eigw_ns.cloud.client_tokens import ClientToken
from eigw_ns.cloud.flow_logs import FlowLog, TrafficType
from eigw_ns.cloud.model import (
    BLACKHOLE,
    Cloud,
    ConnectionTracking,
    EgressOnlyInternetGateway,
    Instance,
    InternetGateway,
    InternetHost,
    Route,
    RouteTable,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    Tags,
    Vpc,
)
from eigw_ns.cloud.nodes import nodes
from eigw_ns.cloud.prefix_lists import PrefixList, PrefixListEntry, PrefixListRoute, PrefixListVersion
from eigw_ns.topology import Expectation, Protocol, Result, Topology
from eigw_ns.topology.filters import derived_rule_id
from tests.support.filter_strategies import network_acls, security_groups
from tests.topologies.blocks import of_subnet, of_vpc

LABS = ("demo", "a", "lab-2")
VPCS = ("main", "other", "vpc-0123456789abcdef0")
SUBNETS = ("a", "b", "c", "d")
HOSTS = ("web", "mail", "app")  # an instance can be named `app` too; the short name is then ambiguous

DESTINATIONS = tuple(
    IPv6Network(text)
    for text in (
        *("::/0", "2000::/3", "2001:db8::/32", "2001:db8:a::/48", "2001:db8:a::1/128", "64:ff9b::/96"),
        "::102:0/112",  # Linux prints it as ::1.2.0.0
    )
)
HOST_ADDRESSES = tuple(
    IPv6Address(text) for text in ("2001:db8:a::1", "2001:db8:a::2", "2001:db8:80::1", "2a00::1", "3fff::1")
)
GONE = ("eigw-0deadbeefdeadbeef", "igw-0deadbeefdeadbeef")
"""Ids of deleted gateways. A route to one of them is a blackhole."""

_TAG_CHARACTERS = st.sampled_from(
    "aZ07 :#-'\"{}[],&*!|>%@`?~=/\\.é日\U0001f4a1"  # includes YAML's special characters
    "\xa0\xad\u200c\u200d\u200e\u202e\u3000\ue000\ufeff\ufffe\U0001fae8\U0010ffff"  # not printable in some Python
)


_KEYS = st.text(_TAG_CHARACTERS, min_size=1, max_size=4)
_SOME_TAGS = st.dictionaries(_KEYS, st.text(_TAG_CHARACTERS, max_size=6), min_size=1, max_size=2)
TAGS: st.SearchStrategy[Tags] = st.one_of(
    st.just(()), st.just(()), _SOME_TAGS.map(lambda chosen: tuple(sorted(chosen.items())))
)
"""In two of three cases no tags, otherwise one or two."""


FREE = 0x18  # no instance has a primary address between this and 0xABCDEF
MTUS = st.sampled_from((1500, 1500, 9001))


@st.composite
def clouds(draw: st.DrawFn) -> Cloud:
    """Draw a cloud with one to three VPCs.

    It has split route tables, blackholes of both kinds, gateways that are attached, missing or detached, and filters.
    """
    lab = draw(st.sampled_from(LABS))
    cloud = Cloud(lab, hosts=_hosts(draw, lab))
    for index, name in enumerate(draw(st.lists(st.sampled_from(VPCS), unique=True, min_size=1))):
        cloud = _with_vpc(draw, cloud, name, index)
    if draw(st.integers(0, 4)) == 0:
        spare = ids.make_id(ids.INTERNET_GATEWAY, lab, "spare")
        detached = {spare: InternetGateway(spare, "spare", None, tags=draw(TAGS))}
        tokens = {"once": ClientToken("CreateInternetGateway", "{}", '{"InternetGatewayId": "…"}')}
        cloud = _merged(cloud, Cloud(lab, internet_gateways=detached, client_tokens=tokens))
    return _with_lists(draw, cloud) if draw(st.booleans()) else cloud


@st.composite
def topologies(draw: st.DrawFn) -> Topology:
    """Draw a valid cloud with expectations between its instances and hosts, in the spellings that users can type."""
    cloud = draw(clouds())
    ends = [node for node in nodes(cloud) if node.kind in ("instance", "host")]
    if len(ends) < 2:
        return Topology(cloud)
    expectations = []
    for _ in range(draw(st.integers(0, 3))):
        source, destination = draw(st.lists(st.sampled_from(ends), unique=True, min_size=2, max_size=2))
        protocol: Protocol = draw(st.sampled_from(get_args(Protocol)))
        port = None if protocol == "icmpv6" else draw(st.integers(1, 65535))
        result: Result = draw(st.sampled_from(get_args(Result)))
        spelling = draw(st.sampled_from((source.qualified, source.id)))
        expectations.append(Expectation(spelling, destination.qualified, protocol, port, result))
    return Topology(cloud, tuple(expectations))


def _with_lists(draw: st.DrawFn, cloud: Cloud) -> Cloud:
    """Return the cloud with an IPv6 and an IPv4 prefix list, to which some tables and groups refer.

    An earlier version of one is remembered.
    """
    offices, old = (ids.make_id(ids.PREFIX_LIST, cloud.lab, name) for name in ("offices", "old"))
    blocks = draw(st.lists(st.sampled_from(DESTINATIONS), unique=True, max_size=3))
    lists = {
        offices: PrefixList(offices, "offices", "IPv6", 4, tuple(map(PrefixListEntry, blocks)), version=2),
        old: PrefixList(old, "old", "IPv4", 2, (PrefixListEntry(IPv4Network("198.51.100.0/24"), "one"),)),
    }
    tables = {each.id: _listed_table(draw, cloud, each, offices) for each in cloud.route_tables.values()}
    groups = {each.id: _listed_group(draw, each, (offices, old)) for each in cloud.security_groups.values()}
    versions = {f"{offices}:1": PrefixListVersion(offices, 1, ())}
    return dataclasses.replace(
        cloud, route_tables=tables, security_groups=groups, prefix_lists=lists, prefix_list_versions=versions
    )


def _listed_table(draw: st.DrawFn, cloud: Cloud, table: RouteTable, list_id: str) -> RouteTable:
    if draw(st.booleans()):
        return table
    egress_only = [each.id for each in cloud.egress_only_internet_gateways.values() if each.vpc_id == table.vpc_id]
    targets = (*egress_only, BLACKHOLE, *GONE)
    return dataclasses.replace(table, prefix_list_routes=(PrefixListRoute(list_id, draw(st.sampled_from(targets))),))


def _listed_group(draw: st.DrawFn, group: SecurityGroup, list_ids: tuple[str, str]) -> SecurityGroup:
    if draw(st.booleans()):
        return group
    rule = SecurityGroupRule("", draw(st.booleans()), 6, 443, 443, draw(st.sampled_from(list_ids)))
    rule = dataclasses.replace(rule, id=derived_rule_id(group.id, rule))
    rules = (*group.rules, rule) if rule.egress else (rule, *group.rules)
    return dataclasses.replace(group, rules=rules)


def _hosts(draw: st.DrawFn, lab: str) -> dict[str, InternetHost]:
    names = draw(st.lists(st.sampled_from(HOSTS), unique=True))
    addresses = draw(st.permutations(HOST_ADDRESSES))
    hosts = (
        InternetHost(ids.make_id(ids.INTERNET_HOST, lab, name), name, address)
        for name, address in zip(names, addresses, strict=False)
    )
    return {host.id: host for host in hosts}


def _with_vpc(draw: st.DrawFn, cloud: Cloud, name: str, index: int) -> Cloud:
    scope = (cloud.lab, name)
    space = IPv6Network(f"2600:1f16:{index:x}0::/44")
    length = draw(st.sampled_from((44, 48, 52, 56, 60)))
    vpc_id = ids.make_id(ids.VPC, *scope)
    vpc = Vpc(
        vpc_id,
        name,
        of_vpc(vpc_id, IPv6Network((space.network_address, length))),
        tags=draw(TAGS),
        mtu=draw(MTUS),
    )
    egress_only = {}
    if draw(st.booleans()):
        key = draw(st.sampled_from(("outbound", f"eigw-0123456789abcdef{index}")))
        gateway_id = ids.make_id(ids.EGRESS_ONLY_INTERNET_GATEWAY, *scope, key)
        tracking = draw(
            st.sampled_from((ConnectionTracking(), ConnectionTracking(generic_timeout=5, max_connections=900)))
        )
        replicas, accounting = draw(st.sampled_from((1, 1, 2, 3))), draw(st.booleans())
        egress_only[gateway_id] = EgressOnlyInternetGateway(
            gateway_id, key, vpc.id, tracking, replicas, draw(TAGS), flow_accounting=accounting
        )
    internet_gateways = {}
    if draw(st.booleans()):
        gateway_id = ids.make_id(ids.INTERNET_GATEWAY, *scope, "edge")
        internet_gateways[gateway_id] = InternetGateway(gateway_id, "edge", vpc.id, tags=draw(TAGS))
    tables = _route_tables(draw, scope, vpc, (*egress_only, *internet_gateways, BLACKHOLE, *GONE))
    acls = draw(network_acls(cloud.lab, vpc, index))
    groups = draw(security_groups(cloud.lab, vpc, index))
    own_acls = tuple(acl.id for acl in acls.values() if not acl.default)
    subnets = _subnets(draw, scope, vpc, tuple(tables), own_acls)
    instances = _instances(draw, scope, subnets, tuple(groups))
    part = Cloud(
        cloud.lab,
        vpcs={vpc.id: vpc},
        subnets=subnets,
        route_tables=tables,
        egress_only_internet_gateways=egress_only,
        internet_gateways=internet_gateways,
        network_acls=acls,
        security_groups=groups,
        instances=instances,
        flow_logs=_flow_logs(draw, scope, vpc.id),
    )
    return _merged(cloud, part)


def _merged(one: Cloud, other: Cloud) -> Cloud:
    """Return a cloud with the resources of both clouds, of every kind."""
    kinds = [field.name for field in dataclasses.fields(Cloud) if field.name != "lab"]
    return Cloud(one.lab, **{kind: {**getattr(one, kind), **getattr(other, kind)} for kind in kinds})


def _flow_logs(draw: st.DrawFn, scope: tuple[str, str], vpc_id: str) -> dict[str, FlowLog]:
    if not draw(st.booleans()):
        return {}
    log_id = ids.make_id(ids.FLOW_LOG, *scope, "audit")
    return {log_id: FlowLog(log_id, "audit", vpc_id, draw(st.sampled_from(get_args(TrafficType))), draw(TAGS))}


def _route_tables(draw: st.DrawFn, scope: tuple[str, str], vpc: Vpc, targets: tuple[str, ...]) -> dict[str, RouteTable]:
    tables = {}
    main, *others = draw(st.lists(st.sampled_from(("main", "private", "split")), unique=True, min_size=1))
    for name in (main, *others):
        destinations = draw(st.lists(st.sampled_from(DESTINATIONS), unique=True, max_size=3))
        routes = tuple(Route(destination, draw(st.sampled_from(targets))) for destination in sorted(destinations))
        table_id = ids.make_id(ids.ROUTE_TABLE, *scope, name)
        tables[table_id] = RouteTable(table_id, name, vpc.id, main=name == main, routes=routes, tags=draw(TAGS))
    return tables


def _subnets(
    draw: st.DrawFn, scope: tuple[str, str], vpc: Vpc, table_ids: tuple[str, ...], acl_ids: tuple[str, ...]
) -> dict[str, Subnet]:
    """Draw subnets whose blocks do not overlap: /64 blocks from the VPC's first /60, and /60 blocks from the others."""
    (of_whole,) = vpc.ipv6_cidr_blocks
    start = int(of_whole.network_address)
    lengths = (64, 60) if of_whole.prefixlen < 60 else (64,)
    subnets = {}
    for index, name in enumerate(draw(st.lists(st.sampled_from(SUBNETS), unique=True, max_size=3))):
        length = draw(st.sampled_from(lengths))
        offset = (index + 1) << 68 if length == 60 else (index * 4 + draw(st.integers(0, 3))) << 64
        subnet_id = ids.make_id(ids.SUBNET, *scope, name)
        subnets[subnet_id] = Subnet(
            subnet_id,
            name,
            vpc.id,
            of_subnet(subnet_id, IPv6Network((start + offset, length))),
            route_table_id=draw(st.sampled_from((None, *table_ids))),
            network_acl_id=draw(st.sampled_from((None, *acl_ids))),
            tags=draw(TAGS),
        )
    return subnets


def _instances(
    draw: st.DrawFn, scope: tuple[str, str], subnets: dict[str, Subnet], group_ids: tuple[str, ...]
) -> dict[str, Instance]:
    instances = {}
    names = iter(("app", "db", "i-0123456789abcdef0" if scope[1] == "main" else "cache", "www", "x", "y"))
    for subnet in subnets.values():
        places = iter(draw(st.permutations(_places(subnet))))
        for offset in draw(st.lists(st.sampled_from((4, 5, 16, 0xABCDEF, -2)), unique=True, max_size=2)):
            name = next(names)
            instance_id = ids.make_id(ids.INSTANCE, *scope, name)
            address = subnet.ipv6_cidr_block[offset]
            members_of = draw(st.lists(st.sampled_from(group_ids), unique=True, min_size=1, max_size=3))
            further = draw(st.sampled_from(((), (), (0x20 + offset,), (6 + offset, 0xFFFFFF0 + offset))))
            addresses = [subnet.ipv6_cidr_block[each] for each in further if each >= FREE]
            number = draw(st.sampled_from((0, 0, 1, 2)))
            prefixes = tuple(islice(places, number))
            if not number:  # another cloud may have the prefix around this address
                addresses += [prefix[0x77] for prefix in islice(places, draw(st.integers(0, 1)))]
            instances[instance_id] = Instance(
                instance_id,
                name,
                subnet.id,
                address,
                security_group_ids=tuple(members_of),
                tags=draw(TAGS),
                ipv6_addresses=tuple(addresses),
                ipv6_prefixes=prefixes,
            )
    return instances


def _places(subnet: Subnet) -> list[IPv6Network]:
    """Return /80 blocks without other addresses. In a larger subnet, one of them has an address that ends in `::1`."""
    numbers = (1, 2, 3, 9) if subnet.ipv6_cidr_block.prefixlen == 64 else (1, 2, 1 << 16, (1 << 16) + 1)
    start = int(subnet.ipv6_cidr_block.network_address)
    return [IPv6Network((start + (number << 48), 80)) for number in numbers]
