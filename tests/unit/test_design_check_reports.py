"""The reports of a check: text, Markdown, JSON, JUnit and SARIF say the same, and take hostile names as text."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from xml.etree import ElementTree

import pytest
from pydantic_sarif.model import StaticAnalysisResultsFormatSarifVersion210JsonSchema as Sarif
from rich.cells import cell_len

from eigw_ns.errors import UsageError
from eigw_ns.importing.design import Design
from eigw_ns.importing.findings.judged import expired
from eigw_ns.importing.messages import Message, Place
from eigw_ns.importing.policy.reader import read_policy
from eigw_ns.importing.resolve.choices import Choices
from eigw_ns.lab.check.checking import check
from eigw_ns.lab.check.outcome import Checked, Outcome
from eigw_ns.lab.check.predicted import predicted
from eigw_ns.lab.verify.checks import Check, Report
from eigw_ns.render.design_check import cells, text
from eigw_ns.render.design_check.baseline import fingerprints
from eigw_ns.render.design_check.document import document
from eigw_ns.render.design_check.junit import junit
from eigw_ns.render.design_check.markdown import markdown
from eigw_ns.render.design_check.sarif import FINGERPRINT, sarif
from eigw_ns.render.table import draw
from tests.support.designs import design, leaking, subnet

TODAY, NOW = date(2026, 12, 1), datetime(2026, 12, 1, tzinfo=UTC)
ACCEPT = b"accept: [{finding: EIGW001, at: inner, reason: known <b>, until: 2027-01-01}]"


def checked(made: Design, policy: bytes = b"subnets: []", prefix: str = "infra") -> Checked:
    return check(made, "infra", prefix, read_policy(policy, "p.yaml"), Choices(), predicted, TODAY)


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    return Outcome((checked(leaking()),))


@pytest.fixture(scope="module")
def refused() -> Outcome:
    message = Message("refuse", Place("Maker", "design.yaml", 15), "nobody knows", "tell", frozenset(("T1",)))
    return Outcome((checked(replace(leaking(), messages=(message,))),))


@pytest.fixture(scope="module")
def mixed(outcome: Outcome, refused: Outcome) -> Outcome:
    """One source of each kind: accepted and known findings, a refusal, a flow that failed, an ended acceptance."""
    silent = Check("visitor", "probe-inner", "tcp", 22, "blocked", "blocked", "blocked", "CANARY_SILENT", passed=False)
    (found,) = outcome.checked
    failing = replace(found, report=Report(passed=False, checks=(silent,)))
    known = frozenset(each.fingerprint for each in found.findings[1:])
    ended = read_policy(b"accept: [{finding: EIGW005, at: Db, reason: a, until: 2026-01-01}]", "p.yaml")
    return Outcome(
        (checked(leaking(), ACCEPT), failing, *refused.checked), policy_findings=expired(ended, TODAY), known=known
    )


def test_the_table_is_that_of_the_specification(outcome: Outcome) -> None:
    drawn = draw(text.tables(outcome), width=120, colour=False)
    assert drawn.splitlines() == [
        "infra: a design",
        "subnet  meant (why)          IPv4        IPv6    packets             finding",
        "─" * max(map(cell_len, drawn.splitlines())),
        "inner   private (tag Reach)  out by NAT  public  in ✗ reached out ✓  EIGW001 design.yaml:14 T1-::/0",
        "                                                                     EIGW002 design.yaml:14 T1-::/0",
        "outer   public (tag Reach)   public      public  in ✓ out ✓",
    ]


def test_each_finding_has_a_line_with_its_whole_place_and_a_remedy(outcome: Outcome) -> None:
    first, _ = text.lines(outcome)
    assert first == (
        "error EIGW001 infra/design.yaml:14 T1-::/0: the internet reaches subnet inner over IPv6; it is meant to be "
        "private (tag Reach); point the route at an egress-only internet gateway, or remove it"
    )
    assert cells.summary(outcome) == "8 flows sent, 2 errors"


@pytest.mark.parametrize("width", [60, 80, 100])
def test_tables_fit_a_terminal(mixed: Outcome, width: int) -> None:
    drawn = draw(text.tables(mixed), width=width, colour=False)
    assert max(map(cell_len, drawn.splitlines())) <= width


def test_marks_say_what_is_not_meant() -> None:
    made = design(subnet("S", 1, Reach="Public"))
    (row,) = checked(made).rows
    assert cells.packets(row) == "in ✗ blocked out ✗ blocked"
    assert cells.packets(replace(row, subnet=replace(row.subnet, intent=None))) == "in – out –"


def test_with_a_refusal_no_report_claims_anything(refused: Outcome) -> None:
    assert cells.summary(refused) == "0 flows sent, 0 errors, 1 refusal: nothing is claimed"
    (result,) = sarif(refused)["runs"][0]["results"]
    assert (result["ruleId"], result["level"]) == ("EIGW-REFUSED", "error")
    (case,) = ElementTree.fromstring(junit(refused, started=NOW)).iter("error")
    assert case.get("message") == "nobody knows; tell"
    assert "**Refused, so nothing is claimed**" in markdown(refused)
    assert document(refused)["passed"] is False


# ---- SARIF -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["outcome", "refused", "mixed"])
@pytest.mark.parametrize("is_prediction", [False, True])
def test_sarif_follows_its_schema(name: str, is_prediction: bool, request: pytest.FixtureRequest) -> None:
    log = sarif(replace(request.getfixturevalue(name), predicted=is_prediction))
    assert Sarif.model_validate(log)
    assert Sarif.model_validate_json(json.dumps(log))


def test_the_schema_that_the_test_uses_is_strict(outcome: Outcome) -> None:
    log = sarif(outcome)
    log["runs"][0]["results"][0]["colour"] = "red"
    with pytest.raises(ValueError, match="colour"):
        Sarif.model_validate(log)


def test_each_result_has_one_physical_location_with_a_relative_path(mixed: Outcome) -> None:
    (run,) = sarif(mixed)["runs"]
    for result in run["results"]:
        (location,) = result["locations"]
        physical = location["physicalLocation"]
        uri = physical["artifactLocation"]["uri"]
        assert uri and not uri.startswith("/") and "://" not in uri
        assert physical["region"]["startLine"] >= 1
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


def test_the_line_is_that_of_the_route_that_decides_and_the_fingerprint_ignores_it(outcome: Outcome) -> None:
    result = sarif(outcome)["runs"][0]["results"][0]
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 14}
    assert result["partialFingerprints"] == {FINGERPRINT: outcome.findings[0].fingerprint}


def test_accepted_findings_are_suppressed_and_known_ones_unchanged(mixed: Outcome) -> None:
    results = sarif(mixed)["runs"][0]["results"]
    assert results[0]["suppressions"] == [{"kind": "external", "justification": "known <b>"}]
    assert [each.get("baselineState") for each in results[:2]] == ["new", "unchanged"]


def test_paths_with_strange_characters_are_a_uri() -> None:
    found = checked(leaking(), prefix="my infra/ü#?")
    result = sarif(Outcome((found,)))["runs"][0]["results"][0]
    assert (
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "my%20infra/%C3%BC%23%3F/design.yaml"
    )


# ---- JUnit, Markdown, JSON -------------------------------------------------------------------------------------------


def test_junit_counts_what_counts(mixed: Outcome) -> None:
    root = ElementTree.fromstring(junit(mixed, started=NOW))
    assert [(suite.get("tests"), suite.get("failures"), suite.get("errors")) for suite in root] == [
        ("2", "0", "0"), ("3", "2", "0"), ("3", "0", "1"), ("1", "1", "0"),
    ]  # fmt: skip
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("9", "3", "1")
    assert len(list(root.iter("testcase"))) == 9


def test_markdown_has_a_table_for_each_source_and_all_findings(mixed: Outcome) -> None:
    shown = markdown(mixed)
    assert shown.startswith("## eigw-ns check: failed\n")
    assert shown.count("### infra: a design") == 3
    assert shown.count("EIGW001") == 4, "twice in a table, twice as a line"


def test_json_says_what_counts_and_why(mixed: Outcome) -> None:
    found = document(mixed)
    assert (found["version"], found["proof"], found["passed"]) == (1, "packets", False)
    assert [(each["code"], each["counts"], each["accepted"]) for each in found["findings"]] == [
        ("EIGW001", False, "known <b>"),
        ("EIGW002", False, None),
        ("EIGW001", True, None),
        ("EIGW002", False, None),
        ("EIGW005", True, None),
    ]
    assert [one["refused"] for one in found["sources"]] == [False, False, True]
    assert found["sources"][0]["subnets"][0] == {
        "name": "inner", "vpc": "v", "source": "Inner", "meant": "private", "why": "tag Reach",
        "ipv4": "nat", "ipv6": "public", "inbound": "open", "outbound": "open",
    }  # fmt: skip


WRITERS: dict[str, Callable[[Outcome], str]] = {
    "json": lambda outcome: json.dumps(document(outcome)),
    "sarif": lambda outcome: json.dumps(sarif(outcome)),
    "markdown": markdown,
    "junit": lambda outcome: junit(outcome, started=NOW),
    "text": lambda outcome: draw(text.tables(outcome), width=None, colour=False),
    "summary": cells.summary,
}


@pytest.mark.parametrize("form", WRITERS)
def test_every_report_of_a_prediction_says_so(outcome: Outcome, form: str) -> None:
    assert "predicted, not proven" in WRITERS[form](replace(outcome, predicted=True))
    assert "predicted, not proven" not in WRITERS[form](outcome)


EVIL = 'x\x1b[31m|</td><script>&"\n# ü\u202e'


@pytest.mark.parametrize("form", WRITERS)
def test_hostile_names_are_text(form: str) -> None:
    made = leaking()
    routes = tuple(replace(each, place=Place(EVIL, EVIL, 14)) for each in made.routes)
    tags = (("Reach", "private"),)
    labelled = tuple(replace(each, label=replace(each.label, name=EVIL, tags=tags)) for each in made.subnets)
    shown = WRITERS[form](Outcome((checked(replace(made, routes=routes, subnets=labelled, kind=EVIL)),)))
    assert not {"\x1b", "\u202e"} & set(shown)
    assert "<script>" not in shown or form in ("json", "sarif", "text")
    if form == "junit":
        assert ElementTree.fromstring(shown) is not None


# ---- baselines -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["json", "sarif"])
def test_an_earlier_result_is_a_baseline(outcome: Outcome, form: str) -> None:
    known = fingerprints(WRITERS[form](outcome).encode(), "old.json")
    assert known == {each.fingerprint for each in outcome.findings}
    assert replace(outcome, known=known).exit_code == 0


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'"a"', b"1", b'{"runs": 1}', b'{"findings": [1]}', b"[" * 100_000]
)
def test_a_file_that_is_no_result_is_refused(data: bytes) -> None:
    with pytest.raises(UsageError, match=r"old\.json is not the result of a check"):
        fingerprints(data, "old.json")
