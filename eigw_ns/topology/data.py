"""The common part of decoding and encoding: the shape of plain data, and the relation of keys and ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from eigw_ns.cloud import ids
from eigw_ns.cloud.model import Tags

Data = dict[str, Any]
Scope = tuple[str, ...]
"""The names that a resource's id is derived from, besides its own: lab and VPC, or the lab alone."""

DIRECTIONS = (("ingress", False), ("egress", True))
"""The keys of the two lists of rules in a filter, each with the value of AWS's `egress`."""


REMEMBERED = (
    "client_tokens",
    "terminated_instances",
    "deleted_nat_gateways",
    "detached_interfaces",
    "prefix_list_versions",
)
"""The keys for what a running lab remembers of requests. Only stored topologies have them, and no file."""

NONE = "none"
"""The value of a key for a subnet without an IPv6 block, or an instance without an IPv6 address."""


def key_of(kind: str, scope: Scope, resource_id: str, name: str) -> str:
    """Return the key of a resource: its name, or its id if the id cannot be derived from the name."""
    return name if ids.make_id(kind, *scope, name) == resource_id else resource_id


def named(
    data: Mapping[str, Any], section: str, kind: str, scope: Scope
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield (id, key, body) of each resource in a section of `data`. The section can be missing."""
    for name, body in data.get(section, {}).items():
        yield ids.make_id(kind, *scope, name), name, body


def tags_of(body: Mapping[str, Any]) -> Tags:
    """Return the tags in a resource's body."""
    return tuple(sorted(body.get("tags", {}).items()))


def body_of(**fields: Any) -> Data:
    """Return the fields whose value is not None, empty or False."""
    return {name: value for name, value in fields.items() if value not in (None, {}, [], False)}
