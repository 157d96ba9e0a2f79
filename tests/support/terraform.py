"""States of Terraform for tests: recorded ones, and small ones made of resources."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from eigw_ns.importing.design import Design, Key, Outside
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


def tested(*resources: Mapping[str, Any]) -> bytes:
    """Return the line of type "test_state" with these resources in the root module."""
    return json.dumps({"type": "test_state", "test_state": {"root_module": {"resources": resources}}}).encode()


def state(*resources: Mapping[str, Any], options: Options | None = None) -> Design:
    """Return the design of a state of what exists."""
    return read_state(shown(*resources), options or Options())


def mocked(*resources: Mapping[str, Any], options: Options | None = None) -> Design:
    """Return the design of a mocked state."""
    return read_test_state(tested(*resources), options or Options())


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
