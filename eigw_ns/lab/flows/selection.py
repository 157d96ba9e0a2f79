"""Which flows of a table are shown. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv6Address, IPv6Network

from eigw_ns.cloud import nodes
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.words import did_you_mean, shorten
from eigw_ns.dataplane.state import FlowEntry
from eigw_ns.dataplane.state.flow_entry import STATES
from eigw_ns.errors import UsageError
from eigw_ns.frozen import frozen

Ends = tuple[IPv6Network, ...]


@frozen
class Selection:
    """What a flow must match. None matches every flow. `port` is the destination's; one of `states` must be its."""

    source: Ends | None = None
    destination: Ends | None = None
    protocol: int | None = None
    port: int | None = None
    states: frozenset[str] | None = None

    def matches(self, entry: FlowEntry) -> bool:
        """Return whether the flow matches all of it."""
        flow = entry.flow
        return (
            (self.protocol is None or flow.protocol == self.protocol)
            and (self.port is None or (flow.ports is not None and flow.ports[1] == self.port))
            and (self.states is None or entry.state in self.states)
            and _within(flow.source, self.source)
            and _within(flow.destination, self.destination)
        )


def states(words: Iterable[str]) -> frozenset[str] | None:
    """Return the states that the words name, in any case; None without a word. Raises UsageError for an unknown one."""
    found = frozenset(word.upper().replace("-", "_") for word in words)
    for unknown in sorted(found - {*STATES}):
        hint = did_you_mean(unknown, STATES) or f"the states are {', '.join(STATES).lower()}"
        raise UsageError(f"{shorten(unknown.lower())} is not a state of a flow", hint=hint)
    return found or None


def _within(address: str, ends: Ends | None) -> bool:
    return ends is None or any(IPv6Address(address) in each for each in ends)


def ends(cloud: Cloud, text: str) -> Ends:
    """Return the addresses that a node's name, an IPv6 address or an IPv6 prefix means.

    Raises UsageError if it is none of these, or names a node that has no address.
    """
    try:
        return (IPv6Network(text),)
    except ValueError as error:
        if _is_numeric(text):
            hint = "write an IPv6 address, or a prefix without host bits such as 2001:db8::/32"
            raise UsageError(f"{shorten(text)} is not an IPv6 address or prefix: {error}", hint=hint) from error
    return _of_node(cloud, text)


def _is_numeric(text: str) -> bool:
    head = text.partition("/")[0]
    return ":" in head or (head.count(".") == 3 and head.replace(".", "").isdigit())


def _of_node(cloud: Cloud, text: str) -> Ends:
    node = nodes.find(cloud, text)
    found = tuple(map(IPv6Network, _blocks(cloud, node.id)))
    if not found:
        raise UsageError(f"{node.qualified} has no address of its own", hint="name an instance, a host or a subnet")
    return found


def _blocks(cloud: Cloud, resource_id: str) -> Iterable[IPv6Address | IPv6Network]:
    if instance := cloud.instances.get(resource_id):
        return instance.blocks
    if host := cloud.hosts.get(resource_id):
        return (host.ipv6_address,)
    subnet = cloud.subnets.get(resource_id)
    return () if subnet is None else (subnet.ipv6_cidr_block,)
