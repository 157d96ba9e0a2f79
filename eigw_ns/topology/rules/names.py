"""Names: their form, and that each leads to one thing only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from eigw_ns.cloud import ids
from eigw_ns.cloud.model import BLACKHOLE
from eigw_ns.cloud.nodes import INTERNET, Node, NodeIndex, NodeKind, internet_id
from eigw_ns.cloud.words import shorten
from eigw_ns.topology import forms
from eigw_ns.topology.report import Report, Wrong
from eigw_ns.topology.schema import QuotasFile
from eigw_ns.topology.tree import Path

GATEWAY_SECTIONS = ("egress_only_internet_gateways", "internet_gateways")

_WORDS = {
    ids.VPC: "VPC",
    ids.EGRESS_ONLY_INTERNET_GATEWAY: "egress-only internet gateway",
    ids.INTERNET_GATEWAY: "internet gateway",
    ids.ROUTE_TABLE: "route table",
    ids.NETWORK_ACL: "network ACL",
    ids.SECURITY_GROUP: "security group",
    ids.SUBNET: "subnet",
    ids.INSTANCE: "instance",
    ids.INTERNET_HOST: "internet host",
}
_SECTIONS = {
    "egress_only_internet_gateways": ids.EGRESS_ONLY_INTERNET_GATEWAY,
    "internet_gateways": ids.INTERNET_GATEWAY,
    "route_tables": ids.ROUTE_TABLE,
    "network_acls": ids.NETWORK_ACL,
    "security_groups": ids.SECURITY_GROUP,
    "subnets": ids.SUBNET,
    "instances": ids.INSTANCE,
}
_NODE_KINDS: dict[str, NodeKind] = {
    ids.EGRESS_ONLY_INTERNET_GATEWAY: "egress-only-internet-gateway",
    ids.INTERNET_GATEWAY: "internet-gateway",
    ids.SUBNET: "subnet",
    ids.INSTANCE: "instance",
    ids.INTERNET_HOST: "host",
}


@dataclass(frozen=True, slots=True)
class Declared:
    """A name that the file gives, whether or not what it names is right. `vpc` is None outside of VPCs."""

    path: Path
    kind: str
    name: str
    vpc: str | None
    id: str


def declared(report: Report, lab: str) -> tuple[Declared, ...]:
    """Everything that the file names, in file order."""
    return tuple(sorted(_declared(report, lab), key=lambda thing: report.line(thing.path)))


def _declared(report: Report, lab: str) -> Iterator[Declared]:
    top: tuple[tuple[Path, str], ...] = (
        (("vpcs",), ids.VPC),
        (("internet_gateways",), ids.INTERNET_GATEWAY),
        (("internet", "hosts"), ids.INTERNET_HOST),
    )
    for place, kind in top:
        for name in report.names(place):
            yield Declared((*place, name), kind, name, None, ids.make_id(kind, lab, name))
    for vpc in report.names(("vpcs",)):
        for section, kind in _SECTIONS.items():
            place = ("vpcs", vpc, section)
            for name in report.names(place):
                yield Declared((*place, name), kind, name, vpc, ids.make_id(kind, lab, vpc, name))


def declared_nodes(things: tuple[Declared, ...], lab: str) -> NodeIndex:
    """The nodes that the file names, and the internet."""
    nodes = [Node(internet_id(lab), "internet", INTERNET, INTERNET)]
    for thing in things:
        if thing.vpc is not None or thing.kind == ids.INTERNET_HOST:
            kind = _NODE_KINDS.get(thing.kind)
            if kind is not None:
                nodes.append(Node(thing.id, kind, thing.name, f"{thing.vpc or INTERNET}/{thing.name}"))
    return NodeIndex(nodes)


def check(report: Report, things: tuple[Declared, ...], quotas: QuotasFile) -> None:
    """The form of all names, one node a name in each VPC, one resource an id, no gateway too many in a VPC."""
    nodes: dict[tuple[str, str], Declared] = {}
    gateways: dict[tuple[str, str], list[Declared]] = {}
    most = {ids.EGRESS_ONLY_INTERNET_GATEWAY: quotas.egress_only_internet_gateways_per_vpc, ids.INTERNET_GATEWAY: 1}
    by_id: dict[str, Declared] = {}
    for thing in things:
        _check_form(report, thing)
        twin = by_id.setdefault(thing.id, thing)
        if twin is not thing:
            problem = f"the id {thing.id} is that of {_place(report, twin)} already"
            report.add(thing.path, problem, "give it a name of its own", value="")
        if thing.vpc is None or thing.kind not in _NODE_KINDS:
            continue
        if (other := nodes.setdefault((thing.vpc, thing.name), thing)) is not thing and twin is thing:
            problem = f"{shorten(thing.name)} would be ambiguous: it names {_place(report, other)} already"
            report.add(thing.path, problem, "give one of them another name", value="")
        if thing.kind in most:
            beside = gateways.setdefault((thing.vpc, thing.kind), [])
            if len(beside) >= most[thing.kind]:
                all_there_is = _counted(most[thing.kind], _WORDS[thing.kind])
                problem = f"a VPC has {all_there_is} at most, and this is beside {_place(report, beside[0])}"
                report.add(thing.path, problem, "remove one of them", value="")
            beside.append(thing)


def _counted(number: int, word: str) -> str:
    return f"one {word}" if number == 1 else f"{number} {word}s"


def _place(report: Report, thing: Declared) -> str:
    return f"the {_WORDS[thing.kind]} on line {report.line(thing.path)}"


def _check_form(report: Report, thing: Declared) -> None:
    try:
        forms.name(thing.name)
        _check_reserved(thing)
    except Wrong as wrong:
        report.add(thing.path, wrong.problem, wrong.remedy, value=thing.name or '""')


def _check_reserved(thing: Declared) -> None:
    word = _WORDS[thing.kind]
    if thing.name == INTERNET and thing.kind in (ids.VPC, *_NODE_KINDS):
        raise Wrong("the name is kept for the internet itself", "write another name")
    if thing.name == BLACKHOLE and thing.kind in (ids.EGRESS_ONLY_INTERNET_GATEWAY, ids.INTERNET_GATEWAY):
        raise Wrong("the name is kept for routes that lead nowhere", "write another name")
    other = _WORDS.get(ids.kind_of(thing.name) or "", word)
    if other != word:
        raise Wrong(f"the name of this {word} has the form of an id ({other})", "write another name")
    if thing.kind == ids.SECURITY_GROUP and thing.name.startswith("sg-") and ids.kind_of(thing.name) is None:
        raise Wrong("AWS keeps names of security groups that begin with sg- to ids", f"write {thing.name[3:]}")
