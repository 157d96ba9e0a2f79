"""`eigw-ns init`: a topology to start from."""

from __future__ import annotations

import click

from eigw_ns.cli import complete
from eigw_ns.topology import example


@click.command("init")
@click.option("--example", "name", metavar="NAME", default="demo", show_default=True,
              shell_complete=complete.examples, help="Which one; a wrong name lists them.")  # fmt: skip
def command(name: str) -> None:
    """Print a small commented topology that works.

    \b
    eigw-ns init > lab.yaml
    eigw-ns init --example minimal > lab.yaml

    Edit it, and check it as you go with `eigw-ns validate -f lab.yaml`.
    """
    click.echo(example(name), nl=False)
