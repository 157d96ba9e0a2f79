"""A verify report for people: per check, the nodes, what was expected, predicted and observed, and the verdict."""

from __future__ import annotations

from collections.abc import Iterable

from eigw_ns.lab.verify.checks import Check, Report
from eigw_ns.lab.verify.contradictions import Contradiction
from eigw_ns.render import explain
from eigw_ns.render.table import Cell, Table

_COLOURS = {"allowed": "green", "blocked": "cyan", "refused": "yellow", "inconclusive": "yellow"}
"""Colours of outcomes. Red is for what failed: to block may be just what is wanted."""


def table(report: Report) -> Table:
    """Return a table with one row per check, in the order of the report."""
    return of_checks(report.checks, "")


def of_checks(checks: Iterable[Check], title: str) -> Table:
    """Return a table with one row per check."""
    columns = ("", "From → To", "Traffic", "Expected", "Observed", "Why")
    return Table(title, columns, tuple(_row(check) for check in checks))


def summary(report: Report) -> str:
    """Return the count of passed checks: `6 of 6 checks passed`. Those that prove nothing have their own count."""
    passed = sum(check.passed for check in report.checks)
    unclear = sum(check.inconclusive for check in report.checks)
    return f"{passed} of {len(report.checks)} checks passed{f', {unclear} inconclusive' if unclear else ''}"


def contradiction(found: Contradiction) -> str:
    """Return a sentence on an expectation that the model contradicts, and the sentence of `explain` on it."""
    wanted = found.expectation
    port = "" if wanted.port is None else f" {wanted.port}"
    flow = f"{wanted.source} to {wanted.destination} {wanted.protocol}{port}"
    why, *_ = explain.verdict(found.explanation).splitlines()
    return f"expect {found.number}: {flow} is {wanted.result} here, but the file makes it {found.predicted}. {why}"


def _row(check: Check) -> tuple[Cell, ...]:
    colour = "bold green" if check.passed else "bold yellow" if check.inconclusive else "bold red"
    verdict = ("✓" if check.passed else "?" if check.inconclusive else "✗", colour)
    traffic = check.protocol if check.port is None else f"{check.protocol} {check.port}"
    ends = f"{check.source} → {check.destination}"
    expected = (check.expected, _COLOURS[check.expected])
    observed = (check.observed, _COLOURS[check.observed] if check.passed else colour)
    return (verdict, ends, traffic, expected, observed, (_why(check), "dim" if check.passed else colour))


def _why(check: Check) -> str:
    """Return the reason, and what the model predicted if packets did something else."""
    more = "" if check.observed == check.predicted else f" ({check.predicted} was predicted)"
    return words(check.reason) + more


def words(reason: str) -> str:
    """Return a reason code as words: `egress only gateway refuses inbound`."""
    return reason.replace("_", " ").lower()
