"""What is asked of the prober, and what it answers. It knows namespaces and addresses, no cloud and no model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Outcome = Literal["allowed", "blocked", "refused"]
"""An answer; silence; or the destination's own word that nobody listens there (TCP RST, ICMPv6 port unreachable)."""

Word = Literal["allowed", "blocked", "refused", "rejected"]
"""What came back: an outcome, or somebody else's word in the destination's place, which is a kind of `blocked`."""

Protocol = Literal["tcp", "udp", "icmpv6"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An IPv6 address on a link of a namespace; `namespace` is empty for one that is only talked to."""

    namespace: str
    address: str
    link: str


@dataclass(frozen=True, slots=True)
class Flow:
    """One try to talk. `listening`: whether the prober shall answer at the destination; ICMPv6 the kernel answers.

    `source_ports` (first, last) are those that TCP and UDP may send from; None leaves it to the kernel.
    """

    source: Endpoint
    destination: Endpoint
    protocol: Protocol
    port: int | None = None
    listening: bool = True
    source_ports: tuple[int, int] | None = None

    @property
    def canary(self) -> Flow:
        """The same from within the destination: shows that what shall answer is alive."""
        return replace(self, source=self.destination, source_ports=None)

    @property
    def service(self) -> Service | None:
        """Where an answer comes from; None where the kernel gives it."""
        if self.protocol == "icmpv6" or self.port is None:
            return None
        return (self.destination.namespace, self.protocol, self.destination.address, self.port)


Service = tuple[str, str, str, int]
"""(namespace, protocol, address, port)."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A flow to try, and the flows that must be answered at the same time for its silence to mean anything.

    `sniff`: listen at the destination for its first packet.
    """

    flow: Flow
    controls: tuple[Flow, ...] = ()
    sniff: bool = False

    @property
    def flows(self) -> tuple[Flow, ...]:
        """Everything that has to be tried together."""
        return (self.flow, self.flow.canary, *self.controls)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen of a probe.

    `arrived`: its first packet was heard at the destination (or it was answered). `canary`: what shall answer is alive.
    `controls`: all controls were answered. `rejected`: it was blocked, but not silently.
    """

    outcome: Outcome
    arrived: bool
    canary: bool
    controls: bool
    rejected: bool = False
