"""Rules for the quotas that a file raises.

AWS's quotas: https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
"""

from __future__ import annotations

from dataclasses import asdict

from eigw_ns.cloud.ec2.settings import Quotas
from eigw_ns.topology.report import MistakeReport
from eigw_ns.topology.schema import LabFile


def check(file: LabFile, report: MistakeReport) -> None:
    """Check that no quota is lower than AWS's."""
    usual = asdict(Quotas())
    for name, number in file.quotas:
        if number < usual[name]:
            problem = f"AWS's quota is {usual[name]}, and a file can only raise it"
            report.add(("quotas", name), problem, "remove the key")
