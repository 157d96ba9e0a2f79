"""The shapes of EC2's describe calls, member by member."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eigw_ns.cloud.ec2 import shapes
from eigw_ns.cloud.ec2.shapes import DEFAULT_DHCP_OPTIONS
from eigw_ns.cloud.model import BLACKHOLE, Cloud, Route, RouteTable, Tags
from eigw_ns.render import aws, describe
from eigw_ns.topology import load

FILE = b"""
lab: shapes
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56
    tags: {Team: network, Name: main}
    egress_only_internet_gateways: {outbound: {tags: {Name: outbound}}}
    internet_gateways: {edge: {}}
    nat_gateways: {nat: {subnet: a}}
    route_tables:
      private:
        routes:
          - {destination: "::/0", target: outbound}
          - {destination: "2001:db8:a::/48", target: edge}
          - {destination: "2001:db8:b::/48", target: eigw-0123456789abcdef0}
          - {destination: "2001:db8:c::/48", target: blackhole}
      public: {main: true}
    subnets:
      a: {ipv6_cidr_block: "2600:1f16:aa0:5501::/64", route_table: private}
      b: {ipv6_cidr_block: "2600:1f16:aa0:5502::/64"}
    instances:
      app: {subnet: a, ipv6_address: "2600:1f16:aa0:5501::10"}
    network_interfaces: {second: {subnet: a, instance: app}}
elastic_ips: {spare: {}}
dhcp_options: {corporate: {domain_name: example.org}}
prefix_lists: {offices: {entries: [{cidr: "2001:db8:c0::/48", description: head}, {cidr: "2001:db8:c1::/48"}]}}
key_pairs: {admin: {fingerprint: "00:01"}}
internet:
  hosts:
    web: {ipv6_address: "2001:db8:80::1"}
"""


@pytest.fixture(scope="module")
def cloud() -> Cloud:
    return load(FILE, file="shapes.yaml", default_lab="shapes").cloud


def test_vpc(cloud: Cloud) -> None:
    (vpc,) = cloud.vpcs.values()
    (shape,) = aws.describe(cloud, ["Vpcs"])["Vpcs"]
    (block,) = shape.pop("Ipv6CidrBlockAssociationSet")
    assert block.pop("AssociationId").startswith("vpc-cidr-assoc-")
    assert block == {
        "Ipv6CidrBlock": "2600:1f16:aa0:5500::/56",
        "Ipv6CidrBlockState": {"State": "associated"},
        "Ipv6Pool": "Amazon",
        "Ipv6AddressAttribute": "public",
        "IpSource": "amazon",
        "NetworkBorderGroup": "us-east-1",
    }
    assert shape == {
        "VpcId": vpc.id,
        "OwnerId": "000000000000",
        "State": "available",
        "CidrBlockAssociationSet": [],
        "DhcpOptionsId": DEFAULT_DHCP_OPTIONS,
        "InstanceTenancy": "default",
        "IsDefault": False,
        "Tags": [{"Key": "Name", "Value": "main"}, {"Key": "Team", "Value": "network"}],
    }


def test_subnet(cloud: Cloud) -> None:
    shape, _ = aws.describe(cloud, ["Subnets"])["Subnets"]
    assert shape["SubnetId"].startswith("subnet-0")
    assert shape["State"] == "available"
    assert shape["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"] == "2600:1f16:aa0:5501::/64"


def test_routes(cloud: Cloud) -> None:
    tables = aws.describe(cloud, ["RouteTables"])["RouteTables"]
    private = next(table for table in tables if len(table["Routes"]) > 1)
    (eigw,), (igw,) = cloud.egress_only_internet_gateways, cloud.internet_gateways
    local, *static = private["Routes"]
    assert local == {
        "DestinationIpv6CidrBlock": "2600:1f16:aa0:5500::/56",
        "GatewayId": "local",
        "Origin": "CreateRouteTable",
        "State": "active",
    }
    assert {route.pop("Origin") for route in static} == {"CreateRoute"}
    assert sorted(static, key=lambda route: str(route["DestinationIpv6CidrBlock"])) == [
        {"DestinationIpv6CidrBlock": "2001:db8:a::/48", "GatewayId": igw, "State": "active"},
        {
            "DestinationIpv6CidrBlock": "2001:db8:b::/48",
            "EgressOnlyInternetGatewayId": "eigw-0123456789abcdef0",
            "State": "blackhole",
        },
        {"DestinationIpv6CidrBlock": "2001:db8:c::/48", "State": "blackhole"},
        {"DestinationIpv6CidrBlock": "::/0", "EgressOnlyInternetGatewayId": eigw, "State": "active"},
    ]


def test_associations_are_the_main_one_and_the_explicit_ones(cloud: Cloud) -> None:
    tables = aws.describe(cloud, ["RouteTables"])["RouteTables"]
    subnet = next(subnet for subnet in cloud.subnets.values() if subnet.name == "a")
    seen = []
    for table in tables:
        for association in table["Associations"]:
            assert association["RouteTableId"] == table["RouteTableId"]
            assert association["RouteTableAssociationId"].startswith("rtbassoc-0")
            assert association["AssociationState"] == {"State": "associated"}
            seen.append((association["Main"], association.get("SubnetId")))
    assert sorted(seen, key=str) == [(False, subnet.id), (True, None)]
    identities = {each["RouteTableAssociationId"] for table in tables for each in table["Associations"]}
    assert len(identities) == 2


def test_gateways(cloud: Cloud) -> None:
    (eigw,), (igw,) = cloud.egress_only_internet_gateways, cloud.internet_gateways
    (vpc,) = cloud.vpcs
    assert aws.describe(cloud, ["EgressOnlyInternetGateways", "InternetGateways"]) == {
        "EgressOnlyInternetGateways": [
            {
                "EgressOnlyInternetGatewayId": eigw,
                "Attachments": [{"State": "attached", "VpcId": vpc}],
                "Tags": [{"Key": "Name", "Value": "outbound"}],
            }
        ],
        "InternetGateways": [
            {
                "InternetGatewayId": igw,
                "OwnerId": "000000000000",
                "Attachments": [{"State": "available", "VpcId": vpc}],
                "Tags": [],
            }
        ],
    }


def test_a_detached_internet_gateway_has_no_attachment(cloud: Cloud) -> None:
    (igw,) = cloud.internet_gateways.values()
    assert shapes.internet_gateway(replace(igw, vpc_id=None))["Attachments"] == []


def test_instance_and_host(cloud: Cloud) -> None:
    described = aws.describe(cloud, ["Instances", "InternetHosts"])
    (instance,), (host,) = described["Instances"], described["InternetHosts"]
    assert instance["Ipv6Address"] == "2600:1f16:aa0:5501::10"
    assert instance["State"] == {"Code": 16, "Name": "running"}
    assert instance["VpcId"] in cloud.vpcs
    assert instance["SubnetId"] in cloud.subnets
    assert (host["Name"], host["Ipv6Address"]) == ("web", "2001:db8:80::1")


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ((), {"Vpcs": 1, "EgressOnlyInternetGateways": 1, "InternetHosts": 1}),
        ((("Name", "main"),), {"Vpcs": 1}),
        ((("Name", "main"), ("Team", "network")), {"Vpcs": 1}),
        ((("Name", "main"), ("Team", "other")), {}),
        ((("Name", "outbound"),), {"EgressOnlyInternetGateways": 1}),
    ],
)
def test_tags_select(cloud: Cloud, tags: Tags, found: dict[str, int]) -> None:
    kinds = ("Vpcs", "EgressOnlyInternetGateways", "InternetHosts")
    described = aws.describe(cloud, kinds, tags)
    assert {kind: len(members) for kind, members in described.items() if members} == found
    titles = {describe.HEADINGS[kind] for kind in found}
    assert {table.title for table in describe.tables(cloud, kinds, tags, {})} == titles


def test_every_kind_has_a_word_a_heading_and_a_table(cloud: Cloud) -> None:
    assert set(aws.WORDS.values()) == set(aws.KINDS) == set(describe.HEADINGS)
    assert len(describe.tables(cloud, aws.KINDS, (), {})) == len(aws.KINDS)


def test_the_route_table_shows_names_and_blackholes(cloud: Cloud) -> None:
    (table,) = describe.tables(cloud, ["RouteTables"], (), {})
    rows = {row[2]: row[3:6] for row in table.rows if not row[0]}
    (eigw,) = cloud.egress_only_internet_gateways
    lost, state = "eigw-0123456789abcdef0", ("blackhole", "bold red")
    assert rows["::/0"] == ("outbound", eigw, ("active", "green"))
    assert rows["2001:db8:b::/48"] == (lost, lost, state)
    assert rows["2001:db8:c::/48"] == (BLACKHOLE, BLACKHOLE, state)


def test_counters_at_zero_are_shown_when_asked_for(cloud: Cloud) -> None:
    (eigw,) = cloud.egress_only_internet_gateways
    counters = {eigw: {"drop_inbound": (1234, 98765), "drop_ipv4": (0, 0)}}
    (some,) = describe.tables(cloud, [], (), counters)
    assert some.rows == (("main/outbound", "drop_inbound", "1,234", "98,765"),)
    (both,) = describe.tables(cloud, [], (), counters, zeros=True)
    assert [row[1] for row in both.rows] == ["drop_inbound", "drop_ipv4"]
    assert describe.counter_data(counters)[eigw]["drop_inbound"] == {"Packets": 1234, "Bytes": 98765}


def test_a_route_of_another_vpcs_gateway_is_a_blackhole(cloud: Cloud) -> None:
    (eigw,) = cloud.egress_only_internet_gateways.values()
    (vpc,) = cloud.vpcs.values()
    other = replace(vpc, id="vpc-0fedcba9876543210")
    table = RouteTable("rtb-0fedcba9876543210", "t", other.id, routes=(Route(vpc.ipv6_cidr_blocks[0], eigw.id),))
    shape = shapes.route_table(replace(cloud, vpcs={**cloud.vpcs, other.id: other}), table)
    assert shape["Routes"][1]["State"] == "blackhole"
