"""A packet trace for people, with the model and the packet side by side, and for programs."""

from __future__ import annotations

from typing import Any

from eigw_ns.dataplane.trace.comparison import Fate, PacketStep, Row
from eigw_ns.dataplane.trace.model import Direction
from eigw_ns.lab.trace.session import PacketTrace
from eigw_ns.render.explain import component, probed, what
from eigw_ns.render.table import Cell, Table

_NUMBERS: dict[Direction, int] = {"forward": 1, "return": 2}
_COLUMNS = ("", "Where", "Model", "Packet")
_FATES: dict[Fate, str] = {
    "passed": "seen",
    "dropped": "dropped",
    "ended": "no rule drops it, and it goes no further: a route ends it",
    "unseen": "not seen",
}


def tables(traced: PacketTrace) -> list[Table]:
    """Return a table of the way there, and one of the way back if the model or the packet has one."""
    question = traced.explanation.question
    titles: dict[Direction, str] = {
        "forward": f"{question.source} → {question.destination}, {what(question)}",
        "return": f"{question.destination} → {question.source}, the answer",
    }
    found = {way: tuple(_cells(row) for row in traced.rows if row.direction == way) for way in titles}
    return [Table(title, _COLUMNS, found[way]) for way, title in titles.items() if found[way]]


def _cells(row: Row) -> tuple[Cell, ...]:
    mark = ("✓", "bold green") if row.agrees else ("✗", "bold red")
    packet = _packet(row)
    return (mark, row.station.name, _model(row), packet if row.agrees else (packet, "bold red"))


def _model(row: Row) -> str:
    if row.hop is None:
        return "-"
    return "passes" if row.hop.passed else "ends it"


def _packet(row: Row) -> str:
    """Return what the packet did: the rule that decided, with the chain that has it."""
    step = row.passage.deciding if row.passage else None
    if row.fate in ("passed", "dropped") and step is not None:
        verb = "dropped" if row.fate == "dropped" else "accepted"
        return f"{verb} in {step.chain}: {_rule(step)}"
    return _FATES[row.fate]


def _rule(step: PacketStep) -> str:
    return step.rule if step.handle is None else f"{step.rule} (handle {step.handle})"


def verdict(traced: PacketTrace) -> str:
    """Return in one or two sentences whether the packet and the model agree, and the hops of disagreement."""
    if traced.agrees:
        lines = [f"{probed(traced.check)} nftables and the model agree at each hop."]
    else:
        lines = [probed(traced.check)]
        lines += [f"Disagreement at {row.station.name}: {_disagreement(row)}." for row in traced.rows if not row.agrees]
    if traced.lost:
        lines.append("The kernel could not report all steps: some steps were lost. Run the trace again.")
    return "\n".join(lines)


def _disagreement(row: Row) -> str:
    if row.hop is None:
        return f"the model does not lead the packet there; the packet: {_packet(row)}"
    said = f"{component(row.hop)} {'passes' if row.hop.passed else 'ends'} it ({row.hop.text})"
    return f"the model says that {said}; the packet: {_packet(row)}"


def document(traced: PacketTrace) -> dict[str, Any]:
    """Return the trace as `trace -o json` prints it."""
    question, check = traced.explanation.question, traced.check
    return {
        "from": question.source,
        "to": question.destination,
        "protocol": check.protocol,
        "port": question.port,
        "source_port": None if check.protocol == "icmpv6" else traced.source_port,
        "predicted": check.predicted,
        "observed": check.observed,
        "agrees": traced.agrees,
        "steps_lost": traced.lost,
        "hops": [_hop(number, row) for number, row in enumerate(traced.rows, start=1)],
        "steps": [_step(number, row, step) for number, row in enumerate(traced.rows, start=1) for step in _steps(row)],
    }


def _hop(number: int, row: Row) -> dict[str, Any]:
    hop = row.hop
    return {
        "hop": number,
        "node": row.station.name,
        "packet": _NUMBERS[row.direction],
        "model": None if hop is None else {"passes": hop.passed, "reason": hop.reason, "text": hop.text},
        "observed": row.fate,
        "agrees": row.agrees,
    }


def _steps(row: Row) -> tuple[PacketStep, ...]:
    return row.passage.steps if row.passage else ()


def _step(number: int, row: Row, step: PacketStep) -> dict[str, Any]:
    return {
        "hop": number,
        "node": row.station.name,
        "family": step.family,
        "chain": step.chain,
        "handle": step.handle,
        "rule": step.rule,
        "verdict": step.verdict,
        "to": step.to,
        "packet": _NUMBERS[row.direction],
        "t_us": step.time_us,
    }
