"""The result of a check as JUnit XML: a suite for each source, and a case for each subnet and other subject."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from xml.etree import ElementTree

from eigw_ns.cloud.words import printable
from eigw_ns.importing.findings.finding import Finding
from eigw_ns.lab.check.outcome import Checked, Outcome
from eigw_ns.render.design_check import cells, text
from eigw_ns.render.junit import written


def junit(outcome: Outcome, *, started: datetime) -> str:
    """Return the document. `started` is the time of the first packet in UTC.

    A finding that counts is a failure of its subject, a flow that failed one of its own, and a refusal is an error.
    """
    root = ElementTree.Element("testsuites")
    for one in outcome.checked:
        _suite(root, outcome, one, started)
    if outcome.policy_findings:
        suite = ElementTree.SubElement(root, "testsuite", {"name": "eigw-ns policy"})
        _cases(suite, "eigw-ns.policy", outcome, None, outcome.policy_findings)
        _count(suite)
    _sum(root)
    return written(root)


def _suite(root: ElementTree.Element, outcome: Outcome, checked: Checked, started: datetime) -> None:
    proof = f" ({cells.PREDICTED})" if outcome.predicted else ""
    about = {"name": printable(f"eigw-ns check {checked.source}{proof}"), "time": f"{checked.seconds:.3f}"}
    suite = ElementTree.SubElement(root, "testsuite", {**about, "timestamp": f"{started:%Y-%m-%dT%H:%M:%S}"})
    kind = printable(f"eigw-ns.{checked.source}")
    for message in checked.refusals:
        case = _case(suite, kind, f"refused: {cells.where(checked, message.place)}")
        _problem(case, "error", "refused", f"{message.what}; {message.remedy}".removesuffix("; "))
    told: list[Finding] = []
    for row in checked.rows:
        found = cells.findings_of(checked, row)
        told += found
        ipv4, ipv6 = cells.classes(row)
        said = f"meant {cells.meant(row)}; IPv4 {ipv4}, IPv6 {ipv6}; {cells.packets(row)}"
        _subject(suite, kind, f"subnet {cells.name(row, several=True)}", said, outcome, checked, found)
    _cases(suite, kind, outcome, checked, [each for each in checked.findings if each not in told])
    for check in checked.failed:
        _problem(_case(suite, kind, text.failed(check)), "failure", check.reason, text.failed(check))
    _count(suite)


def _cases(
    suite: ElementTree.Element, kind: str, outcome: Outcome, checked: Checked | None, findings: Iterable[Finding]
) -> None:
    for each in findings:
        _subject(suite, kind, f"{each.code} {each.subject}", each.what, outcome, checked, [each])


def _subject(
    suite: ElementTree.Element,
    kind: str,
    name: str,
    said: str,
    outcome: Outcome,
    checked: Checked | None,
    findings: list[Finding],
) -> None:
    case = _case(suite, kind, name)
    counting = [each for each in findings if outcome.counts(each)]
    if counting:
        lines = "\n".join(text.line(outcome, checked, each) for each in counting)
        _problem(case, "failure", counting[0].code, lines)
    others = [text.line(outcome, checked, each) for each in findings if each not in counting]
    ElementTree.SubElement(case, "system-out").text = "\n".join(map(printable, (said, *others)))


def _case(suite: ElementTree.Element, kind: str, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", {"classname": kind, "name": printable(name)})


def _problem(case: ElementTree.Element, tag: str, kind: str, lines: str) -> None:
    shown = "\n".join(map(printable, lines.split("\n")))
    problem = ElementTree.SubElement(case, tag, {"type": kind, "message": shown.partition("\n")[0]})
    problem.text = shown


_COUNTS = {"tests": "testcase", "failures": "testcase/failure", "errors": "testcase/error"}


def _count(suite: ElementTree.Element) -> None:
    for key, path in _COUNTS.items():
        suite.set(key, str(len(suite.findall(path))))
    suite.set("skipped", "0")


def _sum(root: ElementTree.Element) -> None:
    for key in (*_COUNTS, "skipped"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in root)))
