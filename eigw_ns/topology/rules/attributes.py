"""Rules for what AWS records of VPCs and subnets: association ids, tenancy, hostname types, flow logs."""

from __future__ import annotations

from collections.abc import Collection
from typing import get_args

from eigw_ns.cloud import ids
from eigw_ns.cloud.flow_logs import TrafficType
from eigw_ns.cloud.words import did_you_mean
from eigw_ns.topology import forms
from eigw_ns.topology.report import MistakeReport
from eigw_ns.topology.schema import HOSTNAME_TYPES, TENANCIES, LabFile
from eigw_ns.topology.tree import Path


def check(file: LabFile, report: MistakeReport) -> None:
    """Check that each value is one that AWS has, and that association ids belong to blocks of the file."""
    for name, vpc in file.vpcs.items():
        place: Path = ("vpcs", name)
        _check_word(report, (*place, "instance_tenancy"), vpc.instance_tenancy, TENANCIES)
        blocks = {vpc.ipv6_cidr_block, *vpc.ipv6_cidr_blocks, vpc.cidr_block, *vpc.cidr_blocks} - {None}
        for block, text in vpc.association_ids.items():
            path = (*place, "association_ids", block)
            if block not in blocks:
                known = sorted(map(str, blocks))
                report.add(path, "the VPC has no such block", did_you_mean(block, known) or "remove it", value=block)
            _check_id(report, path, text, ids.VPC_BLOCK)
        for log, log_body in vpc.flow_logs.items():
            _check_word(
                report, (*place, "flow_logs", log, "traffic_type"), log_body.traffic_type, get_args(TrafficType)
            )
        for subnet, body in vpc.subnets.items():
            of_subnet = (*place, "subnets", subnet)
            _check_word(report, (*of_subnet, "hostname_type"), body.hostname_type, HOSTNAME_TYPES)
            _check_id(report, (*of_subnet, "association_id"), body.association_id, ids.SUBNET_BLOCK)


def _check_word(report: MistakeReport, path: Path, text: str | None, known: Collection[str]) -> None:
    if text is not None:
        report.attempt(path, lambda given: forms.one_of(given, known), text)


def _check_id(report: MistakeReport, path: Path, text: str | None, kind: str) -> None:
    if text is not None and report.is_clean(path) and ids.kind_of(text) != kind:
        report.add(path, "this is not the id of a block's association", f"write one such as {kind}-0123456789abcdef0")
