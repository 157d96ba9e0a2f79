"""Form fields to a request in botocore's form: `Filter.1.Value.2=x` is `{"Filters": [{"Values": […, "x"]}]}`.

The reverse of `botocore.serialize.EC2Serializer`. Actions take no timestamps and bytes: these stay texts, which are
checked.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import datetime
from typing import Any

from eigw_ns.cloud.aws_words import lacking
from eigw_ns.cloud.words import did_you_mean, shorten
from eigw_ns.errors import CloudError
from eigw_ns.frozen import frozen
from eigw_ns.server.wire.form import Fields, malformed

_DEEPEST = 16
"""The most parts of a name. The deepest parameter of EC2 has 11."""
_INDEX = re.compile(r"[1-9][0-9]{0,4}")
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_INTEGER_BITS = {"integer": 32, "long": 64}
_BOOLEANS = {"true": True, "false": False}


@frozen
class Node:
    """A part of a name: its value, if a field ends here, and the parts that follow it."""

    values: list[str] = field(default_factory=list)
    parts: dict[str, Node] = field(default_factory=dict)


def decode(shape: Any, fields: Fields) -> dict[str, Any]:
    """Return the request that the fields describe. `shape` is that of the action's request.

    Raises CloudError: UnknownParameter, InvalidParameterValue or MalformedQueryString.
    """
    members = shape.members if shape is not None else {}
    return _members(members, tree(fields), "")


def tree(fields: Fields) -> Node:
    """Return the fields as a tree of the parts of their names."""
    root = Node()
    for name, value in fields.items():
        parts = name.split(".")
        if len(parts) > _DEEPEST or not all(parts):
            raise malformed(f"{shorten(name)} is not a valid name of a parameter.")
        node = root
        for part in parts:
            node = node.parts.setdefault(part, Node())
        node.values.append(value)
    return root


def wire_name(member: str, shape: Any) -> str:
    """Return the name of a member in a request. EC2 capitalises it."""
    given = shape.serialization
    name = given.get("queryName") or given.get("name") or member
    return str(name) if "queryName" in given else f"{name[0].upper()}{name[1:]}"


def _structure(shape: Any, node: Node, path: str) -> Any:
    if any(node.values):
        raise _wrong(node.values[0], path, "a structure")
    return _members(shape.members, node, path)


def _members(members: Mapping[str, Any], node: Node, path: str) -> dict[str, Any]:
    known = {wire_name(member, shape): (member, shape) for member, shape in members.items()}
    found = {}
    for name, part in node.parts.items():
        place = f"{path}.{name}" if path else name
        if name not in known:
            hint = lacking(name) or did_you_mean(name, known)
            raise CloudError("UnknownParameter", f"The parameter {shorten(place)} is not recognized", hint=hint)
        member, shape = known[name]
        found[member] = _value(shape, part, place)
    return found


def _value(shape: Any, node: Node, path: str) -> Any:
    if shape.type_name == "structure":
        return _structure(shape, node, path)
    if shape.type_name == "list":
        return _list(shape, node, path)
    if node.parts:
        raise malformed(f"The parameter {shorten(path)} has no members, but {next(iter(node.parts))} is given.")
    return _SCALARS[shape.type_name](node.values[0], path, shape.type_name)


def _list(shape: Any, node: Node, path: str) -> list[Any]:
    """Return the items in the order of their numbers, which may have gaps."""
    if any(node.values):
        raise _wrong(node.values[0], path, "a list")
    for index in node.parts:
        if not _INDEX.fullmatch(index):
            raise malformed(f"{shorten(f'{path}.{index}')}: the items of a list are numbered from 1.")
    return [_value(shape.member, node.parts[index], f"{path}.{index}") for index in sorted(node.parts, key=int)]


def _string(text: str, _path: str, _kind: str) -> str:
    return text


def _boolean(text: str, path: str, _kind: str) -> bool:
    if text.lower() not in _BOOLEANS:
        raise _wrong(text, path, "true or false")
    return _BOOLEANS[text.lower()]


def _integer(text: str, path: str, kind: str) -> int:
    most = 1 << (_INTEGER_BITS[kind] - 1)
    if not _INTEGER.fullmatch(text) or not -most <= int(text) < most:
        raise _wrong(text, path, "an integer")
    return int(text)


def _number(text: str, path: str, _kind: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise _wrong(text, path, "a number")
    return found


def _timestamp(text: str, path: str, _kind: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise _wrong(text, path, "a time in ISO 8601") from None
    return text


def _blob(text: str, path: str, _kind: str) -> str:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _wrong(text, path, "base64") from None
    return text


_SCALARS: Mapping[str, Callable[[str, str, str], Any]] = {
    "string": _string,
    "boolean": _boolean,
    "integer": _integer,
    "long": _integer,
    "float": _number,
    "double": _number,
    "timestamp": _timestamp,
    "blob": _blob,
}


def _wrong(given: str, path: str, words: str) -> CloudError:
    message = f"Value ({shorten(given)}) for parameter {shorten(path)} is invalid. It must be {words}."
    return CloudError("InvalidParameterValue", message)
