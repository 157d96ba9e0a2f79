"""The quotas that a file raises, see https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html"""

from __future__ import annotations

from dataclasses import asdict

from eigw_ns.cloud.ec2.settings import Quotas
from eigw_ns.topology.report import Report
from eigw_ns.topology.schema import LabFile


def check(file: LabFile, report: Report) -> None:
    """None below AWS's own."""
    usual = asdict(Quotas())
    for name, number in file.quotas:
        if number < usual[name]:
            report.add(("quotas", name), f"AWS's own is {usual[name]}, and a file can only raise it", "remove the key")
