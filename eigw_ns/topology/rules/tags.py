"""Tags within AWS's limits: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from eigw_ns.topology.report import Report
from eigw_ns.topology.schema import LabFile, Tagged
from eigw_ns.topology.tree import Path

_LONGEST_KEY = 128  # Unicode characters, as below
_LONGEST_VALUE = 256
_RESERVED = "aws:"


def check(file: LabFile, report: Report) -> None:
    """How many tags a resource has, and the keys and values of each."""
    most = file.quotas.tags_per_resource
    for path, tags in _tagged(file):
        if len(tags) > most:
            report.add(path, f"a resource has {most} tags at most", "remove some", value=str(len(tags)))
        for key, value in tags.items():
            _check_tag(report, (*path, key), key, value)


def _tagged(file: LabFile) -> Iterator[tuple[Path, Mapping[str, str]]]:
    for name, igw in file.internet_gateways.items():
        yield ("internet_gateways", name, "tags"), igw.tags
    for name, vpc in file.vpcs.items():
        yield ("vpcs", name, "tags"), vpc.tags
        sections: dict[str, Mapping[str, Tagged]] = {
            "egress_only_internet_gateways": vpc.egress_only_internet_gateways,
            "internet_gateways": vpc.internet_gateways,
            "route_tables": vpc.route_tables,
            "network_acls": vpc.network_acls,
            "security_groups": vpc.security_groups,
            "subnets": vpc.subnets,
            "instances": vpc.instances,
        }
        for section, resources in sections.items():
            for resource, body in resources.items():
                yield ("vpcs", name, section, resource, "tags"), body.tags


def _check_tag(report: Report, path: Path, key: str, value: str) -> None:
    if not 1 <= len(key) <= _LONGEST_KEY:
        report.add(path, f"a tag's key has 1 to {_LONGEST_KEY} characters", "write another key", value=str(len(key)))
    elif key.lower().startswith(_RESERVED):
        report.add(path, f"AWS keeps keys that begin with {_RESERVED} to itself", "write another key", value="")
    if len(value) > _LONGEST_VALUE:
        report.add(path, f"a tag's value has {_LONGEST_VALUE} characters at most", "shorten it", value=str(len(value)))
    if not (key + value).isprintable():
        report.add(path, "a tag is printable text on one line", "remove line breaks and control characters")
