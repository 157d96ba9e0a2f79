"""Route tables, their routes and associations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

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
from eigw_ns.importing.sources.terraform.body import Body
from eigw_ns.importing.sources.terraform.defaults import Default, Defaults, defaults, label_of
from eigw_ns.importing.sources.terraform.invented import VPCS
from eigw_ns.importing.sources.terraform.links import Sort
from eigw_ns.importing.sources.terraform.order import rank_of_route
from eigw_ns.importing.sources.terraform.prefix_lists import PrefixLists
from eigw_ns.importing.sources.terraform.resources import Resource
from eigw_ns.importing.sources.terraform.state import State

TABLES = ("aws_route_table", "aws_default_route_table")

TARGETS: tuple[tuple[str, TargetKind, Sort | None], ...] = (
    ("egress_only_gateway_id", "egress-only", "egress-only"),
    ("nat_gateway_id", "nat", "nat"),
    ("transit_gateway_id", "transit-gateway", None),
    ("vpc_endpoint_id", "endpoint", "endpoint"),
    ("vpc_peering_connection_id", "peering", None),
    ("carrier_gateway_id", "carrier", None),
    ("core_network_arn", "core-network", None),
    ("local_gateway_id", "local-gateway", None),
    ("odb_network_arn", "unknown", None),
    ("network_interface_id", "network-interface", "interface"),
    ("instance_id", "instance", "instance"),
)
"""Arguments of a route that name its target. The last two come last: for other targets a mock invents their values."""

_GATEWAYS: tuple[tuple[Sort, TargetKind, tuple[str, str]], ...] = (
    ("internet", "internet", ("igw-", "aws_internet_gateway")),
    ("vpn", "vpn", ("vgw-", "aws_vpn_gateway")),
    ("endpoint", "endpoint", ("vpce-", "aws_vpc_endpoint")),
)
"""What `gateway_id` can mean, and how the id or the data source of one outside begins."""


@frozen
class Tables:
    """The route tables of a state with what belongs to them."""

    tables: tuple[DesignRouteTable, ...]
    routes: tuple[DesignRoute, ...]
    associations: tuple[DesignAssociation, ...]


def tables(state: State, lists: PrefixLists) -> Tables:
    """Return the route tables, with those main ones that no resource manages and that something names."""
    mains = defaults(state, "table", "aws_default_route_table", "default_route_table_id", "main_route_table_id")
    routes = tuple(_without_doubles(state, [*_separate(state, mains, lists), *_inline(state, mains, lists)]))
    associations = tuple(_associations(state, mains))
    chosen = _chosen_mains(state, mains)
    named = {link for link in (*(each.table for each in routes), *(each.to for each in associations), *chosen.values())
             if isinstance(link, Key)}  # fmt: skip
    managed = (_table(state, mains, chosen, each) for each in state.of(*TABLES))
    implicit = (_implicit(each, chosen) for each in mains.used(named))
    return Tables((*managed, *implicit), routes, associations)


def _table(state: State, mains: Defaults, chosen: dict[Key, Link], resource: Resource) -> DesignRouteTable:
    vpc = mains.vpc_of(resource.key)
    link = vpc or state.links.link("vpc", resource.body.text("vpc_id"))
    if resource.body.texts("propagating_vgws"):
        state.say("note", resource, "routes that a virtual private gateway propagates are left out")
    main = isinstance(link, Key) and _main_of(link, mains, chosen) == resource.key
    return DesignRouteTable(resource.label(), link, main)


def _main_of(vpc: Key, mains: Defaults, chosen: dict[Key, Link]) -> Link | None:
    default = mains.by_vpc.get(vpc)
    return chosen.get(vpc, default.key if default else None)


def _implicit(default: Default, chosen: dict[Key, Link]) -> DesignRouteTable:
    main = chosen.get(default.vpc.key, default.key) == default.key
    return DesignRouteTable(label_of(default, "main"), default.vpc.key, main)


def _chosen_mains(state: State, mains: Defaults) -> dict[Key, Link]:
    """Return the table that the design made the main one of a VPC, instead of its default."""
    found: dict[Key, Link] = {
        vpc.key: known
        for vpc in state.of(*VPCS)
        if (known := state.links.known("table", vpc.body.text("main_route_table_id"))) is not None
    }
    for each in state.of("aws_main_route_table_association"):
        vpc = state.links.known("vpc", each.body.text("vpc_id"))
        table = mains.link(each.body.text("route_table_id"))
        if vpc is None or not isinstance(table, Key):
            state.say(
                "refuse", each, "its VPC or its route table is not in the state", _IMPORT_TOGETHER, *filter(None, [vpc])
            )
        else:
            found[vpc] = table
    return found


_IMPORT_TOGETHER = "import the source that holds it, or a directory of describe answers"


def _separate(state: State, mains: Defaults, lists: PrefixLists) -> Iterator[tuple[Resource, DesignRoute]]:
    for each in state.of("aws_route"):
        table = mains.link(each.body.text("route_table_id"))
        yield from ((each, route) for route in _routes(state, each, each.body, table, lists, "destination_"))


def _inline(state: State, mains: Defaults, lists: PrefixLists) -> Iterator[tuple[Resource, DesignRoute]]:
    for each in state.of(*TABLES):
        found = (_routes(state, each, body, each.key, lists, "") for body in each.body.bodies("route"))
        yield from ((each, route) for route in sorted(chain.from_iterable(found), key=rank_of_route))


def _routes(
    state: State, resource: Resource, body: Body, table: Link, lists: PrefixLists, prefix: str
) -> Iterator[DesignRoute]:
    kind, target = target_of(state, body)
    for destination in _destinations(state, resource, body, lists, prefix):
        yield DesignRoute(resource.place, table, destination, kind, target)


def _destinations(
    state: State, resource: Resource, body: Body, lists: PrefixLists, prefix: str
) -> Iterator[Block | Outside]:
    for name in (f"{prefix}cidr_block", f"{prefix}ipv6_cidr_block"):
        block = body.block(name)
        placed = state.placed(resource, block) if block is not None else None
        if placed is not None:
            yield placed
    if text := body.text("destination_prefix_list_id"):
        yield from lists.entries(state, resource, text)


def target_of(state: State, body: Body) -> tuple[TargetKind, Link | None]:
    """Return the target of a route. One without a target drops packets."""
    if text := body.text("gateway_id"):
        return _gateway(state, text)
    for name, kind, sort in TARGETS:
        if text := body.text(name):
            return kind, state.links.link(sort, text) if sort is not None else state.links.outside(text)
    return "unknown", None


def _gateway(state: State, text: str) -> tuple[TargetKind, Link]:
    if text == "local":
        return "local", Outside(text)
    for sort, kind, _ in _GATEWAYS:
        if (known := state.links.known(sort, text)) is not None:
            return kind, known
    outside = state.links.outside(text)
    words = outside.text.removeprefix("data.")
    return next((kind for _, kind, starts in _GATEWAYS if _begins(words, starts)), "unknown"), outside


def _begins(words: str, starts: tuple[str, str]) -> bool:
    return words.startswith(starts[0]) or starts[1] in words.split(".")


def _without_doubles(state: State, found: Iterable[tuple[Resource, DesignRoute]]) -> Iterator[DesignRoute]:
    """Yield each route once. After a refresh, a table lists routes that are resources of their own, too."""
    seen: dict[tuple[Link, Block | Outside], DesignRoute] = {}
    for resource, route in found:
        first = seen.setdefault((route.table, route.destination), route)
        if first is route:
            yield route
        elif (first.kind, first.target) != (route.kind, route.target) and not isinstance(route.destination, Outside):
            what = f"its route to {route.destination} differs from that of {first.place}"
            keys = [link for link in (route.table,) if isinstance(link, Key)]
            state.say("refuse", resource, what, "refresh the state with `terraform apply -refresh-only`", *keys)


def _associations(state: State, mains: Defaults) -> Iterator[DesignAssociation]:
    for each in state.of("aws_route_table_association"):
        if each.body.text("gateway_id"):
            state.say("note", each, "the route table of a gateway is left out: it routes what comes in")
            continue
        subnet = state.links.link("subnet", each.body.text("subnet_id"))
        yield DesignAssociation(each.place, subnet, mains.link(each.body.text("route_table_id")))
