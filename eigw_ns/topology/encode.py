"""A topology as plain data: the topology file's own form with nothing left out, so JSON and YAML can hold it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from eigw_ns.cloud import ids
from eigw_ns.cloud.model import Cloud, EgressOnlyInternetGateway, InternetGateway, RouteTable, Vpc
from eigw_ns.topology.model import Expectation, Topology

Data = dict[str, Any]
Scope = tuple[str, ...]
"""The names that a resource's id is derived from, besides its own: lab and VPC, or the lab alone."""


def to_data(topology: Topology) -> Data:
    """The topology as dicts, lists and texts, in stable order: every block, address, main table and association.

    A resource's key is its name, or its id where the name alone would not lead back to the id (one that was made or
    moved by `ec2`).
    """
    cloud = topology.cloud
    data: Data = {"lab": cloud.lab, "vpcs": {}}
    for vpc in sorted(cloud.vpcs.values(), key=lambda vpc: vpc.name):
        key = _key(ids.VPC, (cloud.lab,), vpc.id, vpc.name)
        data["vpcs"][key] = _vpc_data(cloud, vpc, (cloud.lab, key))
    detached = [igw for igw in cloud.internet_gateways.values() if igw.vpc_id is None]
    if detached:
        data["internet_gateways"] = _gateways_data(ids.INTERNET_GATEWAY, (cloud.lab,), detached)
    hosts = {
        _key(ids.INTERNET_HOST, (cloud.lab,), host.id, host.name): {"ipv6_address": str(host.ipv6_address)}
        for host in cloud.hosts.values()
    }
    if hosts:
        data["internet"] = {"hosts": dict(sorted(hosts.items()))}
    if topology.expectations:
        data["expect"] = [_expectation_data(expectation) for expectation in topology.expectations]
    return data


def _key(kind: str, scope: Scope, resource_id: str, name: str) -> str:
    return name if ids.make_id(kind, *scope, name) == resource_id else resource_id


def _body(**fields: Any) -> Data:
    """The fields that say something."""
    return {name: value for name, value in fields.items() if value not in (None, {}, [], False)}


def _vpc_data(cloud: Cloud, vpc: Vpc, scope: Scope) -> Data:
    egress_only = [eigw for eigw in cloud.egress_only_internet_gateways.values() if eigw.vpc_id == vpc.id]
    attached = [igw for igw in cloud.internet_gateways.values() if igw.vpc_id == vpc.id]
    targets = {eigw.id: _key(ids.EGRESS_ONLY_INTERNET_GATEWAY, scope, eigw.id, eigw.name) for eigw in egress_only}
    targets |= {igw.id: _key(ids.INTERNET_GATEWAY, scope, igw.id, igw.name) for igw in attached}
    tables = {
        table.id: (_key(ids.ROUTE_TABLE, scope, table.id, table.name), table)
        for table in cloud.route_tables.values()
        if table.vpc_id == vpc.id
    }
    subnets = {
        subnet.id: (_key(ids.SUBNET, scope, subnet.id, subnet.name), subnet)
        for subnet in cloud.subnets.values()
        if subnet.vpc_id == vpc.id
    }
    return _body(
        ipv6_cidr_block=str(vpc.ipv6_cidr_block),
        tags=dict(vpc.tags),
        egress_only_internet_gateways=_gateways_data(ids.EGRESS_ONLY_INTERNET_GATEWAY, scope, egress_only),
        internet_gateways=_gateways_data(ids.INTERNET_GATEWAY, scope, attached),
        route_tables={key: _table_data(table, targets) for key, table in sorted(tables.values(), key=_first)},
        subnets={
            key: _body(
                ipv6_cidr_block=str(subnet.ipv6_cidr_block),
                route_table=tables[subnet.route_table_id][0] if subnet.route_table_id else None,
                tags=dict(subnet.tags),
            )
            for key, subnet in sorted(subnets.values(), key=_first)
        },
        instances=dict(sorted(_instances_data(cloud, scope, {sid: key for sid, (key, _) in subnets.items()}))),
    )


def _first(pair: tuple[str, object]) -> str:
    return pair[0]


def _gateways_data(
    kind: str, scope: Scope, gateways: list[EgressOnlyInternetGateway] | list[InternetGateway]
) -> Data:
    keyed = {_key(kind, scope, gateway.id, gateway.name): _body(tags=dict(gateway.tags)) for gateway in gateways}
    return dict(sorted(keyed.items()))


def _table_data(table: RouteTable, targets: Mapping[str, str]) -> Data:
    routes = [
        {"destination": str(route.destination), "target": targets.get(route.target_id, route.target_id)}
        for route in table.routes
    ]
    return _body(main=table.main, routes=routes, tags=dict(table.tags))


def _instances_data(cloud: Cloud, scope: Scope, subnet_keys: Mapping[str, str]) -> Iterator[tuple[str, Data]]:
    for instance in cloud.instances.values():
        if instance.subnet_id in subnet_keys:
            key = _key(ids.INSTANCE, scope, instance.id, instance.name)
            yield key, _body(
                subnet=subnet_keys[instance.subnet_id],
                ipv6_address=str(instance.ipv6_address),
                tags=dict(instance.tags),
            )


def _expectation_data(expectation: Expectation) -> Data:
    return _body(
        **{"from": expectation.source},
        to=expectation.destination,
        protocol=expectation.protocol,
        port=expectation.port,
        result=expectation.result,
    )
