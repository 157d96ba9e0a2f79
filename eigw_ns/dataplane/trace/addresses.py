"""Addresses that are not routed on the internet, and what the nodes of a lab do with packets to and from them."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network

from eigw_ns.cloud.addressing import GLOBAL_UNICAST

LOOPBACK = frozenset({IPv6Address("::"), IPv6Address("::1")})
"""Destinations that Linux delivers to the sender itself. It takes `::` for `::1`."""

_MEANINGS = {
    IPv6Network("64:ff9b::/96"): "NAT64's prefix 64:ff9b::/96, and the lab has no NAT64 gateway",
    IPv6Network("fd00:ec2::/32"): "AWS's prefix fd00:ec2::/32, and the lab has none of AWS's services",
    IPv6Network("fc00::/7"): "fc00::/7, the unique local addresses",
}
"""What is known about prefixes that no gateway forwards to, longer prefixes first."""


def is_global(address: IPv6Address) -> bool:
    """Return True if gateways forward packets from and to the address."""
    return address in GLOBAL_UNICAST


def is_forwarded(source: IPv6Address) -> bool:
    """Return True if a router forwards packets from this source: not from a link, a group or a machine itself."""
    special = source.is_multicast or source.is_link_local or source in LOOPBACK
    return not special and source.ipv4_mapped is None


def not_global(address: IPv6Address) -> str:
    """Return a sentence that says that an address is not routed on the internet, and what it is."""
    meaning = next((text for block, text in _MEANINGS.items() if address in block), "")
    return f"{address} is not in {GLOBAL_UNICAST}" + (f" but in {meaning}" if meaning else "")
