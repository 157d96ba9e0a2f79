"""Random labs for packets: route tables, network ACLs and security groups, drawn from few values.

The values are few, so that rules and packets meet: the same ports, blocks and groups occur again and again.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network
from random import Random
from typing import Literal

from eigw_ns.cloud import ids
from eigw_ns.cloud.defaults import default_network_acl, default_security_group, rule_id
from eigw_ns.cloud.filtering import ICMPV6, TCP, UDP
from eigw_ns.cloud.model import (
    ALL_PROTOCOLS,
    BLACKHOLE,
    Block,
    Cloud,
    EgressOnlyInternetGateway,
    Instance,
    InternetGateway,
    InternetHost,
    NetworkAcl,
    NetworkAclEntry,
    Route,
    RouteTable,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    Vpc,
)
from tests.topologies.blocks import of_subnet, of_vpc

CLOSED, OPEN = 22, (7, 443, 20000)
"""The port without a listener, and the ports with one. Answers to flows go to neither."""

Ports = tuple[int, int]

_HOSTS = ("2001:db8:a::1", "2001:db8:a::2", "2a00::1")
_DESTINATIONS = ("2001:db8:a::/48", "2001:db8:a::1/128", "2001:db8::/32", "2600::/16", "2000::/3")
_PORTS = (
    (0, 65535),
    (CLOSED, CLOSED),
    (1, 1023),
    (443, 443),
    (7, 20000),
)
_EPHEMERAL = ((1024, 65535), (32768, 60999), (32768, 45000), (40000, 40000), (45001, 65535))
"""The ports that Linux gives to clients (32768 to 60999), in whole and in part. Answers go to these."""

_ICMP = ((-1, -1), (1, -1), (1, 4), (128, -1), (128, 0), (129, -1), (129, 0), (2, 0))
_PROTOCOLS = (ALL_PROTOCOLS, TCP, TCP, UDP, UDP, ICMPV6, ICMPV6, 132)


def world(lab: str, seed: int) -> Cloud:
    """Return two VPCs with both kinds of gateway, six subnets, eight instances or more, and three hosts."""
    random = Random(seed)
    hosts = [
        InternetHost(ids.make_id(ids.INTERNET_HOST, lab, f"h{i}"), f"h{i}", IPv6Address(address))
        for i, address in enumerate(_HOSTS)
    ]
    cloud = Cloud(lab, hosts={host.id: host for host in hosts})
    for number in (1, 2):
        cloud = _with_vpc(random, cloud, number)
    return cloud


def _with_vpc(random: Random, cloud: Cloud, number: int) -> Cloud:
    lab, name = cloud.lab, f"v{number}"
    vpc_id = ids.make_id(ids.VPC, lab, name)
    vpc = Vpc(vpc_id, name, of_vpc(vpc_id, IPv6Network(f"2600:{number}::/56")))
    eigw = EgressOnlyInternetGateway(ids.make_id(ids.EGRESS_ONLY_INTERNET_GATEWAY, lab, name, "out"), "out", vpc.id)
    igw = InternetGateway(ids.make_id(ids.INTERNET_GATEWAY, lab, name, "edge"), "edge", vpc.id)
    blocks = [IPv6Network(f"2600:{number}:0:{i}::/64") for i in range(1, 4)]
    peers: tuple[Block, ...] = (
        *(IPv6Network("::/0") for _ in range(4)),
        *(IPv6Network(text) for text in ("2001:db8:a::/48", "2001:db8:a::1/128", "2600::/16", "::/1")),
        *(IPv6Network(f"2600:{n}:0:{i}::/{length}") for n, i, length in ((1, 0, 56), (2, 0, 56), (number, 1, 64))),
        IPv4Network("0.0.0.0/0"),
    )
    tables = [_route_table(random, lab, vpc, i, (eigw.id, igw.id)) for i in range(3)]
    acls = [default_network_acl(lab, vpc), *(_acl(random, lab, vpc, i, peers) for i in range(2))]
    groups = _groups(random, lab, vpc, peers)
    subnets = [
        Subnet(
            ids.make_id(ids.SUBNET, lab, name, f"s{i}"), f"s{i}", vpc.id, of_subnet(f"s{i}", block),
            random.choice([None, *(table.id for table in tables)]), random.choice([None, *(acl.id for acl in acls)]),
        )
        for i, block in enumerate(blocks)
    ]  # fmt: skip
    instances = [
        Instance(
            ids.make_id(ids.INSTANCE, lab, name, f"i{number}{i}"), f"i{number}{i}", subnet.id,
            subnet.ipv6_cidr_block[16 + i],
            tuple(group.id for group in random.sample(groups, random.choice((1, 2, 2)))),
        )
        for i, subnet in enumerate((*subnets, subnets[0]))
    ]  # fmt: skip
    return Cloud(
        lab,
        vpcs={**cloud.vpcs, vpc.id: vpc},
        subnets={**cloud.subnets, **{each.id: each for each in subnets}},
        route_tables={**cloud.route_tables, **{each.id: each for each in tables}},
        egress_only_internet_gateways={**cloud.egress_only_internet_gateways, eigw.id: eigw},
        internet_gateways={**cloud.internet_gateways, igw.id: igw},
        network_acls={**cloud.network_acls, **{each.id: each for each in acls}},
        security_groups={**cloud.security_groups, **{each.id: each for each in groups}},
        instances={**cloud.instances, **{each.id: each for each in instances}},
        hosts=cloud.hosts,
    )


def _route_table(random: Random, lab: str, vpc: Vpc, number: int, gateways: tuple[str, str]) -> RouteTable:
    """Return a route table. Most have a default route. The first one is the main one."""
    targets = (*gateways, *gateways, *gateways, BLACKHOLE, "eigw-0deadbeefdeadbeef")
    destinations = random.sample(_DESTINATIONS, random.choice((0, 0, 1, 2)))
    if random.random() < 0.8:
        destinations.append("::/0")
    routes = tuple(Route(network, random.choice(targets)) for network in sorted(map(IPv6Network, destinations)))
    name = f"t{number}"
    return RouteTable(ids.make_id(ids.ROUTE_TABLE, lab, vpc.name, name), name, vpc.id, number == 0, routes)


def _acl(random: Random, lab: str, vpc: Vpc, number: int, peers: Sequence[Block]) -> NetworkAcl:
    """Return a network ACL.

    Most directions end with an entry that allows the rest. Half of them first deny some ephemeral ports.
    """
    entries: list[NetworkAclEntry] = []
    for egress in (False, True):
        if random.random() < 0.5:
            some, everywhere = random.choice(_EPHEMERAL), IPv6Network("::/0")
            entries.append(NetworkAclEntry(1, egress, random.choice((TCP, UDP)), "deny", everywhere, some))
        for position in range(random.randint(0, 3)):
            action: Literal["allow", "deny"] = random.choice(("allow", "deny"))
            protocol, ports, icmp = _kind(random, (*_PORTS, *_EPHEMERAL))
            entries.append(
                NetworkAclEntry(10 * position + 10, egress, protocol, action, random.choice(peers), ports, icmp)
            )
        if random.random() < 0.7:
            entries.append(NetworkAclEntry(32766, egress, ALL_PROTOCOLS, "allow", IPv6Network("::/0")))
    name = f"a{number}"
    return NetworkAcl(ids.make_id(ids.NETWORK_ACL, lab, vpc.name, name), name, vpc.id, False, tuple(entries))


def _groups(random: Random, lab: str, vpc: Vpc, peers: Sequence[Block]) -> list[SecurityGroup]:
    """Return the default group, one that is open both ways to all or to UDP alone, and two with rules of any kind."""
    group_ids = [ids.make_id(ids.SECURITY_GROUP, lab, vpc.name, f"g{i}") for i in range(3)]
    groups = [default_security_group(lab, vpc)]
    for i, group_id in enumerate(group_ids):
        rules = set()
        if i == 0:
            kind = random.choice(((ALL_PROTOCOLS, None, None), (UDP, 0, 65535)))
            rules = {(egress, *kind, peers[0]) for egress in (False, True)}
        else:
            for _ in range(random.randint(1, 5)):
                protocol, ports, icmp = _kind(random, _PORTS)
                first, last = ports or icmp or (None, None)
                peer = random.choice((*peers, group_ids[1], groups[0].id))
                rules.add((random.random() < 0.4, protocol, first, last, peer))
            if random.random() < 0.7:
                rules.add((True, ALL_PROTOCOLS, None, None, peers[0]))
        made = tuple(
            SecurityGroupRule(rule_id(group_id, egress, *map(str, kind)), egress, *kind)
            for egress, *kind in sorted(rules, key=str)
        )
        groups.append(SecurityGroup(group_id, f"g{i}", "", vpc.id, made))
    return groups


def _kind(random: Random, ranges: Sequence[Ports]) -> tuple[int, Ports | None, Ports | None]:
    """Return a protocol with the ports, or the ICMPv6 type and code, of a rule about it."""
    protocol = random.choice(_PROTOCOLS)
    ports = random.choice(ranges) if protocol in (TCP, UDP) else None
    return protocol, ports, random.choice(_ICMP) if protocol == ICMPV6 else None
