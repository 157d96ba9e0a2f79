"""Random network ACLs and security groups: references, overlapping ports and prefixes, ICMPv6 types, IPv4 and IPv6."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network
from typing import Literal

from hypothesis import strategies as st

from eigw_ns.cloud import ids
from eigw_ns.cloud.defaults import default_network_acl, default_security_group, open_egress
from eigw_ns.cloud.filtering import ICMPV6, TCP, UDP
from eigw_ns.cloud.model import (
    ALL_PROTOCOLS,
    Block,
    NetworkAcl,
    NetworkAclEntry,
    SecurityGroup,
    SecurityGroupRule,
    Vpc,
)
from eigw_ns.topology.filters import derived_rule_id

KINDS: tuple[tuple[int, tuple[int, int] | None], ...] = (
    (ALL_PROTOCOLS, None),
    (TCP, (0, 65535)),
    (TCP, (443, 443)),
    (TCP, (400, 500)),
    (UDP, (53, 53)),
    (UDP, (1, 1023)),
    (ICMPV6, (-1, -1)),
    (ICMPV6, (128, -1)),
    (ICMPV6, (128, 0)),
    (ICMPV6, (1, 3)),
    (1, (8, -1)),  # ICMP
    (132, None),  # SCTP
)
"""The protocol, and its ports, or its type and code."""

BLOCKS: tuple[Block, ...] = (
    *(IPv6Network(text) for text in ("::/0", "2001:db8::/32", "2001:db8:a::/48", "2001:db8:a::1/128", "2600::/12")),
    *(IPv6Network(text) for text in ("::ffff:0:0/96", "::ffff:102:304/128", "::102:0/112")),  # IPv4 in IPv6
    *(IPv4Network(text) for text in ("0.0.0.0/0", "10.0.0.0/8")),
)

_NUMBERS = (1, 99, 100, 101, 32766)
_KINDS = st.sampled_from(KINDS)
_BLOCKS = st.sampled_from(BLOCKS)
_ACTIONS: tuple[Literal["allow", "deny"], ...] = ("allow", "deny")
_ENTRIES = st.lists(
    st.tuples(st.sampled_from(_NUMBERS), _KINDS, _BLOCKS, st.sampled_from(_ACTIONS)),
    unique_by=lambda entry: entry[0],
    max_size=3,
)
_GROUP_NAMES = ("open", "web", "Web servers")  # the last cannot be a key: the key is an id, as for a group from `ec2`


@st.composite
def network_acls(draw: st.DrawFn, lab: str, vpc: Vpc, index: int) -> dict[str, NetworkAcl]:
    """Draw the default ACL of the VPC, sometimes with changes, and up to two more.

    `index` is the index of the VPC in its lab.
    """
    default = default_network_acl(lab, vpc)
    if draw(st.integers(0, 3)) == 0:
        default = replace(default, entries=draw(_entries()), tags=(("Name", "changed"),))
    acls = {default.id: default}
    for key in draw(st.lists(st.sampled_from(("strict", f"acl-0123456789abcdef{index}")), unique=True)):
        acl_id = ids.make_id(ids.NETWORK_ACL, lab, vpc.name, key)
        acls[acl_id] = NetworkAcl(acl_id, key, vpc.id, False, draw(_entries()))
    return acls


@st.composite
def _entries(draw: st.DrawFn) -> tuple[NetworkAclEntry, ...]:
    entries = []
    for egress in (False, True):
        for number, (protocol, limits), block, action in sorted(draw(_ENTRIES), key=lambda entry: entry[0]):
            ports, icmp = (limits, None) if protocol in (TCP, UDP) else (None, limits)
            entries.append(NetworkAclEntry(number, egress, protocol, action, block, ports=ports, icmp=icmp))
    return tuple(entries)


@st.composite
def security_groups(draw: st.DrawFn, lab: str, vpc: Vpc, index: int) -> dict[str, SecurityGroup]:
    """Draw the default group of the VPC, sometimes with changes, and up to three more that can refer to each other."""
    default = default_security_group(lab, vpc)
    groups = {default.id: default}
    for name in draw(st.lists(st.sampled_from(_GROUP_NAMES), unique=True)):
        key = f"sg-0123456789abcdef{index}" if " " in name else name
        group_id = ids.make_id(ids.SECURITY_GROUP, lab, vpc.name, key)
        description = draw(st.sampled_from(("", "Allows some: #1")))
        groups[group_id] = SecurityGroup(group_id, name, description, vpc.id, open_egress(group_id))
    peers = (*BLOCKS, *groups)
    for number, group in enumerate(tuple(groups.values())):
        if group.id != default.id or draw(st.integers(0, 3)) == 0:
            groups[group.id] = _with_rules(draw, group, peers, f"{index}{number}")
    return groups


def _with_rules(draw: st.DrawFn, group: SecurityGroup, peers: tuple[Block | str, ...], place: str) -> SecurityGroup:
    rules: list[SecurityGroupRule] = []
    for egress in (False, True):
        if egress and draw(st.booleans()):
            rules += open_egress(group.id)
            continue
        drawn = draw(st.lists(st.tuples(_KINDS, st.sampled_from(peers)), unique=True, max_size=3))
        for (protocol, limits), peer in drawn:
            first, last = limits or (None, None)
            description, tags = draw(st.sampled_from((("", ()), ("why: #2", ()), ("", (("Name", "a b"),)))))
            rule = SecurityGroupRule("", egress, protocol, first, last, peer, description, tags)
            own = draw(st.integers(0, 3)) == 0  # a rule from `ec2` has an id that is not derived
            rule_id = f"sgr-{place}{len(rules):015x}" if own else derived_rule_id(group.id, rule)
            rules.append(replace(rule, id=rule_id))
    return replace(group, rules=tuple(rules))
