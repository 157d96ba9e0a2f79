"""VPCs, subnets and gateways in answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network

from eigw_ns.importing.design import DesignGateway, DesignSubnet, DesignVpc, Ipv6Block, Key, Link, Outside
from eigw_ns.importing.sources.describe.collected import Collected
from eigw_ns.importing.sources.describe.item import Item
from eigw_ns.importing.sources.describe.kinds import EGRESS_ONLY, INTERNET, NAT, SUBNET, VPC, Kind

_ASSOCIATED = ("associated", "associating", "")
_ATTACHED = ("attached", "available", "attaching")
_GONE = ("deleted", "deleting", "failed")
_ZONE = re.compile("[0-9]([a-z])")


def link(collected: Collected, kind: Kind, resource_id: str) -> Link:
    """Return the link to a resource: `Outside` if no answer has it."""
    return Key(resource_id) if resource_id in collected[kind] else Outside(resource_id)


def vpcs(collected: Collected) -> Iterator[DesignVpc]:
    """Yield the VPCs, the primary IPv4 block of each first."""
    for item in collected[VPC].values():
        ipv6 = tuple(map(Ipv6Block, _ipv6_blocks(item)))
        yield DesignVpc(item.label(), _ipv4_blocks(item), ipv6)


def _ipv4_blocks(item: Item) -> tuple[IPv4Network, ...]:
    found = [item.ipv4_block("cidrBlock")]
    for each in item.parts("cidrBlockAssociationSet"):
        if each.part("cidrBlockState").text("state") in _ASSOCIATED:
            found.append(each.ipv4_block("cidrBlock"))
    return tuple(dict.fromkeys(block for block in found if block is not None))


def _ipv6_blocks(item: Item) -> tuple[IPv6Network, ...]:
    found = [
        each.ipv6_block("ipv6CidrBlock")
        for each in item.parts("ipv6CidrBlockAssociationSet")
        if each.part("ipv6CidrBlockState").text("state") in _ASSOCIATED
    ]
    return tuple(dict.fromkeys(block for block in found if block is not None))


def subnets(collected: Collected) -> Iterator[DesignSubnet]:
    """Yield the subnets."""
    for item in collected[SUBNET].values():
        zone = _ZONE.search(item.text("availabilityZone")[-2:])
        yield DesignSubnet(
            item.label(),
            link(collected, VPC, item.text("vpcId")),
            item.ipv4_block("cidrBlock"),
            _ipv6_blocks(item),
            zone[1] if zone else None,
            item.flag("mapPublicIpOnLaunch"),
        )


def gateways(collected: Collected) -> Iterator[DesignGateway]:
    """Yield the gateways that exist, with the VPC that each is attached to."""
    for item in collected[EGRESS_ONLY].values():
        yield DesignGateway(item.label(), "egress-only", _attachment(collected, item))
    for item in collected[INTERNET].values():
        yield DesignGateway(item.label(), "internet", _attachment(collected, item))
    for item in collected[NAT].values():
        if item.text("state") not in _GONE:
            private = item.text("connectivityType") == "private"
            yield DesignGateway(item.label(), "nat", None, link(collected, SUBNET, item.text("subnetId")), private)


def _attachment(collected: Collected, item: Item) -> Link | None:
    """Return the VPC of a gateway. AWS Config has the one of an egress-only internet gateway as a member."""
    found = [each.text("vpcId") for each in item.parts("attachments") if each.text("state") in _ATTACHED]
    vpc = next(iter(found), item.text("vpcId"))
    return link(collected, VPC, vpc) if vpc else None
