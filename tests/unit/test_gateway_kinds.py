"""The table of gateway kinds: every kind of the model has an entry, and no other module asks which kind it is."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

import pytest

import eigw_ns
from eigw_ns.cloud.model import Gateway
from eigw_ns.dataplane.compile import gateways

KINDS = get_args(Gateway)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_an_entry(kind: type[Gateway]) -> None:
    gateway = kind(id="x", name="x", vpc_id="vpc-1")
    found = gateways.kind_of(gateway)
    assert found.replicas(gateway) >= 1
    assert all(value.isdigit() for value in found.sysctls(gateway, True).values())


def test_no_module_asks_for_the_type_of_a_gateway() -> None:
    names = {kind.__name__ for kind in KINDS}
    found = [
        f"{path.name}:{node.lineno}"
        for room in ("cloud", "topology", "dataplane")
        for path in (Path(eigw_ns.__file__).parent / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance"
        if names & {each.id for each in ast.walk(node.args[1]) if isinstance(each, ast.Name)}
    ]
    assert found == []
