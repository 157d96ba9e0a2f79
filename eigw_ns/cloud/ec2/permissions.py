"""`IpPermissions` of a request, converted to one rule for each peer.

Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from eigw_ns.cloud.ec2 import group_pairs
from eigw_ns.cloud.ec2.blocks import ipv4_block, ipv6_block
from eigw_ns.cloud.ec2.checks import invalid, missing
from eigw_ns.cloud.ec2.protocols import icmp_type_code, port_range, protocol_number
from eigw_ns.cloud.ec2.resources import PREFIX_LIST
from eigw_ns.cloud.ec2.schema import Request, Shape
from eigw_ns.cloud.ec2.security_groups import check_text
from eigw_ns.cloud.filtering import ICMP, ICMPV6, TCP, UDP
from eigw_ns.cloud.model import Block, Cloud, SecurityGroup, SecurityGroupRule
from eigw_ns.errors import CloudError

_SHORT = ("IpProtocol", "FromPort", "ToPort", "CidrIp")


def permitted(cloud: Cloud, group: SecurityGroup, request: Request, *, egress: bool) -> list[SecurityGroupRule]:
    """Return the rules that the request gives, with empty ids. Raises CloudError if AWS would refuse them."""
    return [rule for each in _permissions(request) for rule in _rules(cloud, group, each, egress=egress)]


def same(one: SecurityGroupRule, other: SecurityGroupRule) -> bool:
    """Return True if two rules allow the same traffic. Ids, descriptions and tags are not compared."""
    return _traffic(one) == _traffic(other)


def _traffic(rule: SecurityGroupRule) -> SecurityGroupRule:
    return replace(rule, id="", description="", tags=())


def _permissions(request: Request) -> list[Shape]:
    """Return IpPermissions, or one permission made from the short form: a protocol, ports and an IPv4 block."""
    given: list[Shape] = request.get("IpPermissions", [])
    short = {name: request[name] for name in _SHORT if name in request}
    if given and short:
        message = f"The parameters IpPermissions and {next(iter(short))} cannot be used together"
        raise CloudError("InvalidParameterCombination", message)
    if short:
        ranges = [{"CidrIp": short.pop("CidrIp")}] if "CidrIp" in short else []
        return [{**short, "IpRanges": ranges}]
    if not given:
        raise missing("IpPermissions")
    return given


def _rules(cloud: Cloud, group: SecurityGroup, given: Shape, *, egress: bool) -> Iterator[SecurityGroupRule]:
    if not given.get("IpProtocol"):
        raise missing("IpPermissions.IpProtocol")
    protocol = protocol_number(given["IpProtocol"], "IP protocol")
    first, last = _span(protocol, given)
    peers = list(_peers(cloud, group, given))
    if not peers:
        raise missing("IpPermissions.Ipv6Ranges")
    for peer, description in peers:
        text = check_text(description, "rule description")
        yield SecurityGroupRule("", egress, protocol, first, last, peer, text)


def _span(protocol: int, given: Shape) -> tuple[int, int] | tuple[None, None]:
    """Return the port range for TCP and UDP, or the type and code for ICMP and ICMPv6.

    A missing type or code means all (-1). Returns (None, None) for other protocols.
    """
    first, last = given.get("FromPort"), given.get("ToPort")
    if protocol in (TCP, UDP):
        if first is None or last is None:
            raise invalid("Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.")
        return port_range(first, last)
    if protocol in (ICMP, ICMPV6):
        return icmp_type_code(-1 if first is None else first, -1 if last is None else last)
    return None, None


def _peers(cloud: Cloud, group: SecurityGroup, given: Shape) -> Iterator[tuple[Block | str, str]]:
    """Yield each peer with its description."""
    for member, name, parse in (("IpRanges", "CidrIp", ipv4_block), ("Ipv6Ranges", "CidrIpv6", ipv6_block)):
        for each in given.get(member, []):
            if not each.get(name):
                raise missing(f"{member}.{name}")
            yield parse(each[name], name), each.get("Description", "")
    for each in given.get("PrefixListIds", []):
        if not each.get("PrefixListId"):
            raise missing("PrefixListIds.PrefixListId")
        yield PREFIX_LIST.find(cloud, each["PrefixListId"]).id, each.get("Description", "")
    for each in given.get("UserIdGroupPairs", []):
        yield group_pairs.referenced(cloud, group, each).id, each.get("Description", "")
