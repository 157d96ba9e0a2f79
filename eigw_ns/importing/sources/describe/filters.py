"""Network ACLs, security groups and what uses them, in answers."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv6Address
from typing import Literal

from eigw_ns.cloud.filtering import ICMP, ICMPV6, TCP, UDP
from eigw_ns.cloud.model import ALL_PROTOCOLS, Block
from eigw_ns.importing.design import (
    DesignAcl,
    DesignAclEntry,
    DesignAssociation,
    DesignGroup,
    DesignGroupRule,
    DesignWorkload,
    Key,
    Link,
    Outside,
)
from eigw_ns.importing.sources.describe.collected import Collected
from eigw_ns.importing.sources.describe.item import Item
from eigw_ns.importing.sources.describe.kinds import ACL, GROUP, INSTANCE, INTERFACE, SUBNET, VPC
from eigw_ns.importing.sources.describe.networks import link

_PROTOCOLS = {"tcp": TCP, "udp": UDP, "icmp": ICMP, "icmpv6": ICMPV6, "-1": ALL_PROTOCOLS, "all": ALL_PROTOCOLS}
_ALL_PORTS = (0, 65535)
_ALL_TYPES = (-1, -1)
_LAST_ENTRY = 32_766
"""The last number of an entry that users can choose. AWS's own have higher ones."""

_DEFAULT = "default"
_GONE = ("terminated", "shutting-down")


def acls(collected: Collected) -> Iterator[DesignAcl]:
    """Yield the network ACLs."""
    for item in collected[ACL].values():
        yield DesignAcl(item.label(), link(collected, VPC, item.text("vpcId")), item.flag("isDefault"))


def acl_associations(collected: Collected) -> Iterator[DesignAssociation]:
    """Yield the associations of subnets with ACLs."""
    for item in collected[ACL].values():
        for each in item.parts("associations"):
            yield DesignAssociation(item.place, link(collected, SUBNET, each.text("subnetId")), Key(item.id))


def acl_entries(collected: Collected) -> Iterator[DesignAclEntry]:
    """Yield the entries of ACLs, without AWS's last ones."""
    for item in collected[ACL].values():
        for each in item.parts("entries"):
            number = each.number("ruleNumber")
            if number is None:
                raise item.wrong("ruleNumber", "a number")
            if number <= _LAST_ENTRY:
                yield _entry(each, number)


def _entry(item: Item, number: int) -> DesignAclEntry:
    protocol = _protocol(item, "protocol")
    action: Literal["allow", "deny"] = "allow" if item.text("ruleAction") == "allow" else "deny"
    block = item.ipv6_block("ipv6CidrBlock") or item.block("cidrBlock")
    if block is None:
        raise item.wrong("cidrBlock", "given")
    ports = _span(item.part("portRange"), ("from", "to"), _ALL_PORTS) if protocol in (TCP, UDP) else None
    icmp = _span(item.part("icmpTypeCode"), ("type", "code"), _ALL_TYPES) if protocol in (ICMP, ICMPV6) else None
    return DesignAclEntry(item.place, Key(item.id), number, item.flag("egress"), protocol, action, block, ports, icmp)


def _protocol(item: Item, name: str) -> int:
    """Return the number of a protocol. AWS spells some as words."""
    text = str(item.data.get(name, ""))
    if text in _PROTOCOLS:
        return _PROTOCOLS[text]
    if text.isdecimal() and len(text) <= 3 and int(text) <= 255:
        return int(text)
    raise item.wrong(name, "a protocol")


def _span(item: Item, names: tuple[str, str], usual: tuple[int, int]) -> tuple[int, int]:
    first, last = map(item.number, names)
    return usual if first is None or last is None else (first, last)


def groups(collected: Collected) -> Iterator[DesignGroup]:
    """Yield the security groups of VPCs."""
    for item in collected[GROUP].values():
        if item.text("vpcId"):
            name = item.text("groupName")
            described = item.text("description") or item.text("groupDescription")
            yield DesignGroup(item.label(name), link(collected, VPC, item.text("vpcId")), described, name == _DEFAULT)


def group_rules(collected: Collected) -> Iterator[DesignGroupRule]:
    """Yield the rules of groups, one for each peer."""
    for item in collected[GROUP].values():
        if item.text("vpcId"):
            for member, egress in (("ipPermissions", False), ("ipPermissionsEgress", True)):
                for permission in item.parts(member):
                    yield from _rules(collected, permission, egress=egress)


def _rules(collected: Collected, item: Item, *, egress: bool) -> Iterator[DesignGroupRule]:
    protocol = _protocol(item, "ipProtocol")
    first, last = _ports(item, protocol)
    for peer, description in dict.fromkeys(_peers(collected, item)):
        yield DesignGroupRule(item.place, Key(item.id), egress, protocol, first, last, peer, description)


def _ports(item: Item, protocol: int) -> tuple[int | None, int | None]:
    first, last = item.number("fromPort"), item.number("toPort")
    if protocol in (TCP, UDP):
        return _ALL_PORTS if first is None or last is None or first < 0 else (first, last)
    if protocol in (ICMP, ICMPV6):
        return (-1 if first is None else first), (-1 if last is None else last)
    return None, None


def _peers(collected: Collected, item: Item) -> Iterator[tuple[Block | Link, str]]:
    """Yield the peers of a permission. AWS Config also has IPv4 blocks as texts."""
    texts = [each for each in item.values("ipRanges") if isinstance(each, str)]
    ranges = [each for each in item.values("ipv4Ranges" if texts else "ipRanges") if isinstance(each, dict)]
    if not ranges:
        ranges = [{"cidrIp": text} for text in texts]
    for each in (Item(item.file, item.id, data) for data in ranges):
        yield from _peer(each.ipv4_block("cidrIp"), each)
    for each in item.parts("ipv6Ranges"):
        yield from _peer(each.ipv6_block("cidrIpv6"), each)
    for each in item.parts("prefixListIds"):
        yield Outside(each.text("prefixListId")), each.text("description")
    for each in item.parts("userIdGroupPairs", "groups"):
        yield link(collected, GROUP, each.text("groupId")), each.text("description")


def _peer(block: Block | None, item: Item) -> Iterator[tuple[Block | Link, str]]:
    if block is not None:
        yield block, item.text("description")


def workloads(collected: Collected) -> Iterator[DesignWorkload]:
    """Yield the instances, and the interfaces that belong to none."""
    for item in collected[INSTANCE].values():
        if item.part("state").text("name") not in _GONE and item.text("subnetId"):
            addresses = tuple(each for part in item.parts("networkInterfaces") for each in _addresses(part))
            yield _workload(collected, item, "instance", addresses)
    for item in collected[INTERFACE].values():
        if item.part("attachment").text("instanceId") not in collected[INSTANCE] and item.values("groups"):
            yield _workload(collected, item, "network interface", tuple(_addresses(item)))


def _workload(collected: Collected, item: Item, kind: str, addresses: tuple[IPv6Address, ...]) -> DesignWorkload:
    found = [link(collected, GROUP, each.text("groupId")) for each in item.parts("securityGroups", "groups")]
    subnet = link(collected, SUBNET, item.text("subnetId"))
    return DesignWorkload(item.label(), kind, (subnet,), tuple(dict.fromkeys(found)), addresses)


def _addresses(item: Item) -> Iterator[IPv6Address]:
    for each in item.parts("ipv6Addresses"):
        block = each.ipv6_block("ipv6Address")
        if block is not None:
            yield block.network_address
