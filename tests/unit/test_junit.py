"""The JUnit XML of `verify --junit`."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree import ElementTree

from eigw_ns.lab.verify.checks import Check, Report
from eigw_ns.render.junit import junit
from eigw_ns.topology import example, load

CLOUD = load(example("demo").encode(), file="demo.yaml", default_lab="x").cloud
GOOD = Check("app", "web", "icmpv6", None, "allowed", "allowed", "allowed", "REACHABLE", True, 0.0123)
BAD = Check("web", "app", "tcp", 22, "blocked", "allowed", "blocked", "LEAKED", False, 1.5)
STRANGE = Check("web", "a<&\"'ö", "tcp", 22, "blocked", "blocked", "blocked", "LEAKED", False)


def written(*checks: Check) -> ElementTree.Element:
    report = Report(all(check.passed for check in checks), checks)
    text = junit(report, CLOUD, started=datetime(2026, 11, 30, 22, 4, 5, tzinfo=UTC), seconds=1.75)
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n')
    return ElementTree.fromstring(text.encode())


def test_a_case_for_each_check_and_a_failure_with_its_reason() -> None:
    root = written(GOOD, BAD)
    (suite,) = root
    for element in (root, suite):
        assert (element.get("tests"), element.get("failures"), element.get("time")) == ("2", "1", "1.750")
    good, bad = suite.iter("testcase")
    assert good.get("name") == "app to web icmpv6 is allowed"
    assert bad.get("name") == "web to app tcp 22 is blocked"
    assert good.find("failure") is None
    failure = bad.find("failure")
    assert failure is not None
    assert (failure.get("type"), failure.get("message")) == (
        "LEAKED",
        "expected blocked, observed allowed, predicted blocked",
    )


def test_the_suite_has_the_lab_and_the_start_and_each_case_its_time() -> None:
    (suite,) = written(GOOD, BAD)
    assert (suite.get("name"), suite.get("timestamp")) == ("eigw-ns verify demo", "2026-11-30T22:04:05")
    assert [(each.get("name"), each.get("value")) for each in suite.iter("property")] == [("lab", "demo")]
    assert [case.get("time") for case in suite.iter("testcase")] == ["0.012", "1.500"]
    assert {case.get("classname") for case in suite.iter("testcase")} == {"eigw-ns.demo"}


def test_each_case_has_the_sentence_of_explain() -> None:
    good, bad = written(GOOD, BAD).iter("testcase")
    assert good.findtext("system-out") == "app reaches web over icmpv6, and the answer comes back."
    sentence = bad.findtext("system-out") or ""
    assert sentence.startswith("web does not reach app over tcp 22. The packet ends at egress-only internet gateway")
    assert sentence in (bad.findtext("failure") or "")


def test_a_node_that_is_gone_and_characters_of_xml() -> None:
    (case,) = written(STRANGE).iter("testcase")
    assert case.get("name") == "web to a<&\"'ö tcp 22 is blocked"
    assert "a<&\"'ö" in (case.findtext("system-out") or "")


def test_an_empty_report() -> None:
    (suite,) = written()
    assert (suite.get("tests"), list(suite.iter("testcase"))) == ("0", [])
