"""Elastic IP addresses, NAT gateways and DHCP options in a file: what is read, shown, and that no packet sees them."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eigw_ns.cloud import families, ids
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.recorded import DhcpOptions, ElasticIp, ElasticIpAssociation, NatGateway
from eigw_ns.cloud.routing import route_state
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.trace.explanation import Question, explain
from eigw_ns.errors import TopologyError
from eigw_ns.render import aws, cloud_changes, describe
from eigw_ns.topology import Topology, dump, from_data, load, to_data
from tests.support.strategies import clouds

FILE = """
vpcs:
  main:
    ipv6_cidr_block: "2600:1f16:aa0:5500::/56"
    cidr_block: 10.0.0.0/16
    dhcp_options: corporate
    egress_only_internet_gateways: {out: {}}
    nat_gateways:
      public: {subnet: a, elastic_ip: nat, tags: {Team: network}}
      private: {subnet: a}
      plain: {subnet: b}
    route_tables:
      all:
        main: true
        routes:
          - {destination: "::/0", target: out}
          - {destination: "64:ff9b::/96", target: public}
          - {destination: 0.0.0.0/0, target: public}
    subnets: {a: {cidr_block: 10.0.1.0/24}, b: {}}
    instances: {app: {subnet: a}}
elastic_ips: {nat: {}, app: {instance: main/app}, spare: {public_ip: 203.0.113.1}}
dhcp_options:
  corporate: {domain_name: example.org, domain_name_servers: [AmazonProvidedDNS], netbios_node_type: 2}
internet: {hosts: {web: {ipv6_address: "2001:db8:80::1"}}}
"""
WITHOUT = """
vpcs:
  main:
    ipv6_cidr_block: "2600:1f16:aa0:5500::/56"
    cidr_block: 10.0.0.0/16
    egress_only_internet_gateways: {out: {}}
    route_tables: {all: {main: true, routes: [{destination: "::/0", target: out}]}}
    subnets: {a: {cidr_block: 10.0.1.0/24}, b: {}}
    instances: {app: {subnet: a}}
internet: {hosts: {web: {ipv6_address: "2001:db8:80::1"}}}
"""


def read(text: str) -> Topology:
    return load(text.encode(), file="lab.yaml", default_lab="lab")


@pytest.fixture(scope="module")
def cloud() -> Cloud:
    return read(FILE).cloud


def test_a_file_is_read_as_it_was_written(cloud: Cloud) -> None:
    topology = read(FILE)
    assert from_data(to_data(topology)) == topology
    assert read(dump(topology)) == topology
    assert {each.name: str(each.public_ip) for each in cloud.elastic_ips.values()} == {
        "app": "203.0.113.2",
        "nat": "203.0.113.3",
        "spare": "203.0.113.1",
    }
    assert {each.name: str(each.private_ip_address) for each in cloud.nat_gateways.values()} == {
        "private": "10.0.1.254",
        "public": "10.0.1.253",
        "plain": "None",
    }


def test_a_route_leads_to_a_gateway_by_its_name(cloud: Cloud) -> None:
    (table,) = cloud.route_tables.values()
    public = next(each.id for each in cloud.nat_gateways.values() if each.name == "public")
    assert [route.target_id for route in table.routes if route.destination.prefixlen != 0] == [public]
    assert {route_state(cloud, table, route) for route in table.all_routes} == {"active"}
    gone = replace(cloud, nat_gateways={})
    assert [route_state(gone, table, route) for route in table.all_routes].count("blackhole") == 2
    assert explain(cloud, Question("main/app", "64:ff9b::1", "tcp", 443)).trace.outcome == "blocked"


def test_a_gateway_in_another_vpc_is_a_blackhole(cloud: Cloud) -> None:
    (table,) = cloud.route_tables.values()
    moved = {key: replace(each, vpc_id="vpc-0123456789abcdef0") for key, each in cloud.nat_gateways.items()}
    elsewhere = replace(cloud, nat_gateways=moved)
    assert "blackhole" in {route_state(elsewhere, table, route) for route in table.all_routes}


def test_a_stored_topology_with_a_reference_that_leads_nowhere_is_refused() -> None:
    for section, key, value in (
        ("nat_gateways", "subnet", "nowhere"),
        ("nat_gateways", "elastic_ip", "nobody"),
    ):
        data = to_data(read(FILE))
        data["vpcs"]["main"][section]["public"][key] = value
        with pytest.raises(TopologyError):
            from_data(data)
    for key in ("elastic_ips", "dhcp_options"):
        with pytest.raises(TopologyError):
            from_data({**to_data(read(FILE)), key: {}})


def test_a_plan_says_what_changes(cloud: Cloud) -> None:
    found = cloud_changes.compare(read(WITHOUT).cloud, cloud)
    said = {(each.change, each.kind, each.name): each.facts for each in found.resources}
    facts = {each.fact: each.new for each in said["create", "NAT gateway", "main/public"]}
    assert facts == {"subnet": "a", "elastic IP address": "nat", "address": "10.0.1.253", "tag Team:": "network"}
    (owner,) = (each for each in said["create", "elastic IP address", "app"] if each.fact == "associated with")
    assert owner.new == "app"
    (vpc,) = said["update", "VPC", "main"]
    assert (vpc.fact, vpc.new) == ("DHCP options", "corporate")
    assert ("create", "set of DHCP options", "corporate") in said
    assert found.exposures == ()


def test_tables_and_json_show_them(cloud: Cloud) -> None:
    tables = {table.title: table for table in describe.tables(cloud, aws.KINDS, (), {})}
    public = next(row for row in tables["NAT gateways"].rows if row[0] == "main/public")
    assert public[2:] == ("a", "nat", "10.0.1.253", "Team=network")
    owners = {row[0]: row[3] for row in tables["Elastic IP addresses"].rows}
    assert owners == {"app": "main/app", "nat": "main/public", "spare": ""}
    assert "domain-name example.org" in str(tables["DHCP options"].rows[0][2])
    assert ("64:ff9b::/96", "public") in [(row[2], row[3]) for row in tables["Route tables"].rows]
    shown = aws.describe(cloud, ["NatGateways", "Addresses", "DhcpOptions"])
    assert {kind: len(found) for kind, found in shown.items()} == {"NatGateways": 3, "Addresses": 3, "DhcpOptions": 1}
    assert {"elastic IP addresses", "NAT gateways", "DHCP options"} <= set(families.recorded(cloud))


@settings(max_examples=25)
@given(clouds(), st.data())
def test_they_change_nothing_in_the_kernel(plain: Cloud, data: st.DataObject) -> None:
    """Only a route to a NAT gateway does something: it drops packets, as it does without the gateway."""
    recorded = _with_recorded(plain, data)
    assert compile_cloud(recorded) == compile_cloud(plain)
    assert from_data(to_data(Topology(recorded))).cloud == recorded


def _with_recorded(cloud: Cloud, data: st.DataObject) -> Cloud:
    """Return the cloud with a gateway in each subnet, DHCP options of each VPC, and an address of each instance."""
    addresses: dict[str, ElasticIp] = {}
    gateways: dict[str, NatGateway] = {}
    for number, subnet in enumerate(cloud.subnets.values()):
        address = _address(len(addresses))
        public = data.draw(st.booleans())
        addresses |= {address.id: address} if public else {}
        gateway_id = f"nat-{number:017x}"
        gateways[gateway_id] = NatGateway(
            gateway_id, gateway_id, subnet.vpc_id, subnet.id, allocation_id=address.id if public else None
        )
    for instance in cloud.instances.values():
        address = _address(len(addresses))
        made = ElasticIpAssociation(f"eipassoc-{len(addresses):017x}", instance.id)
        addresses[address.id] = replace(address, association=made)
    options = DhcpOptions("dopt-0123456789abcdef0", "dopt-0123456789abcdef0", (("domain-name", ("example.org",)),))
    vpcs = {
        key: replace(vpc, attributes=replace(vpc.attributes, dhcp_options_id=options.id))
        for key, vpc in cloud.vpcs.items()
    }
    return replace(cloud, vpcs=vpcs, nat_gateways=gateways, elastic_ips=addresses, dhcp_options={options.id: options})


def _address(number: int) -> ElasticIp:
    address_id = f"{ids.ELASTIC_IP}-{number:017x}"
    return ElasticIp(address_id, address_id, IPv4Address(int(IPv4Address("203.0.113.1")) + number))
