"""What decoding and encoding share: the shape of plain data, and how a resource's key and its id belong together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from eigw_ns.cloud import ids
from eigw_ns.cloud.model import Tags

Data = dict[str, Any]
Scope = tuple[str, ...]
"""The names that a resource's id is derived from, besides its own: lab and VPC, or the lab alone."""

DIRECTIONS = (("ingress", False), ("egress", True))
"""What filters call their two lists of rules, and whether it is `egress` in AWS's sense."""


def key_of(kind: str, scope: Scope, resource_id: str, name: str) -> str:
    """The key of a resource: its name, or its id where the name alone would not lead back to the id."""
    return name if ids.make_id(kind, *scope, name) == resource_id else resource_id


def named(
    data: Mapping[str, Any], section: str, kind: str, scope: Scope
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """(id, key, body) of each resource in a section of `data`, which may be missing."""
    for name, body in data.get(section, {}).items():
        yield ids.make_id(kind, *scope, name), name, body


def tags_of(body: Mapping[str, Any]) -> Tags:
    """The tags of a resource's body."""
    return tuple(sorted(body.get("tags", {}).items()))


def body_of(**fields: Any) -> Data:
    """The fields that say something."""
    return {name: value for name, value in fields.items() if value not in (None, {}, [], False)}
