"""A packet on its way: the input of every decision, and the constructor of the hops."""

from __future__ import annotations

from dataclasses import dataclass, field

from eigw_ns.cloud.filtering import Packet
from eigw_ns.cloud.model import Instance, InternetHost
from eigw_ns.dataplane.trace.model import Direction, GroupRuleUsed, Hop, Reason, Rule
from eigw_ns.dataplane.trace.scene import ModelIndex
from eigw_ns.frozen import frozen

Component = tuple[str, str]
"""Id and name."""


@dataclass(slots=True)
class Flow:
    """The state of stateful components: the gateways that the flow crossed, and the rules that let it begin.

    Keys of `rules` are (instance id, whether the flow leaves that instance).
    """

    gateways: set[str] = field(default_factory=set)
    rules: dict[tuple[str, bool], GroupRuleUsed] = field(default_factory=dict)


@frozen
class Step:
    """A packet of a flow. `error` says that it is an ICMPv6 error about the flow: only its addresses are the flow's."""

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

    def sent_by(self, node: Instance | InternetHost) -> Hop:
        """Return the hop of the sender. The source address is its own, so the source check at its port passes."""
        return self.passes((node.id, node.name), Reason.SENT, f"sends from {node.ipv6_address}", outwards=True)

    def arrives_at(self, node: Instance | InternetHost) -> Hop:
        """Return the hop of the destination itself."""
        return self.passes((node.id, node.name), Reason.ARRIVED, f"has {self.packet.destination}")
