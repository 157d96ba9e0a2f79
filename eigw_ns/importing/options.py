"""What a user chooses for an import, as values: parameters, blocks and what to leave out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from ipaddress import IPv6Network

from eigw_ns.frozen import frozen

DEFAULT_REGION = "us-east-1"


@frozen
class Options:
    """What a source needs besides its bytes.

    `parameters` and `imports` (Fn::ImportValue) are by name. `blocks` are IPv6 blocks by the name or address of a VPC.
    `vpcs` are the ids or names of the VPCs to keep; empty means all. `ignored` are types and addresses of resources
    whose effect on the network the user knows to be none.
    """

    region: str = DEFAULT_REGION
    parameters: Mapping[str, str] = field(default_factory=dict)
    imports: Mapping[str, str] = field(default_factory=dict)
    blocks: Mapping[str, IPv6Network] = field(default_factory=dict)
    vpcs: tuple[str, ...] = ()
    ignored: frozenset[str] = frozenset()
