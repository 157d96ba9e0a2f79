"""Rules for names: their form, and that each name means exactly one resource."""

from __future__ import annotations

from collections.abc import Iterator

from eigw_ns.cloud import ids
from eigw_ns.cloud.model import BLACKHOLE, UNKNOWN
from eigw_ns.cloud.nodes import INTERNET, Node, NodeIndex, NodeKind, internet_id
from eigw_ns.cloud.words import shorten
from eigw_ns.frozen import frozen
from eigw_ns.topology import forms
from eigw_ns.topology.invalid_value import InvalidValue
from eigw_ns.topology.report import MistakeReport
from eigw_ns.topology.schema import QuotasFile
from eigw_ns.topology.tree import Path

GATEWAY_SECTIONS = ("egress_only_internet_gateways", "internet_gateways", "nat_gateways")

DEFAULT_DHCP_OPTIONS = "default"
"""AWS's word for the DHCP options of the Region."""

_WORDS = {
    ids.VPC: "VPC",
    ids.EGRESS_ONLY_INTERNET_GATEWAY: "egress-only internet gateway",
    ids.INTERNET_GATEWAY: "internet gateway",
    ids.ROUTE_TABLE: "route table",
    ids.NETWORK_ACL: "network ACL",
    ids.SECURITY_GROUP: "security group",
    ids.SUBNET: "subnet",
    ids.INSTANCE: "instance",
    ids.NETWORK_INTERFACE: "network interface",
    ids.NAT_GATEWAY: "NAT gateway",
    ids.FLOW_LOG: "flow log",
    ids.ELASTIC_IP: "elastic IP address",
    ids.DHCP_OPTIONS: "set of DHCP options",
    ids.PREFIX_LIST: "prefix list",
    ids.INTERNET_HOST: "internet host",
}
_SECTIONS = {
    "egress_only_internet_gateways": ids.EGRESS_ONLY_INTERNET_GATEWAY,
    "internet_gateways": ids.INTERNET_GATEWAY,
    "nat_gateways": ids.NAT_GATEWAY,
    "route_tables": ids.ROUTE_TABLE,
    "network_acls": ids.NETWORK_ACL,
    "security_groups": ids.SECURITY_GROUP,
    "subnets": ids.SUBNET,
    "instances": ids.INSTANCE,
    "network_interfaces": ids.NETWORK_INTERFACE,
    "flow_logs": ids.FLOW_LOG,
}
_NODE_KINDS: dict[str, NodeKind] = {
    ids.EGRESS_ONLY_INTERNET_GATEWAY: "egress-only-internet-gateway",
    ids.INTERNET_GATEWAY: "internet-gateway",
    ids.SUBNET: "subnet",
    ids.INSTANCE: "instance",
    ids.INTERNET_HOST: "host",
}
_GATEWAYS = (ids.EGRESS_ONLY_INTERNET_GATEWAY, ids.INTERNET_GATEWAY, ids.NAT_GATEWAY)
_NAMED_ONCE = frozenset({*_NODE_KINDS, ids.NAT_GATEWAY})
"""The kinds of which a VPC has one of each name: nodes, and targets of routes."""


@frozen
class Declared:
    """A resource that the file names, also if the rest of it has mistakes. `vpc` is None outside of VPCs."""

    path: Path
    kind: str
    name: str
    vpc: str | None
    id: str


def declared(report: MistakeReport, lab: str) -> tuple[Declared, ...]:
    """Return every resource that the file names, in file order."""
    return tuple(sorted(_declared(report, lab), key=lambda thing: report.line(thing.path)))


def _declared(report: MistakeReport, lab: str) -> Iterator[Declared]:
    top: tuple[tuple[Path, str], ...] = (
        (("vpcs",), ids.VPC),
        (("internet_gateways",), ids.INTERNET_GATEWAY),
        (("elastic_ips",), ids.ELASTIC_IP),
        (("dhcp_options",), ids.DHCP_OPTIONS),
        (("prefix_lists",), ids.PREFIX_LIST),
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
    """Return an index of the nodes that the file names, and of the internet."""
    nodes = [Node(internet_id(lab), "internet", INTERNET, INTERNET)]
    for thing in things:
        if thing.vpc is not None or thing.kind == ids.INTERNET_HOST:
            kind = _NODE_KINDS.get(thing.kind)
            if kind is not None:
                nodes.append(Node(thing.id, kind, thing.name, f"{thing.vpc or INTERNET}/{thing.name}"))
    return NodeIndex(nodes, by_id=False)


def check(report: MistakeReport, things: tuple[Declared, ...], quotas: QuotasFile) -> None:
    """Check the form of all names, and that names and ids are unique.

    A name means one node in each VPC, and an id one resource. A VPC must not have too many gateways.
    """
    nodes: dict[tuple[str, str], Declared] = {}
    gateways: dict[tuple[str, str], list[Declared]] = {}
    most = {ids.EGRESS_ONLY_INTERNET_GATEWAY: quotas.egress_only_internet_gateways_per_vpc, ids.INTERNET_GATEWAY: 1}
    by_id: dict[str, Declared] = {}
    for thing in things:
        _check_form(report, thing)
        same_id = by_id.setdefault(thing.id, thing)
        if same_id is not thing:
            problem = f"{_place(report, same_id)} already has the id {thing.id}"
            report.add(thing.path, problem, "give it another name", value="")
        if thing.vpc is None or thing.kind not in _NAMED_ONCE:
            continue
        if (other := nodes.setdefault((thing.vpc, thing.name), thing)) is not thing and same_id is thing:
            problem = f"{shorten(thing.name)} is ambiguous: {_place(report, other)} has the same name"
            report.add(thing.path, problem, "give one of them another name", value="")
        if thing.kind in most:
            earlier = gateways.setdefault((thing.vpc, thing.kind), [])
            if len(earlier) >= most[thing.kind]:
                counted = _counted(most[thing.kind], _WORDS[thing.kind])
                problem = f"a VPC can have at most {counted}; the first is on line {report.line(earlier[0].path)}"
                report.add(thing.path, problem, "remove one of them", value="")
            earlier.append(thing)


def _counted(number: int, word: str) -> str:
    return f"one {word}" if number == 1 else f"{number} {word}s"


def _place(report: MistakeReport, thing: Declared) -> str:
    return f"the {_WORDS[thing.kind]} on line {report.line(thing.path)}"


def _check_form(report: MistakeReport, thing: Declared) -> None:
    try:
        forms.name(thing.name)
        _check_reserved(thing)
    except InvalidValue as wrong:
        report.add(thing.path, wrong.problem, wrong.remedy, value=thing.name or '""')


def _check_reserved(thing: Declared) -> None:
    word = _WORDS[thing.kind]
    if thing.name == INTERNET and thing.kind in (ids.VPC, *_NAMED_ONCE):
        raise InvalidValue("the name is reserved for the internet itself", "write another name")
    if thing.name == DEFAULT_DHCP_OPTIONS and thing.kind == ids.DHCP_OPTIONS:
        raise InvalidValue("the name is reserved for the Region's own set", "write another name")
    if thing.name in (BLACKHOLE, UNKNOWN) and thing.kind in _GATEWAYS:
        raise InvalidValue("the name is reserved for routes that drop packets", "write another name")
    other = _WORDS.get(ids.kind_of(thing.name) or "", word)
    if other != word:
        raise InvalidValue(f"the name of this {word} has the form of an id ({other})", "write another name")
    if thing.kind == ids.SECURITY_GROUP and thing.name.startswith("sg-") and ids.kind_of(thing.name) is None:
        raise InvalidValue("a security group's name cannot begin with sg-, as ids do", f"write {thing.name[3:]}")
