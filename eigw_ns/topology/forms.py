"""The form of single values: names, blocks, addresses, destinations.

Each function returns the value or raises InvalidValue.
Sources: AWS, "VPC CIDR blocks" and "Subnet CIDR blocks", https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network

from eigw_ns.cloud.addressing import (
    DELEGATED_PREFIX_LENGTH,
    GLOBAL_UNICAST,
    INFRASTRUCTURE,
    IPV4_LENGTHS,
    NEVER_ROUTED,
    SUBNET_LENGTHS,
    VPC_LENGTHS,
)
from eigw_ns.cloud.model import Block
from eigw_ns.cloud.words import did_you_mean
from eigw_ns.topology.invalid_value import InvalidValue

MAX_NAME = 63  # a label of DNS: RFC 1035, section 2.3.4
MAX_LAB_NAME = 24  # a namespace has the name eigw-<lab>-<id>, which `ip netns` prints on one line

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_ZONE = re.compile("%[^/]*")


def name(text: str, longest: int = MAX_NAME) -> str:
    """Return `text` if it is a valid name: a lower-case DNS label.

    Names become part of messages, NODEs and file names.
    """
    if _NAME.fullmatch(text) and len(text) <= longest:
        return text
    problem = f"a name must consist of lower-case letters, digits and inner hyphens, at most {longest} characters"
    raise InvalidValue(problem, f"write {as_name(text, longest) or 'one such as app'}")


def lab_name(text: str) -> str:
    """Return `text` if it is a valid name of a lab."""
    return name(text, MAX_LAB_NAME)


def as_name(text: str, longest: int) -> str:
    """Return a valid name made from `text`, or "" if `text` has no usable characters."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:longest].rstrip("-")


def vpc_block(text: str) -> IPv6Network:
    """Return the IPv6 block of a VPC: /44 to /60 in steps of 4, global unicast."""
    block = _block(text, "a VPC's block", VPC_LENGTHS)
    if not block.subnet_of(GLOBAL_UNICAST):
        raise InvalidValue(
            "a VPC's block must be global unicast space, 2000::/3", "write one such as 2001:db8:1234:5600::/56"
        )
    if block.overlaps(INFRASTRUCTURE):
        raise InvalidValue(f"{INFRASTRUCTURE} is reserved for the gateways' own addresses", "write another block")
    return block


def subnet_block(text: str) -> IPv6Network:
    """Return the IPv6 block of a subnet: /44 to /64 in steps of 4.

    This does not check that the block is in the VPC's block.
    """
    return _block(text, "a subnet's block", SUBNET_LENGTHS)


def delegated_prefix(text: str) -> IPv6Network:
    """Return a prefix of an instance: a /80. This does not check that it is in the subnet's block."""
    prefix = _network(text, "a prefix of an instance", "2001:db8:1234:5600:1::/80", DELEGATED_PREFIX_LENGTH)
    if prefix.prefixlen != DELEGATED_PREFIX_LENGTH:
        better = IPv6Network((text.partition("/")[0], DELEGATED_PREFIX_LENGTH), strict=False)
        raise InvalidValue(f"a prefix of an instance must be a /{DELEGATED_PREFIX_LENGTH}", f"write {better}")
    return _without_host_bits(text, prefix)


def _block(text: str, what: str, lengths: range) -> IPv6Network:
    block = _network(text, what, f"2001:db8:1234:5600::/{lengths[-1]}", lengths[-1])
    if block.prefixlen not in lengths:
        length = next((length for length in lengths if length >= block.prefixlen), lengths[-1])
        better = IPv6Network((text.partition("/")[0], length), strict=False)
        problem = f"{what} must be /{lengths[0]} to /{lengths[-1]} in steps of 4"
        raise InvalidValue(problem, f"write {better}")
    return _without_host_bits(text, block)


def ipv4_block(text: str) -> IPv4Network:
    """Return the IPv4 block of a VPC or a subnet: /16 to /28."""
    block = _ipv4_network(text)
    if block.prefixlen not in IPV4_LENGTHS:
        raise InvalidValue("an IPv4 block must be /16 to /28", f"write {block.network_address}/24")
    return block


def _ipv4_network(text: str) -> IPv4Network:
    try:
        return IPv4Network(text)
    except ValueError:
        if _is_ipv4(text):
            block = IPv4Network(text, strict=False)
            raise InvalidValue(f"the address has bits set beyond /{block.prefixlen}", f"write {block}") from None
        raise InvalidValue("this is not an IPv4 block", "write one such as 10.0.0.0/16") from None


def destination(text: str) -> Block:
    """Return the destination of a route: any IPv6 prefix to which routers forward packets, or an IPv4 block."""
    if _is_ipv4(text) and "/" in text:
        return _ipv4_network(text)
    prefix = _without_host_bits(text, _network(text, "a destination", "2001:db8:80::/48", 128))
    for space, words in NEVER_ROUTED.items():
        if prefix.subnet_of(space):
            raise InvalidValue(f"a route cannot forward packets to {words}", "remove the route")
    return prefix


def _network(text: str, what: str, sample: str, length: int) -> IPv6Network:
    """Return the prefix in `text`, with host bits cleared.

    The remedy for a text that is not a prefix is `sample`; for a missing prefix length it is `length`.
    """
    try:
        prefix = IPv6Network(text, strict=False)
    except ValueError:
        if _is_ipv4(text):
            problem = f"{what} must be IPv6: egress-only internet gateways do not forward IPv4"
            raise InvalidValue(problem, f"write {'::/0' if text.endswith('/0') else f'one such as {sample}'}") from None
        raise InvalidValue(f"{what} must be an IPv6 prefix", f"write one such as {sample}") from None
    if "%" in text:
        raise InvalidValue(f"{what} cannot have a zone", f"write {_ZONE.sub('', text)}")
    if "/" not in text:
        raise InvalidValue(f"{what} must have a prefix length", f"write {IPv6Network((text, length), strict=False)}")
    return prefix


def _without_host_bits(text: str, prefix: IPv6Network) -> IPv6Network:
    try:
        return IPv6Network(text)
    except ValueError:
        raise InvalidValue(f"the address has bits set beyond /{prefix.prefixlen}", f"write {prefix}") from None


def address(text: str) -> IPv6Address:
    """Return a single IPv6 address, without a zone."""
    try:
        parsed = IPv6Address(text)
    except AddressValueError:
        if "/" in text and _NETWORK_LIKE.fullmatch(text):
            raise InvalidValue("an address cannot have a prefix length", f"write {text.partition('/')[0]}") from None
        kind = "an address must be IPv6, and this is IPv4" if _is_ipv4(text) else "this is not a valid IPv6 address"
        raise InvalidValue(kind, "write one such as 2001:db8:80::1") from None
    if parsed.scope_id is not None:
        raise InvalidValue("an address cannot have a zone", f"write {_ZONE.sub('', text)}")
    return parsed


def ipv4_address(text: str) -> IPv4Address:
    """Return a single IPv4 address."""
    try:
        return IPv4Address(text)
    except AddressValueError:
        raise InvalidValue("this is not a valid IPv4 address", "write one such as 203.0.113.1") from None


def time(text: str) -> str:
    """Return `text` if it is a time as EC2 writes it, in UTC."""
    try:
        datetime.strptime(text, _TIME)
    except ValueError:
        raise InvalidValue("this is not a time in UTC", "write one such as 2026-12-01T00:00:00.000Z") from None
    return text


_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_NETWORK_LIKE = re.compile(r"[0-9A-Fa-f:]+/[0-9]{1,3}")


def host_address(text: str) -> IPv6Address:
    """Return the address of an internet host: global unicast, which includes the documentation prefixes."""
    parsed = address(text)
    if parsed not in GLOBAL_UNICAST:
        problem = "an internet host must have a global unicast address, in 2000::/3"
        raise InvalidValue(problem, "write one such as 2001:db8:80::1")
    if parsed in INFRASTRUCTURE:
        problem = f"{INFRASTRUCTURE} is reserved for the gateways' own addresses"
        raise InvalidValue(problem, "write one such as 2001:db8:80::1")
    return parsed


def one_of(text: str, known: Iterable[str]) -> str:
    """Return `text` if it is one of the `known` words."""
    words = tuple(known)
    if text not in words:
        choice = f"{', '.join(words[:-1])} or {words[-1]}"
        raise InvalidValue(f"this must be {choice}", did_you_mean(text, words))
    return text


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Network(text, strict=False)
    except ValueError:
        return False
    return True
