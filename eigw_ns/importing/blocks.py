"""IPv6 blocks that a design leaves to AWS: we choose them, in the order of the source."""

from __future__ import annotations

from ipaddress import IPv6Network

_FIRST = int(IPv6Network("2001:db8:aa0:5500::/56").network_address)
_STEP = 1 << (128 - 56)
MOST = 171
"""The last one is 2001:db8:aa0:ff00::/56."""


def chosen_block(number: int) -> IPv6Network:
    """Return the /56 for the VPC of this number, from 0 to `MOST` - 1, in documentation space (RFC 3849).

    The text of each block ends in `00::/56`, because public templates paste the number of a subnet behind it.

    Raises:
        IndexError: there is no such block.
    """
    if not 0 <= number < MOST:
        raise IndexError(number)
    return IPv6Network((_FIRST + number * _STEP, 56))
