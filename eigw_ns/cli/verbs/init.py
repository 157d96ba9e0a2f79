"""`eigw-ns init`: print an example topology."""

from __future__ import annotations

import click

from eigw_ns.cli import complete
from eigw_ns.topology import example


@click.command("init")
@click.option("--example", "name", metavar="NAME", default="demo", show_default=True,
              shell_complete=complete.examples, help="Name of the example. An unknown name lists all.")  # fmt: skip
def command(name: str) -> None:
    """Print an example topology with comments, to start from.

    demo, minimal and split are small. full has every key. The others are real networks, from public repositories.

    \b
    eigw-ns init > lab.yaml
    eigw-ns init --example minimal > lab.yaml
    eigw-ns init --example full                 # every key, with its meaning

    Then edit the file, and check it with `eigw-ns validate -f lab.yaml`.
    """
    click.echo(example(name), nl=False)
