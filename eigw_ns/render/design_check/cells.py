"""What the reports of a check say about a subnet and a finding, in a few words."""

from __future__ import annotations

from collections.abc import Sequence

from eigw_ns.cloud.subnet_class import FamilyClass
from eigw_ns.cloud.words import printable
from eigw_ns.importing.findings.finding import Finding
from eigw_ns.importing.findings.subject import Answer
from eigw_ns.importing.messages import Place
from eigw_ns.lab.check.outcome import Checked, Outcome, Row

PREDICTED = "predicted, not proven"
"""What every report says of a check without packets."""

_WORDS: dict[FamilyClass, str] = {"nat": "out by NAT", "absent": "–"}


def name(row: Row, *, several: bool) -> str:
    """Return the name of a subnet, with that of its VPC if there are several VPCs."""
    return f"{row.subnet.vpc}/{row.subnet.name}" if several else row.subnet.name


def several_vpcs(rows: Sequence[Row]) -> bool:
    """Return whether the rows are of more than one VPC."""
    return len({row.subnet.vpc for row in rows}) > 1


def meant(row: Row) -> str:
    """Return what a subnet is meant for, and what says so."""
    intent = row.subnet.intent
    return f"{intent.purpose} ({intent.why})" if intent else "not stated"


def classes(row: Row) -> tuple[str, str]:
    """Return the classes of both families in words."""
    if row.found is None:
        return "unknown", "unknown"
    return _WORDS.get(row.found.ipv4, row.found.ipv4), _WORDS.get(row.found.ipv6, row.found.ipv6)


def packets(row: Row) -> str:
    """Return what became of connections: `in – out ✓`. `✗` is not what the subnet is meant for, `?` proves nothing."""
    if row.subnet.probe is None or row.found is None:
        return ""
    intent = row.subnet.intent
    inbound = _mark(row.reach.inbound, intent.inbound if intent else None, "reached")
    outbound = _mark(row.reach.outbound, intent.outbound if intent else None, "gets out")
    return f"in {inbound} out {outbound}"


def _mark(answer: Answer, wanted: bool | None, leak: str) -> str:
    if answer == "unproven":
        return "?"
    if answer == "open":
        return f"✗ {leak}" if wanted is False else "✓"
    return "✗ blocked" if wanted else "–"


def findings_of(checked: Checked, row: Row) -> list[Finding]:
    """Return the findings about a subnet."""
    return [each for each in checked.findings if (each.vpc, each.subject) == (row.subnet.vpc, row.subnet.name)]


def note(outcome: Outcome, finding: Finding) -> str:
    """Return why a finding does not count, in brackets, or ""."""
    if finding.accepted is not None:
        return f" (accepted: {finding.accepted})"
    return " (in the baseline)" if finding.fingerprint in outcome.known else ""


def title(outcome: Outcome, checked: Checked) -> str:
    """Return the source, what it was taken for, and whether that is proven."""
    proof = f" ({PREDICTED})" if outcome.predicted else ""
    return printable(f"{checked.source}: {checked.kind}{proof}")


def path(checked: Checked, place: Place) -> str:
    """Return the path of the file of a place, as the user would name it."""
    if place.file is None:
        return checked.source
    return f"{checked.prefix.rstrip('/')}/{place.file}" if checked.prefix else place.file


def where(checked: Checked, place: Place) -> str:
    """Return a place with its whole path: `infra/main.tf:14 aws_route.out`."""
    if place.file is None:
        return place.address
    return f"{path(checked, place)}{'' if place.line is None else f':{place.line}'} {place.address}".rstrip()


def short(checked: Checked, place: Place) -> str:
    """Return a place with the name of its file only: `main.tf:14 aws_route.out`."""
    if place.file is None:
        return place.address
    file = path(checked, place).rpartition("/")[2]
    return f"{file}{'' if place.line is None else f':{place.line}'} {place.address}".rstrip()


def summary(outcome: Outcome) -> str:
    """Return one line: how many checks, findings and refusals, and whether that is proven."""
    reports = [one.report for one in outcome.checked if one.report]
    checks = sum(len(report.checks) for report in reports)
    counting = sum(map(outcome.counts, outcome.findings))
    others = len(outcome.findings) - counting
    refusals = sum(len(one.refusals) for one in outcome.checked)
    failed = sum(len(one.failed) for one in outcome.checked)
    proof = f"{checks} flows {PREDICTED}" if outcome.predicted else f"{checks} flows sent"
    parts = [proof, _count(counting, "error"), *([_count(others, "other finding")] if others else [])]
    parts += [f"{_count(failed, 'flow')} failed"] if failed else []
    parts += [f"{_count(refusals, 'refusal')}: nothing is claimed"] if refusals else []
    return ", ".join(parts)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
