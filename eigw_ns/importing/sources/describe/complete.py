"""What a set of answers must have so that nothing is guessed: route tables, network ACLs, the gateways of routes."""

from __future__ import annotations

from collections.abc import Iterator

from eigw_ns.importing.design import Design, DesignRoute, Key, Outside
from eigw_ns.importing.messages import Message
from eigw_ns.importing.sources.describe.collected import Collected
from eigw_ns.importing.sources.describe.item import Item
from eigw_ns.importing.sources.describe.kinds import (
    ACL,
    EGRESS_ONLY,
    INTERNET,
    LEFT_OUT,
    ROUTE_TABLE,
    SUBNET,
    VPC,
    Kind,
)


def gaps(collected: Collected, design: Design) -> Iterator[Message]:
    """Yield a refusal for each thing that decides what is reachable and is in no answer."""
    yield from _without_vpc(collected)
    yield from _without_table(collected, design)
    yield from _without_acl(collected, design)
    for route in design.routes:
        yield from _without_gateway(collected, route)


def left_out(collected: Collected) -> Iterator[Message]:
    """Yield a note for each resource that says nothing about who reaches whom."""
    for kind in LEFT_OUT:
        for item in collected[kind].values():
            yield Message("note", item.place, f"the {kind.words} is left out")


def _without_vpc(collected: Collected) -> Iterator[Message]:
    if not collected[VPC] and collected[SUBNET]:
        yield _missing(next(iter(collected[SUBNET].values())), VPC, "no answer has its VPC")


def _without_table(collected: Collected, design: Design) -> Iterator[Message]:
    """Yield a refusal for each subnet without an association whose VPC has no main route table here."""
    associated = {each.subnet for each in design.table_associations}
    mains = {table.vpc for table in design.route_tables if table.main}
    for subnet in design.subnets:
        if subnet.label.key not in associated and subnet.vpc not in mains and isinstance(subnet.vpc, Key):
            item = collected[SUBNET][subnet.label.key.text]
            yield _missing(item, ROUTE_TABLE, "no answer has its route table")


def _without_acl(collected: Collected, design: Design) -> Iterator[Message]:
    associated = {each.subnet for each in design.acl_associations}
    for subnet in design.subnets:
        if subnet.label.key not in associated and isinstance(subnet.vpc, Key):
            item = collected[SUBNET][subnet.label.key.text]
            yield _missing(item, ACL, "no answer has its network ACL")


def _without_gateway(collected: Collected, route: DesignRoute) -> Iterator[Message]:
    """Yield a refusal if no answer has the gateway of a route: they are of two times or Regions, or one is missing."""
    kind = {"egress-only": EGRESS_ONLY, "internet": INTERNET}.get(route.kind)
    if kind is None or not isinstance(route.target, Outside):
        return
    assert isinstance(route.table, Key)
    item = collected[ROUTE_TABLE][route.table.text]
    yield _missing(item, kind, f"a route to {route.destination} names {route.target.text}, which no answer has")


def _missing(item: Item, kind: Kind, what: str) -> Message:
    remedy = f"add the answer of `aws ec2 {kind.command}` of the same time and Region"
    return Message("refuse", item.place, what, remedy, frozenset((item.id,)))
