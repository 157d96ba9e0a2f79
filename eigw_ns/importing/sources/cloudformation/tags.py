"""The tags of resources. A value that is not known is named by its expression, because a part of a name says much."""

from __future__ import annotations

from eigw_ns.importing.sources.cloudformation.evaluator import Scope
from eigw_ns.importing.sources.cloudformation.stack import Resource
from eigw_ns.importing.sources.cloudformation.values import Unknown, in_words


def tags_of(scope: Scope, resource: Resource) -> tuple[tuple[str, str], ...]:
    """Return the tags of a resource as (key, value), in their order; the first of several with one key."""
    value = scope.property(resource, "Tags")
    found: dict[str, str] = {}
    if isinstance(value, dict):  # as some types have them
        value = tuple({"Key": key, "Value": each} for key, each in value.items())
    for tag in value if isinstance(value, tuple) else ():
        if isinstance(tag, dict) and not isinstance(tag.get("Key"), Unknown | tuple | dict | None):
            found.setdefault(in_words(tag["Key"]), in_words(tag.get("Value", "")))
    return tuple(found.items())


def name_tag(scope: Scope, resource: Resource) -> str | None:
    """Return the value of the tag Name."""
    return dict(tags_of(scope, resource)).get("Name")
