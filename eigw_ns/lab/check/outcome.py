"""The result of a check of designs: what a report shows, and what decides the exit code."""

from __future__ import annotations

from eigw_ns.cloud.subnet_class import SubnetClass
from eigw_ns.frozen import frozen
from eigw_ns.importing.findings.finding import Finding
from eigw_ns.importing.findings.subject import Reach
from eigw_ns.importing.messages import Message
from eigw_ns.importing.resolve.imported import ImportedSubnet
from eigw_ns.lab.check.reach import broken
from eigw_ns.lab.verify.checks import Check, Report
from eigw_ns.topology import Topology

REFUSED, FOUND = 1, 4
"""Exit codes: something that decides is not known; a finding of level error, or a packet."""

NO_INTENT = "EIGW008"

_MISSING_WAYS = ("EIGW003", "EIGW005")
"""Findings that explain why packets that the policy allows do not pass."""


@frozen
class Row:
    """A subnet in a report. `found` is None if its class is not known."""

    subnet: ImportedSubnet
    found: SubnetClass | None
    reach: Reach


@frozen
class Checked:
    """The result for one source. `kind` is what it was taken for. `report` is None if it was refused.

    `prefix` is the folder of the source, below which the files of places are; "" if they are paths already.
    """

    source: str
    kind: str
    prefix: str
    messages: tuple[Message, ...]
    rows: tuple[Row, ...] = ()
    topology: Topology | None = None
    report: Report | None = None
    findings: tuple[Finding, ...] = ()
    seconds: float = 0.0

    @property
    def refusals(self) -> tuple[Message, ...]:
        """The messages because of which nothing is claimed."""
        return tuple(message for message in self.messages if message.level == "refuse")

    @property
    def has_ipv6(self) -> bool:
        """Whether a subnet has IPv6. Without one, nothing is reachable over IPv6."""
        return any(row.subnet.design.ipv6_blocks for row in self.rows)

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that fail of themselves: they prove nothing, or the policy allows what did not pass."""
        return tuple(check for check in self.report.checks if self._fails(check)) if self.report else ()

    def _fails(self, check: Check) -> bool:
        return broken(check) or (not check.passed and check.expected == "allowed" and self._by_policy(check))

    def _by_policy(self, check: Check) -> bool:
        row = next((row for row in self.rows if row.subnet.probe in (check.source, check.destination)), None)
        if row is None or row.subnet.intent is None or not row.subnet.intent.by_policy:
            return False
        own = (row.subnet.vpc, row.subnet.name)
        named = (each for each in self.findings if (each.vpc, each.subject) == own and each.code in _MISSING_WAYS)
        return not any(each.accepted for each in named)


@frozen
class Outcome:
    """The result for all sources. `predicted`: no packet was sent. `policy_findings` are about the policy itself.

    `known` are the fingerprints of findings that a baseline has. `require_intent` makes each EIGW008 count.
    """

    checked: tuple[Checked, ...]
    predicted: bool = False
    policy_findings: tuple[Finding, ...] = ()
    known: frozenset[str] = frozenset()
    require_intent: bool = False

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, in the order of the sources."""
        return (*(each for one in self.checked for each in one.findings), *self.policy_findings)

    def counts(self, finding: Finding) -> bool:
        """Return whether the finding makes the check fail."""
        if finding.accepted is not None or finding.fingerprint in self.known:
            return False
        return finding.level == "error" or (self.require_intent and finding.code == NO_INTENT)

    @property
    def exit_code(self) -> int:
        """0, REFUSED or FOUND."""
        if any(one.refusals for one in self.checked):
            return REFUSED
        failed = any(one.failed for one in self.checked)
        return FOUND if failed or any(map(self.counts, self.findings)) else 0
