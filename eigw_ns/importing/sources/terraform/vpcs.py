"""VPCs, subnets and gateways."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv6Network

from eigw_ns.importing.design import DesignGateway, DesignSubnet, DesignVpc, Ipv6Block, Key, Link, Outside
from eigw_ns.importing.sources.terraform.invented import ASSOCIATION, VPCS, asks
from eigw_ns.importing.sources.terraform.resources import Resource
from eigw_ns.importing.sources.terraform.state import USE_THE_STATE, State

SUBNETS = ("aws_subnet", "aws_default_subnet")
_DEFAULT_VPC = Outside("the default VPC")
_ZONE = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d+([a-z])\Z")


def vpcs(state: State) -> tuple[DesignVpc, ...]:
    """Return the VPCs with the blocks that are associated with them."""
    return tuple(_vpc(state, each) for each in state.of(*VPCS))


def _vpc(state: State, resource: Resource) -> DesignVpc:
    own = resource.body.ipv4("cidr_block")
    further = [
        each.body.ipv4("cidr_block") for each in _associated(state, "aws_vpc_ipv4_cidr_block_association", resource)
    ]
    blocks = tuple(dict.fromkeys(each for each in (own, *further) if each is not None))
    return DesignVpc(resource.label(), blocks, tuple(_ipv6_blocks(state, resource)))


def _associated(state: State, kind: str, vpc: Resource) -> list[Resource]:
    return [each for each in state.of(kind) if state.links.link("vpc", each.body.text("vpc_id")) == vpc.key]


def _ipv6_blocks(state: State, vpc: Resource) -> Iterator[Ipv6Block]:
    seen: set[IPv6Network] = set()
    for resource in (vpc, *_associated(state, ASSOCIATION, vpc)):
        found = ipv6_block(state, resource)
        if found is not None and found.block not in seen:
            seen.add(found.block)
            yield found
            if found.chosen:
                state.say("info", resource, f"IPv6 block chosen: {found.block}")


def ipv6_block(state: State, resource: Resource) -> Ipv6Block | None:
    """Return the IPv6 block of a VPC, or of an association; None if it has none."""
    if (chosen := state.invented.chosen.get(resource.address)) is not None:
        return Ipv6Block(chosen, chosen=True)
    given = resource.body.ipv6("ipv6_cidr_block")
    if given is None or (state.invented.is_invented(given) and not asks(resource)):
        return None
    return Ipv6Block(given)


def subnets(state: State) -> tuple[DesignSubnet, ...]:
    """Return the subnets."""
    return tuple(_subnet(state, each) for each in state.of(*SUBNETS))


def _subnet(state: State, resource: Resource) -> DesignSubnet:
    body, vpc = resource.body, vpc_of(state, resource)
    ipv4 = body.ipv4("cidr_block")
    return DesignSubnet(
        resource.label(),
        vpc,
        ipv4 if not body.flag("ipv6_native") else None,
        _subnet_blocks(state, resource, vpc),
        zone_letter(body.text("availability_zone")),
        body.flag("map_public_ip_on_launch"),
    )


def vpc_of(state: State, resource: Resource) -> Link:
    """Return the VPC of a resource. A default subnet of a mocked state names none: it is in the default VPC."""
    text = resource.body.text("vpc_id")
    found = state.links.known("vpc", text)
    if found is None and resource.type == "aws_default_subnet":
        return next((each.key for each in state.of("aws_default_vpc")), _DEFAULT_VPC)
    return found or state.links.outside(text)


def _subnet_blocks(state: State, resource: Resource, vpc: Link) -> tuple[IPv6Network, ...]:
    block = resource.body.ipv6("ipv6_cidr_block")
    if block is None or not state.invented.is_invented(block) or not isinstance(vpc, Key):
        return () if block is None else (block,)
    moved = state.invented.in_vpc(block, vpc)
    if moved is None:
        what = f"its IPv6 block cannot be computed from the blocks that {vpc.text} asks for"
        state.say("refuse", resource, what, USE_THE_STATE)
    return () if moved is None else (moved,)


def zone_letter(zone: str) -> str | None:
    """Return `a` for us-east-1a; None if the text is not the name of an Availability Zone."""
    found = _ZONE.match(zone)
    return found[1] if found else None


def gateways(state: State) -> tuple[DesignGateway, ...]:
    """Return the gateways. The attachment of an internet gateway can be a resource of its own."""
    attached = _attachments(state)
    internet = (_internet(state, each, attached) for each in state.of("aws_internet_gateway"))
    egress_only = (
        DesignGateway(each.label(), "egress-only", vpc=state.links.link("vpc", each.body.text("vpc_id")))
        for each in state.of("aws_egress_only_internet_gateway")
    )
    nat = (
        DesignGateway(each.label(), "nat", subnet=state.links.link("subnet", each.body.text("subnet_id")))
        for each in state.of("aws_nat_gateway")
    )
    return *internet, *egress_only, *nat


def _attachments(state: State) -> dict[Link, Link]:
    bodies = [each.body for each in state.of("aws_internet_gateway_attachment")]
    found = [
        (state.links.link("internet", body.text("internet_gateway_id")), state.links.link("vpc", body.text("vpc_id")))
        for body in bodies
    ]
    return dict(found)


def _internet(state: State, resource: Resource, attached: dict[Link, Link]) -> DesignGateway:
    """Return an internet gateway. A mock invents the VPC of one that names none, so only a known VPC counts there."""
    text = resource.body.text("vpc_id")
    own = state.links.link("vpc", text) if text else None
    if state.invented.mocked and own is not None and not isinstance(own, Key) and own == state.links.outside(""):
        own = None
    return DesignGateway(resource.label(), "internet", vpc=attached.get(resource.key, own))
