"""CIDR blocks as AWS reads them: a prefix length is required, and any spelling is converted to the canonical one."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network
from typing import TypeVar

from eigw_ns.cloud.ec2.checks import invalid
from eigw_ns.cloud.model import Block
from eigw_ns.cloud.words import shorten

_CIDR = re.compile(r"[0-9A-Fa-f:.]+/[0-9]{1,3}")

B = TypeVar("B", IPv4Network, IPv6Network)


def ipv6_block(text: str, parameter: str) -> IPv6Network:
    """Return the IPv6 block in `text`, with host bits cleared as AWS does.

    Raises InvalidParameterValue if `text` is not an IPv6 block.
    """
    return _block(IPv6Network, text, parameter)


def ipv4_block(text: str, parameter: str) -> IPv4Network:
    """Return the IPv4 block in `text`, under the same conditions as `ipv6_block`."""
    return _block(IPv4Network, text, parameter)


def within(inner: Block, outer: Block) -> bool:
    """Return whether `outer` contains `inner`. Blocks of different families do not contain each other."""
    if isinstance(inner, IPv4Network):
        return isinstance(outer, IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, IPv6Network) and inner.subnet_of(outer)


def _block(family: Callable[[str, bool], B], text: str, parameter: str) -> B:
    if _CIDR.fullmatch(text):  # Python accepts a zone, a netmask and a bare address; AWS refuses them
        try:
            return family(text, False)
        except ValueError:
            pass
    raise invalid(f"Value ({shorten(text)}) for parameter {parameter} is invalid. This is not a valid CIDR block.")
