"""What an import made of a design: its subnets, with what they are meant for and what their routes make of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eigw_ns.cloud.subnet_class import SubnetClass, subnet_classes
from eigw_ns.frozen import frozen
from eigw_ns.importing.findings.finding import Finding
from eigw_ns.importing.messages import Message
from eigw_ns.importing.resolve.imported import Import, ImportedSubnet
from eigw_ns.render.design_messages import document as messages_document
from eigw_ns.render.design_messages import lines
from eigw_ns.render.markdown import cell, row
from eigw_ns.render.table import Table

_COLUMNS = ("subnet", "meant (why)", "IPv4", "IPv6", "finding")
_UNKNOWN = SubnetClass("unknown", "unknown")


@frozen
class ImportReport:
    """An import, the source that the user named, what it was taken for, and what is wrong with the design."""

    found: Import
    source: str
    kind: str
    findings: tuple[Finding, ...]

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages of the import, and those of the findings."""
        told = (Message("finding", each.place, each.what, each.remedy, code=each.code) for each in self.findings)
        return (*self.found.messages, *told)


def document(report: ImportReport) -> dict[str, Any]:
    """Return all that an import has to say as data."""
    topology = report.found.topology
    return {
        "source": report.source,
        "kind": report.kind,
        "lab": topology.cloud.lab if topology else None,
        "refused": report.found.refused,
        "subnets": [_subnet(each, own, _codes(report, each)) for each, own in _classes(report.found)],
        "messages": messages_document(report.messages),
    }


def _subnet(subnet: ImportedSubnet, own: SubnetClass, codes: Sequence[str]) -> dict[str, Any]:
    return {
        "vpc": subnet.vpc,
        "name": subnet.name,
        "source": str(subnet.design.label.place),
        "meant": subnet.intent.purpose if subnet.intent else None,
        "why": subnet.intent.why if subnet.intent else None,
        "ipv4": own.ipv4,
        "ipv6": own.ipv6,
        "probe": subnet.probe,
        "findings": list(codes),
    }


def _codes(report: ImportReport, subnet: ImportedSubnet) -> list[str]:
    address = subnet.design.label.place.address
    return sorted({each.code for each in report.findings if each.source == address})


def _classes(found: Import) -> list[tuple[ImportedSubnet, SubnetClass]]:
    known = subnet_classes(found.topology.cloud) if found.topology else {}
    ordered = sorted(found.subnets, key=lambda each: (each.vpc, each.name))
    return [(each, _UNKNOWN if each.unknown else known.get(each.id, _UNKNOWN)) for each in ordered]


def table(report: ImportReport) -> Table:
    """Return a row for each subnet. The VPC is in the name if there are several."""
    several = len({each.vpc for each in report.found.subnets}) > 1
    rows = tuple(_row(each, own, _codes(report, each), several) for each, own in _classes(report.found))
    return Table("", _COLUMNS, rows)


def _row(subnet: ImportedSubnet, own: SubnetClass, codes: Sequence[str], several: bool) -> tuple[str, ...]:
    name = f"{subnet.vpc}/{subnet.name}" if several else subnet.name
    meant = f"{subnet.intent.purpose} ({subnet.intent.why})" if subnet.intent else "not stated"
    return name, meant, own.ipv4, own.ipv6, ", ".join(codes)


def markdown(report: ImportReport) -> str:
    """Return the report as GitHub's Markdown: the subnets, then the messages."""
    shown = table(report)
    rows = (shown.columns, *shown.rows)
    head, *texts = (row(cell(str(text)) for text in texts) for texts in rows)
    rule = f"|{' --- |' * len(shown.columns)}"
    told = [f"- {cell(line)}" for line in lines(report.messages, verbose=False)]
    return "\n".join(
        (f"### {cell(report.source)}: {report.kind}", "", head, rule, *texts, *(("", *told) if told else ()), "")
    )
