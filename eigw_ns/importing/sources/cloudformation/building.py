"""Builds a `Design` from the stacks: one builder for each type, in an order in which each finds what it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from eigw_ns.cloud.words import shorten
from eigw_ns.importing.design import Design
from eigw_ns.importing.messages import Message
from eigw_ns.importing.sources.cloudformation import acls, groups, prefix_lists, routes, unmodelled, vpcs, workloads
from eigw_ns.importing.sources.cloudformation.collected import Collected
from eigw_ns.importing.sources.cloudformation.item import Item
from eigw_ns.importing.sources.cloudformation.stacks import NESTED, Stacks
from eigw_ns.importing.sources.cloudformation.values import Unknown, keys_in

Builder = Callable[[Item], None]

_FIRST: Mapping[str, Builder] = {
    "AWS::EC2::PrefixList": prefix_lists.prefix_list,
    "AWS::EC2::SubnetCidrBlock": vpcs.subnet_block,
    "AWS::EC2::VPCCidrBlock": vpcs.vpc_block,
    "AWS::EC2::VPCGatewayAttachment": vpcs.attachment,
}
"""The types that say something of another resource, wherever they stand in the template."""

_THEN: Mapping[str, Builder] = {
    "AWS::EC2::EgressOnlyInternetGateway": vpcs.egress_only_gateway,
    "AWS::EC2::InternetGateway": vpcs.internet_gateway,
    "AWS::EC2::NatGateway": vpcs.nat_gateway,
    "AWS::EC2::NetworkAcl": acls.network_acl,
    "AWS::EC2::NetworkAclEntry": acls.entry,
    "AWS::EC2::RouteTable": routes.route_table,
    "AWS::EC2::SecurityGroup": groups.group,
    "AWS::EC2::SecurityGroupEgress": groups.egress,
    "AWS::EC2::SecurityGroupIngress": groups.ingress,
    "AWS::EC2::Subnet": vpcs.subnet,
    "AWS::EC2::SubnetNetworkAclAssociation": acls.association,
    "AWS::EC2::SubnetRouteTableAssociation": routes.association,
    "AWS::EC2::VPC": vpcs.vpc,
}

_ROUTE = "AWS::EC2::Route"

_GUARDED: Mapping[str, str] = {
    "AWS::EC2::NetworkAclEntry": "NetworkAclId",
    "AWS::EC2::Route": "RouteTableId",
    "AWS::EC2::SubnetCidrBlock": "SubnetId",
    "AWS::EC2::SubnetNetworkAclAssociation": "SubnetId",
    "AWS::EC2::SubnetRouteTableAssociation": "SubnetId",
    "AWS::EC2::VPCCidrBlock": "VpcId",
    "AWS::EC2::VPCGatewayAttachment": "VpcId",
}
"""The property that names what a resource changes. A refusal of the resource makes that unknown."""


def build(stacks: Stacks, kind: str, name: str) -> Design:
    """Return the design of all stacks. Its messages are in the order of the source."""
    keys = tuple(resource.key for _, resource in stacks.resources() if resource.type == vpcs.VPC)
    collected = Collected(stacks.vpc_blocks(), keys)
    collected.messages += (*stacks.unused_parameters(), *stacks.block_messages())
    items = {item.key.text: item for item in _items(stacks, collected)}
    doubtful = {key for key, item in items.items() if _is_doubtful(item)}
    for builders in (_FIRST, _THEN):
        for item in items.values():
            if item.resource.type in builders:
                builders[item.resource.type](item)
    for item in items.values():
        if item.resource.type == _ROUTE:
            if item.key.text not in doubtful:
                routes.route(item)
        elif item.resource.type in workloads.FORMS:
            workloads.workload(item, items.get)
    for item in items.values():
        _rest(item, stacks)
    for scope in stacks.scopes:
        unmodelled.macros(scope.stack, collected, stacks.options)
    _sort(collected, stacks)
    return collected.design(kind, name)


def _items(stacks: Stacks, collected: Collected) -> list[Item]:
    """Return the resources that are made or may be made, and that the user does not ignore."""
    found: list[Item] = []
    for scope, resource in stacks.resources():
        if {resource.type, resource.logical_id} & stacks.options.ignored:
            continue
        made = scope.is_made(resource)
        if made is not False:
            found.append(Item(scope, resource, collected))
        elif _decides(resource.type):
            what = f"not made: condition {shorten(resource.condition or 'of its stack')} is false"
            collected.messages.append(Message("info", resource.place, what, "", frozenset({resource.key})))
    return found


def _decides(kind: str) -> bool:
    return kind in _FIRST or kind in _THEN or kind == _ROUTE


def _is_doubtful(item: Item) -> bool:
    """Return whether nobody can say if a resource of the network is made. Says so."""
    made = item.scope.is_made(item.resource)
    if not isinstance(made, Unknown) or not _decides(item.resource.type):
        return False
    name = shorten(item.resource.condition or "of its stack")
    touched = keys_in(item.value(_GUARDED.get(item.resource.type, ""))) or item.touches
    is_group = item.resource.type.startswith("AWS::EC2::SecurityGroup")
    what = f"the condition {name} cannot be decided: {made.why}"
    item.say("note" if is_group else "refuse", what, made.remedy, touches=touched)
    return True


def _rest(item: Item, stacks: Stacks) -> None:
    """Say what is left out, and refuse what is not known."""
    resource = item.resource
    if unmodelled.makes_anything(resource):
        unmodelled.custom(item)
    elif resource.type == NESTED and not stacks.has_nested(resource):
        unmodelled.nested_elsewhere(item)
    elif resource.type in unmodelled.LEFT_OUT:
        item.say("note", unmodelled.LEFT_OUT[resource.type])
    elif resource.type in unmodelled.DECIDING:
        unmodelled.deciding(item)


def _sort(collected: Collected, stacks: Stacks) -> None:
    """Put the messages in the order of the source: by stack, then by line."""
    order = {scope.stack.file: number for number, scope in reversed(list(enumerate(stacks.scopes)))}
    collected.messages.sort(key=lambda each: (order.get(each.place.file or "", 0), each.place.line or 0))
    unique = dict.fromkeys(collected.messages)
    collected.messages[:] = unique
