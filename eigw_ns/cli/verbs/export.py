"""`eigw-ns export`: print the applied topology as a file."""

from __future__ import annotations

import click

from eigw_ns.cli import options
from eigw_ns.cli.context import topology_of
from eigw_ns.cli.output import is_utf8
from eigw_ns.topology import dump


@click.command("export")
@options.positional_lab
@options.lab
def command(lab: str | None) -> None:
    """Print the topology applied last, as a file that `apply` accepts without any change.

    Includes the blocks and addresses that eigw-ns chose. Includes the quotas that `ec2 --quota` raised above AWS's
    defaults, if the lab needs them. Needs no root.

    \b
    eigw-ns export > lab.yaml
    """
    click.echo(dump(topology_of(None, lab), ascii_only=not is_utf8()), nl=False)
