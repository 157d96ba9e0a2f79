"""Rules for MTUs: what IPv6 needs at least, what AWS has at most, and no instance above its VPC."""

from __future__ import annotations

from eigw_ns.cloud.model import LEAST_MTU, MOST_MTU
from eigw_ns.topology.report import MistakeReport
from eigw_ns.topology.schema import LabFile


def check(parsed: LabFile, report: MistakeReport) -> None:
    """Check that each MTU is in its range."""
    for name, vpc in parsed.vpcs.items():
        if not LEAST_MTU <= vpc.mtu <= MOST_MTU:
            problem = f"this must be {LEAST_MTU:,} to {MOST_MTU:,}"
            report.add(("vpcs", name, "mtu"), problem, "write a number in this range, or remove the key")
        for instance, body in vpc.instances.items():
            if body.mtu is not None and not LEAST_MTU <= body.mtu <= vpc.mtu:
                problem = f"this must be {LEAST_MTU:,} to the MTU of the VPC, {vpc.mtu:,}"
                remedy = "write a number in this range, or raise the VPC's"
                report.add(("vpcs", name, "instances", instance, "mtu"), problem, remedy)
