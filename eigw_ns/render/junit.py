"""A verify report as JUnit XML, for CI systems (https://github.com/testmoapp/junitxml)."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree import ElementTree

from eigw_ns.cloud.model import Cloud
from eigw_ns.dataplane.trace.explanation import Question, explain
from eigw_ns.errors import EigwError
from eigw_ns.lab.verify.checks import Check, Report
from eigw_ns.render.explain import verdict

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'  # ElementTree would write the locale's encoding


def junit(report: Report, cloud: Cloud, *, started: datetime, seconds: float) -> str:
    """Return the document: one test suite with one test case per check. A check that did not pass is a failure,
    and so is an inconclusive one: CI systems show skipped cases as good.

    The suite has the lab's name. Each case has the sentence with which `explain` answers the same question. `started`
    is the time of the first packet in UTC, `seconds` the time of the whole run.
    """
    failed = sum(not check.passed for check in report.checks)
    counts = {"tests": str(len(report.checks)), "failures": str(failed), "errors": "0", "skipped": "0"}
    common = {**counts, "time": f"{seconds:.3f}"}
    about = {"name": f"eigw-ns verify {cloud.lab}", **common, "timestamp": f"{started:%Y-%m-%dT%H:%M:%S}"}
    root = ElementTree.Element("testsuites", common)
    suite = ElementTree.SubElement(root, "testsuite", about)
    properties = ElementTree.SubElement(suite, "properties")
    ElementTree.SubElement(properties, "property", {"name": "lab", "value": cloud.lab})
    for check in report.checks:
        _add(suite, check, cloud)
    return written(root)


def written(root: ElementTree.Element) -> str:
    """Return a document as text."""
    ElementTree.indent(root)
    return f"{_DECLARATION}\n{ElementTree.tostring(root, encoding='unicode')}\n"


def now() -> datetime:
    """Return the present time in UTC."""
    return datetime.now(UTC)


def _add(suite: ElementTree.Element, check: Check, cloud: Cloud) -> None:
    port = "" if check.port is None else f" {check.port}"
    name = f"{check.source} to {check.destination} {check.protocol}{port} is {check.expected}"
    about = {"classname": f"eigw-ns.{cloud.lab}", "name": name, "time": f"{check.seconds:.3f}"}
    case = ElementTree.SubElement(suite, "testcase", about)
    said = _sentence(check, cloud)
    if not check.passed:
        seen = f"expected {check.expected}, observed {check.observed}, predicted {check.predicted}"
        seen = f"inconclusive: {seen}" if check.inconclusive else seen
        failure = ElementTree.SubElement(case, "failure", {"type": check.reason, "message": seen})
        failure.text = f"{check.reason}: {seen}\n{said}"
    ElementTree.SubElement(case, "system-out").text = said


def _sentence(check: Check, cloud: Cloud) -> str:
    listening = check.expected != "refused"
    question = Question(check.source, check.destination, check.protocol, check.port, listening=listening)
    try:
        return verdict(explain(cloud, question))
    except EigwError as error:  # the lab was changed after the packets were sent
        return error.message
