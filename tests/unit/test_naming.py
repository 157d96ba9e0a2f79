"""`dataplane.state.naming`: what is made is parsed back, and what is not ours is not taken for it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import eigw_ns
from eigw_ns.cloud import ids
from eigw_ns.dataplane.state import naming

LABS = ("demo", "a-b", "a-i-0123456789abcdef0", "eigw-ns")
KINDS = (ids.VPC, ids.SUBNET, ids.EGRESS_ONLY_INTERNET_GATEWAY, ids.INTERNET_GATEWAY, ids.INSTANCE,
         ids.INTERNET_HOST, ids.INTERNET)  # fmt: skip
TENANTS = {ids.INSTANCE, ids.INTERNET_HOST}


@pytest.mark.parametrize("lab", LABS)
@pytest.mark.parametrize("kind", KINDS)
def test_names_are_parsed_back(lab: str, kind: str) -> None:
    resource_id = ids.make_id(kind, lab, "x")
    name = naming.namespace_name(lab, resource_id)
    assert naming.lab_of(name) == lab
    assert naming.is_name_of(lab, name)
    assert naming.split_name(name) == (lab, resource_id)
    assert naming.is_tenant(name) is (kind in TENANTS)
    assert name.startswith((naming.lab_prefix(lab), naming.PREFIX))
    assert name.startswith(naming.kind_prefix(lab, kind))
    assert naming.kind_of(resource_id) == kind
    assert naming.parse_mark(naming.mark_text(lab, resource_id)) == (lab, resource_id)


@pytest.mark.parametrize("number", range(1, 9))
def test_replicas_belong_to_their_gateway(number: int) -> None:
    gateway = ids.make_id(ids.EGRESS_ONLY_INTERNET_GATEWAY, "demo", "x")
    replica = ids.replica_id(gateway, number)
    assert naming.lab_of(naming.namespace_name("demo", replica)) == "demo"
    assert naming.gateway_of(replica) == gateway
    assert naming.is_first_replica(replica) is (number == 1)
    assert naming.kind_of(replica) == ids.EGRESS_ONLY_INTERNET_GATEWAY
    assert not naming.is_tenant(naming.namespace_name("demo", replica))
    assert len({naming.port_name(ids.replica_id(gateway, each)) for each in range(1, 9)}) == 8


@pytest.mark.parametrize("kind", KINDS)
def test_ports_fit_into_a_link_name(kind: str) -> None:
    port = naming.port_name(ids.make_id(kind, "demo", "x"))
    assert len(port) <= 15
    assert naming.is_tenant_port(port) is (kind in TENANTS)
    assert naming.is_instance_port(port) is (kind == ids.INSTANCE)


@pytest.mark.parametrize(
    "name",
    ["", "eigw-", "eigw-demo", "eigw-demo-i-", "eigw-demo-i-0123", "eigw-demo-bucket-0123456789abcdef0",
     "demo-i-0123456789abcdef0", "eigw-demo-eigw-0123456789abcdef0.9", "eigw-demo-i-0123456789abcdef0 "],
)  # fmt: skip
def test_other_names_are_not_ours(name: str) -> None:
    assert naming.lab_of(name) is None


@pytest.mark.parametrize("text", ["", "eigw:demo:i-1", "other", "eigw-nsx:demo:i-1"])
def test_other_marks_are_not_ours(text: str) -> None:
    assert naming.parse_mark(text) is None


def test_no_other_module_knows_the_grammar() -> None:
    found = [
        f"{path.name}:{node.lineno}"
        for room in ("dataplane", "kernel", "lab")
        for path in (Path(eigw_ns.__file__).parent / room).rglob("*.py")
        if path.name != "naming.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value in ("eigw-", "-i-", "i-", "host-", "eigw-ns:")
    ]
    assert found == ["liveness.py:16"]  # the name of an abstract socket
