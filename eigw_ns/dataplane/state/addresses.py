"""IP addresses as text and as octets in network order. The address family follows from the value.

No other module of `dataplane` and of `kernel.netlink` names an address family.
"""

from __future__ import annotations

from socket import AF_INET, AF_INET6, inet_ntop, inet_pton

FORWARDED = AF_INET6
"""The address family that a lab forwards: dumps ask for it, and routing rules, which have no address, get it."""

NOT_FORWARDED = AF_INET
"""The address family that no namespace of a lab forwards."""

_OCTETS: dict[int, int] = {AF_INET: 4, AF_INET6: 16}
_FAMILIES = {size: family for family, size in _OCTETS.items()}


def family_of(address: str) -> int:
    """Return the family (AF_…) of an address or a prefix."""
    return AF_INET6 if ":" in address else AF_INET


def to_octets(address: str) -> bytes:
    """Return the octets of an address."""
    return inet_pton(family_of(address), address)


def to_text(octets: bytes) -> str:
    """Return an address as Linux writes it (inet_ntop(3)), which is not always as Python does."""
    return inet_ntop(_FAMILIES[len(octets)], octets)


def unspecified(family: int) -> bytes:
    """Return the octets of the family's address of zeros, which messages of the kernel leave out."""
    return bytes(_OCTETS[family])
