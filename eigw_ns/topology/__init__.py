"""The topology file: load (reporting every mistake), dump, plain data, JSON Schema, examples. All functions are pure.

The functions that need YAML and pydantic import them, not this module: most commands read a stored topology.
"""

from __future__ import annotations

from typing import Any

from eigw_ns.topology.decode import from_data
from eigw_ns.topology.encode import to_data
from eigw_ns.topology.examples import example, example_names
from eigw_ns.topology.model import Expectation, Protocol, Result, Topology

__all__ = [
    "Expectation",
    "Protocol",
    "Result",
    "Topology",
    "dump",
    "example",
    "example_names",
    "from_data",
    "json_schema",
    "load",
    "renamed",
    "to_data",
]


def load(data: bytes, *, file: str, default_lab: str) -> Topology:
    """Return the topology that the bytes of a file describe.

    `file` is the name of the file in mistakes. `default_lab` is the lab's name if the file gives none: the stem of the
    file's name. Raises TopologyError with all mistakes.
    """
    from eigw_ns.topology.loader import load as load_file

    return load_file(data, file=file, default_lab=default_lab)


def renamed(topology: Topology, lab: str) -> Topology:
    """Return the topology under another lab name. The ids of its resources follow the name."""
    return from_data({**to_data(topology), "lab": lab})


def dump(topology: Topology, *, ascii_only: bool = False) -> str:
    """Return the text of a topology file, from which `load` makes an equal topology.

    The text is explicit and in stable order. It has no comments. If `ascii_only`, other characters are YAML's escapes.
    """
    from eigw_ns.topology.writer import dump as dump_file

    return dump_file(topology, ascii_only=ascii_only)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a topology file, for editors."""
    from eigw_ns.topology.schema import json_schema as schema_of_file

    return schema_of_file()
