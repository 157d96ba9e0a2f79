"""From the bytes of a file to a topology: read, check everything, choose what was left out."""

from __future__ import annotations

from typing import Any

from eigw_ns.topology import forms
from eigw_ns.topology.decode import from_data
from eigw_ns.topology.model import Topology
from eigw_ns.topology.reader import read
from eigw_ns.topology.report import Report, Wrong
from eigw_ns.topology.rules import acls, addresses, blocks, expectations, gateways, groups, names, quotas, routes, tags
from eigw_ns.topology.rules.addresses import InstanceAddresses
from eigw_ns.topology.rules.blocks import SubnetBlocks
from eigw_ns.topology.schema import LabFile
from eigw_ns.topology.structure import parse


def load(data: bytes, *, file: str, default_lab: str) -> Topology:
    """See `eigw_ns.topology.load`."""
    root, mistakes = read(data, file)
    report = Report(root, file, mistakes)
    parsed = parse(root, report)
    lab = _lab(parsed, report, default_lab)
    things = names.declared(report, lab)
    quotas.check(parsed, report)
    names.check(report, things, parsed.quotas)
    of_vpcs = blocks.vpc_blocks(parsed, report)
    of_subnets = blocks.subnet_blocks(parsed, report, of_vpcs)
    of_instances = addresses.instance_addresses(parsed, report, of_subnets)
    addresses.check_hosts(parsed, report, of_vpcs)
    routes.check(parsed, report, of_vpcs, things)
    acls.check(parsed, report, lab)
    groups.check(parsed, report, lab)
    tags.check(parsed, report)
    gateways.check(parsed, report)
    expectations.check(parsed, report, names.declared_nodes(things, lab))
    report.close()
    return from_data(_explicit(parsed, lab, of_subnets, of_instances), file=file)


def _lab(parsed: LabFile, report: Report, default: str) -> str:
    if parsed.lab is not None:
        report.attempt(("lab",), forms.lab_name, parsed.lab)
        return parsed.lab
    try:
        return forms.lab_name(default)
    except Wrong:
        if report.is_clean(("lab",)):
            name = forms.as_name(default, forms.MAX_LAB_NAME) or "demo"
            problem = "the file names no lab, and its own name cannot be one"
            report.add_without_place(problem, f"write lab: {name} on top", default)
        return default


def _explicit(parsed: LabFile, lab: str, of_subnets: SubnetBlocks, of_instances: InstanceAddresses) -> dict[str, Any]:
    """The file as plain data with everything filled in that it left to us."""
    data: dict[str, Any] = {"vpcs": {}} | parsed.model_dump(by_alias=True, exclude_unset=True, exclude_none=True)
    data["lab"] = lab
    for (vpc, subnet), block in of_subnets.items():
        data["vpcs"][vpc]["subnets"][subnet]["ipv6_cidr_block"] = str(block)
    for (vpc, instance), address in of_instances.items():
        data["vpcs"][vpc]["instances"][instance]["ipv6_address"] = str(address)
    for body in data["vpcs"].values():
        tables = body.setdefault("route_tables", {})
        if not any(table.get("main") for table in tables.values()):
            tables[routes.main_table_name(tables)] = {"main": True}
    return data
