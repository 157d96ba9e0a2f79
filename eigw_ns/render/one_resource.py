"""One resource by its name or id, and the part of a description that is about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.nodes import INTERNET, internet_id
from eigw_ns.cloud.tag_names import named_by_tags
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import UsageError
from eigw_ns.frozen import frozen
from eigw_ns.render.table import Table


@frozen
class Named:
    """A resource: its kind (a key of `render.aws.KINDS`; "" for the internet's router), its id and its names."""

    kind: str
    id: str
    name: str
    qualified: str


def find(cloud: Cloud, text: str) -> Named | None:
    """Return the resource with this id, name or qualified name; None if there is none. Raises UsageError if several."""
    found = [each for each in resources(named_by_tags(cloud)) if text in (each.id, each.name, each.qualified)]
    exact = [each for each in found if text in (each.id, each.qualified)]
    meant = exact if len(exact) == 1 else found
    if len(meant) > 1:
        names = " or ".join(dict.fromkeys(each.id for each in meant))
        raise UsageError(f"{shorten(text)} is ambiguous: it names {len(meant)} resources", hint=f"write {names}")
    return meant[0] if meant else None


def resources(cloud: Cloud) -> Iterator[Named]:
    """Yield every resource of the cloud, and the internet's router."""
    yield Named("", internet_id(cloud.lab), INTERNET, INTERNET)
    for host in cloud.hosts.values():
        yield Named("InternetHosts", host.id, host.name, f"{INTERNET}/{host.name}")
    for instance in cloud.instances.values():
        vpc = cloud.vpcs[cloud.subnets[instance.subnet_id].vpc_id]
        yield Named("Instances", instance.id, instance.name, f"{vpc.name}/{instance.name}")
    for interface in cloud.network_interfaces.values():
        vpc = cloud.vpcs[cloud.subnets[interface.subnet_id].vpc_id]
        yield Named("NetworkInterfaces", interface.id, interface.name, f"{vpc.name}/{interface.name}")
    plain: dict[str, Mapping[str, Any]] = {
        "Vpcs": cloud.vpcs,
        "Addresses": cloud.elastic_ips,
        "DhcpOptions": cloud.dhcp_options,
        "PrefixLists": cloud.prefix_lists,
    }
    for kind, there in plain.items():
        yield from (Named(kind, each.id, each.name, each.name) for each in there.values())
    kinds: dict[str, Mapping[str, Any]] = {
        "Subnets": cloud.subnets,
        "RouteTables": cloud.route_tables,
        "EgressOnlyInternetGateways": cloud.egress_only_internet_gateways,
        "InternetGateways": cloud.internet_gateways,
        "NatGateways": cloud.nat_gateways,
        "NetworkAcls": cloud.network_acls,
        "SecurityGroups": cloud.security_groups,
    }
    for kind, there in kinds.items():
        for one in there.values():
            qualified = f"{cloud.vpcs[one.vpc_id].name}/{one.name}" if one.vpc_id else one.name
            yield Named(kind, one.id, one.name, qualified)


def shapes(described: Mapping[str, Sequence[Mapping[str, Any]]], only: str) -> dict[str, list[Mapping[str, Any]]]:
    """Return what `render.aws.describe` returned, with only the shape of this id."""
    return {kind: [shape for shape in found if only in shape.values()] for kind, found in described.items()}


def tables(drawn: Sequence[Table], only: str) -> tuple[Table, ...]:
    """Return the tables with only the rows of this id. Tables without a column of ids stay as they are."""
    cut = (replace(each, rows=tuple(_rows(each, only))) if "Id" in each.columns else each for each in drawn)
    return tuple(each for each in cut if each.rows)


def _rows(table: Table, only: str) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a resource. Only the first of them has its id."""
    column, current = table.columns.index("Id"), ""
    for row in table.rows:
        current = str(row[column]) or current
        if current == only:
            yield row
