"""Events of a lab as JSON lines and as lines for people."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.words import printable
from eigw_ns.lab.events.event import Event
from eigw_ns.lab.events.views import Resource
from eigw_ns.render import cloud_changes


def compare(before: Cloud | None, after: Cloud) -> tuple[Resource, ...]:
    """Return the resources that change from `before` to `after`."""
    if before is after:
        return ()
    return tuple(
        Resource(
            each.change, each.kind, each.name, each.id, tuple((fact.fact, fact.old, fact.new) for fact in each.facts)
        )
        for each in cloud_changes.compare(before, after).resources
    )


def data(event: Event, lab: str, moment: datetime) -> str:
    """Return the event as a line of JSON, without the line end."""
    time = moment.astimezone(UTC).isoformat("T", "microseconds").replace("+00:00", "Z")
    record = {"time": time, "lab": lab, "kind": event.kind, "node": event.node, "id": event.id, "by": event.by}
    return json.dumps({**record, "detail": dict(event.detail)})


def line(event: Event, moment: datetime) -> str:
    """Return the event as a line for people, without the line end."""
    words = [f"{moment.astimezone():%H:%M:%S}", f"{event.kind:16}", event.node, _detail(event.detail)]
    return printable("  ".join(word for word in words if word) + (f"  (by {event.by})" if event.by else ""))


def _detail(detail: Any) -> str:
    return "; ".join(f"{key} {_value(value)}" for key, value in detail.items() if value not in ("", [], False))


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(str(each) for each in value.values() if each not in (None, ""))
    return ", ".join(_value(each) for each in value) if isinstance(value, list | tuple) else str(value)
