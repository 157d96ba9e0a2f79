"""Network ACLs, their entries, and which subnet uses which.

Source: AWS, "Network ACL rules", https://docs.aws.amazon.com/vpc/latest/userguide/nacl-rules.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from eigw_ns.cloud import ids
from eigw_ns.cloud.defaults import DEFAULT_ACL
from eigw_ns.topology import forms, traffic
from eigw_ns.topology.data import DIRECTIONS
from eigw_ns.topology.report import Report
from eigw_ns.topology.rules import traffic as traffic_rules
from eigw_ns.topology.schema import ACTIONS, MAX_RULE_NUMBER, LabFile, NetworkAclEntryFile, VpcFile
from eigw_ns.topology.tree import Path


def check(file: LabFile, report: Report, lab: str) -> None:
    """Entries as AWS accepts them, and associations with ACLs that exist."""
    most = file.quotas.entries_per_network_acl - 1  # the last one, `*`, is AWS's
    for name, vpc in file.vpcs.items():
        _check_associations(vpc, report, name)
        default_id = ids.make_id(ids.NETWORK_ACL, lab, name, DEFAULT_ACL)
        for acl, body in vpc.network_acls.items():
            place: Path = ("vpcs", name, "network_acls", acl)
            if acl == default_id:
                report.add(place, "the id is that of the VPC's default network ACL", f"write {DEFAULT_ACL}", value="")
            for direction, _ in DIRECTIONS:
                _check_entries(getattr(body, direction), report, (*place, direction), most)


def _check_associations(vpc: VpcFile, report: Report, vpc_name: str) -> None:
    known = dict.fromkeys((*report.names(("vpcs", vpc_name, "network_acls")), DEFAULT_ACL))
    for subnet, body in vpc.subnets.items():
        path: Path = ("vpcs", vpc_name, "subnets", subnet, "network_acl")
        if report.is_clean(path) and body.network_acl not in known:
            report.add_unknown(path, "network ACL", body.network_acl, known)


def _check_entries(entries: Sequence[NetworkAclEntryFile], report: Report, place: Path, most: int) -> None:
    numbers: dict[int, Path] = {}
    families: Counter[int] = Counter()
    for index, entry in enumerate(entries):
        path = (*place, index)
        if not report.is_clean(path):
            continue
        _check_number(entry.rule, report, (*path, "rule"), numbers)
        traffic_rules.check(entry, report, path)
        block = report.attempt((*path, "cidr"), traffic.block, entry.cidr)
        families[block.version if block else 6] += 1
        report.attempt((*path, "action"), lambda text: forms.one_of(text, ACTIONS), entry.action)
    if max(families.values(), default=0) > most:
        problem = f"a network ACL has {most} entries at most for IPv6 and as many for IPv4, besides AWS's last one"
        report.add(place, problem, "remove some", value=str(max(families.values())))


def _check_number(number: int, report: Report, path: Path, numbers: dict[int, Path]) -> None:
    if not report.is_clean(path):
        return
    if not 1 <= number <= MAX_RULE_NUMBER:
        report.add(path, f"an entry's number is 1 to {MAX_RULE_NUMBER}", "write another number")
        return
    owner = numbers.setdefault(number, path)
    if owner != path:
        problem = f"the number is that of the entry on line {report.line(owner)} already"
        report.add(path, problem, "write another one: the lowest that matches decides")
