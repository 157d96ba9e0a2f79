"""The DHCP options that AWS knows, and the form of their values.

Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateDhcpOptions.html
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

OPTIONS = (
    "domain-name",
    "domain-name-servers",
    "ipv6-address-preferred-lease-time",
    "netbios-name-servers",
    "netbios-node-type",
    "ntp-servers",
)
"""The options in AWS's spelling. A topology file writes `_` for `-`."""

LISTS = frozenset({"domain-name-servers", "netbios-name-servers", "ntp-servers"})
"""The options with several values: addresses of servers."""

AMAZON_DNS = "AmazonProvidedDNS"

_MOST_SERVERS = 4
_NODE_TYPES = ("1", "2", "4", "8")  # RFC 2132 section 8.7
_NUMBER = re.compile("[0-9]{1,10}")
_LEASE = range(140, 2**31)  # seconds


def mistake(option: str, values: Sequence[str]) -> str:
    """Return what is wrong with the values of an option, or ""."""
    if option in LISTS:
        return _servers_mistake(option, values)
    if len(values) != 1 or not values[0].strip():
        return f"The option {option} has one value."
    (value,) = values
    if option == "netbios-node-type" and value not in _NODE_TYPES:
        return f"It must be {', '.join(_NODE_TYPES[:-1])} or {_NODE_TYPES[-1]}."
    if option == "ipv6-address-preferred-lease-time" and not (_NUMBER.fullmatch(value) and int(value) in _LEASE):
        return f"It must be a number of seconds from {_LEASE[0]} to {_LEASE[-1]}."
    return ""


def _servers_mistake(option: str, values: Sequence[str]) -> str:
    if len(values) > _MOST_SERVERS:
        return f"The option {option} has at most {_MOST_SERVERS} addresses."
    wrong = [each for each in values if not _is_server(option, each)]
    return "It must be a list of IP addresses." if wrong else ""


def _is_server(option: str, value: str) -> bool:
    if option == "domain-name-servers" and value == AMAZON_DNS:
        return True
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True
