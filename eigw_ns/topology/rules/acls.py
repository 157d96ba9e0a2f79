"""Rules for network ACLs, their entries, and their association with subnets.

Source: AWS, "Network ACL rules", https://docs.aws.amazon.com/vpc/latest/userguide/nacl-rules.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from eigw_ns.cloud import ids
from eigw_ns.cloud.defaults import DEFAULT_ACL
from eigw_ns.topology import forms, traffic
from eigw_ns.topology.data import DIRECTIONS
from eigw_ns.topology.report import MistakeReport
from eigw_ns.topology.rules import traffic as traffic_rules
from eigw_ns.topology.schema import ACTIONS, MAX_RULE_NUMBER, LabFile, NetworkAclEntryFile, VpcFile
from eigw_ns.topology.tree import Path


def check(file: LabFile, report: MistakeReport, lab: str) -> None:
    """Check that AWS would accept every entry, and that every ACL that a subnet names exists."""
    most = file.quotas.entries_per_network_acl - 1  # AWS's last entry, `*`, counts too
    for name, vpc in file.vpcs.items():
        _check_associations(vpc, report, name)
        default_id = ids.make_id(ids.NETWORK_ACL, lab, name, DEFAULT_ACL)
        for acl, body in vpc.network_acls.items():
            place: Path = ("vpcs", name, "network_acls", acl)
            if acl == default_id:
                report.add(place, "this is the id of the VPC's default network ACL", f"write {DEFAULT_ACL}", value="")
            for direction, _ in DIRECTIONS:
                _check_entries(getattr(body, direction), report, (*place, direction), most)


def _check_associations(vpc: VpcFile, report: MistakeReport, vpc_name: str) -> None:
    known = dict.fromkeys((*report.names(("vpcs", vpc_name, "network_acls")), DEFAULT_ACL))
    for subnet, body in vpc.subnets.items():
        path: Path = ("vpcs", vpc_name, "subnets", subnet, "network_acl")
        if report.is_clean(path) and body.network_acl not in known:
            report.add_unknown(path, "network ACL", body.network_acl, known)


def _check_entries(entries: Sequence[NetworkAclEntryFile], report: MistakeReport, place: Path, most: int) -> None:
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
        limit = f"at most {most} entries for each direction and IP version"
        problem = f"a network ACL can have {limit}, besides AWS's last entry"
        report.add(place, problem, "remove some entries", value=str(max(families.values())))


def _check_number(number: int, report: MistakeReport, path: Path, numbers: dict[int, Path]) -> None:
    if not report.is_clean(path):
        return
    if not 1 <= number <= MAX_RULE_NUMBER:
        report.add(path, f"an entry's number must be 1 to {MAX_RULE_NUMBER}", "write another number")
        return
    owner = numbers.setdefault(number, path)
    if owner != path:
        problem = f"the entry on line {report.line(owner)} already has this number"
        report.add(path, problem, "write another number; the lowest number that matches decides")
