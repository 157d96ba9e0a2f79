"""The lines that `eigw-ns agent` prints. Programs read them, so they stay as they are."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from datetime import UTC, datetime

import pytest

from eigw_ns.cli.verbs.agent import line
from eigw_ns.lab.agent import events
from eigw_ns.lab.agent.events import Event

MOMENT = datetime(2026, 11, 30, 19, 28, 20, 123456, UTC)
TIME = "2026-11-30T19:28:20.123+00:00"
LINES: list[tuple[Event, str]] = [
    (events.Watching("demo", 3), "event=watching lab=demo replicas=3"),
    (events.NothingToWatch("demo", "none"), 'event="nothing to watch" lab=demo reason=none'),
    (events.LabGone("demo", "no such lab"), 'event="the lab is gone" lab=demo reason="no such lab"'),
    (events.Stopped("demo"), "event=stopped lab=demo"),
    (events.ReplicaDead("main/out#1", ""), 'event="replica dead" replica=main/out#1 reason=""'),
    (
        events.ReplicaStillDead("main/out#1", 'no "x"'),
        'event="replica still dead" replica=main/out#1 reason="no \\"x\\""',
    ),
    (events.ReplicaBack("main/out#1"), 'event="replica back" replica=main/out#1'),
    (events.CannotPutBack("main/out#1", "gone"), 'event="cannot put back" replica=main/out#1 reason=gone'),
    (events.CannotTeach("main/out", "gone"), 'event="cannot teach" gateway=main/out reason=gone'),
    (events.Repaired(7), "event=repaired steps=7"),
    (events.CannotRepair("é gone"), 'event="cannot repair" reason="é gone"'),
]


@pytest.mark.parametrize(("event", "text"), LINES, ids=lambda value: getattr(value, "code", ""))
def test_a_line_for_people(event: Event, text: str) -> None:
    assert line(event, MOMENT, as_json=False) == f"time={TIME} {text}"


@pytest.mark.parametrize(("event", "text"), LINES, ids=lambda value: getattr(value, "code", ""))
def test_a_line_for_programs(event: Event, text: str) -> None:
    read = json.loads(line(event, MOMENT, as_json=True))
    known = {"kind": event.kind} if event.kind else {}
    assert read == {"time": TIME, "event": event.code, **asdict(event), **known}
    assert list(read) == ["time", "event", *(each.name for each in fields(event)), *known]


def test_every_event_has_its_own_code() -> None:
    kinds = {kind for kind in vars(events).values() if isinstance(kind, type) and issubclass(kind, Event)} - {Event}
    assert {type(event) for event, _ in LINES} == kinds
    assert len({kind.code for kind in kinds}) == len(kinds)


def test_events_of_both_commands_have_the_same_kinds() -> None:
    assert {event.code: event.kind for event, _ in LINES if event.kind} == {
        "the lab is gone": "lab.destroyed",
        "replica dead": "replica.down",
        "replica still dead": "replica.down",
        "replica back": "replica.up",
        "repaired": "lab.applied",
    }
