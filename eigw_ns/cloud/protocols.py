"""Names of IP protocols, as IANA assigns them: https://www.iana.org/assignments/protocol-numbers."""

from __future__ import annotations

from collections.abc import Mapping

from eigw_ns.cloud.filtering import ICMP, ICMPV6, TCP, UDP
from eigw_ns.cloud.words import did_you_mean, shorten
from eigw_ns.errors import UsageError

MOBILITY, UDPLITE = 135, 136
NO_NEXT_HEADER = 59
EXTENSION_HEADERS = {0: "hop-by-hop", 43: "routing", 44: "fragment", 51: "authentication", 60: "destination options"}
"""Headers after which another protocol follows. Filters look at what follows (RFC 8200 section 4)."""

WITH_PORTS = (TCP, UDP)
"""The protocols of which groups and network ACLs read ports."""

NAMES: Mapping[str, int] = {
    "tcp": TCP,
    "udp": UDP,
    "icmpv6": ICMPV6,
    "icmp": ICMP,
    "igmp": 2,
    "ipv4": 4,
    "dccp": 33,
    "ipv6": 41,
    "gre": 47,
    "esp": 50,
    "eigrp": 88,
    "ospf": 89,
    "pim": 103,
    "vrrp": 112,
    "l2tp": 115,
    "sctp": 132,
    "mobility": MOBILITY,
    "udplite": UDPLITE,
}

_KNOWN = {**NAMES, "ah": 51, "ipip": 4, "ipv6-icmp": ICMPV6, "udp-lite": UDPLITE}
_WORDS = {number: word for word, number in NAMES.items()}
_LAST = 255


def name(number: int) -> str:
    """Return the name of a protocol; its number as text if it has no name here."""
    return _WORDS.get(number, str(number))


def number(text: str) -> int:
    """Return the protocol number that a name, in any case, or a number gives.

    Raises UsageError if the text is neither, and for an extension header, which is not what filters look at.
    """
    found = _KNOWN.get(text.lower())
    if found is None and text.isascii() and text.isdigit() and len(text) <= len(str(_LAST)):
        found = int(text)
    if found is None or found > _LAST:
        hint = did_you_mean(text, _KNOWN) or "write a name such as sctp or esp, or a number from 0 to 255"
        raise UsageError(f"{shorten(text) or 'an empty word'} is not a protocol", hint=hint)
    if found in EXTENSION_HEADERS:
        raise UsageError(
            f"{shorten(text)} is not a protocol of its own: {found} is IPv6's {EXTENSION_HEADERS[found]} header, and "
            "filters look at the protocol that follows it",
            hint="write the protocol that follows it",
        )
    return found
