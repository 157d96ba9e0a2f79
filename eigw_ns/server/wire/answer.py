"""An answer in botocore's form to EC2's XML, by the shape of the action's answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from eigw_ns.server.wire.xml import Element, add, document, write

NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
CONTENT_TYPE = "text/xml;charset=UTF-8"

Unknown = Callable[[str], None]
"""Called with the path of a member that the model does not have. The member is left out."""


def encode(action: str, shape: Any, answer: Mapping[str, Any], request_id: str, unknown: Unknown) -> bytes:
    """Return the answer as a document. `shape` is that of the action's answer, None if it answers nothing."""
    root = Element(f"{action}Response", xmlns=NAMESPACE)
    add(root, "requestId", request_id)
    if shape is None:
        add(root, "return", "true")
    _structure(root, shape.members if shape is not None else {}, answer, action, unknown)
    return document(root)


def _structure(
    parent: Element, members: Mapping[str, Any], given: Mapping[str, Any], path: str, unknown: Unknown
) -> None:
    for name, value in given.items():
        place = f"{path}.{name}"
        if name not in members:
            unknown(place)
        elif value is not None:
            shape = members[name]
            _value(add(parent, shape.serialization.get("name", name)), shape, value, place, unknown)


def _value(element: Element, shape: Any, value: Any, path: str, unknown: Unknown) -> None:
    if shape.type_name == "structure":
        _structure(element, shape.members, value, path, unknown)
    elif shape.type_name == "list":
        name = shape.member.serialization.get("name", "member")
        for item in value:
            _value(add(element, name), shape.member, item, path, unknown)
    else:
        write(element, _text(value))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return str(value)
