"""What a trace says: every component a packet met, what decided there, and how the try to talk ended.

Reason codes are those of AWS's Reachability Analyzer where it has one
(https://docs.aws.amazon.com/vpc/latest/reachability/explanation-codes.html), ours otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv6Network
from typing import Literal

from eigw_ns.cloud.filtering import Packet
from eigw_ns.cloud.model import NetworkAcl, NetworkAclEntry, RouteTable, SecurityGroup, SecurityGroupRule
from eigw_ns.cloud.routing import RouteState
from eigw_ns.dataplane.ranges import Range

Outcome = Literal["allowed", "blocked", "refused"]
Protocol = Literal["tcp", "udp", "icmpv6"]
Direction = Literal["forward", "return"]


class Reason(StrEnum):
    """Why a component let a packet pass or dropped it, and why a trace ended as it did."""

    # AWS's
    BAD_STATE_ROUTE = "BAD_STATE_ROUTE"  # the route that wins is a blackhole
    ENI_SG_RULES_MISMATCH = "ENI_SG_RULES_MISMATCH"
    GATEWAY_REJECTS_SPOOFED_TRAFFIC = "GATEWAY_REJECTS_SPOOFED_TRAFFIC"
    NO_ROUTE_TO_DESTINATION = "NO_ROUTE_TO_DESTINATION"
    SG_HAS_NO_RULES = "SG_HAS_NO_RULES"
    SUBNET_ACL_RESTRICTION = "SUBNET_ACL_RESTRICTION"
    # ours, of what is dropped or refused
    EGRESS_ONLY_GATEWAY_REFUSES_INBOUND = "EGRESS_ONLY_GATEWAY_REFUSES_INBOUND"
    NO_LISTENER = "NO_LISTENER"
    # ours, of what passes
    ALLOWED_BY_RULE = "ALLOWED_BY_RULE"
    ANSWERS_FLOW = "ANSWERS_FLOW"
    ARRIVED = "ARRIVED"
    FORWARDED = "FORWARDED"
    LOCAL = "LOCAL"
    OPENS_FLOW = "OPENS_FLOW"
    REACHABLE = "REACHABLE"
    ROUTED = "ROUTED"
    SENT = "SENT"


@dataclass(frozen=True, slots=True)
class RouteUsed:
    """The route that won. `destination` None: none did. `target_id` is a gateway's, gone or not, or `local`."""

    table: RouteTable
    destination: IPv6Network | None = None
    target_id: str = ""
    state: RouteState = "active"


@dataclass(frozen=True, slots=True)
class AclRuleUsed:
    """The network ACL entry that matched first; None is the last one, `*`, which denies."""

    acl: NetworkAcl
    egress: bool
    entry: NetworkAclEntry | None


@dataclass(frozen=True, slots=True)
class GroupRuleUsed:
    """The security groups of an instance, and the rule of them that let the flow begin; None where none did."""

    groups: tuple[SecurityGroup, ...]
    egress: bool
    rule: SecurityGroupRule | None


Rule = RouteUsed | AclRuleUsed | GroupRuleUsed


@dataclass(frozen=True, slots=True)
class Hop:
    """A component that a packet met, and what it decided. `text` names the route or rule in words.

    `outwards`: whether the packet was on its way out of the instance, subnet or VPC that the component guards.
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


@dataclass(frozen=True, slots=True)
class Trace:
    """How a try to talk ends. `delivered`: the first packet reaches the destination, whatever becomes of the answer.

    `reason` is that of the hop which dropped the packet or its answer, else `REACHABLE` or `NO_LISTENER`.
    `source_ports`: the only source ports for which this holds; None where it does not depend on them.
    """

    outcome: Outcome
    delivered: bool
    reason: str
    hops: tuple[Hop, ...]
    source_ports: Range | None = None
