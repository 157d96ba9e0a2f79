"""The result of a check as SARIF 2.1.0, for code scanning (https://docs.oasis-open.org/sarif/sarif/v2.1.0/).

Each result has one physical location with a relative path: GitHub rejects results without one. Refusals are results
of level error, because silence must not look like success.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from eigw_ns import __version__
from eigw_ns.importing.findings.finding import CODES, Finding
from eigw_ns.importing.messages import Message, Place
from eigw_ns.lab.check.outcome import Checked, Outcome
from eigw_ns.lab.verify.checks import Check
from eigw_ns.render.design_check import cells, text

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT = "eigwNs/v1"

_REFUSED, _UNPROVEN = "EIGW-REFUSED", "EIGW-UNPROVEN"
_RULES = {
    **{code: (kind.level, kind.title) for code, kind in CODES.items()},
    _REFUSED: ("error", "Something that decides what is reachable is not known"),
    _UNPROVEN: ("error", "A flow did not do what was predicted, or what the policy allows"),
}
_NUMBERS = {code: number for number, code in enumerate(_RULES)}

Shape = dict[str, Any]


def sarif(outcome: Outcome) -> Shape:
    """Return the log with one run."""
    rules = [
        {"id": code, "shortDescription": {"text": title}, "defaultConfiguration": {"level": level}}
        for code, (level, title) in _RULES.items()
    ]
    driver = {"name": "eigw-ns", "version": __version__, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "properties": {"proof": cells.PREDICTED if outcome.predicted else "packets"},
        "results": list(_results(outcome)),
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _results(outcome: Outcome) -> Iterator[Shape]:
    for one in outcome.checked:
        yield from (_refusal(one, message) for message in one.refusals)
        yield from (_found(outcome, one, each) for each in one.findings)
        yield from (_unproven(one, check) for check in one.failed)
    yield from (_found(outcome, None, each) for each in outcome.policy_findings)


def _found(outcome: Outcome, checked: Checked | None, finding: Finding) -> Shape:
    proof = f" ({cells.PREDICTED})" if outcome.predicted else ""
    remedy = f" Remedy: {finding.remedy}." if finding.remedy else ""
    result = _result(finding.code, f"{finding.what}{proof}.{remedy}", finding.level, _location(checked, finding.place))
    result["partialFingerprints"] = {FINGERPRINT: finding.fingerprint}
    if finding.accepted is not None:
        result["suppressions"] = [{"kind": "external", "justification": finding.accepted}]
    if outcome.known:
        result["baselineState"] = "unchanged" if finding.fingerprint in outcome.known else "new"
    return result


def _refusal(checked: Checked, message: Message) -> Shape:
    remedy = f" Remedy: {message.remedy}." if message.remedy else ""
    return _result(_REFUSED, f"{message.what}.{remedy}", "error", _location(checked, message.place))


def _unproven(checked: Checked, check: Check) -> Shape:
    return _result(_UNPROVEN, f"{text.failed(check)}.", "error", _location(checked, _place_of(checked, check)))


def _place_of(checked: Checked, check: Check) -> Place:
    ends = (check.source, check.destination)
    places = (row.subnet.design.label.place for row in checked.rows if row.subnet.probe in ends)
    return next(places, Place(checked.source))


def _result(code: str, message: str, level: str, location: Shape) -> Shape:
    return {
        "ruleId": code,
        "ruleIndex": _NUMBERS[code],
        "level": level,
        "message": {"text": message},
        "locations": [location],
    }


def _location(checked: Checked | None, place: Place) -> Shape:
    path = cells.path(checked, place) if checked else place.file or ""
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(path)},
            "region": {"startLine": place.line or 1},
        },
        "logicalLocations": [{"fullyQualifiedName": place.address}],
    }
