"""`eigw-ns schema`: print the JSON Schema of topology files."""

from __future__ import annotations

import click

from eigw_ns.cli.output import show_json
from eigw_ns.topology import json_schema


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of topology files. With it, editors complete and check them.

    \b
    eigw-ns schema > eigw-ns.schema.json
    Then write this as the first line of the topology:
      # yaml-language-server: $schema=./eigw-ns.schema.json
    """
    show_json(json_schema())
