"""Rules for tags in a topology file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from eigw_ns.cloud.tag_rules import LONGEST_KEY, LONGEST_VALUE, RESERVED, forbidden, is_reserved
from eigw_ns.topology.report import MistakeReport
from eigw_ns.topology.schema import LabFile
from eigw_ns.topology.schema_base import Tagged
from eigw_ns.topology.tree import Path


def check(file: LabFile, report: MistakeReport) -> None:
    """Check the number of tags of each resource, and the key and the value of each tag."""
    most = file.quotas.tags_per_resource
    for path, tags in _tagged(file):
        if len(tags) > most:
            report.add(path, f"a resource can have at most {most} tags", "remove some tags", value=str(len(tags)))
        for key, value in tags.items():
            _check_tag(report, (*path, key), key, value)


def _tagged(file: LabFile) -> Iterator[tuple[Path, Mapping[str, str]]]:
    tops: dict[str, Mapping[str, Tagged]] = {
        "internet_gateways": file.internet_gateways,
        "elastic_ips": file.elastic_ips,
        "dhcp_options": file.dhcp_options,
        "prefix_lists": file.prefix_lists,
    }
    for section, resources in tops.items():
        for name, body in resources.items():
            yield (section, name, "tags"), body.tags
    for name, vpc in file.vpcs.items():
        yield ("vpcs", name, "tags"), vpc.tags
        sections: dict[str, Mapping[str, Tagged]] = {
            "egress_only_internet_gateways": vpc.egress_only_internet_gateways,
            "internet_gateways": vpc.internet_gateways,
            "nat_gateways": vpc.nat_gateways,
            "route_tables": vpc.route_tables,
            "network_acls": vpc.network_acls,
            "security_groups": vpc.security_groups,
            "subnets": vpc.subnets,
            "instances": vpc.instances,
            "network_interfaces": vpc.network_interfaces,
            "flow_logs": vpc.flow_logs,
        }
        for section, resources in sections.items():
            for resource, body in resources.items():
                yield ("vpcs", name, section, resource, "tags"), body.tags
        for instance, machine in vpc.instances.items():
            yield ("vpcs", name, "instances", instance, "network_interface", "tags"), machine.network_interface.tags
            for volume, disk in machine.volumes.items():
                yield ("vpcs", name, "instances", instance, "volumes", volume, "tags"), disk.tags
        for group, filters in vpc.security_groups.items():
            for direction, rules in (("ingress", filters.ingress), ("egress", filters.egress)):
                for index, rule in enumerate(rules):
                    yield ("vpcs", name, "security_groups", group, direction, index, "tags"), rule.tags


def _check_tag(report: MistakeReport, path: Path, key: str, value: str) -> None:
    if not 1 <= len(key) <= LONGEST_KEY:
        problem = f"a tag's key must have 1 to {LONGEST_KEY} characters"
        report.add(path, problem, "write another key", value=str(len(key)))
    elif is_reserved(key):
        report.add(path, f"AWS reserves keys that begin with {RESERVED}", "write another key", value="")
    if len(value) > LONGEST_VALUE:
        problem = f"a tag's value can have at most {LONGEST_VALUE} characters"
        report.add(path, problem, "shorten it", value=str(len(value)))
    if character := forbidden(key + value):
        problem = f"a tag cannot have the character {character}"
        report.add(path, problem, "remove control characters, line separators and surrogates")
