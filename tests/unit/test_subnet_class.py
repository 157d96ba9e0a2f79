"""What connects a subnet to the internet, by family: routes that decide, routes that others cover, lost targets."""

from __future__ import annotations

import time
from ipaddress import IPv6Network

import pytest

from eigw_ns.cloud.model import Cloud, Route, RouteTable
from eigw_ns.cloud.subnet_class import SubnetClass, deciding_ipv6_routes, subnet_class, subnet_classes
from eigw_ns.render import describe
from eigw_ns.topology import load

NAT, TGW, GONE = "nat-0123456789abcdef0", "tgw-0123456789abcdef0", "eigw-0123456789abcdef0"


def _cloud(*routes: str, subnet: str = "cidr_block: 10.0.1.0/24", lists: str = "") -> Cloud:
    pairs = (each.split(" ") for each in routes)
    written = ", ".join(f'{{destination: "{destination}", target: {target}}}' for destination, target in pairs)
    text = f"""{lists}
vpcs:
  main:
    cidr_block: 10.0.0.0/16
    ipv6_cidr_block: "2600:1f16:aa0:5500::/56"
    egress_only_internet_gateways: {{out: {{}}}}
    internet_gateways: {{edge: {{}}}}
    nat_gateways: {{nat: {{subnet: home}}}}
    route_tables: {{t: {{routes: [{written}]}}}}
    subnets: {{home: {{cidr_block: 10.0.2.0/24}}, a: {{route_table: t, {subnet}}}}}
"""
    return load(text.encode(), file="lab.yaml", default_lab="lab").cloud


def _class(*routes: str, subnet: str = "cidr_block: 10.0.1.0/24", lists: str = "") -> tuple[str, str]:
    cloud = _cloud(*routes, subnet=subnet, lists=lists)
    found = subnet_class(cloud, next(each for each in cloud.subnets.values() if each.name == "a"))
    assert found in subnet_classes(cloud).values()
    return found.ipv4, found.ipv6


@pytest.mark.parametrize(
    ("routes", "ipv4", "ipv6"),
    [
        ([], "none", "none"),
        (["0.0.0.0/0 edge", "::/0 edge"], "public", "public"),
        (["0.0.0.0/0 nat", "::/0 out"], "nat", "egress-only"),
        (["::/0 blackhole"], "none", "none"),
        ([f"::/0 {GONE}"], "none", "none"),
        (["::/0 unknown", "0.0.0.0/0 unknown"], "unknown", "unknown"),
        (["::/0 edge", "2001:db8::/32 unknown"], "none", "unknown"),
        (["0.0.0.0/0 tgw-0123456789abcdef0"], "inspected", "none"),
        (["0.0.0.0/0 vpce-0123456789abcdef0", "::/0 out"], "inspected", "egress-only"),
        # a part of the internet is enough
        (["::/0 out", "2001:db8::/32 edge"], "none", "public"),
        (["2000::/3 edge"], "none", "public"),
        (["::/1 edge"], "none", "public"),
        # parts that the internet does not use
        (["fd00::/8 edge", "64:ff9b::/96 nat", "10.1.0.0/16 edge"], "none", "none"),
        # a longer prefix takes the part away, whatever it leads to
        (["::/0 edge", "2000::/3 out"], "none", "egress-only"),
        (["::/0 edge", "2000::/3 blackhole"], "none", "none"),
        (["::/0 edge", "2000::/4 out", "3000::/4 out"], "none", "egress-only"),
        (["::/0 edge", "2000::/4 out", "3000::/5 out"], "none", "public"),
        (["0.0.0.0/0 edge", "0.0.0.0/1 nat", "128.0.0.0/1 nat"], "nat", "none"),
        # the widest IPv4 route counts
        (["0.0.0.0/0 nat", "192.0.2.0/24 edge"], "nat", "none"),
    ],
)
def test_routes_decide(routes: list[str], ipv4: str, ipv6: str) -> None:
    assert _class(*routes) == (ipv4, ipv6)


def test_a_subnet_without_a_block_of_a_family_has_no_class_in_it() -> None:
    assert _class("::/0 out", "0.0.0.0/0 nat", subnet="tags: {}") == ("absent", "egress-only")
    assert _class("::/0 out", "0.0.0.0/0 nat", subnet="cidr_block: 10.0.1.0/24, ipv6_cidr_block: none") == (
        "nat",
        "absent",
    )


@pytest.mark.parametrize(
    ("family", "cidr", "target", "ipv4", "ipv6"),
    [
        ("IPv6", "2000::/3", "edge", "none", "public"),
        ("IPv6", "2001:db8::/32", "unknown", "none", "unknown"),
        ("IPv4", "0.0.0.0/0", "edge", "public", "none"),
    ],
)
def test_the_entries_of_a_prefix_list_are_routes(family: str, cidr: str, target: str, ipv4: str, ipv6: str) -> None:
    lists = f'prefix_lists: {{l: {{address_family: {family}, entries: [{{cidr: "{cidr}"}}]}}}}'
    assert _class(f"l {target}", lists=lists) == (ipv4, ipv6)


def test_the_route_that_decides_comes_first() -> None:
    cloud = _cloud("::/0 out", "2001:db8::/32 edge")
    table = next(each for each in cloud.route_tables.values() if each.name == "t")
    first, second = deciding_ipv6_routes(cloud, table)
    assert (str(first.route.destination), first.gives) == ("2001:db8::/32", "public")
    assert (str(second.route.destination), second.gives) == ("::/0", "egress-only")


def test_a_table_of_a_thousand_routes_takes_no_time() -> None:
    routes = tuple(Route(IPv6Network((0x20010DB8 << 96 | number << 64, 64)), GONE) for number in range(1000))
    table = RouteTable("rtb-1", "t", "vpc-1", routes=(Route(IPv6Network("::/0"), GONE), *routes))
    start = time.process_time()
    assert len(deciding_ipv6_routes(Cloud("lab"), table)) == 1001
    assert time.process_time() - start < 1


def test_describe_shows_the_class_beside_the_blocks() -> None:
    cloud = _cloud("::/0 out", "0.0.0.0/0 nat")
    (table,) = describe.tables(cloud, ("Subnets",), (), {})
    column = table.columns.index("Internet")
    assert {row[0]: row[column] for row in table.rows} == {"main/home": "none", "main/a": "IPv4 nat, IPv6 egress-only"}
    ids = {each.name: each.id for each in cloud.subnets.values()}
    assert describe.class_data(cloud, [ids["a"]]) == {ids["a"]: {"Ipv4": "nat", "Ipv6": "egress-only"}}
    assert subnet_classes(cloud)[ids["home"]] == SubnetClass("none", "none")


def test_describe_shows_an_unknown_target_and_its_state() -> None:
    (table,) = describe.tables(_cloud("::/0 unknown"), ("RouteTables",), (), {})
    state = table.columns.index("State")
    assert [row[state] for row in table.rows if row[2] == "::/0"] == [("unknown", "yellow")]
