"""`eigw-ns destroy`: the end of a lab."""

from __future__ import annotations

import click

from eigw_ns.cli import options
from eigw_ns.cli.context import choose_lab, open_kernel
from eigw_ns.cli.output import show_json
from eigw_ns.cli.talk import Talk
from eigw_ns.lab import operations


@click.command("destroy")
@options.lab
@options.output
@options.quiet
@options.verbose
def command(lab: str | None, output: str, quiet: bool, verbose: bool) -> None:
    """Remove a lab: its namespaces with all that is in them, and its stored topology.

    Works, too, where half of it is gone already. Keep the topology with `eigw-ns export` first.

    \b
    eigw-ns destroy
    eigw-ns destroy --lab demo
    """
    talk = Talk(quiet=quiet, verbose=verbose)
    kernel = open_kernel()
    chosen = choose_lab(lab, kernel)
    with talk.progress("destroy") as progress:
        steps = operations.destroy(kernel, chosen, progress=progress)
    if output == "json":
        show_json({"changes": steps})
    talk.note(f"the lab {chosen} is gone")
