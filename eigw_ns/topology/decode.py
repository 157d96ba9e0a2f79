"""A topology from plain data that `encode` or the loader made. That data is complete, so no rules are checked here.

This module does not import YAML or pydantic, so that reading a stored topology is fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

from eigw_ns.cloud import ids
from eigw_ns.cloud.client_tokens import ClientToken
from eigw_ns.cloud.defaults import DEFAULT_ACL
from eigw_ns.cloud.filtering import DEFAULT_GROUP
from eigw_ns.cloud.flow_logs import FlowLog
from eigw_ns.cloud.instance_records import InstanceAttributes
from eigw_ns.cloud.interface_records import NetworkInterface
from eigw_ns.cloud.model import (
    Cloud,
    ConnectionTracking,
    EgressOnlyInternetGateway,
    Instance,
    InternetGateway,
    InternetHost,
    Ipv4Route,
    NetworkAcl,
    Route,
    RouteTable,
    SecurityGroup,
    Subnet,
    SubnetAttributes,
    Vpc,
)
from eigw_ns.cloud.prefix_lists import PrefixListRoute
from eigw_ns.cloud.recorded import NatGateway
from eigw_ns.errors import Mistake, TopologyError
from eigw_ns.topology import blocks, flow_logs, interfaces, prefix_lists, recorded
from eigw_ns.topology.data import NONE, Scope, named, tags_of
from eigw_ns.topology.filters import network_acls, security_groups
from eigw_ns.topology.machines import key_pairs, terminated_instances
from eigw_ns.topology.model import Expectation, Topology


def from_data(data: Mapping[str, Any], *, file: str = "stored topology") -> Topology:
    """Return the topology from which `to_data` made `data`.

    Raises TopologyError if `to_data` cannot have made `data`. The rules of topology files are not checked.
    """
    try:
        return _topology(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        problem = f"this is not a topology that eigw-ns stored ({type(error).__name__}: {error})"
        raise TopologyError((Mistake(file, 0, "", "", problem, "apply the topology file again"),)) from error


def _topology(data: Mapping[str, Any]) -> Topology:
    lab = data["lab"]
    if not isinstance(lab, str) or "vpcs" not in data:
        raise ValueError("the name of the lab or the section vpcs is missing")
    vpcs: dict[str, Vpc] = {}
    subnets: dict[str, Subnet] = {}
    tables: dict[str, RouteTable] = {}
    egress_only: dict[str, EgressOnlyInternetGateway] = {}
    instances: dict[str, Instance] = {}
    network_interfaces: dict[str, NetworkInterface] = {}
    acls: dict[str, NetworkAcl] = {}
    groups: dict[str, SecurityGroup] = {}
    nat_gateways: dict[str, NatGateway] = {}
    logs: dict[str, FlowLog] = {}
    internet_gateways = _internet_gateways(data, (lab,), None)
    for vpc_id, name, body in named(data, "vpcs", ids.VPC, (lab,)):
        scope = (lab, name)
        vpc = vpcs[vpc_id] = blocks.vpc(vpc_id, name, body, recorded.dhcp_options_id(body, lab))
        acls |= network_acls(body, scope, vpc)
        groups |= security_groups(body, scope, vpc)
        of_vpc = _egress_only_internet_gateways(body, scope, vpc_id)
        attached = _internet_gateways(body, scope, vpc_id)
        nats = recorded.nat_gateways(body, scope, vpc_id)
        targets = {eigw.name: eigw.id for eigw in of_vpc.values()} | {igw.name: igw.id for igw in attached.values()}
        targets |= {nat.name: nat.id for nat in nats.values()}
        egress_only |= of_vpc
        internet_gateways |= attached
        nat_gateways |= nats
        tables |= _route_tables(body, scope, vpc_id, targets)
        subnets |= _subnets(body, scope, vpc_id)
        instances |= _instances(body, scope)
        network_interfaces |= interfaces.network_interfaces(body, scope)
        logs |= flow_logs.flow_logs(body, scope, vpc_id)
    cloud = Cloud(
        lab,
        vpcs=vpcs,
        subnets=subnets,
        route_tables=tables,
        egress_only_internet_gateways=egress_only,
        internet_gateways=internet_gateways,
        network_acls=acls,
        security_groups=groups,
        instances=instances,
        network_interfaces=network_interfaces,
        nat_gateways=nat_gateways,
        elastic_ips=recorded.elastic_ips(data, lab),
        dhcp_options=recorded.dhcp_options(data, lab),
        hosts=_hosts(data, lab),
        key_pairs=key_pairs(data, lab),
        prefix_lists=prefix_lists.prefix_lists(data, lab),
        flow_logs=logs,
        client_tokens={token: ClientToken(**body) for token, body in data.get("client_tokens", {}).items()},
        detached_interfaces=interfaces.detached_interfaces(data),
        deleted_nat_gateways=recorded.deleted_nat_gateways(data),
        terminated_instances=terminated_instances(data),
        prefix_list_versions=prefix_lists.versions(data),
    )
    _check_references(cloud)
    return Topology(cloud, tuple(_expectation(body) for body in data.get("expect", ())))


def _hosts(data: Mapping[str, Any], lab: str) -> dict[str, InternetHost]:
    return {
        host_id: InternetHost(host_id, name, IPv6Address(body["ipv6_address"]))
        for host_id, name, body in named(data.get("internet", {}), "hosts", ids.INTERNET_HOST, (lab,))
    }


def _check_references(cloud: Cloud) -> None:
    """Raise ValueError if a resource refers to one that does not exist. No other function checks this."""
    mains = sorted(table.vpc_id for table in cloud.route_tables.values() if table.main)
    if mains != sorted(cloud.vpcs):
        raise ValueError("a VPC has no main route table, or has several")
    for subnet in cloud.subnets.values():
        if subnet.route_table_id is not None and subnet.route_table_id not in cloud.route_tables:
            raise ValueError(f"the subnet {subnet.name} has a route table that does not exist")
        if subnet.network_acl_id is not None and subnet.network_acl_id not in cloud.network_acls:
            raise ValueError(f"the subnet {subnet.name} has a network ACL that does not exist")
    for instance in cloud.instances.values():
        if instance.subnet_id not in cloud.subnets:
            raise ValueError(f"the instance {instance.name} is in a subnet that does not exist")
        if not cloud.security_groups.keys() >= set(instance.security_group_ids):
            raise ValueError(f"the instance {instance.name} has a security group that does not exist")
    recorded.check_references(cloud)
    prefix_lists.check_references(cloud)
    interfaces.check_references(cloud)


def _egress_only_internet_gateways(
    data: Mapping[str, Any], scope: Scope, vpc_id: str
) -> dict[str, EgressOnlyInternetGateway]:
    section, kind = "egress_only_internet_gateways", ids.EGRESS_ONLY_INTERNET_GATEWAY
    return {
        gateway_id: EgressOnlyInternetGateway(
            gateway_id,
            name,
            vpc_id,
            connection_tracking=ConnectionTracking(**body.get("connection_tracking", {})),
            replicas=body.get("replicas", 1),
            tags=tags_of(body),
            flow_accounting=body.get("flow_accounting", False),
        )
        for gateway_id, name, body in named(data, section, kind, scope)
    }


def _internet_gateways(data: Mapping[str, Any], scope: Scope, vpc_id: str | None) -> dict[str, InternetGateway]:
    return {
        gateway_id: InternetGateway(gateway_id, name, vpc_id, tags=tags_of(body))
        for gateway_id, name, body in named(data, "internet_gateways", ids.INTERNET_GATEWAY, scope)
    }


def _route_tables(
    data: Mapping[str, Any], scope: Scope, vpc_id: str, targets: Mapping[str, str]
) -> dict[str, RouteTable]:
    """Return the route tables of a VPC.

    A route target that is not in `targets` is an id, `blackhole` or `unknown`; it is kept. A destination without a
    prefix length is the key of a prefix list.
    """
    tables = {}
    for table_id, name, body in named(data, "route_tables", ids.ROUTE_TABLE, scope):
        written = [
            (each["destination"], targets.get(each["target"], each["target"])) for each in body.get("routes", ())
        ]
        routes = (Route(IPv6Network(text), target) for text, target in written if ":" in text)
        ipv4_routes = (
            Ipv4Route(IPv4Network(text), target) for text, target in written if "/" in text and ":" not in text
        )
        lists = (
            PrefixListRoute(prefix_lists.prefix_list_id(scope[0], key), target)
            for key, target in written
            if "/" not in key
        )
        tables[table_id] = RouteTable(
            table_id,
            name,
            vpc_id,
            main=body.get("main", False),
            routes=tuple(sorted(routes, key=lambda route: route.destination)),
            tags=tags_of(body),
            ipv4_routes=tuple(sorted(ipv4_routes, key=lambda route: route.destination)),
            prefix_list_routes=tuple(lists),
        )
    return tables


def _subnets(data: Mapping[str, Any], scope: Scope, vpc_id: str) -> dict[str, Subnet]:
    subnets = {}
    for subnet_id, name, body in named(data, "subnets", ids.SUBNET, scope):
        table = body.get("route_table")
        acl = body.get("network_acl", DEFAULT_ACL)
        subnets[subnet_id] = Subnet(
            subnet_id,
            name,
            vpc_id,
            blocks.of_subnet(subnet_id, body),
            route_table_id=None if table is None else ids.make_id(ids.ROUTE_TABLE, *scope, table),
            network_acl_id=None if acl == DEFAULT_ACL else ids.make_id(ids.NETWORK_ACL, *scope, acl),
            tags=tags_of(body),
            cidr_block=IPv4Network(body["cidr_block"]) if "cidr_block" in body else None,
            attributes=SubnetAttributes(**blocks.attributes(SubnetAttributes, body)),
        )
    return subnets


def _instances(data: Mapping[str, Any], scope: Scope) -> dict[str, Instance]:
    return {
        instance_id: Instance(
            instance_id,
            name,
            ids.make_id(ids.SUBNET, *scope, body["subnet"]),
            IPv6Address(body["ipv6_address"]) if body.get("ipv6_address", NONE) != NONE else None,
            security_group_ids=tuple(
                ids.make_id(ids.SECURITY_GROUP, *scope, group) for group in body.get("security_groups", [DEFAULT_GROUP])
            ),
            tags=tags_of(body),
            mtu=body.get("mtu"),
            ipv6_addresses=tuple(map(IPv6Address, body.get("ipv6_addresses", ()))),
            ipv6_prefixes=tuple(map(IPv6Network, body.get("ipv6_prefixes", ()))),
            state=body.get("state", "running"),
            private_ip_address=IPv4Address(body["private_ip_address"]) if "private_ip_address" in body else None,
            attributes=InstanceAttributes(**blocks.attributes(InstanceAttributes, body)),
            interface=interfaces.primary_interface(body),
            volumes=interfaces.volumes(body, instance_id),
        )
        for instance_id, name, body in named(data, "instances", ids.INSTANCE, scope)
    }


def _expectation(body: Mapping[str, Any]) -> Expectation:
    return Expectation(body["from"], body["to"], body.get("protocol", "tcp"), body.get("port"), body["result"])
