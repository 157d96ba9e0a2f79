"""Requests to the prober and its results. The prober knows namespaces and addresses, but not the cloud or the model."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from eigw_ns.frozen import frozen

Outcome = Literal["allowed", "blocked", "refused"]
"""An answer; silence; or a TCP RST or ICMPv6 port unreachable that the destination itself sent."""

Word = Literal["allowed", "blocked", "refused", "rejected"]
"""What came back: an outcome, or `rejected` if another node refused. `rejected` is reported as `blocked`."""

Protocol = Literal["tcp", "udp", "icmpv6"]


@frozen
class Endpoint:
    """An IPv6 address on a link of a namespace. `namespace` is empty for a mere destination."""

    namespace: str
    address: str
    link: str


@frozen
class Flow:
    """One attempt to communicate.

    `listening` says whether the prober shall listen at the destination; the kernel answers ICMPv6. `source_ports`
    (first, last) limits the source port of TCP and UDP, and the identifier of an ICMPv6 echo; with None, any will do.
    """

    source: Endpoint
    destination: Endpoint
    protocol: Protocol
    port: int | None = None
    listening: bool = True
    source_ports: tuple[int, int] | None = None

    @property
    def canary(self) -> Flow:
        """The same flow, sent from inside the destination: shows that the service is alive."""
        return replace(self, source=self.destination, source_ports=None)

    @property
    def service(self) -> Service | None:
        """The service that answers; None if the kernel answers."""
        if self.protocol == "icmpv6" or self.port is None:
            return None
        return (self.destination.namespace, self.protocol, self.destination.address, self.port)


Service = tuple[str, str, str, int]
"""(namespace, protocol, address, port)."""


@frozen
class Probe:
    """A flow to try. Its silence counts only if all `controls` are answered at the same time.

    `sniff` says whether to capture its first packet at the destination.
    """

    flow: Flow
    controls: tuple[Flow, ...] = ()
    sniff: bool = False

    @property
    def flows(self) -> tuple[Flow, ...]:
        """All flows that must be tried together."""
        return (self.flow, self.flow.canary, *self.controls)


@frozen
class Evidence:
    """What was observed of a probe.

    `arrived`: the first packet was captured at the destination, or it was answered. `canary`: the service is alive.
    `controls`: all controls were answered. `rejected`: another node refused the packet.
    """

    outcome: Outcome
    arrived: bool
    canary: bool
    controls: bool
    rejected: bool = False
