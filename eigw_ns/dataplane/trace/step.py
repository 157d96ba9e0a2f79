"""A packet on its way: the input of every decision, and the constructor of the hops."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv6Address

from eigw_ns.cloud.filtering import Packet
from eigw_ns.dataplane.trace.model import Direction, GroupRuleUsed, Hop, Reason, Rule
from eigw_ns.dataplane.trace.scene import Component, ModelIndex
from eigw_ns.frozen import frozen


@dataclass(slots=True)
class Flow:
    """The state of stateful components: the gateways that the flow crossed, and the rules that let it begin.

    Keys of `rules` are (instance id, whether the flow leaves that instance).
    """

    gateways: set[str] = field(default_factory=set)
    rules: dict[tuple[str, bool], GroupRuleUsed] = field(default_factory=dict)


@frozen
class Step:
    """A packet of a flow. `error` says that it is an ICMPv6 error about a UDP flow: only its addresses are the same."""

    index: ModelIndex
    packet: Packet
    direction: Direction
    flow: Flow
    error: bool = False

    @property
    def opens(self) -> bool:
        """Whether this is the first packet of its flow."""
        return self.direction == "forward"

    def passes(
        self, where: Component, reason: Reason, text: str, rule: Rule | None = None, *, outwards: bool = False
    ) -> Hop:
        """Return the hop of a component that passes the packet."""
        return Hop(self.direction, *where, True, reason, text, self.packet, outwards, rule)

    def drops(
        self, where: Component, reason: Reason, text: str, rule: Rule | None = None, *, outwards: bool = False
    ) -> Hop:
        """Return the hop of a component that drops the packet."""
        return Hop(self.direction, *where, False, reason, text, self.packet, outwards, rule)

    def sent_by(self, node_id: str) -> Hop:
        """Return the hop of the sender. The source address is its own, so the source check at its port passes."""
        where, source = self.index.component(node_id), self.packet.source
        return self.passes(where, Reason.SENT, f"sends from {source}{self._condition(node_id, source)}", outwards=True)

    def arrives_at(self, node_id: str) -> Hop:
        """Return the hop of the destination itself: an instance, an internet host or a router."""
        where, there = self.index.component(node_id), self.packet.destination
        whose = "has" if self.index.node(node_id) else "its router has"
        return self.passes(where, Reason.ARRIVED, f"{whose} {there}{self._condition(node_id, there)}")

    def _condition(self, node_id: str, address: IPv6Address) -> str:
        """Return on which condition the instance has the address, as part of a sentence; empty if on none."""
        instance = self.index.cloud.instances.get(node_id)
        delegated = instance is not None and any(address in prefix for prefix in instance.ipv6_prefixes)
        return ", if its users configured it: it is in a prefix of the instance" if delegated else ""
