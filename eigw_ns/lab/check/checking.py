"""From a design to the result of its check. How packets are sent, or not, is the caller's choice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import date

from eigw_ns.cloud.subnet_class import subnet_classes
from eigw_ns.importing.design import Design
from eigw_ns.importing.findings.judged import accepted, findings
from eigw_ns.importing.findings.subject import Reach
from eigw_ns.importing.messages import Message
from eigw_ns.importing.policy.policy import Policy
from eigw_ns.importing.resolve.choices import Choices
from eigw_ns.importing.resolve.imported import Import, imported
from eigw_ns.lab.check.outcome import Checked, Row
from eigw_ns.lab.check.reach import reach
from eigw_ns.lab.check.visitors import with_visitors
from eigw_ns.lab.verify.checks import Report
from eigw_ns.topology import Topology

Prove = Callable[[Topology], Report]
"""Returns what became of the expectations of a topology: `throwaway.proved`, or `predicted.predicted`."""


def check(
    design: Design, source: str, prefix: str, policy: Policy, choices: Choices, prove: Prove, today: date
) -> Checked:
    """Return the result for one design. With a refusal, nothing is built and nothing is claimed.

    `source` is what the user named, and `prefix` the folder below which the files of places are.
    """
    start = time.monotonic()
    found = imported(design, choices, policy.intent_of)
    if found.refused or found.topology is None:
        return Checked(source, design.kind, prefix, found.messages, tuple(_rows(found, {})))
    topology = with_visitors(found.topology, found.subnets)
    report = prove(topology) if topology.expectations else Report(passed=True, checks=())
    reached = reach(report, found.subnets)
    wrong = accepted(findings(design, found, reached), policy, today)
    rows = tuple(_rows(found, reached))
    seconds = time.monotonic() - start
    return Checked(source, design.kind, prefix, found.messages, rows, topology, report, wrong, seconds)


def _rows(found: Import, reached: dict[str, Reach]) -> Iterator[Row]:
    classes = subnet_classes(found.topology.cloud) if found.topology else {}
    for each in found.subnets:
        known = None if each.unknown else classes.get(each.id)
        yield Row(each, known, reached.get(each.id, Reach()))


def idle_rules(policy: Policy, checked: Iterable[Checked]) -> tuple[Message, ...]:
    """Return a refusal for each rule of the policy that matches no subnet of any source."""
    idle = policy.idle((row.subnet.design, row.subnet.name) for one in checked for row in one.rows)
    return tuple(Message("refuse", rule.place, "the rule matches no subnet", "correct or remove it") for rule in idle)
