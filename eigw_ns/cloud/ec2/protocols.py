"""IP protocols as EC2 writes them: numbers in network ACLs; in security groups, names if EC2 has one."""

from __future__ import annotations

import re
from collections.abc import Mapping

from eigw_ns.cloud.ec2.checks import invalid
from eigw_ns.cloud.filtering import ICMP, ICMPV6, TCP, UDP
from eigw_ns.cloud.model import ALL_PROTOCOLS
from eigw_ns.cloud.words import shorten

_NAMES: Mapping[str, int] = {"tcp": TCP, "udp": UDP, "icmp": ICMP, "icmpv6": ICMPV6}
_TEXTS = {number: name for name, number in _NAMES.items()}
_NUMBER = re.compile(r"-1|[0-9]{1,3}")
_HIGHEST = 255  # of protocols, ICMP types and ICMP codes
_HIGHEST_PORT = 65535


def protocol_number(text: str, parameter: str) -> int:
    """Return the number of a protocol that is given as a number or a name.

    `all` and -1 give `ALL_PROTOCOLS`. Raises InvalidParameterValue.
    """
    word = text.lower()
    if word == "all":
        return ALL_PROTOCOLS
    if word in _NAMES:
        return _NAMES[word]
    if _NUMBER.fullmatch(word) and int(word) <= _HIGHEST:
        return int(word)
    raise invalid(f"Invalid value '{shorten(text)}' for {parameter}. Unknown protocol.")


def group_protocol_text(number: int) -> str:
    """Return the text for a protocol in the rules of a security group."""
    return _TEXTS.get(number, str(number))


def port_range(first: int, last: int) -> tuple[int, int]:
    """Return a range of TCP or UDP ports. Raises InvalidParameterValue if it is not valid."""
    if not 0 <= first <= last <= _HIGHEST_PORT:
        raise invalid(f"Invalid TCP/UDP port range ({first}:{last})")
    return first, last


def icmp_type_code(icmp_type: int, icmp_code: int) -> tuple[int, int]:
    """Return an ICMP or ICMPv6 type and code; -1 means all. Raises InvalidParameterValue if they are not valid."""
    if not (-1 <= icmp_type <= _HIGHEST and -1 <= icmp_code <= _HIGHEST) or (icmp_type == -1 and icmp_code != -1):
        raise invalid(f"Invalid ICMP type and code ({icmp_type}:{icmp_code})")
    return icmp_type, icmp_code
