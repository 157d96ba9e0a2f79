"""`eigw-ns schema`: the JSON Schema of a topology file."""

from __future__ import annotations

import click

from eigw_ns.cli.output import show_json
from eigw_ns.topology import json_schema


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of the topology file, which lets editors complete and check it.

    \b
    eigw-ns schema > eigw-ns.schema.json
    Then begin the topology with:
      # yaml-language-server: $schema=./eigw-ns.schema.json
    """
    show_json(json_schema())
