"""The JUnit XML of `verify --junit`."""

from __future__ import annotations

from xml.etree import ElementTree

from eigw_ns.lab.verify.checks import Check, Report
from eigw_ns.render.junit import junit

GOOD = Check("app", "web", "icmpv6", None, "allowed", "allowed", "allowed", "REACHABLE", True)
BAD = Check("web", "a<&\"'ö", "tcp", 22, "blocked", "allowed", "blocked", "LEAKED", False)


def test_a_case_for_each_check_and_a_failure_with_its_reason() -> None:
    text = junit(Report(False, (GOOD, BAD)))
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n')
    root = ElementTree.fromstring(text.encode())
    (suite,) = root
    for element in (root, suite):
        assert (element.get("tests"), element.get("failures")) == ("2", "1")
    good, bad = suite.iter("testcase")
    assert good.get("name") == "app to web icmpv6 is allowed"
    assert list(good) == []
    assert bad.get("name") == "web to a<&\"'ö tcp 22 is blocked"
    (failure,) = bad
    assert (failure.tag, failure.get("type")) == ("failure", "LEAKED")
    assert failure.get("message") == "expected blocked, observed allowed, predicted blocked"


def test_an_empty_report() -> None:
    (suite,) = ElementTree.fromstring(junit(Report(True, ())).encode())
    assert (suite.get("tests"), list(suite)) == ("0", [])
