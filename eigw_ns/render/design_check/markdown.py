"""The result of a check as GitHub's Markdown, for a summary of a run or a comment on a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eigw_ns.lab.check.outcome import Checked, Outcome
from eigw_ns.render.design_check import cells, text
from eigw_ns.render.markdown import cell, row

_HEADS = ("subnet", "meant (why)", "IPv4", "IPv6", "packets", "finding")


def markdown(outcome: Outcome) -> str:
    """Return the document: the result, a table for each source, and the findings."""
    verdict = "passed" if outcome.exit_code == 0 else "failed"
    parts = [f"## eigw-ns check: {verdict}", "", f"{cell(cells.summary(outcome))}.", ""]
    for one in outcome.checked:
        parts += _source(outcome, one)
    parts += _listed("Findings", text.lines(outcome))
    return "\n".join(parts)


def _source(outcome: Outcome, checked: Checked) -> Iterator[str]:
    yield f"### {cell(cells.title(outcome, checked))}"
    yield ""
    if checked.rows:
        yield row(map(cell, _HEADS))
        yield row("---" for _ in _HEADS)
        yield from _rows(checked)
        yield ""
    refused = [f"{cells.where(checked, each.place)}: {each.what}" for each in checked.refusals]
    yield from _listed("Refused, so nothing is claimed", refused)
    yield from _listed("Flows that failed", map(text.failed, checked.failed))


def _rows(checked: Checked) -> Iterator[str]:
    several = cells.several_vpcs(checked.rows)
    for each in checked.rows:
        codes = ", ".join(finding.code for finding in cells.findings_of(checked, each))
        texts = (cells.name(each, several=several), cells.meant(each), *cells.classes(each), cells.packets(each), codes)
        yield row(map(cell, texts))


def _listed(title: str, lines: Iterable[str]) -> Iterator[str]:
    shown = [f"- {cell(line)}" for line in lines]
    if shown:
        yield from (f"**{title}**", "", *shown, "")
