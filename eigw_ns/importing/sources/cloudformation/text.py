"""Reads the text of a template, YAML or JSON, into a tree with line numbers.

CloudFormation reads YAML 1.1 without merge keys. A short form such as `!Sub` becomes its long form, a mapping with the
key `Fn::Sub`. JSON is read as YAML, after two of its escapes are rewritten. Source: AWS, "CloudFormation template
formats" and "Intrinsic function reference".
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import Event, ScalarEvent

from eigw_ns.cloud.words import shorten
from eigw_ns.errors import DesignError, Mistake
from eigw_ns.topology.tree import Mapping, Node, Scalar
from eigw_ns.topology.yaml_reader import Dialect, TreeReader, decode, syntax_mistake

TEMPLATE = Dialect(
    noun="template",
    max_bytes=1 << 20,  # AWS, "CloudFormation quotas": template body size in an S3 object
    split="CloudFormation refuses it too; split it into nested stacks",
    max_depth=64,
    max_nodes=200_000,
    versions=((1, 2), (1, 1)),
    empty="give a template with a section Resources",
    top_level="write sections at the top level: Parameters, Resources, …",
    second_document="write each template to its own file",
    merge_keys="CloudFormation does not read merge keys",
    error=DesignError,
)

_TRUE = re.compile(r"true|True|TRUE|yes|Yes|YES|on|On|ON")  # https://yaml.org/type/bool.html
_FALSE = re.compile(r"false|False|FALSE|no|No|NO|off|Off|OFF")
_NULL = re.compile(r"~|null|Null|NULL|")
_INT = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SHORT = re.compile(r"!([A-Za-z][A-Za-z0-9]*)")
_WITH_COLONS = re.compile(r"((?:\bType:|!Ref) +)(\w+(?:::\w+)+)(?=\s*[],}])")
_QUOTED = '"{}"'
_OF_JSON = re.compile(r"\\(?:[^/u]|u(?![dD][89a-fA-F])[0-9a-fA-F]{4})|(\\/)|(\\u[dD][89abAB]..\\u[dD][c-fC-F]..)")


class _TemplateReader(TreeReader):
    """Reads the tags and the scalars of a template."""

    def _node(self, event: Event, events: Iterator[Event], depth: int) -> Node:
        self._check_characters(event)
        return super()._node(event, events, depth)

    def _key(self, event: Event) -> str:
        self._check_characters(event)
        return super()._key(event)

    def _check_characters(self, event: Event) -> None:
        """Refuse half of a surrogate pair, which no output can hold. ruamel.yaml takes it from an escape."""
        if isinstance(event, ScalarEvent) and _SURROGATE.search(event.value):
            remedy = "write the character itself"
            raise self._fatal(event.start_mark.line + 1, "an escape stands for half of a character", remedy=remedy)

    def _tagged(self, tag: str, node: Node) -> Node:
        short = _SHORT.fullmatch(tag)
        if short is not None:
            name = short[1] if short[1] in ("Ref", "Condition") else f"Fn::{short[1]}"
            size, height = (1, 0) if isinstance(node, Scalar) else (node.size, node.height)
            return Mapping(node.line, {name: node}, {name: node.line}, size + 1, height + 1)
        if tag != "!!str":
            self._add(node.line, "this YAML tag is not one of CloudFormation's", shorten(tag), "remove it")
        return node

    def _value(self, text: str) -> str | int | float | bool | None:
        """Return the value in YAML 1.1. A float, a date and a number with leading zeros stay text as spelt."""
        if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
            return _TRUE.fullmatch(text) is not None
        if _INT.fullmatch(text):
            return int(text)
        return None if _NULL.fullmatch(text) else text


def read_text(data: bytes, file: str) -> Mapping:
    """Return the tree of a template.

    Raises DesignError with all mistakes if the bytes are not text, not YAML and not JSON, or not one mapping.
    """
    text = _from_json(decode(data, file, TEMPLATE))
    root, mistakes = _tree(text, file)
    if mistakes:
        raise DesignError(mistakes)
    return root


def _tree(text: str, file: str) -> tuple[Mapping, tuple[Mistake, ...]]:
    """Read with libyaml, which is fast. Read what it refuses with ruamel.yaml, whose messages say more.

    libyaml refuses `[!Ref AWS::NoValue]` and `{Type: AWS::EC2::VPC}`, which CloudFormation reads: a second try has
    quotes around them.
    """
    for each in dict.fromkeys((text, _WITH_COLONS.sub(r'\1"\2"', text))):
        with contextlib.suppress(YAMLError, DesignError):
            return _TemplateReader(file, TEMPLATE).read(YAML(typ="safe"), each)
    try:
        return _TemplateReader(file, TEMPLATE).read(YAML(typ="safe", pure=True), text)
    except MarkedYAMLError as error:
        raise DesignError((syntax_mistake(error, file),)) from error
    except YAMLError as error:
        problem = f"this is not valid YAML: {shorten(str(error))}"
        raise DesignError((Mistake(file, 0, "", "", problem, "save it as plain UTF-8 text"),)) from error


def _from_json(text: str) -> str:
    """Return JSON with the escapes that YAML 1.1 lacks rewritten: `\\/` and surrogate pairs. Lines stay as they are."""
    if not text.lstrip().startswith("{") or "\\" not in text:
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    return _OF_JSON.sub(_rewritten, text)


def _rewritten(found: re.Match[str]) -> str:
    if found[1]:
        return "/"
    return f"\\U{ord(json.loads(_QUOTED.format(found[2]))):08x}" if found[2] else found[0]
