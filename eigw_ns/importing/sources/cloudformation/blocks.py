"""The IPv6 blocks of VPCs. Those that AWS or a pool chooses when the stack is made, we choose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from ipaddress import IPv6Network

from eigw_ns.cloud.words import shorten
from eigw_ns.frozen import frozen
from eigw_ns.importing.blocks import MOST, chosen_block
from eigw_ns.importing.design import Ipv6Block
from eigw_ns.importing.messages import Message
from eigw_ns.importing.options import Options
from eigw_ns.importing.sources.cloudformation.evaluator import Scope
from eigw_ns.importing.sources.cloudformation.stack import Resource
from eigw_ns.importing.sources.cloudformation.tags import name_tag
from eigw_ns.importing.sources.cloudformation.values import Reference, Unknown, spelt

ASSOCIATION = "AWS::EC2::VPCCidrBlock"

Blocks = Mapping[str, tuple[Ipv6Block, ...]]


@frozen
class Found:
    """The blocks of each VPC by its key, and what to say about them."""

    by_vpc: Blocks
    messages: tuple[Message, ...] = field(default_factory=tuple)


def find(scopes: Sequence[Scope], options: Options) -> Found:
    """Return the IPv6 blocks that the associations of all stacks give to VPCs, in the order of the source."""
    by_vpc: dict[str, tuple[Ipv6Block, ...]] = {}
    messages: list[Message] = []
    chosen, number = _asked_for(scopes, options), 0
    for scope, resource in _associations(scopes):
        vpc = scope.property(resource, "VpcId")
        if not isinstance(vpc, Reference) or not _has_ipv6(scope, resource):
            continue
        block, why = _given(scope, resource)
        asked = None if by_vpc.get(vpc.key) else chosen.get(vpc.key)
        if asked is not None:
            found = Ipv6Block(asked)
        elif block is not None:
            found = Ipv6Block(block)
        elif number < MOST:
            found, number = Ipv6Block(chosen_block(number), chosen=True), number + 1
            messages.append(Message("info", resource.place, f"IPv6 block chosen: {found.block}{why and f' ({why})'}"))
        else:
            what = f"the design has more than {MOST} IPv6 blocks to choose"
            messages.append(Message("refuse", resource.place, what, "give a part of it", frozenset({vpc.key})))
            continue
        by_vpc[vpc.key] = (*by_vpc.get(vpc.key, ()), found)
    return Found(by_vpc, tuple(messages))


def _associations(scopes: Sequence[Scope]) -> Iterable[tuple[Scope, Resource]]:
    for scope in scopes:
        for resource in scope.stack.resources.values():
            if resource.type == ASSOCIATION and scope.is_made(resource) is not False:
                yield scope, resource


def _has_ipv6(scope: Scope, resource: Resource) -> bool:
    """Return whether the association gives an IPv6 block, or may give one."""
    names = ("AmazonProvidedIpv6CidrBlock", "Ipv6CidrBlock", "Ipv6IpamPoolId", "Ipv6Pool")
    values = (scope.property(resource, name) for name in names)
    return any(value is not None and spelt(value) not in ("false", "False", "") for value in values)


def _given(scope: Scope, resource: Resource) -> tuple[IPv6Network | None, str]:
    """Return the block that the template states; else None, and why a stated one cannot be used."""
    value = scope.property(resource, "Ipv6CidrBlock")
    if value is None:
        return None, ""
    text = spelt(value)
    if text is None:
        return None, value.why if isinstance(value, Unknown) else "Ipv6CidrBlock is not known"
    try:
        return IPv6Network(text), ""
    except ValueError:
        return None, f"{shorten(text)} is not an IPv6 block"


def _asked_for(scopes: Sequence[Scope], options: Options) -> dict[str, IPv6Network]:
    """Return the blocks that the user chose for VPCs, by their name or their logical id, by the key of the VPC."""
    found: dict[str, IPv6Network] = {}
    for scope in scopes if options.blocks else ():
        for resource in scope.stack.resources.values():
            if resource.type == "AWS::EC2::VPC":
                names = (name_tag(scope, resource) or "", resource.logical_id)
                found.update((resource.key, options.blocks[name]) for name in reversed(names) if name in options.blocks)
    return found
