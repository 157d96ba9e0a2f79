"""The result of a check as tables and lines for people."""

from __future__ import annotations

from collections.abc import Iterator

from eigw_ns.importing.findings.finding import Finding
from eigw_ns.lab.check.outcome import Checked, Outcome, Row
from eigw_ns.lab.verify.checks import Check
from eigw_ns.render import verdicts
from eigw_ns.render.design_check import cells
from eigw_ns.render.table import Cell, Table

_COLUMNS = ("subnet", "meant (why)", "IPv4", "IPv6", "packets", "finding")
_COLOURS = {"error": "bold red", "warning": "yellow", "note": "dim"}


def tables(outcome: Outcome) -> list[Table]:
    """Return a table of subnets for each source, and one of flows that failed of themselves."""
    drawn = [_subnets(outcome, one) for one in outcome.checked]
    drawn += [verdicts.of_checks(one.failed, cells.title(outcome, one)) for one in outcome.checked if one.failed]
    return [table for table in drawn if table.rows]


def _subnets(outcome: Outcome, checked: Checked) -> Table:
    several = cells.several_vpcs(checked.rows)
    rows = tuple(line for row in checked.rows for line in _lines(outcome, checked, row, several))
    columns = (*_COLUMNS[:4], "predicted", _COLUMNS[5]) if outcome.predicted else _COLUMNS
    return Table(cells.title(outcome, checked), columns, rows)


def _lines(outcome: Outcome, checked: Checked, row: Row, several: bool) -> Iterator[tuple[Cell, ...]]:
    """Yield a row for each finding of a subnet. Only the first one has the subnet."""
    found = cells.findings_of(checked, row)
    packets = cells.packets(row)
    shown: Cell = (packets, "bold red") if "✗" in packets else packets
    head = (cells.name(row, several=several), cells.meant(row), *cells.classes(row), shown)
    yield (*head, _finding(outcome, checked, found[0]) if found else "")
    for each in found[1:]:
        yield ("", "", "", "", "", _finding(outcome, checked, each))


def _finding(outcome: Outcome, checked: Checked, finding: Finding) -> Cell:
    note = cells.note(outcome, finding)
    text = f"{finding.code} {cells.short(checked, finding.place)}{note}"
    return text, "dim" if note else _COLOURS[finding.level]


def lines(outcome: Outcome) -> list[str]:
    """Return a line for each finding: level, code, place, what is wrong and what to do."""
    told = [line(outcome, one, each) for one in outcome.checked for each in one.findings]
    return [*told, *(line(outcome, None, each) for each in outcome.policy_findings)]


def line(outcome: Outcome, checked: Checked | None, finding: Finding) -> str:
    """Return a finding as a line."""
    place = cells.where(checked, finding.place) if checked else str(finding.place)
    remedy = f"; {finding.remedy}" if finding.remedy else ""
    return f"{finding.level} {finding.code} {place}: {finding.what}{remedy}{cells.note(outcome, finding)}"


def failed(check: Check) -> str:
    """Return a flow that failed in a sentence."""
    traffic = check.protocol if check.port is None else f"{check.protocol} {check.port}"
    seen = f"expected {check.expected}, observed {check.observed}"
    return f"{check.source} to {check.destination} {traffic}: {seen} ({verdicts.words(check.reason)})"
