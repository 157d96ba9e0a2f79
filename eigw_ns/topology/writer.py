"""A topology as a YAML file."""

from __future__ import annotations

import io

from ruamel.yaml import YAML

from eigw_ns.topology.data import REMEMBERED
from eigw_ns.topology.encode import to_data
from eigw_ns.topology.model import Topology
from eigw_ns.topology.quotas import raised_quotas

_NEVER_FOLD = 1 << 16  # columns; a tag's value has at most 256 characters


def dump(topology: Topology, *, ascii_only: bool = False) -> str:
    """Return the text of a topology file, see `eigw_ns.topology.dump`."""
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = _NEVER_FOLD
    yaml.allow_unicode = not ascii_only
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    data = to_data(topology)
    for key in REMEMBERED:
        data.pop(key, None)
    lab, quotas = {"lab": data.pop("lab")}, raised_quotas(topology.cloud)
    yaml.dump({**lab, **({"quotas": quotas} if quotas else {}), **data}, stream)
    return stream.getvalue()
