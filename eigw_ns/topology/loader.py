"""Load a topology from the bytes of a file: read, check every rule, and choose the values that are left out."""

from __future__ import annotations

from typing import Any

from eigw_ns.topology import forms
from eigw_ns.topology.decode import from_data
from eigw_ns.topology.invalid_value import InvalidValue
from eigw_ns.topology.model import Topology
from eigw_ns.topology.reader import read
from eigw_ns.topology.report import MistakeReport
from eigw_ns.topology.rules import (
    acls,
    addresses,
    attributes,
    blocks,
    expectations,
    gateways,
    groups,
    interfaces,
    machines,
    mtus,
    names,
    prefix_lists,
    quotas,
    recorded,
    routes,
    tags,
)
from eigw_ns.topology.rules.addresses import InstanceAddresses
from eigw_ns.topology.rules.blocks import SubnetBlocks
from eigw_ns.topology.rules.machines import PrivateAddresses
from eigw_ns.topology.rules.recorded import RecordedAddresses
from eigw_ns.topology.schema import LabFile
from eigw_ns.topology.structure import parse


def load(data: bytes, *, file: str, default_lab: str) -> Topology:
    """Return the topology of a file, see `eigw_ns.topology.load`."""
    root, mistakes = read(data, file)
    report = MistakeReport(root, file, mistakes)
    parsed = parse(root, report)
    lab = _lab(parsed, report, default_lab)
    things = names.declared(report, lab)
    quotas.check(parsed, report)
    names.check(report, things, parsed.quotas)
    of_vpcs = blocks.vpc_blocks(parsed, report)
    of_subnets = blocks.subnet_blocks(parsed, report, of_vpcs)
    of_instances = addresses.instance_addresses(parsed, report, of_subnets)
    blocks.check_ipv4(parsed, report)
    addresses.check_hosts(parsed, report, of_vpcs)
    lists = prefix_lists.check(parsed, report)
    routes.check(parsed, report, of_vpcs, things, lists)
    acls.check(parsed, report, lab)
    groups.check(parsed, report, lab, lists)
    tags.check(parsed, report)
    gateways.check(parsed, report)
    mtus.check(parsed, report)
    attributes.check(parsed, report)
    of_recorded = recorded.check(parsed, report)
    machines.check(parsed, report)
    interfaces.check(parsed, report, lab)
    private = machines.private_addresses(parsed, report, of_recorded.nat_gateways)
    expectations.check(parsed, report, names.declared_nodes(things, lab))
    report.close()
    return from_data(_explicit(parsed, lab, of_subnets, of_instances, of_recorded, private), file=file)


def _lab(parsed: LabFile, report: MistakeReport, default: str) -> str:
    if parsed.lab is not None:
        report.attempt(("lab",), forms.lab_name, parsed.lab)
        return parsed.lab
    try:
        return forms.lab_name(default)
    except InvalidValue:
        if report.is_clean(("lab",)):
            name = forms.as_name(default, forms.MAX_LAB_NAME) or "demo"
            problem = "the file does not name the lab, and its own name is not a valid name of a lab"
            report.add_without_place(problem, f"add lab: {name} at the top", default)
        return default


def _explicit(
    parsed: LabFile,
    lab: str,
    of_subnets: SubnetBlocks,
    of_instances: InstanceAddresses,
    of_recorded: RecordedAddresses,
    of_machines: PrivateAddresses,
) -> dict[str, Any]:
    """Return the file as plain data, with the values that it leaves out filled in."""
    data: dict[str, Any] = {"vpcs": {}} | parsed.model_dump(by_alias=True, exclude_unset=True, exclude_none=True)
    data["lab"] = lab
    for (vpc, subnet), block in of_subnets.items():
        data["vpcs"][vpc]["subnets"][subnet]["ipv6_cidr_block"] = str(block)
    for (vpc, instance), address in of_instances.items():
        data["vpcs"][vpc]["instances"][instance]["ipv6_address"] = str(address)
    for name, public in of_recorded.elastic_ips.items():
        data["elastic_ips"][name]["public_ip"] = str(public)
    for (vpc, gateway), private in of_recorded.nat_gateways.items():
        data["vpcs"][vpc]["nat_gateways"][gateway]["private_ip_address"] = str(private)
    for (vpc, section, machine), private_address in of_machines.items():
        data["vpcs"][vpc][section][machine]["private_ip_address"] = str(private_address)
    for body in data["vpcs"].values():
        tables = body.setdefault("route_tables", {})
        if not any(table.get("main") for table in tables.values()):
            tables[routes.main_table_name(tables)] = {"main": True}
    return data
