"""Network ACLs and security groups as tables: one row per entry or rule, in the spelling of the topology file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eigw_ns.cloud.filtering import ICMP
from eigw_ns.cloud.model import Block, Cloud, NetworkAcl, SecurityGroup, SecurityGroupRule
from eigw_ns.render.table import Cell
from eigw_ns.topology.traffic import spelt

ACL_COLUMNS = ("Name", "Id", "Direction", "Rule", "Protocol", "Ports or type", "Peer", "Action")
GROUP_COLUMNS = ("Name", "Id", "Direction", "Protocol", "Ports or type", "Peer")

Row = tuple[Cell, ...]


def acl_rows(cloud: Cloud, acls: Iterable[NetworkAcl]) -> Iterator[Row]:
    """Yield the entries in the order in which they decide. The last one, `*`, denies what no other matches."""
    for acl in acls:
        yield from _titled(f"{cloud.vpcs[acl.vpc_id].name}/{acl.name}", acl.id, _entry_rows(acl))


def _entry_rows(acl: NetworkAcl) -> Iterator[Row]:
    for egress in (False, True):
        for entry in acl.entries:
            if entry.egress is egress:
                action = (entry.action, "green" if entry.action == "allow" else "red")
                traffic = _traffic(entry.protocol, entry.ports or entry.icmp)
                yield _direction(egress), str(entry.rule_number), *traffic, str(entry.cidr_block), action
        yield _direction(egress), "*", "all", "", "", ("deny", "red")


def group_rows(cloud: Cloud, groups: Iterable[SecurityGroup]) -> Iterator[Row]:
    """Yield what each group allows. A group without rules has one row, which says `nothing`."""
    for group in groups:
        rows = [(_direction(rule.egress), *_rule_traffic(rule), _peer(cloud, rule)) for rule in group.rules]
        yield from _titled(f"{cloud.vpcs[group.vpc_id].name}/{group.name}", group.id, rows or [("", "nothing", "", "")])


def _titled(name: str, resource_id: str, rows: Iterable[Row]) -> Iterator[Row]:
    """Yield the rows of one resource. Only the first row has its name and id."""
    for index, row in enumerate(rows):
        yield ("", "", *row) if index else (name, resource_id, *row)


def _direction(egress: bool) -> str:
    return "egress" if egress else "ingress"


def _rule_traffic(rule: SecurityGroupRule) -> tuple[str, str]:
    ranged = rule.from_port is not None and rule.to_port is not None
    return _traffic(rule.protocol, (rule.from_port or 0, rule.to_port or 0) if ranged else None)


def _traffic(protocol: int, limits: tuple[int, int] | None) -> tuple[str, str]:
    """Return the protocol, and its ports or its ICMP type and code."""
    words = spelt(protocol, limits)
    detail = "/".join(str(words[key]) for key in ("ports", "type", "code") if key in words)
    name = "1 (IPv4's icmp)" if protocol == ICMP else str(words["protocol"])
    return name, detail


def prefix_list(cloud: Cloud, block: Block | str) -> str:
    """Return the text of a block, or the name of the prefix list with this id."""
    return f"prefix list {cloud.prefix_lists[block].name}" if isinstance(block, str) else str(block)


def _peer(cloud: Cloud, rule: SecurityGroupRule) -> str:
    """Return the peer of a rule: a block, or the name of a group or a prefix list."""
    if not isinstance(rule.peer, str) or rule.referenced_list_id is not None:
        return prefix_list(cloud, rule.peer)
    group = cloud.security_groups.get(rule.peer)
    return f"group {group.name}" if group else rule.peer
