"""A packet in a place: what every decision is made from, and made into a hop."""

from __future__ import annotations

from dataclasses import dataclass, field

from eigw_ns.cloud.filtering import Packet
from eigw_ns.cloud.model import Instance, InternetHost
from eigw_ns.dataplane.trace.model import Direction, GroupRuleUsed, Hop, Reason, Rule
from eigw_ns.dataplane.trace.scene import Scene

Component = tuple[str, str]
"""Id and name."""


@dataclass(slots=True)
class Flow:
    """What stateful components remember: the gateways that the flow crossed, the rule that each instance let it by.

    Rules are by (instance id, whether the flow leaves that instance).
    """

    gateways: set[str] = field(default_factory=set)
    rules: dict[tuple[str, bool], GroupRuleUsed] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """A packet of a flow. `error`: it is an ICMPv6 error about the flow, so its addresses are the flow's, no more."""

    scene: Scene
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
        """The hop of a component that lets the packet go on."""
        return Hop(self.direction, *where, True, reason, text, self.packet, outwards, rule)

    def drops(
        self, where: Component, reason: Reason, text: str, rule: Rule | None = None, *, outwards: bool = False
    ) -> Hop:
        """The hop of a component at which the packet's way ends."""
        return Hop(self.direction, *where, False, reason, text, self.packet, outwards, rule)

    def sent_by(self, node: Instance | InternetHost) -> Hop:
        """The sender. The source address is its own, so the source check at its port lets the packet out."""
        return self.passes((node.id, node.name), Reason.SENT, f"sends from {node.ipv6_address}", outwards=True)

    def arrives_at(self, node: Instance | InternetHost) -> Hop:
        """The destination itself, which takes what is addressed to it."""
        return self.passes((node.id, node.name), Reason.ARRIVED, f"has {node.ipv6_address}")
