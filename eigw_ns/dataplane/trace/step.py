"""A packet on its way: the input of every decision, and the constructor of the hops."""

from __future__ import annotations

from dataclasses import dataclass, field

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
        where = self.index.component(node_id)
        return self.passes(where, Reason.SENT, f"sends from {self.packet.source}", outwards=True)

    def arrives_at(self, node_id: str) -> Hop:
        """Return the hop of the destination itself: an instance, an internet host or a router."""
        whose = "has" if self.index.node(node_id) else "its router has"
        return self.passes(self.index.component(node_id), Reason.ARRIVED, f"{whose} {self.packet.destination}")
