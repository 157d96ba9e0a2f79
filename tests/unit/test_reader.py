"""The two YAML parsers give the same tree for every text that libyaml reads."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from eigw_ns.errors import TopologyError
from eigw_ns.topology import example, example_names, reader
from eigw_ns.topology.tree import Mapping
from eigw_ns.topology.yaml_reader import TreeReader

WORDS = [
    "a", "b: ", "k2: v\n", "  ", "    ", "\n", "\n  ", "\n    ", "\n\n", "\n- ", "- ", "- - ", "\n  - ", "{", "}", "[",
    "]", ", ", ",", ": ", ":", '"', "'", "# c\n", " # x", "@", "`", "::/0", "2600:1f16::/56", "1", "-1", "007", "1e3",
    "~", "true", "on", '"\\n"', '"\\u0041"', "<<: ", "-", "0x1", "=", '"::/0"', "'x'", "x#y", "a:b", "{a: 1}", "[a, b]",
    '"a":b', "'a':b", "a b", "{}", "[]", "''", '""', '{"a": 1}', "\n- a: b\n  c", "a:\n  b: c\n", "a::", "\\",
    "b: {a: b}\n",
]  # fmt: skip
AMBIGUOUS = ['"a":b', "\t", "? ", "*x", "&x ", "!t ", "|\n", ">\n", "---\n", "...\n", "%YAML 1.1\n", "é", "\r\n"]


def by_libyaml(text: str) -> Mapping | None:
    return reader._read_with_libyaml(text, "f")


def by_ruamel(text: str) -> object:
    """Return the tree that ruamel.yaml reads, or None if it reads none or finds mistakes."""
    try:
        tree, mistakes = TreeReader("f", reader.TOPOLOGY_FILE).read(YAML(typ="safe", pure=True), text)
    except (YAMLError, TopologyError):
        return None
    return None if mistakes else tree


def test_libyaml_is_installed():
    """Without libyaml, the other tests would compare ruamel.yaml with itself."""
    assert "CParser" in str(YAML(typ="safe").Parser)


@given(st.lists(st.sampled_from(WORDS), max_size=16).map("".join))
@settings(max_examples=2000, deadline=None)
def test_ruamel_reads_the_same_tree_as_libyaml(text: str):
    tree = by_libyaml(text)
    assert tree is None or tree == by_ruamel(text)


@given(st.lists(st.sampled_from(WORDS), max_size=6), st.sampled_from(AMBIGUOUS), st.integers(0, 6))
@settings(max_examples=200, deadline=None)
def test_libyaml_does_not_read_text_on_which_the_parsers_differ(words: list[str], word: str, place: int):
    text = "a: b\n" + "".join(words[:place]) + word + "".join(words[place:])
    assert by_libyaml(text) is None


@pytest.mark.parametrize("name", example_names())
def test_both_parsers_read_the_same_examples(name: str):
    assert (tree := by_libyaml(example(name))) is None or tree == by_ruamel(example(name))


@pytest.mark.parametrize("text", ["a: {b: [1, '2', \"3\"]}\n", '{"a": [{"b": "::/0"}, {}]}', "a:\n- b: c # d\n- e\n"])
def test_libyaml_reads_plain_files(text: str):
    assert by_libyaml(text) == by_ruamel(text) is not None


@pytest.mark.parametrize("text", ["a:\n", "a: {b: }\n", "a:\n-\n- b\n", "a: b\na: c\n", "[a]", "", "a: [\n"])
def test_libyaml_does_not_read_mistakes_and_empty_values(text: str):
    assert by_libyaml(text) is None
