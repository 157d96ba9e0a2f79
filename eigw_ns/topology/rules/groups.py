"""Rules for security groups, their rules, and their instances.

Sources: AWS, "Security group rules", https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html, and
CreateSecurityGroup in the EC2 API reference.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from eigw_ns.cloud import ids
from eigw_ns.cloud.filtering import DEFAULT_GROUP
from eigw_ns.cloud.group_names import folded
from eigw_ns.cloud.model import Block
from eigw_ns.cloud.words import shorten
from eigw_ns.frozen import frozen
from eigw_ns.topology import traffic
from eigw_ns.topology.data import DIRECTIONS
from eigw_ns.topology.invalid_value import InvalidValue
from eigw_ns.topology.report import MistakeReport
from eigw_ns.topology.rules import traffic as traffic_rules
from eigw_ns.topology.rules.prefix_lists import Lists
from eigw_ns.topology.schema import InstanceFile, LabFile, SecurityGroupRuleFile, VpcFile
from eigw_ns.topology.schema_interfaces import NetworkInterfaceFile
from eigw_ns.topology.tree import Path

_LONGEST = 255
_TEXT = re.compile(r"[A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]*")
_CHARACTERS = "letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*"


def check(file: LabFile, report: MistakeReport, lab: str, lists: Lists) -> None:
    """Check that AWS would accept every group and rule.

    Groups that are referred to must exist. Every instance must be in at least one group, and not in too many.
    """
    rule_ids: dict[str, Path] = {}
    for name, vpc in file.vpcs.items():
        known = dict.fromkeys((*report.names(("vpcs", name, "security_groups")), DEFAULT_GROUP))
        _check_members(vpc, report, name, known, file.quotas.security_groups_per_interface)
        _check_names(vpc, report, name, lab)
        for group, body in vpc.security_groups.items():
            place: Path = ("vpcs", name, "security_groups", group)
            report.attempt((*place, "description"), description, body.description)
            for direction, _ in DIRECTIONS:
                rules: Sequence[SecurityGroupRuleFile] = getattr(body, direction)
                peers = _Peers(known, lists, file.quotas.rules_per_security_group)
                _check_rules(rules, report, (*place, direction), peers)
                _check_ids(rules, report, (*place, direction), rule_ids)


def _check_members(vpc: VpcFile, report: MistakeReport, vpc_name: str, known: Collection[str], most: int) -> None:
    sections: tuple[tuple[str, str, Mapping[str, InstanceFile | NetworkInterfaceFile]], ...] = (
        ("instances", "instance", vpc.instances),
        ("network_interfaces", "interface", vpc.network_interfaces),
    )
    for section, word, machines in sections:
        for name, body in machines.items():
            place: Path = ("vpcs", vpc_name, section, name, "security_groups")
            if report.is_clean(place):
                _check_groups_of(report, place, body.security_groups, word, known, most)


def _check_groups_of(
    report: MistakeReport, place: Path, given: Sequence[str], word: str, known: Collection[str], most: int
) -> None:
    if not given:
        report.add(place, f"an {word} must be in at least one group", f"remove the key to use {DEFAULT_GROUP}")
    if len(given) > most:
        report.add(place, f"an {word} can be in at most {most} groups", "remove some groups", value=str(len(given)))
    for index, group in enumerate(given):
        path = (*place, index)
        if report.is_clean(path) and group not in known:
            report.add_unknown(path, "security group", group, known)
        elif report.is_clean(path) and group in given[:index]:
            report.add(path, f"the {word} is already in this group", "remove one of them")


def _check_names(vpc: VpcFile, report: MistakeReport, vpc_name: str, lab: str) -> None:
    """Check that the names of the groups in a VPC differ in more than case.

    The name is `group_name` if given, or else the key.
    """
    default_id = ids.make_id(ids.SECURITY_GROUP, lab, vpc_name, DEFAULT_GROUP)
    owners: dict[str, Path] = {DEFAULT_GROUP: ()}
    for group, body in vpc.security_groups.items():
        place: Path = ("vpcs", vpc_name, "security_groups", group)
        if group == default_id:
            problem = "this is the id of the VPC's default security group"
            report.add(place, problem, f"write {DEFAULT_GROUP}", value="")
        if body.group_name is None:
            owners.setdefault(folded(group), place)
    for group, body in vpc.security_groups.items():
        path: Path = ("vpcs", vpc_name, "security_groups", group, "group_name")
        if body.group_name is None or report.attempt(path, _group_name, body.group_name) is None:
            continue
        owner = owners.setdefault(folded(body.group_name), path)
        if group == DEFAULT_GROUP or not owner:
            report.add(path, f"{DEFAULT_GROUP} is the name of the VPC's default group", "remove the key")
        elif owner != path:
            problem = f"the group on line {report.line(owner)} already has this name; case does not count"
            report.add(path, problem, "write another name")


def _group_name(text: str) -> str:
    if not 1 <= len(text) <= _LONGEST or not _TEXT.fullmatch(text):
        raise InvalidValue(f"a group's name must have 1 to {_LONGEST} {_CHARACTERS}", "write another name")
    if text.lower().startswith("sg-"):
        raise InvalidValue("a security group's name cannot begin with sg-, as ids do", "write another name")
    return text


def description(text: str) -> str:
    """Return the description of a group or a rule if AWS allows it."""
    if len(text) > _LONGEST or not _TEXT.fullmatch(text):
        raise InvalidValue(f"a description can have at most {_LONGEST} {_CHARACTERS}", "write another description")
    return text


@frozen
class _Peers:
    """What the rules of a VPC's groups can have as peers, and how many rules a group can have."""

    groups: Collection[str]
    lists: Lists
    most: int

    def counted(self, rule: SecurityGroupRuleFile, peer: Block | str | None) -> dict[int, int]:
        """Return for how many rules of each IP version a rule counts."""
        found = self.lists.get(rule.prefix_list or "")
        if found is not None:
            return {found.ip_version: found.max_entries}
        return {4: 1, 6: 1} if peer is None or isinstance(peer, str) else {peer.version: 1}


def _check_rules(rules: Sequence[SecurityGroupRuleFile], report: MistakeReport, place: Path, peers: _Peers) -> None:
    owners: dict[object, Path] = {}
    families: Counter[int] = Counter()
    for index, rule in enumerate(rules):
        path = (*place, index)
        if not report.is_clean(path):
            continue
        report.attempt((*path, "description"), description, rule.description)
        kind = traffic_rules.check(rule, report, path)
        peer = _peer(rule, report, path, peers)
        families.update(peers.counted(rule, peer))
        if kind is None or peer is None:
            continue
        owner = owners.setdefault((kind, peer, rule.prefix_list is None), path)
        if owner != path:
            problem = f"the rule on line {report.line(owner)} already allows the same traffic"
            report.add(path, problem, "remove one of them", value="")
    if max(families.values(), default=0) > peers.most:
        problem = f"a security group can have at most {peers.most} rules for each direction and IP version"
        report.add(place, problem, "remove some rules", value=str(max(families.values())))


def _peer(rule: SecurityGroupRuleFile, report: MistakeReport, path: Path, peers: _Peers) -> Block | str | None:
    """Return the peer of the rule: a block, or the name of a group or a prefix list. Return None if it is not valid."""
    cidr, group, listed = (*path, "cidr"), (*path, "group"), (*path, "prefix_list")
    given = [place for place in (cidr, group, listed) if getattr(rule, str(place[-1])) is not None]
    if len(given) > 1:
        report.add(given[1], "a rule must have a cidr, a group or a prefix_list, only one of them", "remove the others")
        return None
    if rule.cidr is not None:
        return report.attempt(cidr, traffic.block, rule.cidr)
    if rule.prefix_list is not None:
        return _prefix_list(rule.prefix_list, report, listed, peers.lists)
    if rule.group is None:
        if all(report.is_clean(place) for place in (cidr, group, listed)):
            problem = "a rule must have a cidr, a group or a prefix_list"
            report.add(path, problem, 'add one such as cidr: "::/0"', value="")
        return None
    known = peers.groups
    if rule.group in known:
        return rule.group
    if rule.group == "self":
        report.add(group, "no security group has this name", f"write {shorten(str(path[-3]))}")
    else:
        report.add_unknown(group, "security group", rule.group, known)
    return None


def _prefix_list(name: str, report: MistakeReport, path: Path, lists: Lists) -> str | None:
    if name in lists:
        return name
    if report.is_clean(path):
        report.add_unknown(path, "prefix list", name, lists)
    return None


def _check_ids(
    rules: Sequence[SecurityGroupRuleFile], report: MistakeReport, place: Path, owners: dict[str, Path]
) -> None:
    for index, rule in enumerate(rules):
        path = (*place, index, "id")
        if rule.id is None or not report.is_clean(path):
            continue
        owner = owners.setdefault(rule.id, path)
        if ids.kind_of(rule.id) != ids.SECURITY_GROUP_RULE:
            problem = "the id of a rule must be sgr- and 17 hexadecimal digits"
            report.add(path, problem, "remove the key; the id is then computed from the rule")
        elif owner != path:
            report.add(path, f"the rule on line {report.line(owner)} already has this id", "remove the key")
