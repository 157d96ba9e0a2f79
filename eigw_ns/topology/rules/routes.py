"""Rules for route tables, their routes, and their association with subnets."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import IPv6Network
from itertools import chain, count

from eigw_ns.cloud import ids
from eigw_ns.cloud.aws_words import lacking_id
from eigw_ns.cloud.model import BLACKHOLE, UNKNOWN, Block
from eigw_ns.cloud.routing import ROUTE_TARGETS
from eigw_ns.cloud.words import did_you_mean, shorten
from eigw_ns.topology import forms
from eigw_ns.topology.report import MistakeReport
from eigw_ns.topology.rules.blocks import VpcBlocks
from eigw_ns.topology.rules.names import GATEWAY_SECTIONS, Declared
from eigw_ns.topology.rules.prefix_lists import Lists, names_a_list, unroutable
from eigw_ns.topology.schema import LabFile, RouteFile, VpcFile
from eigw_ns.topology.tree import Path

_FEW = 4
_GATEWAYS = (ids.EGRESS_ONLY_INTERNET_GATEWAY, ids.INTERNET_GATEWAY, ids.NAT_GATEWAY)
_OF_ONE_VPC = (ids.EGRESS_ONLY_INTERNET_GATEWAY, ids.NAT_GATEWAY)
_TARGETS = (*_GATEWAYS, *ROUTE_TARGETS)


def check(file: LabFile, report: MistakeReport, of_vpcs: VpcBlocks, things: tuple[Declared, ...], lists: Lists) -> None:
    """Check that AWS would accept every route, that a VPC has one main table, and that associated tables exist."""
    owners = {thing.id: thing.vpc for thing in things if thing.kind in _GATEWAYS}
    for name, vpc in file.vpcs.items():
        _check_main(vpc, report, name)
        known = dict.fromkeys(report.names(("vpcs", name, "route_tables")))
        for subnet, body in vpc.subnets.items():
            path: Path = ("vpcs", name, "subnets", subnet, "route_table")
            if body.route_table is not None and body.route_table not in known:
                report.add_unknown(path, "route table", body.route_table, known)
        egress_only = set(report.names(("vpcs", name, "egress_only_internet_gateways")))
        for table, contents in vpc.route_tables.items():
            place: Path = ("vpcs", name, "route_tables", table)
            _check_destinations(contents.routes, report, place, of_vpcs[name], lists)
            for index, route in enumerate(contents.routes):
                target: Path = ("vpcs", name, "route_tables", table, "routes", index, "target")
                if report.is_clean(target):
                    _check_target(route.target, report, target, name, owners)
                    if report.is_clean((*target[:-1], "destination")):
                        _check_family(route, report, target, egress_only, lists)


def main_table_name(tables: dict[str, object]) -> str:
    """Return a name for the main route table of a VPC that declares none."""
    names = chain(("main", "default-main"), (f"default-main-{number}" for number in count(2)))
    return next(name for name in names if name not in tables)


def _check_main(vpc: VpcFile, report: MistakeReport, vpc_name: str) -> None:
    mains = [name for name, table in vpc.route_tables.items() if table.main]
    for name in mains[1:]:
        first = report.line(("vpcs", vpc_name, "route_tables", mains[0], "main"))
        problem = f"a VPC can have only one main route table; the first is on line {first}"
        report.add(("vpcs", vpc_name, "route_tables", name, "main"), problem, "remove one `main: true`")


def _check_destinations(
    routes: list[RouteFile], report: MistakeReport, table: Path, of_vpc: tuple[IPv6Network, ...], lists: Lists
) -> None:
    owners: dict[Block | str, Path] = {}
    for index, route in enumerate(routes):
        path = (*table, "routes", index, "destination")
        destination: Block | str | None
        if names_a_list(route.destination):
            destination = _prefix_list(route.destination, report, path, of_vpc, lists)
        else:
            destination = report.attempt(path, forms.destination, route.destination)
        if destination is None:
            continue
        for block in of_vpc:
            if isinstance(destination, IPv6Network) and destination.subnet_of(block):
                problem = f"the local route covers the block of the VPC, {block}, and every block in it"
                report.add(path, problem, "remove the route")
        owner = owners.setdefault(destination, path)
        if owner != path:
            problem = f"the table already has a route to {destination}, on line {report.line(owner)}"
            report.add(path, problem, "remove one of them")


def _prefix_list(
    name: str, report: MistakeReport, path: Path, of_vpc: tuple[IPv6Network, ...], lists: Lists
) -> str | None:
    """Return the name of the prefix list that is the destination; None if there is a mistake."""
    if not report.is_clean(path):
        return None
    if name not in lists:
        problem = "a destination must be an IPv6 prefix or the name of a prefix list"
        report.add(path, problem, did_you_mean(name, lists) or "write one such as 2001:db8:80::/48")
        return None
    if problem := unroutable(lists[name], of_vpc):
        report.add(path, problem, "remove the entry or the route")
        return None
    return name


def _check_target(text: str, report: MistakeReport, path: Path, vpc: str, owners: dict[str, str | None]) -> None:
    """Check that the target is a gateway of the VPC, `blackhole`, `unknown`, or a gateway id.

    An unknown id is valid: the gateway was deleted, and the route is a blackhole. The id of an internet gateway in
    another VPC is valid too: it was detached and attached there, and can be moved back.
    """
    known = [name for section in GATEWAY_SECTIONS for name in report.names(("vpcs", vpc, section))]
    if text in (BLACKHOLE, UNKNOWN) or text in known:
        return
    if ids.kind_of(text) not in _TARGETS:
        if told := lacking_id(text):
            report.add(path, "a route cannot lead to this kind of resource", told)
            return
        listed = f"write {' or '.join(map(shorten, known[:_FEW]))}" if known else "declare a gateway"
        otherwise = f"{listed}, or write {BLACKHOLE} for a route that drops packets"
        similar = did_you_mean(text, (*known, BLACKHOLE, UNKNOWN))
        report.add(path, "no gateway of the VPC has this name", similar or otherwise)
        return
    owner = owners.get(text)
    if owner is not None and owner != vpc and ids.kind_of(text) in _OF_ONE_VPC:
        problem = f"route table and gateway belong to different networks: the gateway is in {shorten(owner)}"
        report.add(path, problem, f"write a gateway of {shorten(vpc)}")


def _check_family(
    route: RouteFile, report: MistakeReport, path: Path, egress_only: Collection[str], lists: Lists
) -> None:
    """Check that no IPv4 route leads to an egress-only internet gateway, which is IPv6-only."""
    leads = route.target in egress_only or ids.kind_of(route.target) == ids.EGRESS_ONLY_INTERNET_GATEWAY
    listed = lists.get(route.destination)
    if leads and listed is not None and listed.ip_version == 4:
        report.add(path, "an egress-only internet gateway does not forward IPv4", "write the name of an IPv6 list")
    elif leads and listed is None and ":" not in route.destination:
        remedy = f"write {'::/0' if route.destination.endswith('/0') else 'an IPv6 prefix'} as the destination"
        report.add(path, "an egress-only internet gateway does not forward IPv4", remedy)
