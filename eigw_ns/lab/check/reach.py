"""What the checks of a report show about each subnet: does the internet reach it, and does it reach the internet."""

from __future__ import annotations

from collections.abc import Iterable

from eigw_ns.importing.findings.subject import Answer, Reach
from eigw_ns.importing.resolve.imported import ImportedSubnet
from eigw_ns.lab.verify.checks import Check, Failure, Report


def reach(report: Report, subnets: Iterable[ImportedSubnet]) -> dict[str, Reach]:
    """Return the answers by the id of each subnet that has a probe."""
    return {each.id: _of(report, each.probe) for each in subnets if each.probe}


def broken(check: Check) -> bool:
    """Return whether the check proves nothing: packets and model disagree, or silence is not proven."""
    return check.reason in {*Failure} or check.inconclusive


def _of(report: Report, probe: str) -> Reach:
    inbound = [check for check in report.checks if check.destination == probe]
    outbound = [check for check in report.checks if check.source == probe]
    return Reach(_answer(inbound), _answer(outbound))


def _answer(checks: list[Check]) -> Answer:
    """Return `open` if one packet passed: a way that only one protocol has is a way."""
    if any(check.observed == "allowed" or check.reason == Failure.LEAKED for check in checks):
        return "open"
    return "closed" if checks and not any(map(broken, checks)) else "unproven"
