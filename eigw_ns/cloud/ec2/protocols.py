"""IP protocols as EC2 writes them: numbers in network ACLs, names where it has one in security groups."""

from __future__ import annotations

import re
from collections.abc import Mapping

from eigw_ns.cloud.ec2.checks import invalid
from eigw_ns.cloud.filtering import ICMPV6, TCP, UDP
from eigw_ns.cloud.model import ALL_PROTOCOLS
from eigw_ns.cloud.words import shorten

ICMP = 1

_NAMES: Mapping[str, int] = {"tcp": TCP, "udp": UDP, "icmp": ICMP, "icmpv6": ICMPV6}
_TEXTS = {number: name for name, number in _NAMES.items()}
_NUMBER = re.compile(r"-1|[0-9]{1,3}")
_HIGHEST = 255  # of protocols, ICMP types and ICMP codes
_HIGHEST_PORT = 65535


def protocol_number(text: str, parameter: str) -> int:
    """The number of a protocol by number or name; `all` and -1 are `ALL_PROTOCOLS`. Raises InvalidParameterValue."""
    word = text.lower()
    if word == "all":
        return ALL_PROTOCOLS
    if word in _NAMES:
        return _NAMES[word]
    if _NUMBER.fullmatch(word) and int(word) <= _HIGHEST:
        return int(word)
    raise invalid(f"Invalid value '{shorten(text)}' for {parameter}. Unknown protocol.")


def group_protocol_text(number: int) -> str:
    """A protocol as security groups show it."""
    return _TEXTS.get(number, str(number))


def port_range(first: int, last: int) -> tuple[int, int]:
    """A range of TCP or UDP ports. Raises InvalidParameterValue."""
    if not 0 <= first <= last <= _HIGHEST_PORT:
        raise invalid(f"Invalid TCP/UDP port range ({first}:{last})")
    return first, last


def icmp_type_code(icmp_type: int, icmp_code: int) -> tuple[int, int]:
    """An ICMP or ICMPv6 type and code, -1 for all. Raises InvalidParameterValue."""
    if not (-1 <= icmp_type <= _HIGHEST and -1 <= icmp_code <= _HIGHEST) or (icmp_type == -1 and icmp_code != -1):
        raise invalid(f"Invalid ICMP type and code ({icmp_type}:{icmp_code})")
    return icmp_type, icmp_code
