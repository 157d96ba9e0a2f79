"""The result of a check as data, for programs and as a baseline."""

from __future__ import annotations

from typing import Any

from eigw_ns.importing.findings.finding import CODES, Finding
from eigw_ns.lab.check.outcome import Checked, Outcome, Row
from eigw_ns.render import design_messages
from eigw_ns.render.design_check import cells

VERSION = 1
"""The version of this document."""


def document(outcome: Outcome) -> dict[str, Any]:
    """Return the whole result."""
    return {
        "version": VERSION,
        "proof": cells.PREDICTED if outcome.predicted else "packets",
        "passed": outcome.exit_code == 0,
        "sources": [_source(one) for one in outcome.checked],
        "findings": [
            *(_finding(outcome, one, each) for one in outcome.checked for each in one.findings),
            *(_finding(outcome, None, each) for each in outcome.policy_findings),
        ],
    }


def _source(checked: Checked) -> dict[str, Any]:
    return {
        "source": checked.source,
        "kind": checked.kind,
        "refused": bool(checked.refusals),
        "seconds": round(checked.seconds, 3),
        "subnets": [_subnet(row) for row in checked.rows],
        "checks": [check.document() for check in checked.report.checks] if checked.report else [],
        "failed": [check.document() for check in checked.failed],
        "messages": design_messages.document(checked.messages),
    }


def _subnet(row: Row) -> dict[str, Any]:
    intent, place = row.subnet.intent, row.subnet.design.label.place
    return {
        "name": row.subnet.name,
        "vpc": row.subnet.vpc,
        "source": place.address,
        "meant": intent.purpose if intent else None,
        "why": intent.why if intent else None,
        "ipv4": row.found.ipv4 if row.found else "unknown",
        "ipv6": row.found.ipv6 if row.found else "unknown",
        "inbound": row.reach.inbound,
        "outbound": row.reach.outbound,
    }


def _finding(outcome: Outcome, checked: Checked | None, finding: Finding) -> dict[str, Any]:
    place = finding.place
    return {
        "code": finding.code,
        "level": finding.level,
        "title": CODES[finding.code].title,
        "source": checked.source if checked else place.file,
        "subject": finding.subject,
        "file": cells.path(checked, place) if checked else place.file,
        "line": place.line,
        "address": place.address,
        "what": finding.what,
        "remedy": finding.remedy or None,
        "accepted": finding.accepted,
        "counts": outcome.counts(finding),
        "fingerprint": finding.fingerprint,
    }
