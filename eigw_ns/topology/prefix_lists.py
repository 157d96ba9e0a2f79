"""Managed prefix lists, to and from plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_network
from typing import Any

from eigw_ns.cloud import ids
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.prefix_lists import PrefixList, PrefixListEntry, PrefixListVersion
from eigw_ns.topology.data import Data, body_of, key_of, named, tags_of

_LISTS, _VERSIONS = "prefix_lists", "prefix_list_versions"


def prefix_lists(data: Mapping[str, Any], lab: str) -> dict[str, PrefixList]:
    """Return the prefix lists that `data` describes, by id."""
    return {
        list_id: PrefixList(
            list_id,
            body.get("prefix_list_name", key),
            body.get("address_family", "IPv6"),
            max_entries(body),
            _entries(body.get("entries", ())),
            version=body.get("version", 1),
            state=body.get("state", "create-complete"),
            tags=tags_of(body),
        )
        for list_id, key, body in named(data, _LISTS, ids.PREFIX_LIST, (lab,))
    }


def max_entries(body: Mapping[str, Any]) -> int:
    """Return the maximum of a list; if its body has none, the number of its entries, but at least 1."""
    return int(body.get("max_entries", max(1, len(body.get("entries", ())))))


def prefix_list_id(lab: str, key: str) -> str:
    """Return the id of the prefix list with this key."""
    return ids.make_id(ids.PREFIX_LIST, lab, key)


def prefix_list_key(cloud: Cloud, list_id: str) -> str:
    """Return the key of a prefix list in the file."""
    return key_of(ids.PREFIX_LIST, (cloud.lab,), list_id, cloud.prefix_lists[list_id].name)


def versions(data: Mapping[str, Any]) -> dict[str, PrefixListVersion]:
    """Return the earlier versions of lists that a stored topology remembers."""
    return {
        key: PrefixListVersion(body["prefix_list_id"], body["number"], _entries(body["entries"]))
        for key, body in data.get(_VERSIONS, {}).items()
    }


def _entries(bodies: Iterable[Mapping[str, Any]]) -> tuple[PrefixListEntry, ...]:
    return tuple(PrefixListEntry(ip_network(body["cidr"]), body.get("description", "")) for body in bodies)


def check_references(cloud: Cloud) -> None:
    """Raise ValueError if a route or a rule refers to a prefix list that does not exist."""
    routes = (route.prefix_list_id for table in cloud.route_tables.values() for route in table.prefix_list_routes)
    rules = (rule.referenced_list_id for group in cloud.security_groups.values() for rule in group.rules)
    for list_id in (*routes, *(each for each in rules if each is not None)):
        if list_id not in cloud.prefix_lists:
            raise ValueError(f"the prefix list {list_id} does not exist")


def prefix_lists_data(cloud: Cloud) -> Data:
    """Return the prefix lists as plain data."""
    bodies = {prefix_list_key(cloud, each.id): each for each in cloud.prefix_lists.values()}
    return {key: _data(key, each) for key, each in sorted(bodies.items())}


def _data(key: str, found: PrefixList) -> Data:
    return body_of(
        prefix_list_name=found.name if found.name != key else None,
        address_family=found.address_family if found.address_family != "IPv6" else None,
        max_entries=found.max_entries,
        entries=_entries_data(found.entries),
        version=found.version if found.version != 1 else None,
        state=found.state if found.state != "create-complete" else None,
        tags=dict(found.tags),
    )


def versions_data(cloud: Cloud) -> Data:
    """Return the earlier versions of lists as plain data."""
    return {
        key: {"prefix_list_id": each.prefix_list_id, "number": each.number, "entries": _entries_data(each.entries)}
        for key, each in cloud.prefix_list_versions.items()
    }


def _entries_data(entries: Iterable[PrefixListEntry]) -> list[Data]:
    return [body_of(cidr=str(each.cidr_block), description=each.description or None) for each in entries]
