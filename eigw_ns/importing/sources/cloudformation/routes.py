"""Route tables, routes and associations. Source: AWS, "AWS::EC2::Route"."""

from __future__ import annotations

from collections.abc import Iterator

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
from eigw_ns.importing.sources.cloudformation.item import NOT_KNOWN, Item, block_of
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
)
"""The properties that name a target, other than GatewayId; what kind it is; and the types of the design's own."""

_HELD: tuple[TargetKind, ...] = ("egress-only", "nat", "instance", "network-interface", "internet")
"""Targets that the design holds, so that a link to one must be known."""

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
    item.collected.route_tables.append(DesignRouteTable(item.label(), item.link("VpcId", VPC) or NOT_KNOWN))


def association(item: Item) -> None:
    """Add the association of a subnet with a route table."""
    subnet = item.link("SubnetId", SUBNET)
    item.touches = frozenset({subnet.text}) if isinstance(subnet, Key) else frozenset()
    table = item.link("RouteTableId", ROUTE_TABLE)
    if subnet is not None and table is not None:
        item.collected.table_associations.append(DesignAssociation(item.place, subnet, table))


def route(item: Item, certain: bool) -> None:
    """Add a route; several if its destination is a prefix list of the design. `certain` is whether it is made."""
    table = item.link("RouteTableId", ROUTE_TABLE) or NOT_KNOWN
    item.touches = frozenset({table.text}) if isinstance(table, Key) else frozenset()
    kind, target = _target(item) if certain else ("unknown", NOT_KNOWN)
    for destination in _destinations(item):
        item.collected.routes.append(DesignRoute(item.place, table, destination, kind, target))


def _destinations(item: Item) -> Iterator[Block | Outside]:
    given = [name for name in _DESTINATIONS if item.value(name) is not None]
    if len(given) != 1:
        item.say("refuse", f"the route has {len(given)} destinations", "give one destination")
    for name in given[:1]:
        value = item.value(name)
        if name != "DestinationPrefixListId":
            block = block_of(value)
            if block is None:
                item.refuse(name, value, "a block")
            yield Outside(in_words(value)) if block is None else block
            continue
        entries = entries_of(item.collected, value)
        yield from (Outside(in_words(value)),) if entries is None else entries


def _target(item: Item) -> tuple[TargetKind, Link | None]:
    given = [(name, kind, types) for name, kind, types in _TARGETS if item.value(name) is not None]
    gateway = item.value("GatewayId")
    if len(given) + (gateway is not None) != 1:
        found = len(given) + (gateway is not None)
        item.say("refuse", f"the route has {found} targets", "give one target, as AWS requires")
        return "unknown", NOT_KNOWN
    if gateway is not None:
        return _gateway(item, gateway)
    ((name, kind, types),) = given
    value = item.value(name)
    if kind not in _HELD:
        if isinstance(value, Reference):
            item.use(value)
        return kind, Outside(in_words(value))
    link = item.link_of(name, value, *types)
    known = isinstance(value, str) or isinstance(link, Key)
    return (kind if known else "unknown"), link


def _gateway(item: Item, value: Value) -> tuple[TargetKind, Link]:
    """Return the target that GatewayId names: an internet gateway, a VPN gateway, or `local`."""
    if isinstance(value, str):
        kinds = (kind for prefix, kind in _BY_PREFIX if value.startswith(prefix))
        kind = next(kinds, None)
        if kind is not None:
            return kind, Outside(value)
    if isinstance(value, Reference) and not value.attribute and value.type in _BY_TYPE:
        kind = _BY_TYPE[value.type]
        return kind, Key(value.key) if kind == "internet" else Outside(in_words(value))
    item.refuse("GatewayId", value, "the id of an internet gateway or a VPN gateway")
    return "unknown", Outside(in_words(value))
