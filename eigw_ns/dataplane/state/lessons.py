"""The steps of a plan that tell a gateway flows, or let it forget flows.

`dataplane.replication.handover` decides when. `dataplane.rulesets.taught_rules` has the rules that use taught flows.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv6Address, IPv6Network

from eigw_ns.dataplane.state.flow_hash import BUCKETS
from eigw_ns.frozen import frozen

TAUGHT, TAUGHT_ERRORS = "taught", "taught_errors"
"""The sets of taught flows: (protocol, inside, its port, outside, its port), and the tags of these tuples."""

PEERS = "peers"
"""The set of (instance, hash of a peer's address) whose fragments a gateway lets in."""

Kept = tuple[tuple[str, str, str], ...]
"""Flows by (source prefix, first destination, last destination), the original direction's."""

Buckets = tuple[tuple[int, int], ...]
"""Buckets of flows (`FlowHash`) as ranges, first and last included."""

EVERY_BUCKET: Buckets = ((0, BUCKETS - 1),)


def covered(kept: Iterable[tuple[str, str, str]], source: str, destination: str) -> bool:
    """Return whether one of `kept` covers the flow from `source` to `destination` (IPv6 addresses)."""
    here, there = IPv6Address(source), IPv6Address(destination)
    return any(
        here in IPv6Network(prefix) and IPv6Address(first) <= there <= IPv6Address(last) for prefix, first, last in kept
    )


@frozen
class Idle:
    """By how many seconds (`sooner`) a gateway forgets an established idle flow of a protocol sooner than its subnets.

    A flow is established if the subnet remembers it for more than `transitory` seconds: others are opening, closing or
    unanswered. Those are taught for all the time that they have left in the subnet, which judges their packets.
    """

    protocol: int
    transitory: int
    sooner: int


@frozen
class Teach:
    """That a gateway (`namespace`) is told the flows of these buckets that its subnets (namespaces) remember.

    Only what `keep` covers, and at most `room` flows. `idle` says how much sooner the gateway forgets idle flows than
    the subnets do; without it no sooner.
    """

    namespace: str
    seed: int
    buckets: Buckets
    subnets: tuple[str, ...]
    keep: Kept
    room: int
    idle: tuple[Idle, ...] = ()

    def __str__(self) -> str:
        return f"flows of {self.namespace}"


@frozen
class Forget:
    """That a gateway (`namespace`) forgets what it has seen of the flows of these buckets."""

    namespace: str
    seed: int
    buckets: Buckets

    def __str__(self) -> str:
        return f"flows of {self.namespace}"
