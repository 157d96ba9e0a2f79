"""Route tables in answers: their routes, and the subnets that use them."""

from __future__ import annotations

from collections.abc import Iterator

from eigw_ns.cloud import ids
from eigw_ns.cloud.model import Block
from eigw_ns.frozen import frozen
from eigw_ns.importing.design import (
    DesignAssociation,
    DesignRoute,
    DesignRouteTable,
    Key,
    Link,
    Outside,
    TargetKind,
)
from eigw_ns.importing.messages import Message
from eigw_ns.importing.sources.describe.collected import Collected
from eigw_ns.importing.sources.describe.item import Item
from eigw_ns.importing.sources.describe.kinds import EGRESS_ONLY, INTERNET, NAT, ROUTE_TABLE, SUBNET, VPC, Kind
from eigw_ns.importing.sources.describe.networks import link

_MEMBERS: tuple[tuple[str, TargetKind], ...] = (
    ("egressOnlyInternetGatewayId", "egress-only"),
    ("natGatewayId", "nat"),
    ("transitGatewayId", "transit-gateway"),
    ("vpcPeeringConnectionId", "peering"),
    ("vpcEndpointId", "endpoint"),
    ("carrierGatewayId", "carrier"),
    ("coreNetworkArn", "core-network"),
    ("localGatewayId", "local-gateway"),
    ("networkInterfaceId", "network-interface"),
    ("instanceId", "instance"),
)
"""The member of a route that names its target. A route to an instance names its interface, too."""

_BY_PREFIX: dict[str, TargetKind] = {
    ids.INTERNET_GATEWAY: "internet",
    ids.EGRESS_ONLY_INTERNET_GATEWAY: "egress-only",
    "vgw": "vpn",
    "vpce": "endpoint",
    "cagw": "carrier",
    "lgw": "local-gateway",
}
"""The kind of a target in `gatewayId`, by the prefix of its id."""

_KINDS: dict[TargetKind, Kind] = {"egress-only": EGRESS_ONLY, "internet": INTERNET, "nat": NAT}
_LOCAL = "local"
_BLACKHOLE = "blackhole"
_DISSOCIATED = ("disassociating", "disassociated", "failed")


@frozen
class Tables:
    """The route tables of a set of answers, and what is said about them."""

    tables: tuple[DesignRouteTable, ...]
    routes: tuple[DesignRoute, ...]
    associations: tuple[DesignAssociation, ...]
    messages: tuple[Message, ...]


def read(collected: Collected) -> Tables:
    """Return the route tables. The routes that AWS adds for the blocks of a VPC are left out."""
    items = collected[ROUTE_TABLE].values()
    found = [each for item in items for each in _routes(collected, item)]
    associated = [each for item in items for each in _associations(collected, item)]
    return Tables(
        tuple(DesignRouteTable(item.label(), _vpc(collected, item), _is_main(item)) for item in items),
        tuple(each for each in found if isinstance(each, DesignRoute)),
        tuple(each for each in associated if isinstance(each, DesignAssociation)),
        tuple(each for each in (*found, *associated) if isinstance(each, Message)),
    )


def _vpc(collected: Collected, item: Item) -> Link:
    return link(collected, VPC, item.text("vpcId"))


def _is_main(item: Item) -> bool:
    return any(each.flag("main") for each in _associated(item))


def _associated(item: Item) -> list[Item]:
    found = item.parts("associations")
    return [each for each in found if each.part("associationState").text("state") not in _DISSOCIATED]


def _associations(collected: Collected, item: Item) -> Iterator[DesignAssociation | Message]:
    for each in _associated(item):
        subnet = each.text("subnetId")
        if subnet:
            yield DesignAssociation(item.place, link(collected, SUBNET, subnet), Key(item.id))
        elif each.text("gatewayId"):
            what = "the association of a route table with a gateway is left out: it sends packets to an appliance"
            yield Message("note", item.place, what, touches=frozenset((item.id,)))


def _routes(collected: Collected, item: Item) -> Iterator[DesignRoute | Message]:
    for each in item.parts("routes"):
        if each.text("gatewayId") != _LOCAL:
            yield _route(collected, item, each)


def _route(collected: Collected, table: Item, item: Item) -> DesignRoute | Message:
    destination = _destination(item)
    kind, target = _target(item)
    if isinstance(destination, Outside) and kind == "endpoint":
        what = f"the route for {destination.text} to a gateway endpoint is left out: it leads to a service of AWS"
        return Message("note", table.place, what, touches=frozenset((table.id,)))
    if item.text("state") == _BLACKHOLE:
        return DesignRoute(table.place, Key(table.id), destination, kind, None)
    of_design = link(collected, _KINDS[kind], target) if kind in _KINDS else Outside(target)
    return DesignRoute(table.place, Key(table.id), destination, kind, of_design)


def _destination(item: Item) -> Block | Outside:
    block = item.ipv6_block("destinationIpv6CidrBlock") or item.ipv4_block("destinationCidrBlock")
    prefix_list = item.text("destinationPrefixListId")
    if block is None and not prefix_list:
        raise item.wrong("destinationIpv6CidrBlock", "given, and the route has no other destination")
    return Outside(prefix_list) if block is None else block


def _target(item: Item) -> tuple[TargetKind, str]:
    """Return the kind of a route's target, and its id or ARN."""
    named = ((kind, item.text(member)) for member, kind in _MEMBERS)
    found = next(((kind, text) for kind, text in named if text), None)
    if found is not None:
        return found
    gateway = item.text("gatewayId")
    return _BY_PREFIX.get(ids.kind_of(gateway) or "", "unknown"), gateway
