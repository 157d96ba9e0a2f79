"""All findings about a design, with what the policy accepts of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from eigw_ns.importing.design import Design
from eigw_ns.importing.findings.filters import filter_findings
from eigw_ns.importing.findings.finding import Finding
from eigw_ns.importing.findings.subject import Reach, subjects
from eigw_ns.importing.findings.subnets import subnet_findings
from eigw_ns.importing.policy.policy import Acceptance, Policy
from eigw_ns.importing.resolve.imported import Import


def findings(design: Design, imported: Import, reach: Mapping[str, Reach]) -> tuple[Finding, ...]:
    """Return what is wrong, subnets first, each in the order of the design. `reach` is by the id of the subnet.

    A subnet that a refusal touches has no findings: nobody knows its class.
    """
    about_subnets = (each for subject in subjects(design, imported, reach) for each in subnet_findings(subject))
    return (*about_subnets, *filter_findings(design, imported.names))


def accepted(found: Iterable[Finding], policy: Policy, today: date) -> tuple[Finding, ...]:
    """Return the findings, with the reason of each that the policy accepts."""
    valid = [each for each in policy.accept if not each.expired(today)]
    return tuple(_accepted(each, valid) for each in found)


def expired(policy: Policy, today: date) -> tuple[Finding, ...]:
    """Return an error for each acceptance that has ended."""
    return tuple(_ended(each) for each in policy.accept if each.expired(today))


def unused(found: Iterable[Finding], policy: Policy) -> tuple[Acceptance, ...]:
    """Return the acceptances that accept none of the findings."""
    known = tuple(found)
    return tuple(each for each in policy.accept if not any(_matches(each, finding) for finding in known))


def _accepted(finding: Finding, valid: Iterable[Acceptance]) -> Finding:
    reason = next((each.reason for each in valid if _matches(each, finding)), None)
    return finding if reason is None else replace(finding, accepted=reason)


def _matches(acceptance: Acceptance, finding: Finding) -> bool:
    where = (finding.subject, finding.source, finding.place.address, finding.place.file or "", str(finding.place))
    return acceptance.matches(finding.code, where)


def _ended(acceptance: Acceptance) -> Finding:
    what = f"the acceptance of {acceptance.finding} at {acceptance.at} ended on {acceptance.until}"
    remedy = "mend the finding, or write why it is accepted and until when"
    return Finding(acceptance.finding, "error", acceptance.place, acceptance.at, acceptance.at, what, remedy)
