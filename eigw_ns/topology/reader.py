"""Reads YAML 1.2 text into a tree with line numbers. Refuses everything but plain data: tags, cycles, alias bombs.

A key keeps its spelling: `on`, `007` and `1e3` are ordinary names.

libyaml (in ruamel.yaml.clib, if installed) is twenty times as fast as ruamel.yaml. But it reads YAML 1.1, and its error
messages say less. It is used only for text that means the same in both versions and has no mistakes.
"""

from __future__ import annotations

import contextlib
import re

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from eigw_ns.errors import Mistake, Remedy, RemedyCode, TopologyError
from eigw_ns.topology.tree import Mapping
from eigw_ns.topology.yaml_reader import Dialect, TreeReader, decode, syntax_mistake

TOPOLOGY_FILE = Dialect(
    noun="topology file",
    max_bytes=1 << 20,
    split="split it into several labs",
    max_depth=32,
    max_nodes=200_000,  # a lab of 10,000 instances has fewer
    versions=((1, 2),),
    empty=Remedy(RemedyCode.BEGIN_WITH_EXAMPLE),
    top_level="write keys at the top level: lab, vpcs, …",
    second_document="write each lab to its own file",
    merge_keys="merge keys belong to YAML 1.1",
    error=TopologyError,
)

_AMBIGUOUS = re.compile(r"""[^\n -~]|[?*&!|>%]|---|\.\.\.|["']:[^\s:]""")  # the versions or the parsers differ here


def read(data: bytes, file: str) -> tuple[Mapping, tuple[Mistake, ...]]:
    """Return the tree of the file's only document, and its mistakes, such as duplicate keys.

    Raises TopologyError if the file is unusable: not text, not YAML, or without a mapping at the top level.
    """
    text = decode(data, file, TOPOLOGY_FILE)
    root = _read_with_libyaml(text, file)
    if root is not None:
        return root, ()
    try:
        return TreeReader(file, TOPOLOGY_FILE).read(YAML(typ="safe", pure=True), text)
    except MarkedYAMLError as error:
        raise TopologyError((syntax_mistake(error, file),)) from error


def _read_with_libyaml(text: str, file: str) -> Mapping | None:
    """Return the tree, or None if ruamel.yaml must read the text."""
    if not _AMBIGUOUS.search(text):
        with contextlib.suppress(YAMLError, TopologyError):
            reader = TreeReader(file, TOPOLOGY_FILE)
            root, mistakes = reader.read(YAML(typ="safe"), text)
            if not mistakes and not reader.has_empty_value:
                return root
    return None
