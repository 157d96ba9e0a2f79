"""The replicas of gateways, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.tag_names import named_by_tags
from eigw_ns.lab.agent.replica_reports import Report
from eigw_ns.render.describe import counter_data, qualified
from eigw_ns.render.table import Cell, Table

Reports = Mapping[str, tuple[Report, ...]]
"""Per gateway id."""


def table(cloud: Cloud, reports: Reports) -> Table:
    """Return a table with a row for each replica, and one for each gateway as a whole."""
    columns = ("Gateway", "Replica", "State", "Flows", "Taught", "Packets", "What is wrong")
    return Table("Replicas", columns, tuple(_rows(named_by_tags(cloud), reports)))


def _rows(cloud: Cloud, reports: Reports) -> Iterator[tuple[Cell, ...]]:
    for gateway_id, replicas in reports.items():
        gateway = cloud.egress_only_internet_gateways[gateway_id]
        for report in replicas:
            name = qualified(cloud, gateway.vpc_id, gateway.name) if report.number == 1 else ""
            numbers = (f"{report.flows:,}", f"{report.taught:,}", f"{_passed(report):,}")
            yield name, f"#{report.number}", _state(report), *numbers, report.ailment
        flows, taught = sum(each.flows for each in replicas), sum(each.taught for each in replicas)
        packets = sum(map(_passed, replicas))
        serving = sum(each.in_service for each in replicas)
        yield "", "all", f"{serving} of {len(replicas)}", f"{flows:,}", f"{taught:,}", f"{packets:,}", ""


def _state(report: Report) -> Cell:
    if not report.in_service:
        return "out of service", "bold red"
    return ("in service", "yellow" if report.ailment else "green")


def _passed(report: Report) -> int:
    return sum(count.packets for name, count in report.counters.items() if name.startswith("allowed_"))


def data(reports: Reports) -> dict[str, list[dict[str, Any]]]:
    """Return the replicas for JSON. AWS has no word for replicas, so the words are ours, in its capitalisation."""
    return {gateway_id: [_data(report) for report in replicas] for gateway_id, replicas in reports.items()}


def _data(report: Report) -> dict[str, Any]:
    counters = {name: (count.packets, count.bytes) for name, count in report.counters.items()}
    return {
        "Replica": report.number,
        "State": "in-service" if report.in_service else "out-of-service",
        "Ailment": report.ailment,
        "Flows": report.flows,
        "Taught": report.taught,
        "Counters": counter_data({"": counters})[""],
    }
