"""A verify report as JUnit XML, for CI systems (https://github.com/testmoapp/junitxml)."""

from __future__ import annotations

from xml.etree import ElementTree

from eigw_ns.lab.verify.checks import Check, Report

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'  # ElementTree would write the locale's encoding


def junit(report: Report) -> str:
    """Return the document: one test suite with one test case per check. A check that did not pass is a failure."""
    failed = sum(not check.passed for check in report.checks)
    counts = {"tests": str(len(report.checks)), "failures": str(failed), "errors": "0", "skipped": "0"}
    root = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(root, "testsuite", {"name": "eigw-ns verify", **counts})
    for check in report.checks:
        _add(suite, check)
    ElementTree.indent(root)
    return f"{_DECLARATION}\n{ElementTree.tostring(root, encoding='unicode')}\n"


def _add(suite: ElementTree.Element, check: Check) -> None:
    port = "" if check.port is None else f" {check.port}"
    name = f"{check.source} to {check.destination} {check.protocol}{port} is {check.expected}"
    case = ElementTree.SubElement(suite, "testcase", {"classname": "eigw-ns.verify", "name": name})
    if not check.passed:
        seen = f"expected {check.expected}, observed {check.observed}, predicted {check.predicted}"
        failure = ElementTree.SubElement(case, "failure", {"type": check.reason, "message": seen})
        failure.text = f"{check.reason}: {seen}"
