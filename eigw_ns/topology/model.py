"""What a topology file says: a cloud, and what its author expects of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from eigw_ns.cloud.model import Cloud

Protocol = Literal["tcp", "udp", "icmpv6"]
Result = Literal["allowed", "blocked", "refused"]


@dataclass(frozen=True, slots=True)
class Expectation:
    """What shall become of a packet that node `source` begins a conversation with node `destination` with.

    Both are NODEs as the file's author wrote them (`app`, `main/app`, an id), instances or internet hosts; see
    `cloud.nodes.find`. `port` is the destination port, 1 to 65535 for TCP and UDP and None for ICMPv6 (an echo).
    """

    source: str
    destination: str
    protocol: Protocol
    port: int | None
    result: Result


@dataclass(frozen=True, slots=True)
class Topology:
    """A lab as it shall be, and what shall be proved of it."""

    cloud: Cloud
    expectations: tuple[Expectation, ...] = ()
