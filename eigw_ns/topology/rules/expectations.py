"""Rules for expectations: both ends are instances or internet hosts, and the other values are valid."""

from __future__ import annotations

from eigw_ns.cloud.nodes import Node, NodeIndex
from eigw_ns.errors import UsageError
from eigw_ns.topology import forms
from eigw_ns.topology.report import MistakeReport
from eigw_ns.topology.rules.addresses import has_address
from eigw_ns.topology.schema import PROTOCOLS, RESULTS, ExpectationFile, LabFile
from eigw_ns.topology.tree import Path


def check(file: LabFile, report: MistakeReport, nodes: NodeIndex) -> None:
    """Check that every expectation names two different instances or hosts, a protocol and a result.

    TCP and UDP need a port; ICMPv6 must have none. The lab forwards no IPv4, so both ends need an IPv6 address.
    """
    for index, expectation in enumerate(file.expect):
        place: Path = ("expect", index)
        if not report.is_clean(place):
            continue
        source = _end(report, (*place, "from"), expectation.source, nodes)
        destination = _end(report, (*place, "to"), expectation.to, nodes)
        for key, end in (("from", source), ("to", destination)):
            if end is not None and _has_no_address(file, end):
                report.add((*place, key), "this instance has no IPv6 address", "write another node")
        if source is not None and source == destination:
            report.add((*place, "to"), "from and to are the same node", "write another node")
        protocol = report.attempt(
            (*place, "protocol"), lambda text: forms.one_of(text, PROTOCOLS), expectation.protocol
        )
        if protocol is not None:
            _check_port(report, (*place, "port"), expectation)
        report.attempt((*place, "result"), lambda text: forms.one_of(text, RESULTS), expectation.result)


def _end(report: MistakeReport, path: Path, text: str, nodes: NodeIndex) -> Node | None:
    if not report.is_clean(path):
        return None
    try:
        node = nodes.find(text)
    except UsageError as error:
        report.add(path, error.message, error.hint, value="")
        return None
    if node.kind not in ("instance", "host"):
        problem = f"this must be an instance or internet host, not a node of kind {node.kind}"
        report.add(path, problem, "write another node")
        return None
    return node


def _has_no_address(file: LabFile, node: Node) -> bool:
    vpc_name, _, name = node.qualified.partition("/")
    vpc = file.vpcs.get(vpc_name)
    return node.kind == "instance" and vpc is not None and not has_address(vpc, vpc.instances[name])


def _check_port(report: MistakeReport, path: Path, expectation: ExpectationFile) -> None:
    if not report.is_clean(path):
        return
    if expectation.protocol == "icmpv6":
        if expectation.port is not None:
            report.add(path, "ICMPv6 has no ports", "remove the key")
    elif expectation.port is None:
        report.add(path, f"the key port is missing: {expectation.protocol} needs a port", "add one such as port: 443")
