"""A topology as plain data that JSON and YAML can hold: the form of the topology file, with nothing left out."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from eigw_ns.cloud import ids
from eigw_ns.cloud.filtering import DEFAULT_GROUP
from eigw_ns.cloud.model import (
    AnyRoute,
    Cloud,
    ConnectionTracking,
    EgressOnlyInternetGateway,
    InternetGateway,
    RouteTable,
    Vpc,
)
from eigw_ns.topology import blocks, interfaces, recorded
from eigw_ns.topology.data import NONE, Data, Scope, body_of, key_of
from eigw_ns.topology.filters import acl_key, group_keys, network_acls_data, security_groups_data
from eigw_ns.topology.flow_logs import flow_logs_data
from eigw_ns.topology.machines import instance_data, key_pairs_data, terminated_instances_data
from eigw_ns.topology.model import Expectation, Topology
from eigw_ns.topology.prefix_lists import prefix_list_key, prefix_lists_data, versions_data

G = TypeVar("G", EgressOnlyInternetGateway, InternetGateway)


def to_data(topology: Topology) -> Data:
    """Return the topology as dicts, lists and texts, in stable order.

    Every block, address, main table and association is explicit. A resource's key is its name. The key is the id if the
    id cannot be derived from the name, because `ec2` created or moved the resource.
    """
    cloud = topology.cloud
    data: Data = {"lab": cloud.lab, "vpcs": {}}
    instance_keys: dict[str, str] = {}
    for vpc in sorted(cloud.vpcs.values(), key=lambda vpc: vpc.name):
        key = key_of(ids.VPC, (cloud.lab,), vpc.id, vpc.name)
        data["vpcs"][key] = _vpc_data(cloud, vpc, (cloud.lab, key))
        instance_keys |= _instance_keys(cloud, vpc, (cloud.lab, key)) if cloud.elastic_ips else {}
    detached = [igw for igw in cloud.internet_gateways.values() if igw.vpc_id is None]
    if detached:
        data["internet_gateways"] = _gateways_data(ids.INTERNET_GATEWAY, (cloud.lab,), detached, _internet_data)
    data |= body_of(
        elastic_ips=recorded.elastic_ips_data(cloud, instance_keys), dhcp_options=recorded.dhcp_options_data(cloud)
    )
    data |= body_of(prefix_lists=prefix_lists_data(cloud))
    if cloud.key_pairs:
        data["key_pairs"] = key_pairs_data(cloud)
    hosts = {
        key_of(ids.INTERNET_HOST, (cloud.lab,), host.id, host.name): {"ipv6_address": str(host.ipv6_address)}
        for host in cloud.hosts.values()
    }
    if hosts:
        data["internet"] = {"hosts": dict(sorted(hosts.items()))}
    if topology.expectations:
        data["expect"] = [_expectation_data(expectation) for expectation in topology.expectations]
    if cloud.client_tokens:
        tokens = cloud.client_tokens.items()  # oldest first
        data["client_tokens"] = {token: dataclasses.asdict(request) for token, request in tokens}
    remembered = {
        "detached_interfaces": interfaces.detached_interfaces_data(cloud),
        "deleted_nat_gateways": recorded.deleted_nat_gateways_data(cloud),
        "terminated_instances": terminated_instances_data(cloud),
        "prefix_list_versions": versions_data(cloud),
    }
    return data | body_of(**remembered)


def _instance_keys(cloud: Cloud, vpc: Vpc, scope: Scope) -> dict[str, str]:
    """Return `VPC/INSTANCE` in keys of the file for each instance of the VPC, by id."""
    there = (each for each in cloud.instances.values() if cloud.subnets[each.subnet_id].vpc_id == vpc.id)
    return {each.id: f"{scope[1]}/{key_of(ids.INSTANCE, scope, each.id, each.name)}" for each in there}


def _vpc_data(cloud: Cloud, vpc: Vpc, scope: Scope) -> Data:
    egress_only = [eigw for eigw in cloud.egress_only_internet_gateways.values() if eigw.vpc_id == vpc.id]
    attached = [igw for igw in cloud.internet_gateways.values() if igw.vpc_id == vpc.id]
    targets = {eigw.id: key_of(ids.EGRESS_ONLY_INTERNET_GATEWAY, scope, eigw.id, eigw.name) for eigw in egress_only}
    targets |= {igw.id: key_of(ids.INTERNET_GATEWAY, scope, igw.id, igw.name) for igw in attached}
    nats = [nat for nat in cloud.nat_gateways.values() if nat.vpc_id == vpc.id]
    targets |= {nat.id: key_of(ids.NAT_GATEWAY, scope, nat.id, nat.name) for nat in nats}
    tables = {
        table.id: (key_of(ids.ROUTE_TABLE, scope, table.id, table.name), table)
        for table in cloud.route_tables.values()
        if table.vpc_id == vpc.id
    }
    subnets = {
        subnet.id: (key_of(ids.SUBNET, scope, subnet.id, subnet.name), subnet)
        for subnet in cloud.subnets.values()
        if subnet.vpc_id == vpc.id
    }
    acls = {acl.id: acl_key(scope, acl) for acl in cloud.network_acls.values() if not acl.default}
    subnet_keys = {subnet_id: key for subnet_id, (key, _) in subnets.items()}
    return blocks.vpc_data(vpc) | body_of(
        dhcp_options=recorded.dhcp_options_key(cloud, vpc),
        tags=dict(vpc.tags),
        egress_only_internet_gateways=_gateways_data(
            ids.EGRESS_ONLY_INTERNET_GATEWAY, scope, egress_only, _egress_only_data
        ),
        internet_gateways=_gateways_data(ids.INTERNET_GATEWAY, scope, attached, _internet_data),
        nat_gateways=recorded.nat_gateways_data(cloud, scope, vpc, subnet_keys),
        route_tables={key: _table_data(cloud, table, targets) for key, table in sorted(tables.values(), key=_first)},
        network_acls=network_acls_data(cloud, scope, vpc),
        security_groups=security_groups_data(cloud, scope, vpc),
        subnets={
            key: blocks.subnet_data(subnet)
            | body_of(
                route_table=tables[subnet.route_table_id][0] if subnet.route_table_id else None,
                network_acl=acls.get(subnet.network_acl_id or ""),
                tags=dict(subnet.tags),
            )
            for key, subnet in sorted(subnets.values(), key=_first)
        },
        instances=dict(sorted(_instances_data(cloud, scope, vpc.id, subnet_keys))),
        network_interfaces=interfaces.network_interfaces_data(
            cloud, scope, subnet_keys, group_keys(cloud, scope, vpc.id) if cloud.network_interfaces else {}
        ),
        flow_logs=flow_logs_data(cloud, scope, vpc.id),
    )


def _first(pair: tuple[str, object]) -> str:
    return pair[0]


def _gateways_data(kind: str, scope: Scope, gateways: Sequence[G], own_fields: Callable[[G], Data]) -> Data:
    """Return the gateways of one kind, with the fields that only this kind has."""
    keyed = {
        key_of(kind, scope, gateway.id, gateway.name): body_of(**own_fields(gateway), tags=dict(gateway.tags))
        for gateway in gateways
    }
    return dict(sorted(keyed.items()))


def _egress_only_data(gateway: EgressOnlyInternetGateway) -> Data:
    """Return the fields of a gateway that differ from the default."""
    usual, found = dataclasses.asdict(ConnectionTracking()), dataclasses.asdict(gateway.connection_tracking)
    tracking = {key: value for key, value in found.items() if value != usual[key]}
    return {
        "replicas": gateway.replicas if gateway.replicas > 1 else None,
        "flow_accounting": gateway.flow_accounting or None,
        "connection_tracking": tracking,
    }


def _internet_data(_gateway: InternetGateway) -> Data:
    return {}


def _table_data(cloud: Cloud, table: RouteTable, targets: Mapping[str, str]) -> Data:
    routes = [
        {"destination": _destination(cloud, route), "target": targets.get(route.target_id, route.target_id)}
        for route in table.all_routes
    ]
    return body_of(main=table.main, routes=routes, tags=dict(table.tags))


def _destination(cloud: Cloud, route: AnyRoute) -> str:
    return prefix_list_key(cloud, each) if isinstance(each := route.destination, str) else str(each)


def _instances_data(
    cloud: Cloud, scope: Scope, vpc_id: str, subnet_keys: Mapping[str, str]
) -> Iterator[tuple[str, Data]]:
    groups = group_keys(cloud, scope, vpc_id)
    for instance in cloud.instances.values():
        if instance.subnet_id in subnet_keys:
            members_of = [groups[group_id] for group_id in instance.security_group_ids]
            key = key_of(ids.INSTANCE, scope, instance.id, instance.name)
            yield (
                key,
                body_of(
                    subnet=subnet_keys[instance.subnet_id],
                    ipv6_address=str(instance.ipv6_address or NONE),
                    ipv6_addresses=list(map(str, instance.ipv6_addresses)),
                    ipv6_prefixes=list(map(str, instance.ipv6_prefixes)),
                    security_groups=None if members_of == [DEFAULT_GROUP] else members_of,
                    tags=dict(instance.tags),
                    mtu=instance.mtu,
                )
                | instance_data(instance)
                | interfaces.instance_parts_data(instance),
            )


def _expectation_data(expectation: Expectation) -> Data:
    return body_of(
        **{"from": expectation.source},
        to=expectation.destination,
        protocol=expectation.protocol,
        port=expectation.port,
        result=expectation.result,
    )
