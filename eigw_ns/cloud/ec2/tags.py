"""Tags: TagSpecifications of new resources, CreateTags, DeleteTags, DescribeTags."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from eigw_ns.cloud.aws_words import lacking_id
from eigw_ns.cloud.ec2.checks import invalid
from eigw_ns.cloud.ec2.describing import Listing
from eigw_ns.cloud.ec2.filters import KnownFilters
from eigw_ns.cloud.ec2.resources import KINDS, Kind
from eigw_ns.cloud.ec2.schema import Reply, Request, Shape
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.ec2.shapes import tag_list
from eigw_ns.cloud.model import Cloud, Tags
from eigw_ns.cloud.tag_rules import LONGEST_KEY, LONGEST_VALUE, RESERVED, forbidden, is_reserved
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError

_LISTING = Listing(
    "Tags",
    lambda shape: f"{shape['ResourceId']}\0{shape['Key']}",
    KnownFilters(
        {"key": "Key", "value": "Value", "resource-id": "ResourceId", "resource-type": "ResourceType"},
        tags=(),  # each item is a tag
    ),
)


def specified(request: Request, kind: Kind[Any], settings: Settings) -> Tags:
    """Return the tags that TagSpecifications give to a new resource.

    Raises InvalidParameterValue if they name another resource type.
    """
    specifications = request.get("TagSpecifications", [])
    for each in specifications:
        if each.get("ResourceType") != kind.resource_type:
            wrong = shorten(each.get("ResourceType", ""))
            raise invalid(f"'{wrong}' is not a valid taggable resource type for this operation.")
        if not each.get("Tags"):
            raise invalid("Tag specification must have at least one tag")
    if len(specifications) > 1:
        raise invalid("The same resource type may not be specified more than once in tag specifications")
    return _with((), _given(specifications[0]["Tags"]) if specifications else {}, settings)


def create_tags(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Add tags to resources. An existing key gets the new value."""
    tags = _given(request["Tags"])
    for kind, resource_id in _kinds(cloud, request["Resources"]):
        old = kind.find(cloud, resource_id).tags
        cloud = _tagged(cloud, kind, resource_id, _with(old, tags, settings))
    return Reply(cloud, {})


def delete_tags(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Delete tags of resources.

    A key without a value deletes the tag whatever its value. A key with a value deletes the tag only if it has that
    value. Without `Tags`, all tags of the resources are deleted.
    """
    wanted = request.get("Tags") or None
    removed = [(_key(tag), tag.get("Value")) for tag in wanted or ()]
    for kind, resource_id in _kinds(cloud, request["Resources"]):
        kept = tuple(
            (key, value)
            for key, value in kind.find(cloud, resource_id).tags
            if wanted is not None and (key, None) not in removed and (key, value) not in removed
        )
        cloud = _tagged(cloud, kind, resource_id, kept)
    return Reply(cloud, {})


def describe_tags(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Describe tags."""
    shapes: list[Shape] = [
        {"ResourceId": resource.id, "ResourceType": kind.resource_type, **tag}
        for kind in KINDS
        for resource in kind.all(cloud).values()
        for tag in tag_list(resource.tags)
    ]
    return _LISTING.reply(cloud, shapes, request, settings)


def _kinds(cloud: Cloud, resource_ids: Iterable[str]) -> Iterator[tuple[Kind[Any], str]]:
    """Yield the kind and the id of each resource, after all of them were found.

    Not the resource: a security group holds its rules, so tags of a rule replace the group too.
    Raises InvalidID for an id of a kind that cannot have tags.
    """
    by_prefix = {kind.prefix: kind for kind in KINDS}
    found = {}
    for resource_id in resource_ids:
        kind = by_prefix.get(resource_id.rpartition("-")[0])
        if kind is None:
            message = f"The ID '{shorten(resource_id)}' is not valid"
            raise CloudError("InvalidID", message, hint=lacking_id(resource_id))
        kind.find(cloud, resource_id)
        found[resource_id] = kind
    yield from ((kind, resource_id) for resource_id, kind in found.items())


def _tagged(cloud: Cloud, kind: Kind[Any], resource_id: str, tags: Tags) -> Cloud:
    resource = kind.find(cloud, resource_id)
    return cloud if tags == resource.tags else kind.put(cloud, replace(resource, tags=tags))


def _given(tags: Iterable[Shape]) -> dict[str, str]:
    """Return the tags of a request by key. Raises CloudError for a tag that is not valid."""
    found: dict[str, str] = {}
    for tag in tags:
        key, value = _key(tag), tag.get("Value", "")
        if key in found:
            raise invalid(f"Duplicate tag key '{shorten(key)}' specified.")
        if len(value) > LONGEST_VALUE:
            raise invalid(f"Tag value exceeds the maximum length of {LONGEST_VALUE} characters")
        if character := forbidden(key + value):
            raise invalid(f"Tag '{shorten(key)}' has the character {character}, which is not valid in tags")
        found[key] = value
    return found


def _key(tag: Shape) -> str:
    key: str = tag.get("Key", "")
    if not key:
        raise CloudError("InvalidTagKey.Malformed", "Tag keys cannot be empty")
    if is_reserved(key):
        reason = f"Tag keys starting with '{RESERVED}' are reserved for internal use"
        raise invalid(f"Value ( {shorten(key)} ) for parameter key is invalid. {reason}")
    if len(key) > LONGEST_KEY:
        raise invalid(f"Tag key exceeds the maximum length of {LONGEST_KEY} characters")
    return key


def _with(old: Tags, new: dict[str, str], settings: Settings) -> Tags:
    tags = {**dict(old), **new}
    if len(tags) > settings.quotas.tags_per_resource:
        raise CloudError("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
    return tuple(sorted(tags.items()))
