"""Network ACLs and security groups of a design as parts of the file. Rules that a lab cannot have make it stricter."""

from __future__ import annotations

from collections.abc import Iterator

from eigw_ns.cloud.model import Block
from eigw_ns.importing.design import (
    Design,
    DesignAcl,
    DesignAclEntry,
    DesignGroup,
    DesignGroupRule,
    Key,
    Outside,
)
from eigw_ns.importing.messages import Message
from eigw_ns.importing.resolve.index import Index
from eigw_ns.importing.resolve.naming import Names
from eigw_ns.importing.resolve.networks import home
from eigw_ns.importing.resolve.parts import Found, Part, tags
from eigw_ns.topology import traffic
from eigw_ns.topology.data import DIRECTIONS, Data, body_of
from eigw_ns.topology.invalid_value import InvalidValue
from eigw_ns.topology.rules.groups import description

_LAST_ENTRY = 32_767
"""AWS's number of the entry `*`, which every ACL has at its end."""


def filters(design: Design, index: Index, names: Names) -> Found:
    """Yield the parts of ACLs and groups whose VPC is in the design, and notes about rules that are left out."""
    for acl in design.acls:
        yield from _acl(design, acl, index, names)
    for group in design.groups:
        yield from _group(design, group, index, names)


def _acl(design: Design, acl: DesignAcl, index: Index, names: Names) -> Found:
    where = home(acl.vpc, index, names)
    if where is None:
        return
    own = [each for each in design.acl_entries if each.acl == acl.label.key and each.rule_number < _LAST_ENTRY]
    rows = {key: [_entry(each) for each in own if each.egress is egress] for key, egress in DIRECTIONS}
    yield Part((*where, "network_acls", names[acl.label.key]), {**rows, **tags(acl.label)}, acl.label.place)


def _entry(found: DesignAclEntry) -> Data:
    kind = traffic.spelt(found.protocol, found.ports or found.icmp)
    return {"rule": found.rule_number, **kind, "cidr": str(found.cidr_block), "action": found.action}


def _group(design: Design, group: DesignGroup, index: Index, names: Names) -> Found:
    where = home(group.vpc, index, names)
    if where is None:
        return
    rows: dict[str, list[Data]] = {key: [] for key, _ in DIRECTIONS}
    for rule in design.group_rules:
        if rule.group == group.label.key:
            for found in _rule(rule, group, index, names):
                if isinstance(found, Message):
                    yield found
                elif found not in rows[_direction(rule)]:
                    rows[_direction(rule)].append(found)
    body = {**body_of(description=_description(group.description)), **rows, **tags(group.label)}
    yield Part((*where, "security_groups", names[group.label.key]), body, group.label.place)


def _description(text: str) -> str | None:
    """Return the description if a lab can have it: it changes no packet."""
    try:
        return description(text)
    except InvalidValue:
        return None


def _direction(rule: DesignGroupRule) -> str:
    return next(key for key, egress in DIRECTIONS if egress is rule.egress)


def _rule(rule: DesignGroupRule, group: DesignGroup, index: Index, names: Names) -> Iterator[Data | Message]:
    peer = _peer(rule.peer, group, index, names)
    if peer is None:
        kind = "a prefix list" if isinstance(rule.peer, Outside) and rule.peer.text.startswith("pl-") else "a group"
        what = f"a rule about {kind} outside this source is left out: the lab is stricter here"
        yield Message("note", rule.place, what, touches=frozenset((group.label.key.text,)))
        return
    limits = None if rule.from_port is None or rule.to_port is None else (rule.from_port, rule.to_port)
    yield {**traffic.spelt(rule.protocol, limits), **peer}


def _peer(peer: Block | Key | Outside, group: DesignGroup, index: Index, names: Names) -> Data | None:
    """Return the peer as part of a rule; None if a lab does not have it."""
    if isinstance(peer, Outside):
        return None
    if isinstance(peer, Key):
        other = index.groups.get(peer)
        return {"group": names[peer]} if other and other.vpc == group.vpc else None
    return {"cidr": str(peer)}
