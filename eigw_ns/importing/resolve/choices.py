"""What a user chooses for the lab that a design becomes."""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import Literal

from eigw_ns.frozen import frozen

Probes = Literal["open", "groups", "none"]

VISITOR = ("visitor", IPv6Address("2001:db8:80::1"))
"""The host that stands for the internet if the user names none."""


@frozen
class Choices:
    """The name of the lab (None: made from the design's, or else from `source`), the probes, the hosts on the internet.

    `open` adds an instance to each subnet whose group lets everything in, so that routes and network ACLs decide
    alone: the worst case. `groups` also adds one for each combination of security groups that the design uses there.
    `vpcs` are the VPCs to keep, by name, address or id; empty means all.
    """

    lab: str | None = None
    probes: Probes = "open"
    hosts: tuple[tuple[str, IPv6Address], ...] = (VISITOR,)
    vpcs: tuple[str, ...] = ()
    source: str = ""
