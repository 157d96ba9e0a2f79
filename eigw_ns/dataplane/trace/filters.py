"""What network ACLs, security groups and gateways decide about a packet.

Stateless ones look at the packet alone. Stateful ones remember in the `Flow` what they let begin, and let its answers
pass.
"""

from __future__ import annotations

from collections.abc import Iterator

from eigw_ns.cloud.filtering import UDP, acl_entry, group_rule, open_both_ways, security_groups
from eigw_ns.cloud.model import (
    EgressOnlyInternetGateway,
    Gateway,
    Instance,
    InternetGateway,
    SecurityGroup,
    Subnet,
)
from eigw_ns.cloud.routing import longest_match, target_gateway
from eigw_ns.dataplane.trace import words
from eigw_ns.dataplane.trace.model import AclRuleUsed, GroupRuleUsed, Hop, Reason
from eigw_ns.dataplane.trace.step import Step


def cross_subnet(step: Step, subnet: Subnet, sender: Instance | None) -> Iterator[Hop]:
    """Everything that the subnet's router asks before it routes. `sender` is None for what comes from elsewhere."""
    within = step.packet.destination in subnet.ipv6_cidr_block
    receiver = step.scene.instance_at(step.packet.destination) if within else None
    if sender is not None:
        yield _cross_groups(step, sender, egress=True)
    if sender is None or not within:
        yield _cross_acl(step, subnet, egress=sender is not None)
    if receiver is not None:
        yield _cross_groups(step, receiver, egress=False)


def _cross_acl(step: Step, subnet: Subnet, *, egress: bool) -> Hop:
    """The network ACL at the subnet's edge: the first entry that matches decides, about answers too."""
    acl = step.scene.acl(subnet)
    entry = acl_entry(acl, step.packet, egress=egress)
    used = AclRuleUsed(acl, egress, entry)
    text = f"{words.way(egress)} rule {words.entry(entry) if entry else '* denies what no other allows'}"
    if entry is None or entry.action == "deny":
        return step.drops((acl.id, acl.name), Reason.SUBNET_ACL_RESTRICTION, text, used, outwards=egress)
    return step.passes((acl.id, acl.name), Reason.ALLOWED_BY_RULE, text, used, outwards=egress)


def _cross_groups(step: Step, instance: Instance, *, egress: bool) -> Hop:
    """The security groups at the instance's port: a rule lets a flow begin; its answer needs none."""
    cloud = step.scene.cloud
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
    text = f"{words.way(egress)} rule {rule.id} allows {words.group_rule(rule, named)}"
    return step.passes((group.id, group.name), Reason.ALLOWED_BY_RULE, text, used, outwards=egress)


def _no_rule(step: Step, instance: Instance, used: GroupRuleUsed) -> Hop:
    names = ", ".join(group.name for group in used.groups)
    if any(rule.egress is used.egress for group in used.groups for rule in group.rules):
        reason, text = Reason.ENI_SG_RULES_MISMATCH, f"no {words.way(used.egress)} rule of {names} allows it"
    else:
        reason, text = Reason.SG_HAS_NO_RULES, f"{names} has no {words.way(used.egress)} rules"
    return step.drops((instance.id, instance.name), reason, text, used, outwards=used.egress)


def _owner(used: GroupRuleUsed) -> SecurityGroup:
    """The group that the rule belongs to."""
    return next(group for group in used.groups if used.rule in group.rules)


def _untracked(step: Step, instance: Instance) -> bool:
    """Whether the instance's port does not track the UDP flow, so that an ICMPv6 error about it needs a rule.

    AWS tracks no flow of an instance whose groups are open both ways, unless it leaves by an egress-only internet
    gateway. `subnet_rules` tracks those within a subnet too.
    """
    scene, packet = step.scene, step.packet
    subnet = scene.cloud.subnets[instance.subnet_id]
    peer = packet.source if packet.destination == instance.ipv6_address else packet.destination
    if peer in subnet.ipv6_cidr_block or not open_both_ways(scene.cloud, instance, UDP):
        return False
    if peer in scene.vpc_block(subnet):
        return True
    table = scene.table(subnet)
    route = longest_match(table, peer)
    return route is not None and isinstance(target_gateway(scene.cloud, table, route), InternetGateway)


def cross_gateway(step: Step, gateway: Gateway, *, inwards: bool) -> Hop:
    """An internet gateway passes both ways; an egress-only one what begins inside, and the answers to that."""
    where, outwards = (gateway.id, gateway.name), not inwards
    if inwards and step.packet.source in step.scene.vpc_block(gateway):
        text = "comes from outside with an address of the VPC"
        return step.drops(where, Reason.GATEWAY_REJECTS_SPOOFED_TRAFFIC, text)
    if not isinstance(gateway, EgressOnlyInternetGateway):
        return step.passes(where, Reason.FORWARDED, "passes both ways", outwards=outwards)
    if outwards:
        step.flow.gateways.add(gateway.id)
        return step.passes(where, Reason.OPENS_FLOW, "begun inside, so it passes", outwards=True)
    if gateway.id in step.flow.gateways:
        return step.passes(where, Reason.ANSWERS_FLOW, "answers a flow that was begun inside")
    text = "nothing that is begun outside enters"
    return step.drops(where, Reason.EGRESS_ONLY_GATEWAY_REFUSES_INBOUND, text)
