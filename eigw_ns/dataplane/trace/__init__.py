"""Trace a virtual packet through the compiled state, and its answer back: where each goes, and why.

tracer   whole traces, forward and back, for each range of source ports
 └ walk      one packet from namespace to namespace
    ├ filters   network ACLs, security groups, gateways
    ├ routes    compiled routes in AWS's terms
    ├ addresses which addresses are not routed on the internet
    └ network   the compiled state, indexed
"""

from __future__ import annotations

from eigw_ns.dataplane.trace.model import (
    AclRuleUsed,
    Direction,
    GroupRuleUsed,
    Hop,
    Outcome,
    Protocol,
    Reason,
    RouteUsed,
    Trace,
)
from eigw_ns.dataplane.trace.tracer import EPHEMERAL, Tracer, trace

__all__ = [
    "EPHEMERAL",
    "AclRuleUsed",
    "Direction",
    "GroupRuleUsed",
    "Hop",
    "Outcome",
    "Protocol",
    "Reason",
    "RouteUsed",
    "Trace",
    "Tracer",
    "trace",
]
