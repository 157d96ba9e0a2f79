"""The result of a trace: every component that a packet met, what decided there, and the outcome.

Reason codes are those of AWS's Reachability Analyzer if it has one for the case
(https://docs.aws.amazon.com/vpc/latest/reachability/explanation-codes.html), otherwise ours.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv6Network
from typing import Literal

from eigw_ns.cloud.filtering import Packet
from eigw_ns.cloud.model import NetworkAcl, NetworkAclEntry, RouteTable, SecurityGroup, SecurityGroupRule
from eigw_ns.cloud.routing import RouteState
from eigw_ns.dataplane.compile.ranges import Range
from eigw_ns.frozen import frozen

Outcome = Literal["allowed", "blocked", "refused"]
Protocol = Literal["tcp", "udp", "icmpv6"]
"""The protocols of which `lab.verify` sends packets. A trace can have any."""

Direction = Literal["forward", "return"]


class Reason(StrEnum):
    """Why a component passed or dropped a packet, and why a trace has its outcome."""

    # AWS's codes
    BAD_STATE_ROUTE = "BAD_STATE_ROUTE"  # the matching route is a blackhole
    ENI_SG_RULES_MISMATCH = "ENI_SG_RULES_MISMATCH"
    GATEWAY_REJECTS_SPOOFED_TRAFFIC = "GATEWAY_REJECTS_SPOOFED_TRAFFIC"
    NO_ROUTE_TO_DESTINATION = "NO_ROUTE_TO_DESTINATION"
    SG_HAS_NO_RULES = "SG_HAS_NO_RULES"
    SUBNET_ACL_RESTRICTION = "SUBNET_ACL_RESTRICTION"
    # our codes for dropped or refused packets
    DESTINATION_NOT_GLOBAL = "DESTINATION_NOT_GLOBAL"
    EGRESS_ONLY_GATEWAY_REFUSES_INBOUND = "EGRESS_ONLY_GATEWAY_REFUSES_INBOUND"
    GATEWAY_ANSWERS_NOBODY = "GATEWAY_ANSWERS_NOBODY"
    GATEWAY_REFUSES_PROTOCOL = "GATEWAY_REFUSES_PROTOCOL"
    MULTICAST_NOT_FORWARDED = "MULTICAST_NOT_FORWARDED"
    NO_LISTENER = "NO_LISTENER"
    NOT_ON_LINK = "NOT_ON_LINK"  # a link-local address that no machine on the sender's link has
    NOT_IPV6 = "NOT_IPV6"
    PROTOCOL_NOT_TRACKED = "PROTOCOL_NOT_TRACKED"
    RESERVED_ADDRESS = "RESERVED_ADDRESS"  # AWS reserves it in the subnet, so no machine can have it
    ROUTER_ANSWERS_ITS_SUBNET_ONLY = "ROUTER_ANSWERS_ITS_SUBNET_ONLY"
    SOURCE_NOT_GLOBAL = "SOURCE_NOT_GLOBAL"
    UNKNOWN_TARGET = "UNKNOWN_TARGET"  # the matching route leads to an unknown target, so the drop proves nothing
    # our codes for packets that pass
    ALLOWED_BY_RULE = "ALLOWED_BY_RULE"
    ANSWERS_FLOW = "ANSWERS_FLOW"
    ARRIVED = "ARRIVED"
    FORWARDED = "FORWARDED"
    LOCAL = "LOCAL"
    OPENS_FLOW = "OPENS_FLOW"
    REACHABLE = "REACHABLE"
    ROUTED = "ROUTED"
    SENT = "SENT"


@frozen
class RouteUsed:
    """The matching route. `destination` is None if no route matched.

    `target_id` is `local` or the id of a gateway, which may have been deleted. `prefix_list_id` is that of the list to
    which the route in the table leads; None if it leads to a block.
    """

    table: RouteTable
    destination: IPv6Network | None = None
    target_id: str = ""
    state: RouteState = "active"
    prefix_list_id: str | None = None


@frozen
class AclRuleUsed:
    """The first matching network ACL entry. `entry` is None for the final entry `*`, which denies."""

    acl: NetworkAcl
    egress: bool
    entry: NetworkAclEntry | None


@frozen
class GroupRuleUsed:
    """The security groups of an instance, and their rule that let the flow begin; None if no rule did."""

    groups: tuple[SecurityGroup, ...]
    egress: bool
    rule: SecurityGroupRule | None


Rule = RouteUsed | AclRuleUsed | GroupRuleUsed


@frozen
class Hop:
    """A component that a packet met, and its decision. `text` describes the route or rule in words.

    `outwards` says whether the packet was leaving the instance, subnet or VPC that the component guards.
    """

    direction: Direction
    id: str
    name: str
    passed: bool
    reason: Reason
    text: str
    packet: Packet
    outwards: bool
    rule: Rule | None = None


@frozen
class Trace:
    """The outcome of an attempt to communicate, with all hops.

    `delivered` says whether the first packet reaches the destination, with or without an answer. `reason` is that of
    the hop that dropped the packet or its answer; otherwise `REACHABLE` or `NO_LISTENER`. `source_ports` are the only
    source ports for which the trace is valid; None if it is valid for all.
    """

    outcome: Outcome
    delivered: bool
    reason: str
    hops: tuple[Hop, ...]
    source_ports: Range | None = None

    @property
    def conclusive(self) -> bool:
        """Return False if the packet ends at a route to an unknown target: nobody can tell what happens in AWS."""
        return self.reason != Reason.UNKNOWN_TARGET

    @property
    def decisive(self) -> Hop:
        """The hop that decides: the last one; if the destination refuses the packet, the destination."""
        if self.outcome != "refused":
            return self.hops[-1]
        return next(hop for hop in reversed(self.hops) if hop.direction == "forward")
