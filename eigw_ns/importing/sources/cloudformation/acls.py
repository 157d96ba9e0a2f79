"""Network ACLs, their entries and associations. Source: AWS, "AWS::EC2::NetworkAclEntry"."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import Literal

from eigw_ns.cloud.filtering import ICMP, ICMPV6
from eigw_ns.cloud.model import ALL_PROTOCOLS, Block
from eigw_ns.cloud.protocols import WITH_PORTS
from eigw_ns.importing.design import DesignAcl, DesignAclEntry, DesignAssociation, Key, Label, Link
from eigw_ns.importing.sources.cloudformation.collected import Collected
from eigw_ns.importing.sources.cloudformation.item import MISSING, Item
from eigw_ns.importing.sources.cloudformation.numbers import number_of, protocol_of
from eigw_ns.importing.sources.cloudformation.values import Reference
from eigw_ns.importing.sources.cloudformation.vpcs import SUBNET, VPC

NETWORK_ACL = "AWS::EC2::NetworkAcl"

_DEFAULT = "DefaultNetworkAcl"
_MOST_NUMBER = 32_766
_EVERYWHERE: tuple[Block, ...] = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))


def network_acl(item: Item) -> None:
    """Add a network ACL."""
    item.collected.acls.append(DesignAcl(item.label(), item.link("VpcId", VPC) or MISSING))


def association(item: Item) -> None:
    """Add the association of a subnet with a network ACL."""
    subnet, acl = item.link("SubnetId", SUBNET) or MISSING, _acl(item)
    item.collected.acl_associations.append(DesignAssociation(item.place, subnet, acl))


def entry(item: Item) -> None:
    """Add an entry of a network ACL. An entry that is not known in full is refused."""
    acl = _acl(item)
    item.touches = frozenset({acl.text}) if isinstance(acl, Key) else frozenset()
    number, protocol = number_of(item.value("RuleNumber")), protocol_of(item.value("Protocol"))
    action, block = _action(item), item.ipv6_block("Ipv6CidrBlock") or item.ipv4_block("CidrBlock")
    egress = item.flag("Egress")
    if number is None or not 1 <= number <= _MOST_NUMBER:
        item.refuse("RuleNumber", item.value("RuleNumber"), f"a number from 1 to {_MOST_NUMBER}")
        return
    if protocol is None:
        item.refuse("Protocol", item.value("Protocol"), "the number of a protocol")
        return
    if action is None or block is None:
        if block is None and item.value("CidrBlock") is None and item.value("Ipv6CidrBlock") is None:
            item.say("refuse", "the entry has no block", "give CidrBlock or Ipv6CidrBlock")
        return
    ports = _pair(item, "PortRange", "From", "To") if protocol in WITH_PORTS else None
    icmp = _pair(item, "Icmp", "Type", "Code") if protocol in (ICMP, ICMPV6) else None
    found = DesignAclEntry(item.place, acl, number, egress, protocol, action, block, ports, icmp)
    item.collected.acl_entries.append(found)


def _action(item: Item) -> Literal["allow", "deny"] | None:
    value = item.value("RuleAction")
    if value in ("allow", "deny"):
        action: Literal["allow", "deny"] = value
        return action
    item.refuse("RuleAction", value, "allow or deny")
    return None


def _pair(item: Item, name: str, first: str, second: str) -> tuple[int, int] | None:
    """Return two numbers of a mapping. Refuses what is not known."""
    values = tuple(number_of(item.value(f"{name}.{each}")) for each in (first, second))
    low, high = values
    if low is None or high is None:
        item.refuse(name, item.value(name), f"a mapping with {first} and {second}")
        return None
    return low, high


def _acl(item: Item) -> Link:
    """Return the ACL of an entry or association. It may be the default one of a VPC of the design."""
    value = item.value("NetworkAclId")
    if isinstance(value, Reference) and (value.type, value.attribute) == (VPC, _DEFAULT):
        return _default_acl(item.collected, item, value)
    return item.link("NetworkAclId", NETWORK_ACL) or MISSING


def _default_acl(collected: Collected, item: Item, vpc: Reference) -> Key:
    """Return the default ACL of a VPC. Adds it with the entries that AWS gives it, if it is not there yet."""
    key = Key(f"{vpc.key}.{_DEFAULT}")
    if key.text not in collected.defaults:
        collected.defaults.add(key.text)
        collected.acls.append(DesignAcl(Label(key, item.place, f"{vpc.logical_id}-default"), Key(vpc.key), True))
        for egress in (False, True):
            for number, block in zip((100, 101), _EVERYWHERE, strict=True):
                rule = DesignAclEntry(item.place, key, number, egress, ALL_PROTOCOLS, "allow", block)
                collected.acl_entries.append(rule)
    return key
