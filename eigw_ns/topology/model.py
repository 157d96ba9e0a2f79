"""The contents of a topology file: a cloud, and the expectations that `eigw-ns verify` checks."""

from __future__ import annotations

from typing import Literal

from eigw_ns.cloud.model import Cloud
from eigw_ns.frozen import frozen

Protocol = Literal["tcp", "udp", "icmpv6"]
Result = Literal["allowed", "blocked", "refused", "inconclusive"]
"""`refused`: the destination itself sends a reset or an error. `inconclusive`: the file cannot tell what happens."""


@frozen
class Expectation:
    """The expected result if node `source` begins a flow to node `destination`.

    Both are NODEs in the file's spelling (`app`, `main/app`, an id) and name instances or internet hosts; see
    `cloud.nodes.find`. `port` is the destination port: 1 to 65535 for TCP and UDP, None for ICMPv6 (an echo request).
    """

    source: str
    destination: str
    protocol: Protocol
    port: int | None
    result: Result


@frozen
class Topology:
    """The desired state of a lab, and the expectations that packets must meet."""

    cloud: Cloud
    expectations: tuple[Expectation, ...] = ()
