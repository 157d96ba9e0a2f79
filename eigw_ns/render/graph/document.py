"""The document of a diagram: what a lab holds, in the order in which every form of the diagram draws it.

The order prevents lines from crossing. Subnets are sorted by the gateway that their `::/0` leads to, egress-only
gateways first; then come subnets that only narrower routes lead out of, then those with blackholes, then the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv6Network
from typing import Literal

from eigw_ns.cloud.filtering import EVERYWHERE, network_acl, security_groups
from eigw_ns.cloud.list_references import expanded
from eigw_ns.cloud.model import BLACKHOLE, UNKNOWN, Cloud, Instance, Route, RouteTable, Subnet, Vpc
from eigw_ns.cloud.routing import RouteState, effective_route_table, route_state, target_gateway
from eigw_ns.cloud.tag_names import named_by_tags
from eigw_ns.frozen import frozen

GatewayKind = Literal["egress-only", "internet"]

KIND_WORDS: Mapping[GatewayKind, str] = {
    "egress-only": "egress-only internet gateway",
    "internet": "internet gateway",
}


@frozen
class Replica:
    """A replica of an egress-only gateway. `in_service` and `flows` are None if nobody has looked at the kernel."""

    number: int
    in_service: bool | None = None
    flows: int | None = None


@frozen
class GraphGateway:
    """A gateway that is attached to a VPC. An internet gateway has no replicas.

    `refused` is how many packets of the internet it has refused; None if nobody has looked at the kernel.
    """

    id: str
    name: str
    kind: GatewayKind
    replicas: tuple[Replica, ...] = ()
    refused: int | None = None


@frozen
class GraphRoute:
    """A route for IPv6. `gateway_id` is the gateway that it leads to; None if it drops packets.

    `target` names the target for people. `state` is AWS's: a route to a target that moves no packet, such as a NAT
    gateway, is active and drops packets.
    """

    destination: IPv6Network
    target_id: str
    target: str
    state: RouteState
    gateway_id: str | None = None

    @property
    def end(self) -> str:
        """What a diagram writes at the end of a route that drops packets; "" for a route to a gateway."""
        if self.gateway_id:
            return ""
        if self.target_id == UNKNOWN:
            return "unknown target"
        return "blackhole" if self.state == "blackhole" else "dropped"

    @property
    def why(self) -> str:
        """Why the route drops packets, in a few words; "" if the word `end` says everything."""
        if self.end == "dropped":
            return f"{self.target} moves no packet"
        return f"{self.target} is gone" if self.end and self.target_id not in (BLACKHOLE, UNKNOWN) else ""


@frozen
class GraphTable:
    """The route table that a subnet uses. `explicit` tells that the subnet is associated with it."""

    id: str
    name: str
    main: bool
    explicit: bool
    routes: tuple[GraphRoute, ...]


@frozen
class GraphInstance:
    """An instance. `address` is None if it has no link: it is stopped, or has no IPv6 address."""

    id: str
    name: str
    address: str | None
    groups: tuple[str, ...]
    state: str


@frozen
class GraphSubnet:
    """A subnet with what is in it. `cidr` is its IPv6 block; of a subnet without one, the IPv4 block, and no route."""

    id: str
    name: str
    cidr: str
    has_ipv6: bool
    acl: str
    table: GraphTable
    instances: tuple[GraphInstance, ...]


@frozen
class GraphVpc:
    """A VPC. `cidrs` are its IPv6 blocks; if it has none, its IPv4 blocks."""

    id: str
    name: str
    cidrs: tuple[str, ...]
    subnets: tuple[GraphSubnet, ...]
    gateways: tuple[GraphGateway, ...]


@frozen
class GraphHost:
    """A machine on the internet."""

    id: str
    name: str
    address: str


@frozen
class Document:
    """A lab as a diagram shows it."""

    lab: str
    vpcs: tuple[GraphVpc, ...]
    hosts: tuple[GraphHost, ...]


def document(
    cloud: Cloud, replicas: Mapping[str, tuple[Replica, ...]] | None = None, refused: Mapping[str, int] | None = None
) -> Document:
    """Return the document of a cloud. `replicas` and `refused` are what the kernel says, by the ids of gateways."""
    cloud = expanded(named_by_tags(cloud))
    named = sorted(cloud.vpcs.values(), key=lambda each: each.name)
    vpcs = (_vpc(cloud, vpc, replicas or {}, refused or {}) for vpc in named)
    hosts = sorted(cloud.hosts.values(), key=lambda each: each.name)
    return Document(
        cloud.lab, tuple(vpcs), tuple(GraphHost(each.id, each.name, str(each.ipv6_address)) for each in hosts)
    )


def _vpc(cloud: Cloud, vpc: Vpc, replicas: Mapping[str, tuple[Replica, ...]], refused: Mapping[str, int]) -> GraphVpc:
    gateways = tuple(_gateways(cloud, vpc, replicas, refused))
    places = {gateway.id: place for place, gateway in enumerate(gateways)}
    subnets = (_subnet(cloud, each, places) for each in cloud.subnets.values() if each.vpc_id == vpc.id)
    ordered = sorted(subnets, key=lambda each: (_group(each, places), each.table.name, each.name, each.id))
    return GraphVpc(
        vpc.id, vpc.name, tuple(map(str, vpc.ipv6_cidr_blocks or vpc.cidr_blocks)), tuple(ordered), gateways
    )


def _gateways(
    cloud: Cloud, vpc: Vpc, replicas: Mapping[str, tuple[Replica, ...]], refused: Mapping[str, int]
) -> Iterator[GraphGateway]:
    own = (each for each in cloud.egress_only_internet_gateways.values() if each.vpc_id == vpc.id)
    for eigw in sorted(own, key=lambda each: (each.name, each.id)):
        numbers = range(1, eigw.replicas + 1)
        seen = replicas.get(eigw.id) or tuple(map(Replica, numbers))
        yield GraphGateway(eigw.id, eigw.name, "egress-only", seen, refused.get(eigw.id))
    attached = (each for each in cloud.internet_gateways.values() if each.vpc_id == vpc.id)
    for igw in sorted(attached, key=lambda each: (each.name, each.id)):
        yield GraphGateway(igw.id, igw.name, "internet")


def _subnet(cloud: Cloud, subnet: Subnet, places: Mapping[str, int]) -> GraphSubnet:
    table = effective_route_table(cloud, subnet)
    has_ipv6 = subnet.ipv6_association is not None
    routes = (_route(cloud, table, each) for each in table.routes) if has_ipv6 else ()
    ordered = sorted(routes, key=lambda each: _place_in_strip(each, places))
    inside = (each for each in cloud.instances.values() if each.subnet_id == subnet.id)
    return GraphSubnet(
        subnet.id,
        subnet.name,
        str(subnet.ipv6_cidr_block if has_ipv6 else subnet.cidr_block),
        has_ipv6,
        network_acl(cloud, subnet).name,
        GraphTable(table.id, table.name, table.main, subnet.route_table_id is not None, tuple(ordered)),
        tuple(_instance(cloud, each) for each in sorted(inside, key=lambda each: each.name)),
    )


def _route(cloud: Cloud, table: RouteTable, route: Route) -> GraphRoute:
    gateway = target_gateway(cloud, table, route)
    named = gateway or cloud.nat_gateways.get(route.target_id) or cloud.instances.get(route.target_id)
    return GraphRoute(
        route.destination,
        route.target_id,
        named.name if named else route.target_id,
        route_state(cloud, table, route),
        gateway.id if gateway else None,
    )


def _instance(cloud: Cloud, instance: Instance) -> GraphInstance:
    groups = tuple(group.name for group in security_groups(cloud, instance))
    address = str(instance.ipv6_address) if instance.ipv6_address and instance.state == "running" else None
    return GraphInstance(instance.id, instance.name, address, groups, instance.state)


def _place_in_strip(route: GraphRoute, places: Mapping[str, int]) -> tuple[int, int, int, IPv6Network]:
    """Return what sorts the routes of a table: by gateway, then those that drop packets, the narrowest first."""
    group = (0, places[route.gateway_id]) if route.gateway_id else (1 if route.end == "dropped" else 2, 0)
    return *group, -route.destination.prefixlen, route.destination


def _group(subnet: GraphSubnet, places: Mapping[str, int]) -> tuple[int, ...]:
    """Return the group of the subnet, by the gateway of its `::/0`, and its place there.

    Subnets that also have routes to gateways further up or down are at that end of their group.
    """
    led = {route.destination: places[route.gateway_id] for route in subnet.table.routes if route.gateway_id}
    if led:
        first, last = min(led.values()), max(led.values())
        return (0, led[EVERYWHERE], first, last) if EVERYWHERE in led else (1, first, last)
    return (2,) if subnet.table.routes else (3,)
