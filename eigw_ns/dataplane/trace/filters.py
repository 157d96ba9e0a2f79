"""Decide what network ACLs, security groups and gateways do with a packet.

Network ACLs are stateless: they look only at the packet. Security groups and egress-only gateways are stateful: they
note in the `Flow` that they passed its first packet, and then pass its answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv6Address

from eigw_ns.cloud.filtering import (
    ICMP,
    UDP,
    acl_entry,
    group_rule,
    ipv4_icmp_entry,
    ipv4_icmp_rule,
    open_both_ways,
    rule_matches,
    security_groups,
)
from eigw_ns.cloud.model import (
    Gateway,
    Instance,
    SecurityGroup,
    Subnet,
)
from eigw_ns.cloud.protocols import MOBILITY, NO_NEXT_HEADER, UDPLITE
from eigw_ns.cloud.routing import longest_match, target_gateway
from eigw_ns.dataplane.compile import gateways
from eigw_ns.dataplane.compile.names import infrastructure_address
from eigw_ns.dataplane.rulesets import tuple_rules
from eigw_ns.dataplane.trace import words
from eigw_ns.dataplane.trace.addresses import is_global, not_global
from eigw_ns.dataplane.trace.model import AclRuleUsed, GroupRuleUsed, Hop, Reason
from eigw_ns.dataplane.trace.step import Step

_Refusal = tuple[Reason, str]
"""Why a gateway drops a packet, and the same in words."""


def cross_subnet(step: Step, subnet: Subnet, sender: Instance | None) -> Iterator[Hop]:
    """Yield the decisions of the subnet's router before it routes.

    `sender` is the instance of this subnet that sent the packet; None if the packet comes from outside the subnet.
    """
    if step.packet.protocol in _NOT_TRACKED:
        yield _not_tracked(step, subnet, outwards=sender is not None)
        return
    within = step.packet.destination in subnet.ipv6_cidr_block
    receiver = step.index.instance_at(step.packet.destination) if within else None
    if sender is not None:
        yield _cross_groups(step, sender, egress=True)
    if sender is None or not within:
        yield _cross_acl(step, subnet, egress=sender is not None)
    if receiver is not None:
        yield _cross_groups(step, receiver, egress=False)


_NOT_TRACKED = {
    ICMP: "icmp is IPv4's ICMP, which no IPv6 packet carries: IPv6 has icmpv6",
    NO_NEXT_HEADER: "59 says that no protocol follows, so the packet belongs to no flow",
    UDPLITE: "Linux checks UDP-Lite with the checksum of UDP, so it takes the packet for corrupt",
}
"""Why Linux's conntrack takes packets of some protocols for invalid. A subnet drops those."""


def _not_tracked(step: Step, subnet: Subnet, *, outwards: bool) -> Hop:
    text = _NOT_TRACKED[step.packet.protocol]
    return step.drops((subnet.id, subnet.name), Reason.PROTOCOL_NOT_TRACKED, text, outwards=outwards)


def _cross_acl(step: Step, subnet: Subnet, *, egress: bool) -> Hop:
    """Return the decision of the ACL at the subnet's edge: the first matching entry decides, also on answers."""
    acl = step.index.acl(subnet)
    entry = acl_entry(acl, step.packet, egress=egress)
    used = AclRuleUsed(acl, egress, entry)
    text = f"{words.way(egress)} rule {words.entry(entry) if entry else '* denies what no other rule allows'}"
    if entry is None or entry.action == "deny":
        other = ipv4_icmp_entry(acl, step.packet, egress=egress)
        if other is not None and other.action == "allow":
            text += words.not_icmpv6(f"rule {other.rule_number}")
        return step.drops((acl.id, acl.name), Reason.SUBNET_ACL_RESTRICTION, text, used, outwards=egress)
    return step.passes((acl.id, acl.name), Reason.ALLOWED_BY_RULE, text, used, outwards=egress)


def _cross_groups(step: Step, instance: Instance, *, egress: bool) -> Hop:
    """Return the decision of the security groups at the instance's port. Answers of a flow need no rule."""
    cloud = step.index.cloud
    if not step.opens and not (step.error and _untracked(step, instance)):
        used = step.flow.rules[instance.id, not egress]
        group = _owner(used)
        text = f"answers a flow, so it needs no {words.way(egress)} rule"
        return step.passes((group.id, group.name), Reason.ANSWERS_FLOW, text, used, outwards=egress)
    rule = group_rule(cloud, instance, step.packet, egress=egress)
    used = GroupRuleUsed(security_groups(cloud, instance), egress, rule)
    if rule is None:
        return _no_rule(step, instance, used)
    step.flow.rules[instance.id, egress] = used
    group, peer = _owner(used), rule.peer
    named = cloud.security_groups[peer].name if isinstance(peer, str) else str(peer)
    named += words.of_list(cloud, rule.prefix_list_id)
    text = f"{words.way(egress)} rule {rule.id} allows {words.group_rule(rule, named)}"
    return step.passes((group.id, group.name), Reason.ALLOWED_BY_RULE, text, used, outwards=egress)


def _no_rule(step: Step, instance: Instance, used: GroupRuleUsed) -> Hop:
    names = ", ".join(group.name for group in used.groups)
    other = ipv4_icmp_rule(step.index.cloud, instance, step.packet, egress=used.egress)
    if any(rule.egress is used.egress for group in used.groups for rule in group.rules):
        reason, text = Reason.ENI_SG_RULES_MISMATCH, f"no {words.way(used.egress)} rule of {names} allows it"
        text += _lists_without_it(step, used)
        text += words.not_icmpv6(f"rule {other.id}") if other is not None else ""
    else:
        reason, text = Reason.SG_HAS_NO_RULES, f"{names} has no {words.way(used.egress)} rules"
    return step.drops((instance.id, instance.name), reason, text, used, outwards=used.egress)


def _lists_without_it(step: Step, used: GroupRuleUsed) -> str:
    """Return a remark about the prefix lists of rules that would allow the packet if an entry had its peer."""
    found = {
        rule.prefix_list_id: words.of_list(step.index.cloud, rule.prefix_list_id).removeprefix(" of ")
        for group in used.groups
        for rule in group.rules
        if rule.prefix_list_id is not None and rule.egress is used.egress and rule_matches(rule, step.packet)
    }
    return "".join(f"; {name} has no entry for it" for name in found.values())


def _owner(used: GroupRuleUsed) -> SecurityGroup:
    """Return the group to which the rule belongs."""
    return next(group for group in used.groups if used.rule in group.rules)


def _untracked(step: Step, instance: Instance) -> bool:
    """Return whether the instance's port does not track the UDP flow, so that an ICMPv6 error about it needs a rule.

    AWS does not track flows of an instance whose groups are open both ways, unless they leave by an egress-only
    internet gateway. `subnet_rules` also tracks flows within a subnet.
    """
    index, packet = step.index, step.packet
    subnet = index.cloud.subnets[instance.subnet_id]
    peer = packet.source if instance.owns(packet.destination) else packet.destination
    if peer in subnet.ipv6_cidr_block or not open_both_ways(index.cloud, instance, UDP):
        return False
    if index.vpc_block(subnet, peer) is not None:
        return True
    table = index.table(subnet)
    route = longest_match(table, peer)
    gateway = target_gateway(index.cloud, table, route) if route is not None else None
    return gateway is not None and not gateways.kind_of(gateway).stateful


def cross_gateway(step: Step, gateway: Gateway, *, inwards: bool) -> Hop:
    """Return the decision of a gateway.

    A stateless gateway passes both ways. A stateful one passes flows that begin inside, and their answers.
    """
    where, outwards, stateful = (gateway.id, gateway.name), not inwards, gateways.kind_of(gateway).stateful
    refusal = _refused_source(step, gateway) if inwards else _refused_destination(step, gateway)
    refusal = refusal or (_refused_protocol(step, inwards=inwards) if stateful else None)
    if refusal is not None:
        return step.drops(where, *refusal, outwards=outwards)
    if not stateful:
        return step.passes(where, Reason.FORWARDED, "passes both ways", outwards=outwards)
    if outwards:
        step.flow.gateways.add(gateway.id)
        return step.passes(where, Reason.OPENS_FLOW, "passes flows that begin inside", outwards=True)
    if gateway.id in step.flow.gateways:
        return step.passes(where, Reason.ANSWERS_FLOW, "answers a flow that began inside")
    text = "flows that begin outside are dropped"
    return step.drops(where, Reason.EGRESS_ONLY_GATEWAY_REFUSES_INBOUND, text)


def _refused_source(step: Step, gateway: Gateway) -> _Refusal | None:
    """Return why any gateway drops a packet from outside for its source, or None."""
    source = step.packet.source
    if step.index.vpc_block(gateway, source) is not None:
        text = "arrives from outside with a source address of the VPC"
        return Reason.GATEWAY_REJECTS_SPOOFED_TRAFFIC, text
    return None if is_global(source) else (Reason.SOURCE_NOT_GLOBAL, not_global(source))


def _refused_destination(step: Step, gateway: Gateway) -> _Refusal | None:
    """Return why any gateway drops a packet from inside for its destination, or None."""
    there = step.packet.destination
    if there == IPv6Address(infrastructure_address(gateway.id)):
        return Reason.GATEWAY_ANSWERS_NOBODY, "the gateway itself answers nobody"
    return None if is_global(there) else (Reason.DESTINATION_NOT_GLOBAL, not_global(there))


def _refused_protocol(step: Step, *, inwards: bool) -> _Refusal | None:
    """Return why an egress-only gateway drops a packet for its protocol, or None."""
    number = step.packet.protocol
    if not inwards and number in tuple_rules.PORTS_ELSEWHERE:
        return Reason.GATEWAY_REFUSES_PROTOCOL, f"{words.protocol(number)} has ports that Linux cannot follow"
    if inwards and number == MOBILITY:
        return Reason.GATEWAY_REFUSES_PROTOCOL, "no packet with a mobility header comes in"
    return None
