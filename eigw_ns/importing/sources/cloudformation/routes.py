"""Route tables, routes and associations. Source: AWS, "AWS::EC2::Route"."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from eigw_ns.cloud.model import Block
from eigw_ns.importing.design import (
    DesignAssociation,
    DesignRoute,
    DesignRouteTable,
    Key,
    Link,
    Outside,
    TargetKind,
)
from eigw_ns.importing.sources.cloudformation.item import MISSING, Item, block_of, outside
from eigw_ns.importing.sources.cloudformation.prefix_lists import entries_of
from eigw_ns.importing.sources.cloudformation.values import Reference, Value, in_words
from eigw_ns.importing.sources.cloudformation.vpcs import INTERNET_GATEWAY, SUBNET, VPC

ROUTE_TABLE = "AWS::EC2::RouteTable"

_TARGETS: tuple[tuple[str, TargetKind, tuple[str, ...]], ...] = (
    ("EgressOnlyInternetGatewayId", "egress-only", ("AWS::EC2::EgressOnlyInternetGateway",)),
    ("NatGatewayId", "nat", ("AWS::EC2::NatGateway",)),
    ("InstanceId", "instance", ("AWS::EC2::Instance",)),
    ("NetworkInterfaceId", "network-interface", ("AWS::EC2::NetworkInterface",)),
    ("TransitGatewayId", "transit-gateway", ()),
    ("VpcPeeringConnectionId", "peering", ()),
    ("VpcEndpointId", "endpoint", ()),
    ("CarrierGatewayId", "carrier", ()),
    ("CoreNetworkArn", "core-network", ()),
    ("LocalGatewayId", "local-gateway", ()),
    ("OdbNetworkArn", "core-network", ()),
    ("GatewayId", "unknown", ()),
)
"""The properties that name a target; its kind, which for GatewayId depends on the value; and the types that a design
holds."""

_BY_TYPE: dict[str, TargetKind] = {INTERNET_GATEWAY: "internet", "AWS::EC2::VPNGateway": "vpn"}
_BY_PREFIX: tuple[tuple[str, TargetKind], ...] = (
    ("igw-", "internet"),
    ("vgw-", "vpn"),
    ("vpce-", "endpoint"),
    ("local", "local"),
)
_DESTINATIONS = ("DestinationIpv6CidrBlock", "DestinationCidrBlock", "DestinationPrefixListId")


def route_table(item: Item) -> None:
    """Add a route table. A template cannot name the main table of a VPC."""
    item.collected.route_tables.append(DesignRouteTable(item.label(), item.link("VpcId", VPC) or MISSING))


def association(item: Item) -> None:
    """Add the association of a subnet with a route table."""
    subnet, table = item.link("SubnetId", SUBNET) or MISSING, item.link("RouteTableId", ROUTE_TABLE) or MISSING
    item.collected.table_associations.append(DesignAssociation(item.place, subnet, table))


def route(item: Item) -> None:
    """Add a route; several if its destination is a prefix list of the design."""
    table = item.link("RouteTableId", ROUTE_TABLE) or MISSING
    item.touches = frozenset({table.text}) if isinstance(table, Key) else frozenset()
    found = _target(item)
    if found is None:
        return
    for destination in _destinations(item):
        if found[0] == "unknown" and isinstance(destination, IPv4Network):
            item.refuse("GatewayId", item.value("GatewayId"), "the id of an internet gateway or a VPN gateway")
        else:
            item.collected.routes.append(DesignRoute(item.place, table, destination, *found))


def _destinations(item: Item) -> Iterator[Block | Outside]:
    given = [name for name in _DESTINATIONS if item.value(name) is not None]
    if len(given) != 1:
        item.say("refuse", f"the route has {len(given)} destinations", "give one destination")
        return
    (name,) = given
    value = item.value(name)
    if name == "DestinationPrefixListId":
        entries = entries_of(item.collected, value)
        yield from (outside(value),) if entries is None else entries
        return
    block = block_of(value)
    if block is None:
        item.refuse(name, value, "a block")
    else:
        yield block


def _target(item: Item) -> tuple[TargetKind, Link] | None:
    """Return what the route leads to. Refuses a route with no target or several ones."""
    given = [(name, kind, types) for name, kind, types in _TARGETS if item.value(name) is not None]
    if len(given) != 1:
        item.say("refuse", f"the route has {len(given)} targets", "give one target, as AWS requires")
        return None
    ((name, kind, types),) = given
    value = item.value(name)
    if kind == "unknown":
        return _gateway(item, value)
    return kind, item.link_of(value, *types) if types else _named(item, value)


def _named(item: Item, value: Value) -> Outside:
    """Return a target that a design does not hold, by its name."""
    link = item.link_of(value)
    return Outside(in_words(value)) if isinstance(link, Key) else link


def _gateway(item: Item, value: Value) -> tuple[TargetKind, Link]:
    """Return what GatewayId names: an internet gateway, a VPN gateway, an endpoint, or `local`."""
    if isinstance(value, str):
        kinds = (kind for prefix, kind in _BY_PREFIX if value.startswith(prefix))
        return next(kinds, "unknown"), outside(value)
    if isinstance(value, Reference) and not value.attribute and value.type in _BY_TYPE:
        kind = _BY_TYPE[value.type]
        return kind, Key(value.key) if kind == "internet" else Outside(in_words(value))
    return "unknown", _named(item, value)
