"""VPCs, their blocks, subnets and gateways."""

from __future__ import annotations

import re

from eigw_ns.importing.design import DesignGateway, DesignSubnet, DesignVpc, Key
from eigw_ns.importing.sources.cloudformation.item import MISSING, Item
from eigw_ns.importing.sources.cloudformation.values import spelt

VPC = "AWS::EC2::VPC"
SUBNET = "AWS::EC2::Subnet"
INTERNET_GATEWAY = "AWS::EC2::InternetGateway"

_ZONE = re.compile(r"[a-z]{2}(?:-[a-z]+)+-[0-9]+([a-z])")


def vpc(item: Item) -> None:
    """Add a VPC, with the blocks that its associations gave it before."""
    block = item.ipv4_block("CidrBlock")
    if block is None and item.value("Ipv4IpamPoolId") is not None:
        item.say("info", "the IPv4 block is a pool's choice, so it is left out", at="Ipv4IpamPoolId")
    ipv4 = (*(() if block is None else (block,)), *item.collected.ipv4_blocks.get(item.key.text, ()))
    item.collected.vpcs.append(DesignVpc(item.label(), ipv4, item.collected.blocks.get(item.key.text, ())))


def vpc_block(item: Item) -> None:
    """Note the IPv4 block that an association gives to a VPC. `blocks` finds the IPv6 blocks.

    A block that may be an IPv6 one, or not, is refused.
    """
    item.touches = frozenset(item.collected.vpc_keys)
    link = item.known_link("VpcId", VPC)
    if isinstance(link, Key):
        item.touches = frozenset({link.text})
    item.flag("AmazonProvidedIpv6CidrBlock")
    block = item.ipv4_block("CidrBlock")
    if block is not None and isinstance(link, Key):
        item.collected.ipv4_blocks.setdefault(link.text, []).append(block)


def subnet_block(item: Item) -> None:
    """Note the IPv6 block that an association gives to a subnet."""
    item.touches = frozenset(item.collected.vpc_keys)
    link = item.known_link("SubnetId", SUBNET)
    if not isinstance(link, Key):
        return
    item.touches = frozenset({link.text})
    block = item.ipv6_block("Ipv6CidrBlock")
    if block is not None:
        item.collected.subnet_blocks.setdefault(link.text, []).append(block)
    elif item.value("Ipv6CidrBlock") is None:
        _refuse_pool(item)


def subnet(item: Item) -> None:
    """Add a subnet."""
    own = item.ipv6_block("Ipv6CidrBlock")
    if own is None and item.value("Ipv6CidrBlock") is None and item.value("Ipv6IpamPoolId") is not None:
        _refuse_pool(item)
    ipv4 = item.ipv4_block("CidrBlock")
    if ipv4 is None and item.value("CidrBlock") is None and not item.flag("Ipv6Native"):
        what = "the subnet has no CidrBlock and is not Ipv6Native"
        item.say("refuse", what, "give its block")
    associated = item.collected.subnet_blocks.get(item.key.text, [])
    found = (*(() if own is None else (own,)), *associated)
    item.collected.subnets.append(
        DesignSubnet(
            item.label(), item.link("VpcId", VPC) or MISSING, ipv4, tuple(dict.fromkeys(found)), _zone(item),
            item.flag("MapPublicIpOnLaunch"),
        )
    )  # fmt: skip


def _refuse_pool(item: Item) -> None:
    """Refuse an IPv6 block of a subnet that a pool chooses."""
    item.say("refuse", "a pool chooses the IPv6 block, so it cannot be computed", "give Ipv6CidrBlock in a copy")


def _zone(item: Item) -> str | None:
    zone = _ZONE.fullmatch(spelt(item.value("AvailabilityZone")) or "")
    return zone[1] if zone else None


def egress_only_gateway(item: Item) -> None:
    """Add an egress-only internet gateway."""
    item.touches = frozenset(item.collected.vpc_keys)
    link = item.known_link("VpcId", VPC)
    _add(item, DesignGateway(item.label(), "egress-only", link))


def attachment(item: Item) -> None:
    """Note the VPC of an internet gateway, before the gateways are added. A VPN gateway is left out."""
    if item.value("InternetGatewayId") is None:
        return
    item.touches = frozenset(item.collected.vpc_keys)
    link = item.known_link("VpcId", VPC)
    if isinstance(link, Key):
        item.touches = frozenset({link.text})
    to = item.known_link("InternetGatewayId", INTERNET_GATEWAY)
    if isinstance(to, Key):
        item.collected.attachments.setdefault(to.text, link)


def internet_gateway(item: Item) -> None:
    """Add an internet gateway with the VPC that it is attached to."""
    link = item.collected.attachments.get(item.key.text)
    _add(item, DesignGateway(item.label(), "internet", link))


def nat_gateway(item: Item) -> None:
    """Add a NAT gateway, which is in a subnet, or in a VPC if it is a regional one."""
    if spelt(item.value("ConnectivityType")) == "private":
        item.say(
            "note",
            "a private NAT gateway has no public address; it is shown as any NAT gateway",
            "",
            "ConnectivityType",
        )
    regional = item.value("SubnetId") is None
    at = None if regional else item.known_link("SubnetId", SUBNET)
    within = item.known_link("VpcId", VPC) if regional else None
    _add(item, DesignGateway(item.label(), "nat", within, at))


def _add(item: Item, gateway: DesignGateway) -> None:
    item.collected.gateways.append(gateway)
    if isinstance(gateway.vpc, Key):
        item.collected.gateway_vpcs[item.key.text] = gateway.vpc.text
