"""Security groups and their rules, those that AWS adds included. Source: AWS, "AWS::EC2::SecurityGroup"."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network

from eigw_ns.cloud.filtering import ICMP, ICMPV6
from eigw_ns.cloud.model import ALL_PROTOCOLS, Block
from eigw_ns.cloud.protocols import WITH_PORTS
from eigw_ns.importing.design import DesignGroup, DesignGroupRule, Key, Label, Link
from eigw_ns.importing.messages import Message, Place
from eigw_ns.importing.sources.cloudformation.item import MISSING, Item, block_of, outside
from eigw_ns.importing.sources.cloudformation.numbers import number_of, protocol_of
from eigw_ns.importing.sources.cloudformation.prefix_lists import entries_of
from eigw_ns.importing.sources.cloudformation.values import Reference, Value, in_words, spelt, unknown_in
from eigw_ns.importing.sources.cloudformation.vpcs import VPC

SECURITY_GROUP = "AWS::EC2::SecurityGroup"

_DEFAULT = "DefaultSecurityGroup"
_EVERYWHERE: tuple[Block, ...] = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))
_PEERS = {
    False: ("CidrIp", "CidrIpv6", "SourceSecurityGroupId", "SourcePrefixListId", "SourceSecurityGroupName"),
    True: ("CidrIp", "CidrIpv6", "DestinationSecurityGroupId", "DestinationPrefixListId"),
}
_ALL_PORTS = (0, 65_535)


def group(item: Item) -> None:
    """Add a security group with its own rules. Without egress rules of its own it has AWS's: everything out."""
    vpc = item.link("VpcId", VPC) or MISSING
    words = in_words(item.value("GroupDescription") or "")
    item.collected.groups.append(DesignGroup(item.label(), vpc, words))
    _rules_of(item, "SecurityGroupIngress", False)
    if item.value("SecurityGroupEgress") in (None, ()):
        _add_open_egress(item, item.key, item.place, vpc)
    else:
        _rules_of(item, "SecurityGroupEgress", True)


def ingress(item: Item) -> None:
    """Add a rule that is a resource of its own."""
    _rule(item, False)


def egress(item: Item) -> None:
    """Add a rule that is a resource of its own. It does not remove the egress rules that AWS adds."""
    _rule(item, True)


def group_links(item: Item, name: str) -> tuple[Link, ...]:
    """Return the groups in a list. One may be the default group of a VPC of the design, which is added if needed."""
    return tuple(link for each in _each(item.value(name)) if (link := _link(item, each)) is not None)


def _rule(item: Item, egress: bool) -> None:
    group = _link(item, item.value("GroupId"))
    if group is None:
        group = item.link("GroupId", SECURITY_GROUP) or MISSING
    item.touches = frozenset({group.text}) if isinstance(group, Key) else frozenset()
    names = (*_PEERS[egress], "IpProtocol", "FromPort", "ToPort", "Description")
    body = {name: item.value(name) for name in names}
    item.collected.group_rules.extend(_rules(item, group, egress, body, item.place))


def _rules_of(item: Item, name: str, egress: bool) -> None:
    for each in _each(item.value(name)):
        body = each if isinstance(each, dict) else {"IpProtocol": each}
        item.collected.group_rules.extend(_rules(item, item.key, egress, body, item.resource.place_of(name)))


def _rules(item: Item, group: Link, egress: bool, body: dict[str, Value], place: Place) -> Iterator[DesignGroupRule]:
    """Yield a rule for each peer that a body names. A rule that is not known in full is left out, with a note."""
    protocol = protocol_of(body.get("IpProtocol"))
    ports = _ports(protocol, body)
    if protocol is None or ports is None:
        values = tuple(body.get(name) for name in ("IpProtocol", "FromPort", "ToPort"))
        _leave_out(item, place, group, "its protocol or its ports are", values)
        return
    text = spelt(body.get("Description")) or ""
    for name in _PEERS[egress]:
        value = body.get(name)
        if value is None:
            continue
        peers = _peers(item, name, value)
        if not peers:
            _leave_out(item, place, group, f"its {name} is", value)
        yield from (DesignGroupRule(place, group, egress, protocol, *ports, peer, text) for peer in peers)


def _leave_out(item: Item, place: Place, group: Link, what: str, value: Value) -> None:
    """Note a rule that is left out, because something of it is not known."""
    unknown = unknown_in(value)
    why = f": {unknown.why}" if unknown else ""
    touches = frozenset({group.text}) if isinstance(group, Key) else frozenset()
    message = f"a rule is left out, so the group is stricter here: {what} not known{why}"
    item.collected.messages.append(Message("note", place, message, unknown.remedy if unknown else "", touches))


def _peers(item: Item, name: str, value: Value) -> tuple[Block | Link, ...]:
    """Return the peers that a property names; none if they are not known."""
    if name.endswith("PrefixListId"):
        entries = entries_of(item.collected, value)
        return (outside(value),) if entries is None else entries
    if name.startswith("Cidr"):
        block = block_of(value)
        return () if block is None else (block,)
    link = _link(item, value)
    return () if link is None else (link,)


def _ports(protocol: int | None, body: dict[str, Value]) -> tuple[int | None, int | None] | None:
    """Return the ports, or ICMP's type and code, as `SecurityGroupRule` has them; None if they are not known."""
    given = [body.get("FromPort"), body.get("ToPort")]
    low, high = (None if each is None else number_of(each) for each in given)
    if any(each is not None and number is None for each, number in zip(given, (low, high), strict=True)):
        return None
    if protocol in WITH_PORTS:
        if low in (None, -1):
            return _ALL_PORTS
        return (low, low if high in (None, -1) else high)
    if protocol in (ICMP, ICMPV6):
        return (-1 if low is None else low, -1 if high is None else high)
    return None, None


def _each(value: Value) -> tuple[Value, ...]:
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)


def _link(item: Item, value: Value) -> Link | None:
    """Return the group that a value refers to; None if it is not known."""
    if isinstance(value, str) and value:
        return outside(value)
    if not isinstance(value, Reference):
        return None
    if (value.type, value.attribute) == (VPC, _DEFAULT):
        return _default_group(item, value)
    return Key(value.key) if value.type == SECURITY_GROUP and not value.attribute else None


def _default_group(item: Item, vpc: Reference) -> Key:
    """Return the default group of a VPC. Adds it with the rules that AWS gives it, if it is not there yet."""
    key, place = Key(f"{vpc.key}.{_DEFAULT}"), item.place
    if key.text not in item.collected.defaults:
        item.collected.defaults.add(key.text)
        label = Label(key, place, f"{vpc.logical_id}-default")
        item.collected.groups.append(DesignGroup(label, Key(vpc.key), "default VPC security group", True))
        item.collected.group_rules.append(DesignGroupRule(place, key, False, ALL_PROTOCOLS, None, None, key))
        _add_open_egress(item, key, place, Key(vpc.key))
    return key


def _add_open_egress(item: Item, group: Key, place: Place, vpc: Link) -> None:
    """Add the egress rules that AWS gives to a new group: to IPv4, and to IPv6 if the VPC has a block."""
    has_ipv6 = isinstance(vpc, Key) and bool(item.collected.blocks.get(vpc.text))
    for block in _EVERYWHERE if has_ipv6 else _EVERYWHERE[:1]:
        item.collected.group_rules.append(DesignGroupRule(place, group, True, ALL_PROTOCOLS, None, None, block))
