"""What a change of a cloud changes in its stored topology: resources by id, as plain data that JSON can hold.

A whole topology of 1,000 subnets takes 30 ms to write. The data of a change is as large as the change. A value that
JSON does not have is an object with one key: the name of its type. A later version can add fields with defaults to a
type. It cannot rename a type or a field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

from eigw_ns.cloud import flow_logs, instance_records, interface_records, model, prefix_lists, recorded
from eigw_ns.cloud.model import Cloud
from eigw_ns.topology.data import Data
from eigw_ns.topology.model import Topology

_SECTIONS = tuple(field.name for field in fields(Cloud) if field.name != "lab")
_NAMED = {
    **vars(recorded),
    **vars(instance_records),
    **vars(interface_records),
    **vars(prefix_lists),
    **vars(flow_logs),
    **vars(model),
}
_TYPES: dict[str, type[Any]] = {
    name: each for name, each in _NAMED.items() if isinstance(each, type) and is_dataclass(each)
}
"""The types of resources and of their parts. A value of another type is not written, so that all can be read again."""

_ADDRESSES = {each.__name__: each for each in (IPv4Address, IPv4Network, IPv6Address, IPv6Network)}


def delta(before: Topology, after: Topology) -> Data | None:
    """Return what leads from one topology to the other: {section: {id: resource, or None if it has gone}}.

    Returns None if it is more than resources, if their order changes otherwise than by new ones at the end, or if a
    value has no form here.
    """
    try:
        return _delta(before, after)
    except TypeError:
        return None


def _delta(before: Topology, after: Topology) -> Data | None:
    if before.expectations != after.expectations or before.cloud.lab != after.cloud.lab:
        return None
    found: Data = {}
    for name in _SECTIONS:
        old, new = getattr(before.cloud, name), getattr(after.cloud, name)
        if old is not new:
            changed = {key: _plain(each) for key, each in new.items() if old.get(key) is not each}
            changed |= dict.fromkeys(old.keys() - new.keys())
            if list(_changed(old, changed)) != list(new):
                return None
            if changed:
                found[name] = changed
    return found


def with_delta(topology: Topology, data: Mapping[str, Any]) -> Topology:
    """Return the topology after a change. Raises ValueError, KeyError or TypeError if `delta` cannot have made it."""
    sections: dict[str, Any] = {}
    for name, changed in data.items():
        if name not in _SECTIONS:
            raise ValueError(f"{name} is not a section of a cloud")
        resources = {key: None if each is None else _value(each) for key, each in changed.items()}
        sections[name] = _changed(getattr(topology.cloud, name), resources)
    return replace(topology, cloud=replace(topology.cloud, **sections))


def _changed(old: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the section with what has changed: in its place, at the end if it is new, left out if it is None."""
    return {key: each for key, each in {**old, **changed}.items() if each is not None}


def _plain(value: Any) -> Any:
    name = type(value).__name__
    if name in _ADDRESSES:
        return {name: str(value)}
    if name in _TYPES:
        return {name: {field.name: _plain(getattr(value, field.name)) for field in fields(value)}}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, str | int):
        return value
    raise TypeError(f"a {name} cannot be stored")


def _value(data: Any) -> Any:
    if isinstance(data, list):
        return tuple(map(_value, data))
    if not isinstance(data, dict):
        return data
    ((name, content),) = data.items()
    if name in _ADDRESSES:
        return _ADDRESSES[name](content)
    return _TYPES[name](**{field: _value(each) for field, each in content.items()})
