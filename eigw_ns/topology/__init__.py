"""The topology file: load with every mistake named, dump, plain data, JSON Schema, examples. Pure.

YAML and pydantic are imported by the functions that need them, not here: most commands read a stored topology.
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
    "to_data",
]


def load(data: bytes, *, file: str, default_lab: str) -> Topology:
    """The topology that the bytes of a file describe; `file` is what mistakes call it.

    `default_lab` is the lab's name where the file gives none: the file's stem. Raises TopologyError with all mistakes.
    """
    from eigw_ns.topology.loader import load as load_file

    return load_file(data, file=file, default_lab=default_lab)


def dump(topology: Topology) -> str:
    """A topology file that `load` reads back to an equal topology: explicit, in stable order, without comments."""
    from eigw_ns.topology.writer import dump as dump_file

    return dump_file(topology)


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a topology file, for editors."""
    from eigw_ns.topology.schema import json_schema as schema_of_file

    return schema_of_file()
