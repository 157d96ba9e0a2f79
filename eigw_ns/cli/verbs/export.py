"""`eigw-ns export`: the applied topology as a file."""

from __future__ import annotations

import click

from eigw_ns.cli import options
from eigw_ns.cli.context import topology_of
from eigw_ns.topology import dump


@click.command("export")
@options.lab
def command(lab: str | None) -> None:
    """Print the topology applied last, as a file that `apply` accepts and finds no change in.

    Explicit: blocks and addresses that were chosen for you are written out, and so are quotas of AWS's that `ec2` was
    told to be more generous with, where the lab needs them. Needs no root.

    \b
    eigw-ns export > lab.yaml
    """
    click.echo(dump(topology_of(None, lab)), nl=False)
