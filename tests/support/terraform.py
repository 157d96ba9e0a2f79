"""States of Terraform for tests: recorded ones, and small ones made of resources."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from eigw_ns.importing.design import Design, Key, Outside
from eigw_ns.importing.messages import Place
from eigw_ns.importing.options import Options
from eigw_ns.importing.sources.terraform import read_state, read_test_state

INPUTS = Path(__file__).parent.parent / "importing" / "inputs"
MOCK = "2001:db8:aa0:5500::/56"
"""The block that the mock gives to each VPC."""


def recorded(name: str) -> bytes:
    """Return a file below the recorded inputs, such as `tf-1/state.json`."""
    return (INPUTS / name).read_bytes()


def resource(address: str, depends_on: Iterable[str] = (), **values: Any) -> dict[str, Any]:
    """Return a managed resource of a state. The address has no module; its id is the address unless given."""
    kind, _, name = address.partition(".")
    bare, _, index = name.partition("[")
    found = {"address": address, "mode": "managed", "type": kind, "name": bare, "depends_on": list(depends_on)}
    if index:
        found["index"] = json.loads(index[:-1])
    return {**found, "values": {"id": address, **values}}


def shown(*resources: Mapping[str, Any]) -> bytes:
    """Return `terraform show -json` of a state with these resources in the root module."""
    return json.dumps({"format_version": "1.0", "values": {"root_module": {"resources": resources}}}).encode()


def state_line(*resources: Mapping[str, Any]) -> bytes:
    """Return the line of type "test_state" with these resources in the root module."""
    return json.dumps({"type": "test_state", "test_state": {"root_module": {"resources": resources}}}).encode()


def state(*resources: Mapping[str, Any], options: Options | None = None) -> Design:
    """Return the design of a state of what exists."""
    return read_state(shown(*resources), options or Options())


def mocked(*resources: Mapping[str, Any], options: Options | None = None) -> Design:
    """Return the design of a mocked state."""
    return read_test_state(state_line(*resources), options or Options())


def without_places(found: Any) -> Any:
    """Return a design, or a part of it, without files and lines."""
    if isinstance(found, Place):
        return found.address
    if isinstance(found, tuple):
        return tuple(map(without_places, found))
    return tuple(without_places(getattr(found, each.name)) for each in fields(found)) if is_dataclass(found) else found


def text(link: object) -> str:
    """Return a link as text: an address, or `outside …`."""
    if isinstance(link, Key):
        return link.text
    return f"outside {link.text}" if isinstance(link, Outside) else str(link)


def said(design: Design, level: str = "") -> list[str]:
    """Return the messages of a level, or all, as text."""
    return [str(message) for message in design.messages if message.level == (level or message.level)]


def routes(design: Design) -> list[tuple[str, ...]]:
    """Return table, destination, kind and target of each route."""
    return [(text(each.table), text(each.destination), each.kind, text(each.target)) for each in design.routes]


def rules(design: Design) -> list[tuple[object, ...]]:
    """Return group, direction, protocol, ports and peer of each rule of a group."""
    return [
        (text(each.group), "out" if each.egress else "in", each.protocol, each.from_port, each.to_port, text(each.peer))
        for each in design.group_rules
    ]


def planned(address: str, names: Mapping[str, object], **values: Any) -> dict[str, Any]:
    """Return a resource of a plan. `names` are what its unknown arguments name; a block has the names of its own."""
    return {"address": address, "names": names, "values": values}


def plan(*resources: Mapping[str, Any], calls: Mapping[str, Any] | None = None, **further: Any) -> bytes:
    """Return `terraform show -json` of a plan that creates these resources of the root module.

    `calls` are the module calls, as the configuration has them, with `planned` resources of each as "planned".
    """
    calls = calls or {}
    children = [_child(name, call) for name, call in calls.items()]
    root = {"resources": [_planned(each, "") for each in resources], "child_modules": children}
    changes = [_change(each, "") for each in resources]
    changes += [_change(each, f"module.{name}.") for name, call in calls.items() for each in call["planned"]]
    configuration = {"resources": _declared(resources), "module_calls": {n: _call(c) for n, c in calls.items()}}
    tree = {
        "format_version": "1.2",
        "planned_values": {"root_module": root},
        "resource_changes": changes,
        "configuration": {"root_module": configuration},
    }
    return json.dumps({**tree, **further}).encode()


def _child(name: str, call: Mapping[str, Any]) -> dict[str, Any]:
    return {"address": f"module.{name}", "resources": [_planned(each, f"module.{name}.") for each in call["planned"]]}


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    module = {"resources": _declared(call["planned"]), "outputs": call.get("outputs", {})}
    return {"expressions": call.get("expressions", {}), "module": module}


def _planned(each: Mapping[str, Any], module: str) -> dict[str, Any]:
    found = resource(each["address"], **each["values"])
    if "id" not in each["values"]:
        del found["values"]["id"]
    return {**found, "address": module + each["address"]}


def _change(each: Mapping[str, Any], module: str) -> dict[str, Any]:
    unknown: dict[str, object] = {"id": True}
    for name, found in each["names"].items():
        unknown[name] = found["unknown"] if isinstance(found, dict) else True
    return {"address": module + each["address"], "change": {"after_unknown": unknown}}


def _declared(resources: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for each in resources:
        kind, _, name = each["address"].partition("[")[0].partition(".")
        given = {
            argument: names["names"] if isinstance(names, dict) else names for argument, names in each["names"].items()
        }
        expressions = {argument: {"references": names} for argument, names in given.items() if names is not None}
        found[kind, name] = {"mode": "managed", "type": kind, "name": name, "expressions": expressions}
    return list(found.values())
