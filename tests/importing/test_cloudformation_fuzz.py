"""Templates that are damaged in every way end with a DesignError or a message, and never with another exception.

A damaged template is read twice: the same input gives the same design.
"""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eigw_ns.errors import DesignError
from eigw_ns.importing.design import Design
from eigw_ns.importing.messages import Message
from eigw_ns.importing.options import Options
from eigw_ns.importing.sources.cdk import read_assembly
from eigw_ns.importing.sources.cloudformation import read_template
from eigw_ns.importing.sources.cloudformation.evaluator import _FUNCTIONS, _TESTS
from eigw_ns.importing.sources.cloudformation.text import read_text
from eigw_ns.topology.tree import plain
from tests.support.templates import INPUTS

TEMPLATES = [path.read_bytes() for path in sorted((*INPUTS.glob("*.yaml"), *INPUTS.glob("cdk.out/*.template.json")))]
TREES: list[Any] = [plain(read_text(data, "net.yaml")) for data in TEMPLATES]
JUNK = [b"\x00", b"\xff", b"*a", b"&a ", b"!Ref ", b"!!int ", b"{", "\u2028".encode(), b"[", b": ", b"\n", b"'"]
NAMES = ["V", "Net", "Front", "Stage", "Cuts", "OpenDb", "Byte", "AWS::NoValue", "AWS::Region", "Absent", "T1", "Six6"]

SCALARS = st.sampled_from(
    [None, True, 0, -1, 10**17, "", "a", "::/0", "0.0.0.0/0", "10.0.0.0/99", "64:ff9b::/96", "2001:db8::/56", ",",
     "${V}", "${V.Ipv6CidrBlocks}", "${", "${!x}", "\U0001f600", "x" * 300, "igw-1", "local", "\u202e",
     "{{resolve:ssm:a}}"]
)  # fmt: skip
KEYS = st.sampled_from([*_FUNCTIONS, *_TESTS, "Ref", "Fn::Transform", "Fn::ForEach::X", "Key", "Value", "CidrIp", "a"])
ARGUMENTS = st.one_of(SCALARS, st.sampled_from(NAMES))
EXPRESSIONS = st.recursive(
    ARGUMENTS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(KEYS, inner, min_size=1, max_size=2),
        st.builds(lambda key, value: {key: value}, KEYS, inner),
        st.builds(lambda name: {"Ref": name}, st.sampled_from(NAMES)),
        st.builds(lambda name, attribute: {"Fn::GetAtt": [name, attribute]}, st.sampled_from(NAMES), ARGUMENTS),
    ),
    max_leaves=8,
)


def places(tree: Any) -> list[tuple[Any, Any]]:
    """Return (container, key) of every value of a tree."""
    found: list[tuple[Any, Any]] = []
    for key in tree if isinstance(tree, dict) else range(len(tree)):
        found.append((tree, key))
        if isinstance(tree[key], dict | list):
            found += places(tree[key])
    return found


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """Draw a template of which some values are others, gone, or twice."""
    tree = copy.deepcopy(draw(st.sampled_from(TREES)))
    for _ in range(draw(st.integers(1, 4))):
        every = places(tree)
        if not every:
            break
        container, key = every[draw(st.integers(0, len(every) - 1))]
        how = draw(st.integers(0, 3))
        if how == 0:
            container[key] = draw(EXPRESSIONS)
        elif how == 1:
            other, at = every[draw(st.integers(0, len(every) - 1))]
            container[key] = copy.deepcopy(other[at])
        elif how == 2:
            del container[key]
        elif isinstance(container, dict):
            container[str(draw(ARGUMENTS))] = container.pop(key)
    return tree


def outcome(data: bytes) -> Design | str:
    """Return the design, or the words of the error. Its messages have places and can be printed."""
    try:
        found = read_template(data, "net.yaml", Options())
    except DesignError as error:
        assert all(mistake.problem and mistake.file for mistake in error.mistakes)
        return str(error).encode().decode()
    for message in found.messages:
        check(message)
    return found


def check(message: Message) -> None:
    assert message.what
    assert message.place.file == "net.yaml"
    text = str(message)
    assert text.encode().decode() == text
    assert "\n" not in text


@given(damaged())
@settings(max_examples=100)
def test_a_damaged_template_is_read_or_refused(tree: Any):
    data = json.dumps(tree).encode()
    assert outcome(data) == outcome(data)


@pytest.mark.nightly
@pytest.mark.timeout(600)
@given(damaged())
@settings(max_examples=4_000)
def test_a_damaged_template_is_read_or_refused_at_length(tree: Any):
    data = json.dumps(tree).encode()
    assert outcome(data) == outcome(data)


@st.composite
def damaged_text(draw: st.DrawFn) -> bytes:
    """Draw the bytes of a template, cut short or with some bytes replaced."""
    data = bytearray(draw(st.sampled_from(TEMPLATES)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data) - 1))
        junk = draw(st.sampled_from(JUNK))
        data[at : at + draw(st.integers(0, 5))] = junk
    return bytes(data[: draw(st.integers(0, len(data)))]) if draw(st.booleans()) else bytes(data)


@given(damaged_text())
@settings(max_examples=40)
def test_damaged_text_is_read_or_refused(data: bytes):
    assert outcome(data) == outcome(data)


@pytest.mark.nightly
@pytest.mark.timeout(600)
@given(damaged_text())
@settings(max_examples=4_000)
def test_damaged_text_is_read_or_refused_at_length(data: bytes):
    assert outcome(data) == outcome(data)


@given(damaged(), damaged(), damaged_text())
@settings(max_examples=30)
def test_a_damaged_assembly_is_read_or_refused(first: Any, second: Any, manifest: bytes):
    whole = (INPUTS / "cdk.out" / "manifest.json").read_bytes()
    for text in (whole, manifest):
        files = {"manifest.json": text, "Net.template.json": json.dumps(first).encode()}
        try:
            read_assembly({**files, "Shop.template.json": json.dumps(second).encode()}, Options())
        except DesignError as error:
            assert error.mistakes


def test_nothing_depends_on_the_order_of_a_set():
    """Tuples are in the order of the source, so a design of the reversed resources has the reversed tuples."""
    for tree in TREES:
        turned = {**tree, "Resources": dict(reversed(tree["Resources"].items()))}
        one, other = (outcome(json.dumps(each).encode()) for each in (tree, turned))
        assert isinstance(one, Design)
        assert isinstance(other, Design)
        names = [subnet.label.name for subnet in one.subnets]
        assert names == [subnet.label.name for subnet in reversed(other.subnets)]
        assert [route.place.address for route in one.routes] == [
            route.place.address for route in reversed(other.routes)
        ]
