"""Two parsers read a file: what libyaml reads quickly, ruamel.yaml reads alike."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from eigw_ns.errors import TopologyError
from eigw_ns.topology import example, example_names, reader
from eigw_ns.topology.tree import Mapping

WORDS = [
    "a", "b: ", "k2: v\n", "  ", "    ", "\n", "\n  ", "\n    ", "\n\n", "\n- ", "- ", "- - ", "\n  - ", "{", "}", "[",
    "]", ", ", ",", ": ", ":", '"', "'", "# c\n", " # x", "@", "`", "::/0", "2600:1f16::/56", "1", "-1", "007", "1e3",
    "~", "true", "on", '"\\n"', '"\\u0041"', "<<: ", "-", "0x1", "=", '"::/0"', "'x'", "x#y", "a:b", "{a: 1}", "[a, b]",
    '"a":b', "'a':b", "a b", "{}", "[]", "''", '""', '{"a": 1}', "\n- a: b\n  c", "a:\n  b: c\n", "a::", "\\",
    "b: {a: b}\n",
]  # fmt: skip
INTRICATE = ['"a":b', "\t", "? ", "*x", "&x ", "!t ", "|\n", ">\n", "---\n", "...\n", "%YAML 1.1\n", "é", "\r\n"]


def quickly(text: str) -> Mapping | None:
    return reader._read_quickly(text, "f")


def slowly(text: str) -> object:
    """The tree; None where ruamel.yaml reads none, or finds mistakes."""
    try:
        tree, mistakes = reader._Reader("f").read(YAML(typ="safe", pure=True), text)
    except (YAMLError, TopologyError):
        return None
    return None if mistakes else tree


def test_libyaml_is_at_hand():
    """Else nothing here compares anything."""
    assert "CParser" in str(YAML(typ="safe").Parser)


@given(st.lists(st.sampled_from(WORDS), max_size=16).map("".join))
@settings(max_examples=2000, deadline=None)
def test_whatever_is_read_quickly_is_read_so_slowly_too(text: str):
    tree = quickly(text)
    assert tree is None or tree == slowly(text)


@given(st.lists(st.sampled_from(WORDS), max_size=6), st.sampled_from(INTRICATE), st.integers(0, 6))
@settings(max_examples=200, deadline=None)
def test_what_the_parsers_may_differ_about_is_read_slowly(words: list[str], word: str, place: int):
    text = "a: b\n" + "".join(words[:place]) + word + "".join(words[place:])
    assert quickly(text) is None


@pytest.mark.parametrize("name", example_names())
def test_the_examples_are_read_alike(name: str):
    assert (tree := quickly(example(name))) is None or tree == slowly(example(name))


@pytest.mark.parametrize("text", ["a: {b: [1, '2', \"3\"]}\n", '{"a": [{"b": "::/0"}, {}]}', "a:\n- b: c # d\n- e\n"])
def test_plain_files_are_read_quickly(text: str):
    assert quickly(text) == slowly(text) is not None


@pytest.mark.parametrize("text", ["a:\n", "a: {b: }\n", "a:\n-\n- b\n", "a: b\na: c\n", "[a]", "", "a: [\n"])
def test_what_has_mistakes_or_says_nothing_is_not(text: str):
    assert quickly(text) is None
