"""`Name` tags as the names of resources that have none of their own, as AWS's console shows them.

A resource made by EC2's API has its id as its name. Names of a topology file mean what they meant before, whatever tags
other resources have.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

from eigw_ns.cloud import ids
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.words import INVISIBLE
from eigw_ns.frozen import frozen

NAME = "Name"
_INTERNET = "internet"


def named_by_tags(cloud: Cloud, spell: Callable[[str, str], str] = lambda tag, _id: tag) -> Cloud:
    """Return the cloud with tags as names. It is for people: nothing that is stored or compiled has these names.

    `spell` makes the name of a tag and an id. A tag is not used if it is not printable, or if it could be read as
    another resource's own name, qualified name, replica or id. Several resources may have the same tag.
    """
    own = _own_names(cloud)
    changed: dict[str, Any] = {
        kind: {**of_kind, **renamed}
        for kind, of_kind in _kinds(cloud)
        if (renamed := {one.id: _renamed(one, tag, spell) for one in of_kind.values() if (tag := _tag(one, own))})
    }
    return replace(cloud, **changed) if changed else cloud


def with_id(tag: str, resource_id: str) -> str:
    """Return the tag with the id after it, for lines that have no column for the id."""
    return f"{tag} ({resource_id})"


def _kinds(cloud: Cloud) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the name of each field of the cloud that holds resources with names, and the resources by id."""
    for kind in fields(cloud):
        of_kind = getattr(cloud, kind.name)
        if isinstance(of_kind, Mapping) and all(hasattr(one, "name") for one in of_kind.values()):
            yield kind.name, of_kind


def _renamed(resource: Any, tag: str, spell: Callable[[str, str], str]) -> Any:
    return replace(resource, name=spell(tag, resource.id))


def _tag(resource: Any, own: _OwnNames) -> str:
    """Return the tag that names the resource; empty if it has a name of its own, or no tag that can be one."""
    if resource.name != resource.id:
        return ""
    tag = dict(getattr(resource, "tags", ())).get(NAME, "")
    return tag if tag and _is_readable(tag) and not own.could_be(tag) else ""


def _is_readable(tag: str) -> bool:
    """Return whether a terminal shows the tag as it is, so that a user can type it."""
    return tag == tag.strip() and not re.search(INVISIBLE, tag)


@frozen
class _OwnNames:
    """What names a resource without its tags: ids and names, and the names of VPCs, which begin qualified names."""

    names: frozenset[str]
    vpcs: frozenset[str]

    def could_be(self, tag: str) -> bool:
        """Return whether the tag could be read as the id, name, qualified name or replica of a resource."""
        base, slash = tag.partition("#")[0], tag.partition("/")
        return base in self.names or ids.kind_of(base) is not None or (slash[1] != "" and slash[0] in self.vpcs)


def _own_names(cloud: Cloud) -> _OwnNames:
    resources = [one for _, of_kind in _kinds(cloud) for one in of_kind.values()]
    names = {text for one in resources for text in (one.id, one.name)}
    return _OwnNames(frozenset({_INTERNET, *names}), frozenset({_INTERNET, *(vpc.name for vpc in cloud.vpcs.values())}))
