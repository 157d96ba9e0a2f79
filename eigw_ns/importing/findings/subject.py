"""A subnet under judgement: its class, what it is meant for, what reaches it, and the places that decide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from eigw_ns.cloud.model import Cloud, RouteTable
from eigw_ns.cloud.routing import effective_route_table
from eigw_ns.cloud.subnet_class import SubnetClass, deciding_ipv4_routes, deciding_ipv6_routes, subnet_classes
from eigw_ns.frozen import frozen
from eigw_ns.importing.design import Design, Key
from eigw_ns.importing.intent import Intent
from eigw_ns.importing.messages import Place
from eigw_ns.importing.resolve.imported import Import, ImportedSubnet
from eigw_ns.importing.resolve.index import Index

Answer = Literal["open", "closed", "unproven"]
"""What became of connections. `unproven`: no packet was sent, or it proves nothing."""


@frozen
class Reach:
    """Whether the internet can begin connections to a subnet, and the subnet to the internet, over IPv6."""

    inbound: Answer = "unproven"
    outbound: Answer = "unproven"


@frozen
class Subject:
    """A subnet whose class is known. `ipv6_place` and `ipv4_place` decide about it: a route, or what has none.

    `idle_gateway` is the address of an egress-only gateway of the VPC that no route uses.
    """

    imported: ImportedSubnet
    found: SubnetClass
    reach: Reach
    ipv6_place: Place
    ipv4_place: Place
    idle_gateway: str | None = None

    @property
    def intent(self) -> Intent | None:
        """What the subnet is meant for."""
        return self.imported.intent


def subjects(design: Design, imported: Import, reach: Mapping[str, Reach]) -> tuple[Subject, ...]:
    """Return the subnets of the lab that no refusal touches. `reach` is by the id of the subnet in the lab."""
    if imported.topology is None:
        return ()
    cloud, index = imported.topology.cloud, Index(design)
    classes = subnet_classes(cloud)
    known = [each for each in imported.subnets if not each.unknown and each.id in classes]
    return tuple(
        Subject(each, classes[each.id], reach.get(each.id, Reach()), *_places(design, index, cloud, each), idle)
        for each in known
        for idle in (_idle_gateway(design, index, each),)
    )


def _places(design: Design, index: Index, cloud: Cloud, each: ImportedSubnet) -> tuple[Place, Place]:
    table = effective_route_table(cloud, cloud.subnets[each.id])
    return _ipv6_place(design, index, cloud, each, table), _ipv4_place(design, index, cloud, each, table)


def _ipv6_place(design: Design, index: Index, cloud: Cloud, each: ImportedSubnet, table: RouteTable) -> Place:
    deciding = [str(found.route.destination) for found in deciding_ipv6_routes(cloud, table)]
    return _place(design, index, each, deciding)


def _ipv4_place(design: Design, index: Index, cloud: Cloud, each: ImportedSubnet, table: RouteTable) -> Place:
    deciding = [str(found.route.destination) for found in deciding_ipv4_routes(cloud, table)]
    return _place(design, index, each, deciding)


def _place(design: Design, index: Index, each: ImportedSubnet, deciding: list[str]) -> Place:
    """Return the place of the first deciding route; without one, that of the association, the table, or the subnet."""
    subnet, label = each.design.label.key, each.design.label
    table = _table(index, subnet)
    routes = {str(route.destination): route.place for route in design.routes if route.table == table}
    association = index.table_of.get(subnet)
    fallback = association.place if association else index.tables[table].label.place if table else label.place
    return next((routes[destination] for destination in deciding if destination in routes), fallback)


def _table(index: Index, subnet: Key) -> Key | None:
    return next((key for key, table in index.tables.items() if index.uses(subnet, table)), None)


def _idle_gateway(design: Design, index: Index, each: ImportedSubnet) -> str | None:
    vpc = index.vpc_of(each.design.label.key)
    used = {route.target for route in design.routes}
    own = (gateway for gateway in design.gateways if gateway.kind == "egress-only" and gateway.vpc == vpc)
    return next((gateway.label.place.address for gateway in own if gateway.label.key not in used), None)
