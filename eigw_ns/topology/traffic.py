"""The traffic of an ACL's entry or a group's rule: conversion from the file's spelling, and back.

Functions that read a single value raise InvalidValue if it is not valid. There is one normal form. TCP and UDP have a
range of destination ports (`all` is 0 to 65535). ICMP and ICMPv6 have a type and a code (-1 for all). Other protocols
have no such values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from eigw_ns.cloud.filtering import ICMP, ICMPV6, TCP, UDP
from eigw_ns.cloud.model import ALL_PROTOCOLS, Block
from eigw_ns.cloud.words import did_you_mean
from eigw_ns.topology.data import Data
from eigw_ns.topology.invalid_value import InvalidValue

ALL = "all"
WITH_PORTS = (TCP, UDP)
WITH_TYPES = (ICMP, ICMPV6)

PROTOCOLS = {"tcp": TCP, "udp": UDP, "icmpv6": ICMPV6, ALL: ALL_PROTOCOLS}

_WORDS = {number: word for word, number in PROTOCOLS.items()}
_ALL_PORTS = (0, 65535)
_ALL_TYPES = -1
_NUMBER = re.compile("[0-9]{1,5}")
_ZONE = re.compile("%[^/]*")
_RANGE = re.compile("([0-9]{1,5}) *- *([0-9]{1,5})")


def protocol(text: str) -> int:
    """Return the IANA protocol number that `text` gives, or ALL_PROTOCOLS."""
    if text in PROTOCOLS:
        return PROTOCOLS[text]
    if _NUMBER.fullmatch(text) and int(text) <= 255:
        return int(text)
    remedy = "write all" if text == "-1" else did_you_mean(text, PROTOCOLS)
    raise InvalidValue("a protocol must be tcp, udp, icmpv6, all or a number from 0 to 255", remedy)


def ports(text: str) -> tuple[int, int]:
    """Return the first and the last port of the range that `text` gives."""
    if text == ALL:
        return _ALL_PORTS
    both = _RANGE.fullmatch(text)
    if both is None and not _NUMBER.fullmatch(text):
        remedy = "write all" if text == "-1" else "write one such as 443 or 1024-65535"
        raise InvalidValue("ports must be a number, a range or all", remedy)
    first, last = (int(both[1]), int(both[2])) if both else (int(text), int(text))
    if max(first, last) > _ALL_PORTS[1]:
        raise InvalidValue(f"a port must be 0 to {_ALL_PORTS[1]}", "write one such as 443 or 1024-65535")
    if first > last:
        raise InvalidValue("the range ends before it begins", f"write {last}-{first}")
    return first, last


def icmp_number(text: str) -> int:
    """Return the ICMP type or code that `text` gives, -1 for all.

    Source: https://www.iana.org/assignments/icmpv6-parameters
    """
    if text == ALL:
        return _ALL_TYPES
    if _NUMBER.fullmatch(text) and int(text) <= 255:
        return int(text)
    remedy = "write all, or remove the key" if text == "-1" else "write one such as 128, an echo request"
    raise InvalidValue("this must be a number from 0 to 255 or all", remedy)


def block(text: str) -> Block:
    """Return an IPv4 or IPv6 block. IPv4 blocks are valid, as in AWS, but match no packet of a lab."""
    plain = _ZONE.sub("", text)
    try:
        prefix = ip_network(plain, strict=False)
    except ValueError:
        raise InvalidValue("a cidr must be an IPv6 or IPv4 prefix", 'write one such as "::/0"') from None
    if plain != text:
        raise InvalidValue("a cidr cannot have a zone", f"write {prefix}")
    address, _, length = text.partition("/")
    if not _NUMBER.fullmatch(length):
        raise InvalidValue("a cidr must have a prefix length", f"write {prefix}")
    if ip_address(address) != prefix.network_address:
        raise InvalidValue(f"the address has bits set beyond /{prefix.prefixlen}", f"write {prefix}")
    return prefix


def span(number: int, body: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return the ports, or the type and code, in the body of a rule for the protocol `number`.

    Returns None if the protocol has no ports or types. Raises KeyError if the ports of TCP or UDP are missing.
    """
    if number in WITH_PORTS:
        return ports(str(body["ports"]))
    if number in WITH_TYPES:
        return icmp_number(str(body.get("type", ALL))), icmp_number(str(body.get("code", ALL)))
    return None


def spelt(number: int, limits: tuple[int, int] | None) -> Data:
    """Return the keys for a protocol and its ports or types: the inverse of `protocol` and `span`."""
    data: Data = {"protocol": _WORDS.get(number, number)}
    if limits is None:
        return data
    if number in WITH_TYPES:
        return data | {key: value for key, value in zip(("type", "code"), limits, strict=True) if value != _ALL_TYPES}
    first, last = limits
    return data | {"ports": ALL if limits == _ALL_PORTS else first if first == last else f"{first}-{last}"}
